//! Runs the committed fuzzing corpus and inputs from the vectors through every fuzz target.
//!
//! `FUZZ_SEEDS=<folder> cargo test -p portcullis-core --test corpus` writes the latter as seeds.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "../../../fuzz/src/lib.rs"]
mod targets;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_core::issue::{PolicyDraft, PolicyTree, SaltKey};
use portcullis_core::list::{Bundle, Deployment};
use serde_json::Value;

type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 6] = [
    ("token", targets::token::run),
    ("body", targets::body::run),
    ("signed", targets::signed::run),
    ("bundle", targets::bundle::run),
    ("policy", targets::policy::run),
    ("assignment", targets::assignment::run),
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

#[test]
fn what_fuzzing_has_found_worth_keeping() {
    for (target, run) in TARGETS {
        let files: Vec<_> = fs::read_dir(folder("fuzz/corpus").join(target)).unwrap().collect();
        assert!(!files.is_empty(), "{target} has no corpus");
        for file in files {
            run(&fs::read(file.unwrap().path()).unwrap());
        }
    }
}

#[test]
fn what_the_vectors_hold() {
    let seeds = seeds();
    for (target, run) in TARGETS {
        let of_target = seeds.iter().filter(|(of, _)| *of == target);
        for (number, (_, seed)) in of_target.enumerate() {
            if let Some(folder) = std::env::var_os("FUZZ_SEEDS") {
                let folder = Path::new(&folder).join(target);
                fs::create_dir_all(&folder).unwrap();
                fs::write(folder.join(format!("seed-{number}")), seed).unwrap();
            }
            run(seed);
        }
    }
}

/// The inputs derived from the vectors, each with its target.
fn seeds() -> BTreeSet<(&'static str, Vec<u8>)> {
    let mut seeds = BTreeSet::new();
    let folders = ["tests/vectors", "tests/vectors/assignment"].map(folder);
    let files = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let files = files.map(|entry| entry.unwrap().path());
    for file in files.filter(|path| path.extension().is_some_and(|end| end == "json")) {
        let vector: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        seeds.insert(("token", vector["token"].as_str().unwrap().into()));
        seeds.insert(("signed", signed(0, &decode(&vector["keyring"]))));
        for offer in vector["adopt"].as_array().unwrap() {
            let file = decode(&offer["bundle"]);
            if let Ok(bundle) = Bundle::decode(&file) {
                seeds.insert(("signed", signed(0, bundle.keyring)));
                seeds.insert(("signed", signed(1, bundle.stamp)));
                seeds.insert(("signed", signed(2, bundle.head)));
                seeds.extend(bundle.bodies.iter().map(|body| ("body", body.to_vec())));
            }
            seeds.insert(("bundle", file));
        }
        for offer in vector["files"].as_array().into_iter().flatten() {
            seeds.insert(("assignment", decode(&offer["bytes"])));
        }
    }
    let lines = "n10.0.0.0/8\nn2001:db8::/32\nohttps://shop.example\nohttps://[::1]:8080\nmGET\n\
                 p/store/**\np/a/*/%C3%A9\nsorders:read\nscarts:*\ncsc_1\nrgold-2";
    seeds.insert(("policy", lines.into()));
    for mut tree in [PolicyTree::public(), PolicyTree::private(SaltKey::new(&[7; 32]))] {
        let words = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        let draft = PolicyDraft {
            networks: vec!["10.0.0.0/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
            origins: words(&["https://shop.example"]),
            methods: words(&["GET", "POST"]),
            paths: words(&["/store/**", "/a/*/b"]),
            scopes: words(&["orders:read", "carts:*"]),
            sales_channels: words(&["sc_1"]),
            rate_class: Some("gold".into()),
        };
        tree.set(1, &draft).unwrap();
        tree.set(1 << 31, &PolicyDraft::default()).unwrap();
        let files: Vec<_> = tree.write().unwrap().files.into_iter().map(|(_, file)| file).collect();
        // The writer puts bodies first; a deployment puts directories first.
        let policies = files.iter().rev().map(Vec::as_slice).collect();
        seeds.insert(("bundle", Deployment { bundle: b"", policies }.encode()));
        seeds.extend(files.into_iter().map(|file| ("policy", file)));
        seeds.insert(("policy", draft.encode().unwrap()));
        // A policy with a list that no version 1 reader knows, alone and in its body.
        let mut newer = draft.encode().unwrap();
        newer[0] |= 1;
        let end = u8::try_from(newer.len()).unwrap();
        let body = [b"PCP\x01\x01\0\x01\0\0\0\x01\0", &[end][..], &newer].concat();
        seeds.extend([("policy", newer), ("policy", body)]);
    }
    seeds
}

fn decode(text: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text.as_str().unwrap()).unwrap()
}

/// The signed part of a file, behind the byte that selects its type.
fn signed(which: u8, file: &[u8]) -> Vec<u8> {
    [&[which], &file[..file.len().saturating_sub(64)]].concat()
}
