//! Keys that every verifier must accept.

use std::num::NonZeroU32;

use portcullis_core::crypto::PublicKey;
use portcullis_core::issue::{KeyringDraft, ShardContents};
use portcullis_core::keyring::{Material, State};
use portcullis_core::token::{Claims, Environment, Kind, Label, Lifetime, Serial};

use super::forge::Crooked;
use super::shape::Vector;
use super::{scenario, world_of};
use crate::support::{ED25519, HMAC_LIVE, HMAC_TEST, START, World};

fn label(text: &str) -> Label {
    Label::new(text).unwrap()
}

fn four_labels(keyring: &mut KeyringDraft) {
    keyring.labels = vec![Label::NONE, label("acme"), label("x"), label("a1b2c3d4e5f6g7h8")];
}

fn in_state(state: State) -> fn(&mut KeyringDraft) {
    match state {
        State::Next => |keyring| keyring.entries[0].state = State::Next,
        State::Active => |_| (),
        State::Retiring => |keyring| keyring.entries[0].state = State::Retiring,
        State::Retired => |keyring| keyring.entries[0].state = State::Retired,
    }
}

/// A public key with a component of order 8. The keyring accepts it, since it is not itself of
/// small order.
const MIXED: Crooked = Crooked { torsion_of_a: 1, ..Crooked::HONEST };

/// A world with [`MIXED`] as its Ed25519 key.
pub(super) fn world_with_mixed_key() -> World {
    let amend = |keyring: &mut KeyringDraft| {
        keyring.entries[2].material =
            Material::Ed25519(PublicKey::from_bytes(&MIXED.key()).unwrap());
    };
    World { amend, ..World::new() }
}

pub(super) fn all() -> Vec<Vector> {
    let world = World::new();
    let labelled = World { label: label("acme"), ..World::new() };
    let lifetime = Lifetime { issued_at: START, expires_at: Some(START + 60) };
    let expiring = Claims { lifetime, ..world.claims(HMAC_LIVE, 42) };
    let extreme = Claims {
        serial: Serial::at(0, 0xF_FFFF).unwrap(),
        owner: Some(NonZeroU32::MAX),
        policy: Some(NonZeroU32::MAX),
        nonce: u16::MAX,
        ..world.claims(ED25519, 0)
    };
    let publishable = world.claims(ED25519, 42);
    let mut vectors = vec![
        scenario("accepted-secret-live", "A secret key, proved by HMAC.", &world).accepted(),
        scenario("accepted-secret-test", "A secret key of the test environment.", &world)
            .claims(world.claims(HMAC_TEST, 42))
            .accepted(),
        scenario("accepted-publishable-live", "A publishable key, proved by Ed25519.", &world)
            .claims(publishable)
            .accepted(),
        scenario("accepted-publishable-test", "One signer may serve both environments.", &world)
            .claims(Claims { environment: Environment::Test, ..publishable })
            .accepted(),
        scenario("accepted-secret-ed25519", "A secret key, proved by Ed25519.", &world)
            .claims(Claims { kind: Kind::Secret, ..publishable })
            .accepted(),
        scenario("accepted-label", "A key with its issuer's label in front.", &labelled).accepted(),
        scenario("accepted-last-instant", "The last millisecond before a key expires.", &world)
            .claims(expiring)
            .at(59_999)
            .accepted(),
        scenario("accepted-largest-fields", "Every number at its largest.", &world)
            .claims(extreme)
            .accepted(),
        scenario("accepted-smallest-fields", "The first slot; no owner, no policy.", &world)
            .claims(Claims { owner: None, policy: None, nonce: 0, ..world.claims(HMAC_LIVE, 0) })
            .accepted(),
        scenario(
            "accepted-issued-in-the-future",
            "Issued at is no not-before: clocks differ.",
            &world,
        )
        .claims(Claims {
            lifetime: Lifetime { issued_at: u32::MAX - 1, expires_at: Some(u32::MAX) },
            ..world.claims(HMAC_LIVE, 42)
        })
        .accepted(),
        scenario(
            "accepted-last-millisecond-of-list",
            "A list in the last millisecond before its next update.",
            &world,
        )
        .at(world.valid_millis - 1)
        .accepted(),
    ];
    let last = (1 << 28) - 1;
    let mut far = world_of(ShardContents { capacity: 1 << 20, ..ShardContents::default() });
    far.shards[0].0 = last;
    vectors.push(
        scenario("accepted-last-serial", "The last slot of the last shard.", &far)
            .claims(Claims {
                serial: Serial::at(last, (1 << 20) - 1).unwrap(),
                ..world.claims(HMAC_LIVE, 0)
            })
            .accepted(),
    );
    for (name, about, state) in [
        ("accepted-signer-next", "Signatures of a signer that is announced count.", State::Next),
        ("accepted-signer-retiring", "Signatures of a retiring signer count.", State::Retiring),
    ] {
        let world = World { amend: in_state(state), ..World::new() };
        vectors.push(scenario(name, about, &world).accepted());
    }
    for (name, about, text) in [
        ("accepted-no-label-of-several", "A key without a label, which is in use as well.", ""),
        ("accepted-label-of-several", "A key with the second of four labels.", "acme"),
        ("accepted-shortest-label", "A label of one letter.", "x"),
    ] {
        let world = World { label: label(text), amend: four_labels, ..World::new() };
        vectors.push(scenario(name, about, &world).accepted());
    }
    let longest = World { label: label("a1b2c3d4e5f6g7h8"), amend: four_labels, ..World::new() };
    vectors.push(
        scenario("accepted-longest-text", "157 bytes: the longest label, Ed25519.", &longest)
            .claims(longest.claims(ED25519, 42))
            .accepted(),
    );
    let mixed = world_with_mixed_key();
    let (claims, token) = MIXED.token(&mixed, true);
    vectors.push(
        scenario(
            "accepted-mixed-order-key",
            "A public key with a part of order 8, where the equation holds without the cofactor.",
            &mixed,
        )
        .claims(claims)
        .token(token)
        .accepted(),
    );
    vectors
}
