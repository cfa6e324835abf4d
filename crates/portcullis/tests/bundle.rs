//! The bundle that `portcullis bundle` writes for a gate.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]

mod common;

use std::path::{Path, PathBuf};

use common::Shell;
use portcullis_core::list::Deployment;
use portcullis_test_support::{code, stderr};
use serde_json::Value;

struct Issuer {
    shell: Shell,
    root: String,
}

/// An issuer with policies of both kinds, with more private ones than fit into one file.
fn issuer(policies: usize) -> Issuer {
    let shell = Shell::new();
    let root = shell.json(&["init"])["root"].as_str().unwrap().to_owned();
    let origin = ["--visibility", "public", "--origin", "https://shop.example"];
    shell.json(&[&["policies", "create", "--name", "Shop"], &origin[..]].concat());
    let scopes: Vec<String> = (0..60).map(|at| format!("a-scope-of-some-length-{at}:*")).collect();
    let scopes = scopes.iter().flat_map(|scope| ["--scope", scope.as_str()]);
    let scopes: Vec<&str> = scopes.collect();
    for number in 0..policies {
        let name = format!("Reader {number}");
        shell.json(&[&["policies", "create", "--name", &name], &scopes[..]].concat());
    }
    Issuer { shell, root }
}

impl Issuer {
    fn path(&self, name: &str) -> PathBuf {
        self.shell.folder.path().join(name)
    }

    fn write(&self, path: &Path, more: &[&str]) -> Value {
        self.shell.json(&[&["bundle", "--out", path.to_str().unwrap()], more].concat())
    }

    /// The result of a verifier that pins the root.
    fn verify(&self, path: &Path) -> (i32, Value) {
        let path = path.to_str().unwrap();
        let args = ["--json", "list", "verify", "--root", &self.root, "--bundle", path];
        let output = self.shell.run(&args);
        (code(&output), serde_json::from_slice(&output.stdout).unwrap())
    }
}

fn holds(file: &[u8], text: &str) -> bool {
    file.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn a_gates_file_has_the_policies_and_is_for_its_owner_alone() {
    let issuer = issuer(1);
    let path = issuer.path("bundle.bin");
    // The existing file is readable by everyone.
    std::fs::write(&path, b"old").unwrap();
    let written = issuer.write(&path, &["--for-gate"]);
    let file = std::fs::read(&path).unwrap();
    assert_eq!(written["bundle_len"], file.len());
    let policies = &written["policies"];
    assert_eq!((&policies["public_files"], &policies["private_files"]), (&2.into(), &2.into()));
    assert_eq!(policies["left_out"], 0);
    assert!(holds(&file, "a-scope-of-some-length-59:*") && holds(&file, "https://shop.example"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let (exit, verified) = issuer.verify(&path);
    assert_eq!((exit, &verified["policy_files"]), (0, &4.into()));
    // The public bundle contains none of the policies.
    let public = issuer.path("public.bin");
    issuer.write(&public, &[]);
    let public = std::fs::read(&public).unwrap();
    assert!(!holds(&public, "a-scope-of-some-length"));
    assert_eq!(Deployment::decode(&file).unwrap().bundle, public);
}

#[test]
fn an_altered_policy_in_it_is_found_out() {
    let issuer = issuer(1);
    let path = issuer.path("bundle.bin");
    issuer.write(&path, &["--for-gate"]);
    let file = std::fs::read(&path).unwrap();
    let bundle_len = Deployment::decode(&file).unwrap().bundle.len();
    for at in [file.len() - 1, 8 + bundle_len + 20, 8 + bundle_len / 2] {
        let mut altered = file.clone();
        altered[at] ^= 1;
        std::fs::write(&path, altered).unwrap();
        assert_eq!(issuer.verify(&path).0, 1, "byte {at}");
    }
}

#[test]
fn what_there_is_no_room_for_is_left_out_and_said() {
    let issuer = issuer(9);
    let (path, all) = (issuer.path("bundle.bin"), issuer.path("all.bin"));
    let whole = issuer.write(&all, &["--for-gate"]);
    let files = |written: &Value| {
        let policies = &written["policies"];
        let [public, private, out] = ["public_files", "private_files", "left_out"]
            .map(|name| policies[name].as_u64().unwrap());
        (public + private, out)
    };
    let (most, none) = files(&whole);
    assert!(most > 4 && none == 0, "{whole}");
    let room = whole["bundle_len"].as_u64().unwrap() - 1;
    let written = issuer.write(&path, &["--for-gate", "--max-len", &room.to_string()]);
    let (some, out) = files(&written);
    assert!(out > 0 && some + out == most, "{written}");
    assert!(std::fs::metadata(&path).unwrap().len() <= room);
    let (exit, verified) = issuer.verify(&path);
    assert_eq!((exit, verified["policy_files"].as_u64()), (0, Some(some)));
    // If the list doesn't fit, nothing is written.
    let nothing = issuer.path("nothing.bin");
    let args = ["bundle", "--for-gate", "--max-len", "100", "--out", nothing.to_str().unwrap()];
    let output = issuer.shell.run(&args);
    assert_eq!(code(&output), 2);
    assert!(stderr(&output).contains("--max-len") && !nothing.exists(), "{}", stderr(&output));
    let args = ["bundle", "--max-len", "100", "--out", nothing.to_str().unwrap()];
    assert_eq!(code(&issuer.shell.run(&args)), 2, "it is for --for-gate");
}
