//! Assertions: what an origin accepts, and every forgery that it must refuse. The worked example of
//! `docs/assertion.md` is made and verified here.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod support;

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_core::WireError;
use portcullis_core::assertion::{Assertion, AssertionError, MAX_LEN, MAX_LIFETIME_SECS, verify};
use portcullis_core::assignment::Changes;
use portcullis_core::issue::SigningKey;
use portcullis_core::keyring::{KeyEntry, Keyring, Material, Purpose, State, Validity};
use portcullis_core::time::Time;
use portcullis_core::token::{Environment, Kind, Name, Serial};
use proptest::prelude::*;
use support::{ADMIN, START, World};

const KID: u16 = 9;
const AUDIENCE: &str = "origin.example:8443";

fn key() -> SigningKey {
    SigningKey::from_seed(&[9; 32])
}

/// A world with a signer of assertions in its keyring.
fn world() -> World {
    let mut world = World::new();
    world.amend = |draft| {
        draft.entries.push(KeyEntry {
            kid: KID,
            purpose: Purpose::Assertion,
            environments: vec![],
            kinds: vec![],
            changes: Changes::NONE,
            state: State::Active,
            validity: Validity::ALWAYS,
            material: Material::Ed25519(key().public().unwrap()),
        });
    };
    world
}

fn keyring(world: &World) -> Keyring {
    Keyring::open(&world.publish().keyring, &world.root().public().unwrap()).unwrap()
}

fn assertion(world: &World) -> Assertion<'static> {
    Assertion {
        issuer: world.issuer,
        list: 42,
        issued_at: START,
        expires_at: START + 60,
        kind: Kind::Publishable,
        environment: Environment::Live,
        name: Name::derive(world.issuer, Serial::at(0, 7).unwrap()),
        owner: NonZeroU32::new(77),
        policy: NonZeroU32::new(9),
        fresh: true,
        audience: AUDIENCE,
        scopes: "orders:* carts:read",
        sales_channels: "sc_1,sc_2",
    }
}

fn text(assertion: &Assertion<'_>, kid: u16, key: &SigningKey) -> String {
    key.assert(assertion.unsigned(kid).unwrap())
}

#[test]
fn the_worked_example_is_what_it_says() {
    let world = world();
    let said = assertion(&world);
    let header = text(&said, KID, &key());
    let verified = verify(&header, &keyring(&world), AUDIENCE, Time::from_secs(START + 5)).unwrap();
    assert_eq!(verified.read().unwrap(), said);
    let spec = include_str!("../../../docs/assertion.md");
    let written: String = spec.split_whitespace().collect();
    assert!(written.contains(&header), "docs/assertion.md should have {header}");
    let public = key().public().unwrap().to_string();
    assert!(written.contains(&public), "docs/assertion.md should have {public}");
}

#[test]
fn each_doubt_is_a_no() {
    let world = world();
    let keyring = keyring(&world);
    let now = Time::from_secs(START + 5);
    let refused = |text: &str, now| verify(text, &keyring, AUDIENCE, now).unwrap_err();
    let said = assertion(&world);
    let good = text(&said, KID, &key());
    let other = SigningKey::from_seed(&[8; 32]);
    assert_eq!(refused(&text(&said, KID, &other), now), AssertionError::BadSignature);
    assert_eq!(refused(&text(&said, 99, &key()), now), AssertionError::SignerNotAllowed(99));
    let admin = text(&said, ADMIN, &world.signing_key(ADMIN));
    assert_eq!(refused(&admin, now), AssertionError::SignerNotAllowed(ADMIN));
    let foreign = Assertion { issuer: World::with_seed(2).issuer, ..said };
    assert_eq!(refused(&text(&foreign, KID, &key()), now), AssertionError::ForeignIssuer);
    let elsewhere = Assertion { audience: "evil.example", ..said };
    assert_eq!(refused(&text(&elsewhere, KID, &key()), now), AssertionError::WrongAudience);
    for (change, good) in [
        (Assertion { expires_at: START + 5, ..said }, false),
        (Assertion { expires_at: START + 6, ..said }, true),
        (Assertion { issued_at: START + 16, ..said }, false),
        (Assertion { issued_at: START + 15, ..said }, true),
        (Assertion { expires_at: START, ..said }, false),
        // Issued ahead of the clock, and expired as soon as it begins.
        (Assertion { issued_at: START + 8, expires_at: START + 8, ..said }, false),
        (Assertion { expires_at: START + MAX_LIFETIME_SECS, ..said }, true),
        (Assertion { expires_at: START + MAX_LIFETIME_SECS + 1, ..said }, false),
    ] {
        let verdict = verify(&text(&change, KID, &key()), &keyring, AUDIENCE, now);
        assert_eq!(verdict.is_ok(), good, "{change:?}");
        assert!(good || verdict == Err(AssertionError::OutOfTime));
    }
    for text in
        ["", "=", "not base64!", "UENBAQ", &good[1..], &format!("{good}AAAA"), &format!("{good}=")]
    {
        assert!(verify(text, &keyring, AUDIENCE, now).is_err(), "{text}");
    }
    assert_eq!(refused(&"A".repeat(1 << 20), now), AssertionError::Text);
    let long = "a".repeat(1 << 16);
    assert!(Assertion { scopes: &long, ..said }.unsigned(KID).is_err());
}

#[test]
fn a_stale_list_and_a_secret_key_are_said_as_they_are() {
    let world = world();
    let (stale, now) = (Assertion { fresh: false, kind: Kind::Secret, ..assertion(&world) }, START);
    let verified =
        verify(&text(&stale, KID, &key()), &keyring(&world), AUDIENCE, Time::from_secs(now));
    assert_eq!(verified.unwrap().read(), Ok(stale));
}

#[test]
fn nothing_is_taken_from_the_instant_at_which_the_keyring_ends() {
    let world = world();
    let keyring = keyring(&world);
    let end = keyring.not_after().secs();
    let said = Assertion { issued_at: end - 1, expires_at: end + 9, ..assertion(&world) };
    let header = text(&said, KID, &key());
    let at = |millis| verify(&header, &keyring, AUDIENCE, Time::from_millis(millis)).err();
    assert_eq!(at(keyring.not_after().millis() - 1), None);
    assert_eq!(at(keyring.not_after().millis()), Some(AssertionError::SignerNotAllowed(KID)));
}

#[test]
fn the_longest_is_taken_and_a_longer_one_is_not() {
    let world = world();
    let said = Assertion { scopes: "", ..assertion(&world) };
    let short = URL_SAFE_NO_PAD.decode(text(&said, KID, &key())).unwrap().len();
    let scopes = "a".repeat(MAX_LEN / 4 * 3 - short + 1);
    let now = Time::from_secs(START + 5);
    let with = |scopes| {
        let header = text(&Assertion { scopes, ..said }, KID, &key());
        (header.len(), verify(&header, &keyring(&world), AUDIENCE, now).err())
    };
    assert_eq!(with(&scopes[1..]), (MAX_LEN, None));
    assert_eq!(with(&scopes), (MAX_LEN + 2, Some(AssertionError::Text)));
}

#[test]
fn each_doubt_has_a_code_of_its_own() {
    let errors = [
        (AssertionError::Text, "assertion_malformed"),
        (AssertionError::Wire(WireError::Truncated), "assertion_unreadable"),
        (AssertionError::ForeignIssuer, "assertion_foreign_issuer"),
        (AssertionError::SignerNotAllowed(1), "assertion_signer_not_allowed"),
        (AssertionError::BadSignature, "assertion_bad_signature"),
        (AssertionError::WrongAudience, "assertion_wrong_audience"),
        (AssertionError::OutOfTime, "assertion_out_of_time"),
    ];
    assert!(errors.iter().all(|(error, code)| error.code() == *code));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bit_of_it_can_be_changed(at in 0..1_600_usize, bit in 0..8) {
        let world = world();
        let mut file = URL_SAFE_NO_PAD.decode(text(&assertion(&world), KID, &key())).unwrap();
        let at = at % file.len();
        file[at] ^= 1_u8 << bit;
        let changed = URL_SAFE_NO_PAD.encode(file);
        let now = Time::from_secs(START + 5);
        prop_assert!(verify(&changed, &keyring(&world), AUDIENCE, now).is_err());
    }

    #[test]
    fn no_text_makes_it_panic(text in any::<String>(), bytes in any::<Vec<u8>>()) {
        let keyring = keyring(&world());
        for text in [text, URL_SAFE_NO_PAD.encode([b"PCA\x01".as_slice(), &bytes].concat())] {
            prop_assert!(verify(&text, &keyring, AUDIENCE, Time::from_secs(START)).is_err());
        }
    }
}
