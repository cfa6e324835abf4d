//! The order of the steps: what is decided before an assignment is looked for, and what after.

use core::num::NonZeroU32;

use portcullis_core::list::{BulkEntry, BulkScope, BulkState, FileName, IssuedAt};
use portcullis_core::token::{Claims, Kind};

use super::{
    EXPIRES_AT, OWNER, POLICY, assigning, elsewhere, owner, policy, record, saying, saying_in,
};
use crate::scenarios::shape::Vector;
use crate::scenarios::{Scenario, scenario};
use crate::support::{ADMIN, ED25519, HMAC_LIVE, World, first_shard};

pub(super) fn all() -> Vec<Vector> {
    [before(), after(), owners(), admins()].into_iter().flatten().collect()
}

/// Slot 42 is assigned, and its files are not held.
fn unheld(name: &str, about: &str, change: impl FnOnce(&mut World)) -> Scenario {
    let mut world = assigning(&[42], [FileName::NONE, elsewhere()]);
    change(&mut world);
    scenario(name, about, &world)
}

fn bulk(scope: BulkScope, state: BulkState) -> Vec<BulkEntry> {
    vec![BulkEntry { scope, state, issued: IssuedAt::ANY }]
}

fn before() -> Vec<Vector> {
    let revoked = |world: &mut World| first_shard(world).revoked = vec![42];
    let suspended = |world: &mut World| first_shard(world).suspended = vec![42];
    vec![
        unheld("order-unavailable", "The files are not held.", |_| ())
            .refused("list", "assignment_unavailable"),
        unheld("order-revoked", "A revoked key, whatever is assigned.", revoked)
            .refused("list", "revoked"),
        unheld("order-suspended", "A suspended key, whatever is assigned.", suspended)
            .refused("list", "suspended"),
        unheld("order-bulk-revoked", "A key of a signer that is revoked.", |world| {
            world.bulk = bulk(BulkScope::Kid(HMAC_LIVE), BulkState::Revoked);
        })
        .refused("list", "revoked"),
        unheld("order-not-covered", "A slot that the list doesn't cover.", |world| {
            first_shard(world).capacity = 43;
        })
        .slot(43)
        .refused("list", "not_covered"),
        unheld("order-ended", "Its end is not known before the assignment is.", |_| ())
            .claims(ended())
            .at(100_000)
            .refused("list", "assignment_unavailable"),
        unheld("order-past-next-update", "The list has ended.", |_| ())
            .at(300_000)
            .refused("list", "list_past_next_update"),
        unheld("order-other-slot", "A key beside it needs no file.", |_| ()).slot(43).accepted(),
    ]
}

fn ended() -> Claims {
    let own = World::new().claims(HMAC_LIVE, 42);
    let mut claims = own;
    claims.lifetime.expires_at = Some(crate::support::START + 100);
    claims
}

fn after() -> Vec<Vector> {
    let kind = |kind: Kind| Some(kind.name().to_string());
    vec![
        saying("order-expired", "What is assigned ends the key.", &record(EXPIRES_AT, [0, 0, 1]))
            .refused("list", "expired"),
        saying("order-wrong-kind", "The kind that is required.", &record(POLICY, [11, 0, 0]))
            .with(|vector| vector.kind = kind(Kind::Publishable))
            .refused("door", "wrong_kind"),
        unheld("order-unavailable-before-kind", "Of no use here, but who knows.", |_| ())
            .with(|vector| vector.kind = kind(Kind::Publishable))
            .refused("list", "assignment_unavailable"),
    ]
}

/// Bulk entries for an owner look at the token's owner, 7.
fn owners() -> Vec<Vector> {
    let given = record(OWNER, [0, 8, 0]);
    let case = |name: &str, about: &str, scope, state| {
        let entries = bulk(BulkScope::Owner(scope), state);
        saying_in(&format!("owner-bulk-{name}"), about, &given, |world| world.bulk = entries)
    };
    vec![
        case("revoked-own", "The token's owner is revoked.", 7, BulkState::Revoked)
            .refused("list", "revoked"),
        case("suspended-own", "The token's owner is suspended.", 7, BulkState::Suspended)
            .refused("list", "suspended"),
        case("revoked-assigned", "The assigned owner is revoked.", 8, BulkState::Revoked)
            .assigned(owner(8)),
        case("suspended-assigned", "The assigned owner is suspended.", 8, BulkState::Suspended)
            .assigned(owner(8)),
    ]
}

fn admins() -> Vec<Vector> {
    let admin = |name: &str, about: &str, world: &World| {
        scenario(name, about, world).claims(world.claims(ADMIN, 42))
    };
    let world = assigning(&[42], [FileName::NONE, elsewhere()]);
    let own = Claims { owner: NonZeroU32::new(7), ..world.claims(ED25519, 42) };
    vec![
        admin("admin", "An admin key is no token in the first place.", &world)
            .refused("proof", "signer_not_allowed"),
        saying(
            "publishable-of-private-tree",
            "The tree of the other kind.",
            &record(POLICY, [11, 0, 0]),
        )
        .claims(own)
        .refused("list", "assignment_missing"),
        saying("policy-of-owner", "Only the policy changes.", &record(POLICY, [11, 0, 0]))
            .assigned(policy(11)),
    ]
}
