//! Assertions that an origin accepts.

use std::num::NonZeroU32;

use portcullis_core::assertion::{Assertion, MAX_LEN};
use portcullis_core::crypto::{Context, PublicKey};
use portcullis_core::keyring::{State, Validity};
use portcullis_core::time::Time;
use portcullis_core::token::{Environment, Kind};

use super::super::forge::Crooked;
use super::super::shape::encode;
use super::shape::AssertionVector;
use super::{KID, NOW_MS, key, said, signer, text, vector, world, world_with};
use crate::support::{START, World};

const MIXED: Crooked = Crooked { torsion_of_a: 1, ..Crooked::HONEST };

/// A world with a signer that has a public key of mixed order.
pub(super) fn world_with_mixed_key() -> World {
    world_with(|draft| {
        draft.entries.push(signer(KID, PublicKey::from_bytes(&MIXED.key()).unwrap()));
    })
}

/// An assertion signed by `crooked`, with the first list number for which the result of the
/// cofactorless equation equals `holds`.
pub(super) fn crooked(crooked: Crooked, holds: bool) -> (Assertion<'static>, String) {
    let mut all = (0..).map(|list| {
        let said = Assertion { list, ..said() };
        let unsigned = said.unsigned(KID).unwrap();
        let (signature, fits) = crooked.signature(unsigned.message());
        (fits, said, encode(&[&unsigned.message()[Context::LEN..], &signature].concat()))
    });
    let (_, said, text) = all.find(|(fits, ..)| *fits == holds).unwrap();
    (said, text)
}

fn accepted(name: &str, about: &str, said: &Assertion<'_>) -> AssertionVector {
    vector(name, about, &world(), text(said)).accepted(said)
}

pub(super) fn all() -> Vec<AssertionVector> {
    [claims(), times(), signers()].into_iter().flatten().collect()
}

fn claims() -> Vec<AssertionVector> {
    let said = said();
    let unsigned = Assertion { scopes: "", ..said }.unsigned(KID).unwrap();
    let short = unsigned.message().len() - Context::LEN + 64;
    let longest = "a".repeat(MAX_LEN / 4 * 3 - short);
    let largest = Assertion {
        list: (1 << 53) - 1,
        owner: Some(NonZeroU32::MAX),
        policy: Some(NonZeroU32::MAX),
        ..said
    };
    vec![
        accepted("accepted-worked-example", "The worked example of docs/assertion.md.", &said),
        accepted(
            "accepted-secret-test-stale",
            "A secret test key, verified by a stale list.",
            &Assertion { kind: Kind::Secret, environment: Environment::Test, fresh: false, ..said },
        ),
        accepted(
            "accepted-nothing-granted",
            "No owner, no policy, and so no scopes and no sales channels.",
            &Assertion { owner: None, policy: None, scopes: "", sales_channels: "", ..said },
        ),
        accepted("accepted-largest-numbers", "The largest numbers that stay exact.", &largest),
        accepted("accepted-longest", "32768 characters.", &Assertion { scopes: &longest, ..said }),
        accepted(
            "accepted-not-ascii",
            "A text in UTF-8 of two, three and four bytes a character.",
            &Assertion { sales_channels: "é,€,\u{10FFFF}", ..said },
        ),
        accepted(
            "accepted-byte-order-mark",
            "A text that begins with U+FEFF, which is one of its characters.",
            &Assertion { scopes: "\u{FEFF}a b", ..said },
        ),
    ]
}

fn times() -> Vec<AssertionVector> {
    let said = said();
    let ms = |secs: u32| u64::from(secs) * 1000;
    let ahead = Assertion { issued_at: START + 15, ..said };
    let long = Assertion { expires_at: START + 300, ..said };
    vec![
        accepted("accepted-ten-seconds-ahead", "It begins 10 s from now.", &ahead),
        accepted("accepted-last-millisecond", "It ends in a millisecond.", &said)
            .at(ms(said.expires_at) - 1),
        accepted("accepted-longest-life", "It lasts 300 s.", &long),
        accepted(
            "accepted-one-second",
            "It lasts a second.",
            &Assertion { issued_at: START + 5, expires_at: START + 6, ..said },
        ),
    ]
}

fn signers() -> Vec<AssertionVector> {
    let said = said();
    let of = |name: &str, about: &str, world: &World| {
        vector(name, about, world, text(&said)).accepted(&said)
    };
    let (mixed, mixed_text) = crooked(MIXED, true);
    vec![
        of(
            "accepted-signer-next",
            "A signer that is announced.",
            &world_with(|draft| {
                let mut entry = signer(KID, key().public().unwrap());
                entry.state = State::Next;
                draft.entries.push(entry);
            }),
        ),
        of(
            "accepted-signer-retiring",
            "A signer that another follows.",
            &world_with(|draft| {
                let mut entry = signer(KID, key().public().unwrap());
                entry.state = State::Retiring;
                draft.entries.push(entry);
            }),
        ),
        of(
            "accepted-signer-first-millisecond",
            "A signer that is in force from now on, and for a millisecond.",
            &world_with(|draft| {
                let mut entry = signer(KID, key().public().unwrap());
                let (from, until) = (Time::from_millis(NOW_MS), Time::from_millis(NOW_MS + 1));
                entry.validity = Validity { not_before: from, not_after: until };
                draft.entries.push(entry);
            }),
        ),
        of(
            "accepted-keyring-last-millisecond",
            "The keyring ends in a millisecond.",
            &world_with(|draft| {
                draft.entries.push(signer(KID, key().public().unwrap()));
                draft.not_after = Time::from_millis(NOW_MS + 1);
            }),
        ),
        vector(
            "accepted-mixed-order-key",
            "A public key with a part of order 8, where the equation holds without the cofactor.",
            &world_with_mixed_key(),
            mixed_text,
        )
        .accepted(&mixed),
    ]
}
