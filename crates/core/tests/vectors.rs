//! The shared vectors: one scenario a file in `tests/vectors`, run here, by the npm package and in
//! the gate.
//!
//! The files are generated from the scenarios beside this file, whose keys are fixed. They are committed, and
//! a test fails where they differ; `UPDATE_VECTORS=1 cargo test -p portcullis-core --test vectors`
//! writes them anew.

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
use std::path::PathBuf;

use scenarios::shape::{Expect, Vector, judge};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors")
}

#[test]
fn the_files_are_the_ones_that_the_scenarios_give() {
    let mut names = BTreeSet::new();
    for vector in scenarios::all() {
        let file = folder().join(format!("{}.json", vector.name));
        assert!(names.insert(file.clone()), "{} is there twice", vector.name);
        let text = serde_json::to_string_pretty(&vector).unwrap() + "\n";
        if std::env::var_os("UPDATE_VECTORS").is_some() {
            fs::write(&file, &text).unwrap();
        }
        let committed = fs::read_to_string(&file).unwrap_or_default();
        assert_eq!(committed, text, "{} differs; see this file's head", file.display());
    }
    let found: BTreeSet<PathBuf> =
        fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(found, names, "a vector has no scenario");
}

#[test]
fn every_vector_gets_its_verdict() {
    for entry in fs::read_dir(folder()).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        run(&serde_json::from_str(&text).unwrap());
    }
}

fn run(vector: &Vector) {
    let name = &vector.name;
    let outcome = judge(vector);
    let adopt: Vec<_> = vector.adopt.iter().map(|offer| offer.refused.clone()).collect();
    assert_eq!(outcome.adopt, adopt, "{name}: adoption");
    let (code, key) = match vector.expect.clone().unwrap() {
        Expect::Accepted { key } => (None, Some(key)),
        Expect::Refused { code, .. } => (Some(code), None),
    };
    assert_eq!((outcome.code, outcome.key), (code, key), "{name}");
}
