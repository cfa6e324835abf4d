//! List entries that cover many keys at once.

use std::num::NonZeroU32;

use portcullis_core::list::{BulkEntry, BulkScope, BulkState, IssuedAt};
use portcullis_core::token::{Claims, Environment, Lifetime, Serial};

use super::scenario;
use super::shape::Vector;
use crate::support::{ED25519, HMAC_LIVE, HMAC_TEST, START, World, first_shard};

fn entry(scope: BulkScope, state: BulkState) -> BulkEntry {
    BulkEntry { scope, state, issued: IssuedAt::ANY }
}

fn world_with(bulk: Vec<BulkEntry>) -> World {
    World { bulk, ..World::new() }
}

pub(super) fn all() -> Vec<Vector> {
    [subjects(), ranges(), intervals(), coverage()].into_iter().flatten().collect()
}

fn subjects() -> Vec<Vector> {
    let before = IssuedAt { from: 0, before: START + 1 };
    let mixed = world_with(vec![
        BulkEntry { issued: before, ..entry(BulkScope::Owner(7), BulkState::Suspended) },
        entry(BulkScope::Kid(HMAC_TEST), BulkState::Revoked),
    ]);
    let environment =
        world_with(vec![entry(BulkScope::Environment(Environment::Test), BulkState::Suspended)]);
    let nobody = world_with(vec![entry(BulkScope::Owner(0), BulkState::Revoked)]);
    let both = world_with(vec![
        entry(BulkScope::Owner(7), BulkState::Revoked),
        entry(BulkScope::Owner(7), BulkState::Suspended),
    ]);
    let mut suspended = world_with(vec![entry(BulkScope::Owner(7), BulkState::Revoked)]);
    first_shard(&mut suspended).suspended = vec![42];
    let later = Lifetime { issued_at: START + 1, expires_at: None };
    vec![
        scenario(
            "list-bulk-kid",
            "All keys of one signer are revoked: stronger than the owner's suspension.",
            &mixed,
        )
        .claims(mixed.claims(HMAC_TEST, 1))
        .refused("list", "revoked"),
        scenario("list-bulk-owner", "All keys of one owner are suspended.", &mixed)
            .slot(1)
            .refused("list", "suspended"),
        scenario("list-bulk-other-owner", "Another owner's key.", &mixed)
            .claims(Claims { owner: NonZeroU32::new(8), ..mixed.claims(HMAC_LIVE, 1) })
            .accepted(),
        scenario("list-bulk-issued-before", "`Issued before` excludes its own second.", &mixed)
            .claims(Claims { lifetime: later, ..mixed.claims(HMAC_LIVE, 1) })
            .accepted(),
        scenario("list-bulk-environment", "All keys of one environment.", &environment)
            .claims(environment.claims(HMAC_TEST, 1))
            .refused("list", "suspended"),
        scenario("list-bulk-other-environment", "A key of the other one.", &environment).accepted(),
        scenario("list-bulk-no-owner", "Owner 0 stands for all keys without one.", &nobody)
            .claims(Claims { owner: None, ..nobody.claims(HMAC_LIVE, 1) })
            .refused("list", "revoked"),
        scenario("list-bulk-owner-not-0", "A key with an owner is not of owner 0.", &nobody)
            .accepted(),
        scenario("list-bulk-revoked-over-suspended", "The stronger of two entries.", &both)
            .refused("list", "revoked"),
        scenario("list-bulk-revoked-over-slot", "The entry is stronger than its slot.", &suspended)
            .refused("list", "revoked"),
    ]
}

/// From slot 5 of shard 0 to slot 3 of shard 2.
fn ranges() -> Vec<Vector> {
    let serial = |shard, slot| Serial::at(shard, slot).unwrap();
    let range = BulkScope::Serials { first: serial(0, 5), last: serial(2, 3) };
    let mut world = world_with(vec![entry(range, BulkState::Revoked)]);
    let facts = world.shards[0].1.clone();
    world.shards = (0..3).map(|shard| (shard, facts.clone())).collect();
    let case = |name: &str, about: &str, shard, slot| {
        let claims = Claims { serial: serial(shard, slot), ..world.claims(HMAC_LIVE, 0) };
        scenario(name, about, &world).claims(claims)
    };
    let one = world_with(vec![entry(
        BulkScope::Serials { first: serial(0, 42), last: serial(0, 42) },
        BulkState::Suspended,
    )]);
    vec![
        case("list-bulk-before-serials", "The serial before the range.", 0, 4).accepted(),
        case("list-bulk-first-serial", "The first serial is included.", 0, 5)
            .refused("list", "revoked"),
        case("list-bulk-within-serials", "A serial of a shard within the range.", 1, 0)
            .refused("list", "revoked"),
        case("list-bulk-last-serial", "The last serial is included.", 2, 3)
            .refused("list", "revoked"),
        case("list-bulk-behind-serials", "The serial behind the range.", 2, 4).accepted(),
        scenario("list-bulk-one-serial", "A range of one serial.", &one)
            .refused("list", "suspended"),
    ]
}

fn intervals() -> Vec<Vector> {
    let of = |from, before| {
        let revoked = entry(BulkScope::Kid(HMAC_LIVE), BulkState::Revoked);
        world_with(vec![BulkEntry { issued: IssuedAt { from, before }, ..revoked }])
    };
    let case = |name: &str, about: &str, world: &World, issued_at| {
        let lifetime = Lifetime { issued_at, expires_at: None };
        scenario(name, about, world).claims(Claims { lifetime, ..world.claims(HMAC_LIVE, 1) })
    };
    let bounded = of(START - 5, START + 5);
    let open = of(START, u32::MAX);
    vec![
        case("list-bulk-issued-too-early", "Before the interval.", &bounded, START - 6).accepted(),
        case("list-bulk-issued-first", "`Issued at or after` is included.", &bounded, START - 5)
            .refused("list", "revoked"),
        case("list-bulk-issued-last", "The last second of the interval.", &bounded, START + 4)
            .refused("list", "revoked"),
        case("list-bulk-issued-too-late", "`Issued before` is excluded.", &bounded, START + 5)
            .accepted(),
        case("list-bulk-no-bound", "2^32 - 1 is no bound: it includes itself.", &open, u32::MAX)
            .refused("list", "revoked"),
    ]
}

fn coverage() -> Vec<Vector> {
    let of = |state| {
        let mut world = world_with(vec![entry(BulkScope::Kid(ED25519), state)]);
        first_shard(&mut world).capacity = 100;
        world
    };
    let (revoked, suspended) = (of(BulkState::Revoked), of(BulkState::Suspended));
    let case = |name: &str, about: &str, world: &World, shard, slot| {
        let serial = Serial::at(shard, slot).unwrap();
        scenario(name, about, world).claims(Claims { serial, ..world.claims(ED25519, 0) })
    };
    vec![
        case("list-bulk-above-capacity", "Revoked, whether covered or not.", &revoked, 0, 100)
            .refused("list", "revoked"),
        case("list-bulk-without-shard", "Revoked, in a shard without a line.", &revoked, 1, 0)
            .refused("list", "revoked"),
        case("list-bulk-suspended-above", "Not covered before suspended.", &suspended, 0, 100)
            .refused("list", "not_covered"),
        case("list-bulk-suspended-without", "The same without a line.", &suspended, 1, 0)
            .refused("list", "not_covered"),
    ]
}
