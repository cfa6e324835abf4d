//! Authentic keys whose verdict depends on the list, its age or their signer's validity.

use portcullis_core::issue::{KeyringDraft, ShardContents};
use portcullis_core::list::{Body, TimedSlot};
use portcullis_core::time::Time;
use portcullis_core::token::{Claims, Lifetime, Serial};

use super::shape::Vector;
use super::{bare, scenario, world_of};
use crate::support::{ADMIN, HMAC_LIVE, START, World, first_shard};

pub(super) fn all() -> Vec<Vector> {
    [states(), order(), codings(), shards(), times(), signers()].into_iter().flatten().collect()
}

/// The world of the worked example in `docs/revocation-list.md`.
fn example() -> World {
    let mut world = World::new();
    let facts = first_shard(&mut world);
    facts.revoked = vec![1, 2, 77_777];
    facts.suspended = vec![3, 4];
    facts.timed =
        vec![TimedSlot { slot: 4, from: START + 20 }, TimedSlot { slot: 5, from: START + 10 }];
    world
}

fn states() -> Vec<Vector> {
    let world = example();
    let case = |name: &str, about: &str, slot| scenario(name, about, &world).slot(slot);
    let mut edges = World::new();
    first_shard(&mut edges).revoked = vec![0, Body::MAX_CAPACITY - 1];
    first_shard(&mut edges).timed =
        vec![TimedSlot { slot: 8, from: 0 }, TimedSlot { slot: 9, from: u32::MAX }];
    let edge = |name: &str, about: &str, slot| scenario(name, about, &edges).slot(slot);
    vec![
        case("list-revoked", "A revoked key.", 77_777).refused("list", "revoked"),
        case("list-beside-revoked", "The slot beside a revoked one.", 77_776).accepted(),
        case("list-suspended", "A suspended key.", 3).refused("list", "suspended"),
        case("list-timed-before", "The last millisecond before a revocation strikes.", 5)
            .at(9_999)
            .accepted(),
        case("list-timed-at", "A timed revocation strikes with its second, without a new list.", 5)
            .at(10_000)
            .refused("list", "revoked"),
        case("list-timed-while-suspended", "Suspended until its revocation strikes.", 4)
            .at(19_999)
            .refused("list", "suspended"),
        case("list-timed-after-suspended", "The revocation strikes a suspended key.", 4)
            .at(20_000)
            .refused("list", "revoked"),
        edge("list-timed-from-0", "A timed revocation of 1970.", 8).refused("list", "revoked"),
        edge("list-timed-largest", "A timed revocation of 2106.", 9).accepted(),
        edge("list-first-slot", "The first slot is revoked.", 0).refused("list", "revoked"),
        edge("list-last-slot", "The last slot of a full shard is revoked.", 0xF_FFFF)
            .refused("list", "revoked"),
        edge("list-last-slot-but-one", "The slot before that.", 0xF_FFFE).accepted(),
    ]
}

/// The order of precedence: the verdict on a key to which several statuses apply.
fn order() -> Vec<Vector> {
    let mut world = example();
    first_shard(&mut world).capacity = 80_000;
    let over = Lifetime { issued_at: START - 60, expires_at: Some(START) };
    let case = |name: &str, about: &str, slot| {
        let claims = Claims { lifetime: over, ..world.claims(HMAC_LIVE, slot) };
        scenario(name, about, &world).claims(claims)
    };
    let lifetime = Lifetime { issued_at: START, expires_at: Some(START + 60) };
    vec![
        scenario("list-expired", "A key expires with the first instant of its second.", &world)
            .claims(Claims { lifetime, ..world.claims(HMAC_LIVE, 42) })
            .at(60_000)
            .refused("list", "expired"),
        case("list-revoked-and-expired", "Revoked and expired.", 1).refused("list", "revoked"),
        case("list-suspended-and-expired", "Suspended and expired.", 3)
            .refused("list", "suspended"),
        case("list-not-covered-and-expired", "Not covered and expired.", 80_000)
            .refused("list", "not_covered"),
    ]
}

/// `count` revoked slots below `capacity`, spread evenly.
fn spread(capacity: u32, count: u32) -> ShardContents {
    let revoked = (0..count).map(|i| i * capacity / count).collect();
    ShardContents { capacity, revoked, ..ShardContents::default() }
}

fn codings() -> Vec<Vector> {
    let mut inverted = World::new();
    first_shard(&mut inverted).revoked = (0..1 << 20).filter(|slot| slot % 1000 != 7).collect();
    let dense = world_of(ShardContents {
        capacity: 600,
        revoked: (0..600).filter(|slot| slot % 5 < 2).collect(),
        suspended: (0..600).filter(|slot| slot % 5 == 3).collect(),
        ..ShardContents::default()
    });
    let full = world_of(spread(100, 100));
    let mut vectors = vec![
        scenario("list-inverted-kept", "Coded by its complement: a key that is left.", &inverted)
            .slot(5_007)
            .accepted(),
        scenario("list-inverted-revoked", "Coded by its complement: a revoked key.", &inverted)
            .slot(5_008)
            .refused("list", "revoked"),
        scenario("list-dense-kept", "Coded arithmetically: a key that is left.", &dense)
            .slot(42)
            .accepted(),
        scenario("list-dense-revoked", "Coded arithmetically: a revoked key.", &dense)
            .slot(596)
            .refused("list", "revoked"),
        scenario("list-suspended-beside-dense", "A suspended key behind a dense set.", &dense)
            .slot(598)
            .refused("list", "suspended"),
        scenario("list-all-revoked", "Every slot is revoked, which takes no bytes.", &full)
            .slot(99)
            .refused("list", "revoked"),
    ];
    // The boundaries between the codings, at 400 slots.
    for (name, about, count) in [
        ("list-quarter", "A quarter is the most that is coded by its gaps.", 100),
        ("list-above-quarter", "One slot more than a quarter is dense.", 101),
        ("list-below-three-quarters", "One slot less than three quarters is dense.", 299),
        ("list-three-quarters", "Three quarters are coded by the gaps of the rest.", 300),
    ] {
        let facts = spread(400, count);
        let kept = (0..400).rev().find(|slot| !facts.revoked.contains(slot)).unwrap();
        let revoked = *facts.revoked.last().unwrap();
        let world = world_of(facts);
        let refused = scenario(&format!("{name}-revoked"), about, &world).slot(revoked);
        vectors.push(scenario(&format!("{name}-kept"), about, &world).slot(kept).accepted());
        vectors.push(refused.refused("list", "revoked"));
    }
    vectors
}

fn shards() -> Vec<Vector> {
    let world = World::new();
    let serial = |shard, slot| Claims {
        serial: Serial::at(shard, slot).unwrap(),
        ..world.claims(HMAC_LIVE, 0)
    };
    let small =
        world_of(ShardContents { capacity: 100, revoked: vec![99], ..ShardContents::default() });
    let empty = ShardContents { capacity: 1 << 20, ..ShardContents::default() };
    let mut three = World::new();
    let second = ShardContents { revoked: vec![5], ..empty.clone() };
    three.shards = vec![(0, empty.clone()), (3, second), (7, empty)];
    vec![
        scenario("list-not-covered", "A shard that the list does not speak of.", &world)
            .claims(serial(1, 0))
            .refused("list", "not_covered"),
        scenario("list-not-covered-by-capacity", "The first slot at the capacity.", &small)
            .slot(100)
            .refused("list", "not_covered"),
        scenario("list-covered-by-capacity", "The slots below the capacity are covered.", &small)
            .slot(98)
            .accepted(),
        scenario("list-revoked-at-capacity", "The last slot that is covered is revoked.", &small)
            .slot(99)
            .refused("list", "revoked"),
        scenario("list-shared-body-first", "Two empty shards share one body.", &three)
            .claims(serial(0, 5))
            .accepted(),
        scenario("list-shared-body-last", "The later of two shards that share a body.", &three)
            .claims(serial(7, 5))
            .accepted(),
        scenario("list-second-shard", "The same slot is revoked in a shard between them.", &three)
            .claims(serial(3, 5))
            .refused("list", "revoked"),
        scenario("list-between-shards", "A shard between two that the list has.", &three)
            .claims(serial(4, 5))
            .refused("list", "not_covered"),
    ]
}

fn times() -> Vec<Vector> {
    let world = World::new();
    let mut last_day = World::new();
    last_day.this_update = Time::from_millis(last_day.keyring_draft().not_after.millis() - 1_000);
    let back = |name: &str, about: &str, millis| {
        let before = world.this_update.millis() - millis;
        scenario(name, about, &world).with(|vector| vector.now_ms = before)
    };
    vec![
        scenario("list-past-next-update", "The next update was due and has not come.", &world)
            .at(world.valid_millis)
            .refused("list", "list_past_next_update"),
        bare("list-missing", "No list was ever adopted.", &world).refused("list", "list_missing"),
        bare("list-missing-after-proof", "The proof comes first.", &world)
            .token(World::with_seed(2).token(HMAC_LIVE, 42))
            .refused("proof", "bad_signature"),
        back("list-clock-set-back", "A clock that was set back behind the list.", 10_001)
            .refused("list", "list_from_the_future"),
        back("list-clock-behind", "A clock may be ten seconds behind the issuer's.", 10_000)
            .accepted(),
        scenario("list-keyring-expired", "The keyring's not after has come.", &last_day)
            .at(1_000)
            .refused("list", "keyring_expired"),
        scenario("list-keyring-last-instant", "The millisecond before that.", &last_day)
            .at(999)
            .accepted(),
    ]
}

/// The signer of live secret keys is valid from ten to twenty seconds after the start.
fn ten_seconds(keyring: &mut KeyringDraft) {
    let validity = &mut keyring.entries[0].validity;
    validity.not_before = Time::from_secs(START + 10);
    validity.not_after = Time::from_secs(START + 20);
}

fn signers() -> Vec<Vector> {
    let world = World { amend: ten_seconds, ..World::new() };
    let case = |name: &str, about: &str, millis| scenario(name, about, &world).at(millis);
    let of_list = World {
        amend: |keyring| keyring.entries[4].validity.not_after = Time::from_secs(START + 20),
        ..World::new()
    };
    let revoked = World {
        amend: |keyring| keyring.entries[0].state = portcullis_core::keyring::State::Retired,
        ..example()
    };
    vec![
        case("list-signer-too-early", "The millisecond before its signer counts.", 9_999)
            .refused("list", "signer_not_allowed"),
        case("list-signer-first-instant", "A signer's not before is included.", 10_000).accepted(),
        case("list-signer-last-instant", "A signer's last millisecond.", 19_999).accepted(),
        case("list-signer-too-late", "A signer's not after is excluded.", 20_000)
            .refused("list", "signer_not_allowed"),
        scenario("list-signer-before-revoked", "A revoked key of a retired signer.", &revoked)
            .slot(1)
            .refused("list", "signer_not_allowed"),
        scenario("list-of-signer-that-ran-out", "The signer of the list counts no more.", &of_list)
            .at(20_000)
            .refused("list", "list_unknown_kid"),
        scenario(
            "list-admin-key-first",
            "An admin key is no token whatever the list says.",
            &world,
        )
        .claims(world.claims(ADMIN, 1))
        .refused("proof", "signer_not_allowed"),
    ]
}
