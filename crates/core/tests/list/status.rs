//! Which status a list gives a key, and when it gives none.

use std::num::NonZeroU32;

use crate::refusal;
use crate::support::{ANY, HMAC_LIVE, HMAC_TEST, START, World, first_shard};
use portcullis_core::list::{BulkEntry, BulkScope, BulkState, IssuedAt, ListError, TimedSlot};
use portcullis_core::time::Time;
use portcullis_core::token::{Claims, Environment, Lifetime, Serial};
use portcullis_core::verifier::Verifier;
use portcullis_core::verify::Refusal;

#[test]
fn revoked_suspended_and_timed_each_strike_in_their_way() {
    let mut world = World::new();
    let facts = first_shard(&mut world);
    facts.revoked = vec![1];
    facts.suspended = vec![2];
    facts.timed = vec![TimedSlot { slot: 3, from: START + 10 }];
    let verifier = world.verifier();
    let at = |slot, millis| {
        let now = world.this_update.plus_millis(millis);
        verifier.verify(&world.token(HMAC_LIVE, slot), &ANY, now).err().map(Refusal::code)
    };
    assert_eq!(at(0, 0), None);
    assert_eq!(at(1, 0), Some("revoked"));
    assert_eq!(at(2, 0), Some("suspended"));
    assert_eq!(at(3, 9_999), None);
    assert_eq!(at(3, 10_000), Some("revoked"));
}

#[test]
fn what_the_list_does_not_cover_is_its_own_outcome() {
    let mut world = World::new();
    first_shard(&mut world).capacity = 100;
    let now = world.this_update;
    assert_eq!(refusal(&world, &world.token(HMAC_LIVE, 99), now), None);
    assert_eq!(refusal(&world, &world.token(HMAC_LIVE, 100), now), Some("not_covered"));
    let claims = Claims { serial: Serial::at(1, 0).unwrap(), ..world.claims(HMAC_LIVE, 0) };
    assert_eq!(refusal(&world, &world.mint(&claims), now), Some("not_covered"));
}

#[test]
fn bulk_entries_strike_many_keys_at_once() {
    let cases = [
        (BulkScope::Owner(7), IssuedAt::ANY, [true, true, false]),
        (BulkScope::Kid(HMAC_LIVE), IssuedAt::ANY, [true, false, true]),
        (BulkScope::Environment(Environment::Test), IssuedAt::ANY, [false, true, false]),
        (
            BulkScope::Serials {
                first: Serial::at(0, 0).unwrap(),
                last: Serial::at(0, 1).unwrap(),
            },
            IssuedAt::ANY,
            [true, true, false],
        ),
        // `before` excludes its own second.
        (BulkScope::Owner(7), IssuedAt { from: 0, before: START }, [false, false, false]),
        (BulkScope::Owner(7), IssuedAt { from: START, before: START + 1 }, [true, true, false]),
    ];
    for (scope, issued, struck) in cases {
        for (state, code) in [(BulkState::Revoked, "revoked"), (BulkState::Suspended, "suspended")]
        {
            let mut world = World::new();
            world.bulk = vec![BulkEntry { scope, state, issued }];
            let keys = [
                world.claims(HMAC_LIVE, 0),
                world.claims(HMAC_TEST, 1),
                Claims { owner: NonZeroU32::new(8), ..world.claims(HMAC_LIVE, 2) },
            ];
            for (claims, struck) in keys.iter().zip(struck) {
                let verdict = refusal(&world, &world.mint(claims), world.this_update);
                assert_eq!(verdict, struck.then_some(code), "{scope:?}");
            }
        }
    }
}

#[test]
fn no_list_and_a_list_past_its_next_update_refuse_everything() {
    let world = World::new();
    let token = world.token(HMAC_LIVE, 1);
    let verify = |verifier: &Verifier, millis| {
        let now = world.this_update.plus_millis(millis);
        verifier.verify(&token, &ANY, now).map(|_| ()).map_err(Refusal::code)
    };
    assert_eq!(verify(&world.empty_replica(), 0), Err("list_missing"));
    let verifier = world.verifier();
    assert_eq!(verify(&verifier, world.valid_millis - 1), Ok(()));
    assert_eq!(verify(&verifier, world.valid_millis), Err("list_past_next_update"));
    // A clock that was set back far behind the list can't be used to check it.
    let before = Time::from_millis(world.this_update.millis() - 10_001);
    let verdict = verifier.verify(&token, &ANY, before).unwrap_err();
    assert_eq!(verdict, Refusal::List(ListError::FromTheFuture));
    assert!(Refusal::List(ListError::Missing).is_unavailable());
    assert!(!Refusal::Revoked.is_unavailable());
}

#[test]
fn a_key_that_is_revoked_and_expired_stays_refused() {
    let mut world = World::new();
    first_shard(&mut world).revoked = vec![1];
    let lifetime = Lifetime { issued_at: START, expires_at: Some(START + 1) };
    let token = world.mint(&Claims { lifetime, ..world.claims(HMAC_LIVE, 1) });
    assert_eq!(refusal(&world, &token, world.this_update), Some("revoked"));
    let later = world.this_update.plus_millis(5_000);
    assert_eq!(refusal(&world, &token, later), Some("revoked"));
}
