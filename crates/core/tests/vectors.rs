//! The shared vectors, one scenario per file. `tests/vectors/README.md` says what they contain and
//! which other verifiers run them.
//!
//! The files are generated from the scenarios next to this file, whose keys are fixed. They are
//! committed, and a test fails if they differ. `UPDATE_VECTORS=1 cargo test -p portcullis-core
//! --test vectors` rewrites them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod scenarios;
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use scenarios::assertion::shape::AssertionVector;
use scenarios::policy::shape::PolicyVector;
use scenarios::shape::{Expect, Vector};
use scenarios::{assertion, assignment, policy, shape};
use serde::Serialize;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors")
}

fn policies() -> PathBuf {
    folder().join("policy")
}

fn assignments() -> PathBuf {
    folder().join("assignment")
}

fn assertions() -> PathBuf {
    folder().join("assertion")
}

fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect()
}

/// Compares the files in `folder` with the vectors that must be there, by name.
fn compare<V: Serialize>(folder: &Path, vectors: &[V], name: fn(&V) -> &str) {
    let mut names = BTreeSet::new();
    for vector in vectors {
        let file = folder.join(format!("{}.json", name(vector)));
        assert!(names.insert(file.clone()), "{} is there twice", file.display());
        let text = serde_json::to_string_pretty(&vector).unwrap() + "\n";
        if std::env::var_os("UPDATE_VECTORS").is_some() {
            fs::write(&file, &text).unwrap();
        }
        let committed = fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(committed, text, "{} differs; see this file's head", file.display());
    }
    assert_eq!(files(folder), names, "a vector has no scenario");
}

#[test]
fn the_files_are_the_ones_that_the_scenarios_give() {
    compare(&folder(), &scenarios::all(), |vector| &vector.name);
    compare(&assignments(), &assignment::all(), |vector| &vector.name);
    compare(&policies(), &policy::all(), |vector| &vector.name);
    compare(&assertions(), &assertion::all(), |vector| &vector.name);
}

#[test]
fn every_vector_gets_its_verdict() {
    for file in files(&folder()).into_iter().chain(files(&assignments())) {
        run(&serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap());
    }
    for file in files(&policies()) {
        run_policy(&serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap());
    }
    for file in files(&assertions()) {
        let vector: AssertionVector =
            serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        assert_eq!(assertion::shape::run_vector(&vector), vector.expect, "{}", vector.name);
    }
}

/// The files of the crate's documentation, which a package carries along, are those of vectors.
#[test]
fn the_files_of_the_documentation_are_those_of_vectors() {
    let read = |file: &str| -> serde_json::Value {
        serde_json::from_str(&fs::read_to_string(folder().join(file)).unwrap()).unwrap()
    };
    let examples = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/files");
    let same = |file: &str, text: &serde_json::Value| {
        assert_eq!(shape::encode(&fs::read(examples.join(file)).unwrap()), *text, "{file}");
    };
    same("list.bundle", &read("accepted-secret-ed25519.json")["adopt"][0]["bundle"]);
    same("assertion.keyring", &read("assertion/accepted-worked-example.json")["keyring"]);
    assert_eq!(fs::read_dir(&examples).unwrap().count(), 2);
}

fn run(vector: &Vector) {
    let name = &vector.name;
    let outcome = shape::run_vector(vector);
    let adopt: Vec<_> = vector.adopt.iter().map(|offer| offer.refused.clone()).collect();
    assert_eq!(outcome.adopt, adopt, "{name}: adoption");
    let files: Vec<_> = vector.files.iter().map(|offer| offer.refused.clone()).collect();
    assert_eq!(outcome.files, files, "{name}: files");
    let (code, key) = match vector.expect.clone().unwrap() {
        Expect::Accepted { key } => (None, Some(key)),
        Expect::Refused { code, .. } => (Some(code), None),
    };
    assert_eq!((outcome.code, outcome.key), (code, key), "{name}");
}

fn run_policy(vector: &PolicyVector) {
    let name = &vector.name;
    let outcome = policy::shape::run_vector(vector);
    let files: Vec<_> = vector.files.iter().map(|offer| offer.refused.clone()).collect();
    assert_eq!(outcome.files, files, "{name}: files");
    assert_eq!(Some(&outcome.expect), vector.expect.as_ref(), "{name}");
}
