//! The shared vectors: one scenario a file in `tests/vectors`, run here, by the npm package and in
//! the gate.
//!
//! The files are generated from the scenarios below, whose keys are fixed. They are committed, and
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

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_core::crypto::PublicKey;
use portcullis_core::keyring::Purpose;
use portcullis_core::replica::Replica;
use portcullis_core::time::Time;
use portcullis_core::token::{Environment, Kind};
use portcullis_core::verify::Demand;
use scenarios::{Adopt, Expect, Vector};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors")
}

fn parsed<const N: usize>(text: &str) -> [u8; N] {
    URL_SAFE_NO_PAD.decode(text).unwrap().try_into().unwrap()
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
        let vector: Vector = serde_json::from_str(&text).unwrap();
        run(&vector);
    }
}

fn run(vector: &Vector) {
    let root = PublicKey::from_text(&vector.root).unwrap();
    let mut replica =
        Replica::new(root, &URL_SAFE_NO_PAD.decode(&vector.keyring).unwrap()).unwrap();
    for secret in &vector.secrets {
        replica.hold_secret(secret.kid, &parsed(&secret.secret)).unwrap();
    }
    for Adopt { bundle, at_ms, refused } in &vector.adopt {
        let bytes = URL_SAFE_NO_PAD.decode(bundle).unwrap();
        let adopted = replica.adopt_bundle(&bytes, Time::from_millis(*at_ms));
        let code = adopted.err().map(|error| error.code().to_string());
        assert_eq!(code, *refused, "{}: adoption", vector.name);
    }
    let demand = Demand {
        purpose: Purpose::Token,
        kind: vector.kind.as_deref().and_then(|k| Kind::ALL.into_iter().find(|x| x.name() == k)),
        environment: vector
            .environment
            .as_deref()
            .and_then(|e| Environment::ALL.into_iter().find(|x| x.name() == e)),
    };
    let verdict = replica.verify(&vector.token, &demand, Time::from_millis(vector.now_ms));
    match (&vector.expect, verdict) {
        (Expect::Accepted { key }, Ok(accepted)) => {
            assert_eq!(*key, scenarios::Key::of(&accepted), "{}", vector.name);
        }
        (Expect::Refused { code, .. }, Err(refusal)) => {
            assert_eq!(code, refusal.code(), "{}", vector.name);
        }
        (expected, got) => panic!("{}: expected {expected:?}, got {got:?}", vector.name),
    }
}
