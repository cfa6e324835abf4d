//! The fields of a keyring, and what its drafts may repeat.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use portcullis_core::issue::SigningKey;
use portcullis_core::keyring::{Keyring, Purpose, State};
use portcullis_core::token::{Algorithm, Environment, Kind, Label};
use support::{ED25519, HMAC_LIVE, World};

#[test]
fn what_it_says_is_what_was_signed() {
    let mut world = World::new();
    world.label = Label::new("acme").unwrap();
    world.amend = |draft| {
        let heir = SigningKey::from_seed(&[0xAA; 32]);
        draft.successor = Some(heir.public().unwrap());
        draft.labels.push(Label::NONE);
    };
    let draft = world.keyring_draft();
    let document = draft.sign(&world.root()).unwrap();
    let keyring = Keyring::open(&document, &world.root().public().unwrap()).unwrap();
    assert_eq!(keyring.document(), document);
    assert_eq!(keyring.issuer(), world.issuer);
    assert_eq!((keyring.version(), keyring.epoch()), (draft.version, draft.epoch));
    assert_eq!(keyring.not_after(), draft.not_after);
    assert_eq!(keyring.max_validity_millis(), 86_400_000);
    assert_eq!(keyring.successor(), draft.successor);
    assert_eq!(keyring.labels(), draft.labels);
    assert_eq!(keyring.entries(), draft.entries);
    let algorithm = |kid| keyring.entry(kid).unwrap().algorithm();
    assert_eq!(algorithm(HMAC_LIVE), Algorithm::HmacSha256);
    assert_eq!(algorithm(ED25519), Algorithm::Ed25519);
}

/// These names appear in documents, commands and interfaces.
#[test]
fn states_and_purposes_have_the_names_of_the_spec() {
    assert_eq!(State::ALL.map(State::name), ["next", "active", "retiring", "retired"]);
    let purposes = ["token", "admin", "list", "status-list", "assertion"];
    assert_eq!(Purpose::ALL.map(Purpose::name), purposes);
}

#[test]
fn what_a_draft_says_twice_is_said_once() {
    let world = World::new();
    let once = world.keyring_draft();
    let mut twice = once.clone();
    for entry in twice.entries.iter_mut().filter(|entry| !entry.kinds.is_empty()) {
        entry.kinds.extend(entry.kinds.clone());
        entry.environments.extend(entry.environments.clone());
    }
    assert_ne!(once.entries, twice.entries);
    assert_eq!(once.sign(&world.root()).unwrap(), twice.sign(&world.root()).unwrap());
    let of = |kid| once.entries.iter().find(|entry| entry.kid == kid).unwrap();
    assert!(of(HMAC_LIVE).may_sign(Kind::Secret, Environment::Live));
    assert!(!of(HMAC_LIVE).may_sign(Kind::Secret, Environment::Test));
    assert!(!of(HMAC_LIVE).may_sign(Kind::Publishable, Environment::Live));
}
