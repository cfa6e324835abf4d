//! The public interface of `portcullis-core` is a committed file, so that a change shows in a diff.
//! `UPDATE_PUBLIC_API=1 cargo test -p xtask --test public_api` rewrites the file.
//!
//! The list is made from rustdoc's JSON. Its format depends on the compiler's version, and the
//! crate `public-api` reads one format. With another compiler the comparison is skipped, except in
//! continuous integration.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

/// The format that this version of `public-api` reads: that of Rust 1.95.
const FORMAT: u64 = 57;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// rustdoc's JSON of core with the feature `issue`, without the feature for test vectors.
fn rustdoc() -> PathBuf {
    // A separate target folder: `RUSTC_BOOTSTRAP` makes cargo compile dependencies again.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("public-api");
    let status = Command::new(env!("CARGO"))
        .current_dir(root())
        .args(["rustdoc", "--quiet", "--offline", "--lib", "-p", "portcullis-core"])
        .args(["--features", "issue"])
        .args(["--", "-Z", "unstable-options", "--output-format", "json"])
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", &folder)
        .status();
    assert!(status.unwrap().success(), "rustdoc failed");
    folder.join("doc/portcullis_core.json")
}

#[test]
fn the_public_surface_of_core_is_the_committed_one() {
    let json = rustdoc();
    let read = std::fs::read_to_string(&json).unwrap();
    let read: serde_json::Value = serde_json::from_str(&read).unwrap();
    let format = read.get("format_version").and_then(serde_json::Value::as_u64);
    if format != Some(FORMAT) {
        let missing = format!("rustdoc's format is {format:?}, and `public-api` reads {FORMAT}");
        assert!(std::env::var_os("CI").is_none(), "{missing}: update it in crates/xtask");
        eprintln!("{missing}: the public surface is not compared");
        return;
    }
    let api = public_api::Builder::from_rustdoc_json(json)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .omit_auto_derived_impls(true)
        .build()
        .unwrap()
        .to_string();
    let file = root().join("crates/core/public-api.txt");
    if std::env::var_os("UPDATE_PUBLIC_API").is_some() {
        std::fs::write(&file, &api).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap_or_default();
    let came: Vec<_> = api.lines().filter(|line| !committed.lines().any(|l| l == *line)).collect();
    let went: Vec<_> = committed.lines().filter(|line| !api.lines().any(|l| l == *line)).collect();
    assert!(
        committed == api,
        "the public surface of core has changed; if that is meant, rewrite the file as its test \
         says.\nnew: {came:#?}\ngone: {went:#?}"
    );
}
