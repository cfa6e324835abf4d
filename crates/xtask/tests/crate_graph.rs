//! Dependencies between the workspace's crates point one way.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

/// Allowed as a dependency of tests alone.
const FOR_TESTS: &str = "portcullis-test-support";
/// The crates of the issuer.
const ISSUER: [&str; 5] =
    ["portcullis-issuer", "portcullis-api", "portcullis-scan", "portcullis", FOR_TESTS];
/// The allowed dependencies within the workspace. The issuer's crates and the gate's never depend on
/// each other: they share only the specs and the test vectors.
const ALLOWED: [(&str, &[&str]); 16] = [
    ("portcullis-core", &[]),
    ("portcullis-issuer", &["portcullis-core", FOR_TESTS]),
    ("portcullis-api", &["portcullis-core", "portcullis-issuer", FOR_TESTS]),
    ("portcullis-scan", &["portcullis-core"]),
    (
        "portcullis",
        &["portcullis-core", "portcullis-issuer", "portcullis-api", "portcullis-scan", FOR_TESTS],
    ),
    (FOR_TESTS, &["portcullis-core", "portcullis-issuer"]),
    ("portcullis-gate", &["portcullis-core"]),
    ("portcullis-gate-worker", &["portcullis-core", "portcullis-gate"]),
    ("portcullis-gate-module", &["portcullis-core", "portcullis-gate", "portcullis-gate-worker"]),
    ("example-rust-worker", &["portcullis-gate-worker"]),
    ("portcullis-wasm", &["portcullis-core"]),
    ("portcullis-bindgen", &["portcullis-core", "portcullis-wasm"]),
    ("portcullis-bindgen-module", &["portcullis-bindgen"]),
    ("portcullis-npm-module", &["portcullis-core", "portcullis-wasm"]),
    ("portcullis-primitives", &["portcullis-core"]),
    ("xtask", &[]),
];

fn packages() -> Vec<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--format-version", "1", "--offline"])
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

#[test]
fn dependencies_point_one_way() {
    let packages = packages();
    assert_eq!(packages.len(), ALLOWED.len(), "a crate came or went: say here what it may see");
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let (_, allowed) = ALLOWED.iter().find(|(known, _)| *known == name).unwrap();
        for dependency in package["dependencies"].as_array().unwrap() {
            let other = dependency["name"].as_str().unwrap();
            let inside = ALLOWED.iter().any(|(known, _)| *known == other);
            assert!(!inside || other == name || allowed.contains(&other), "{name} sees {other}");
            let in_tests = dependency["kind"] == "dev";
            assert!(other != FOR_TESTS || in_tests, "{name} sees {other} outside of its tests");
        }
    }
}

#[test]
fn the_issuers_library_has_neither_server_nor_command_line() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--package", "portcullis-issuer", "--edges", "normal", "--prefix", "none"])
        .args(["--format", "{lib}", "--locked", "--offline"])
        .output()
        .unwrap();
    let tree = String::from_utf8(output.stdout).unwrap();
    let libraries: BTreeSet<&str> =
        tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    assert!(libraries.contains("sqlx"), "{tree}{}", String::from_utf8_lossy(&output.stderr));
    for other in ["axum", "clap", "utoipa"] {
        assert!(!libraries.contains(other), "portcullis-issuer sees {other}");
    }
}

#[test]
fn verifiers_are_built_without_the_writing_half() {
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        if ["portcullis-core", "xtask"].contains(&name) || ISSUER.contains(&name) {
            continue;
        }
        for dependency in package["dependencies"].as_array().unwrap() {
            let is_core = dependency["name"] == "portcullis-core" && dependency["kind"].is_null();
            let features = dependency["features"].as_array().unwrap();
            assert!(!is_core || !features.iter().any(|f| f == "issue"), "{name} can sign");
        }
    }
}

#[test]
fn the_doors_for_test_vectors_are_open_in_tests_alone() {
    let mut open = BTreeSet::new();
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        for dependency in package["dependencies"].as_array().unwrap() {
            let features = dependency["features"].as_array().unwrap();
            if features.iter().any(|feature| feature == "primitives") {
                open.insert(format!("{name}, {}", dependency["kind"].as_str().unwrap_or("normal")));
            }
        }
        for enabled in package["features"].as_object().unwrap().values() {
            let enabled = enabled.as_array().unwrap();
            assert!(
                !enabled.iter().any(|feature| feature.as_str().unwrap().contains("primitives"))
            );
        }
    }
    let expected = ["portcullis-core, dev", "portcullis-primitives, normal"];
    assert_eq!(open, expected.map(String::from).into());
}
