//! Tests the list against a naive model: sets of facts, an issuer that publishes them, and a
//! network that loses, repeats and delays lists at random. The replica must never give any other
//! status than the newest list that it adopted, whatever it holds of the assignments that others
//! named.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;

use portcullis_core::assignment::{Assignment, Change, Changes};
use portcullis_core::crypto::Digest;
use portcullis_core::issue::{
    AssignmentTree, KeyringDraft, SaltKey, ShardContents, StampDraft, encode_body, name_file,
};
use portcullis_core::list::{
    Body, BulkEntry, BulkScope, BulkState, IssuedAt, ListVersion, SlotSet, TimedSlot,
};
use portcullis_core::policy::Policies;
use portcullis_core::signature_cache::SignatureCache;
use portcullis_core::time::Time;
use portcullis_core::token::{Claims, Environment, Lifetime, Serial};
use portcullis_core::verifier::Verifier;
use portcullis_core::verify::Refusal;
use proptest::prelude::*;
use proptest::sample::Index;
use support::{ANY, HMAC_LIVE, HMAC_TEST, Published, START, World};

const SHARDS: u32 = 3;
/// The number of slots that are checked; no shard in these tests covers all of them.
const SLOTS: u32 = 40;

/// A shard and a slot.
type Place = (u32, u32);

/// The true state of the issuer's keys, stored without any coding.
#[derive(Clone, Debug, Default)]
struct Facts {
    capacities: BTreeMap<u32, u32>,
    revoked: BTreeSet<Place>,
    suspended: BTreeSet<Place>,
    timed: BTreeMap<Place, u32>,
    assigned: BTreeMap<Place, Assignment>,
    bulk: Vec<BulkEntry>,
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Revoke(Place),
    RevokeAt(Place, u32),
    Suspend(Place),
    Lift(Place),
    Cover(u32, u32),
    Assign(Place, Assignment),
    Withdraw(Place),
    Bulk(BulkEntry),
    RenewKeyring,
    RaiseEpoch,
    Publish,
    Restamp,
    Wait(u64),
    /// One of the bundles published so far arrives complete.
    Deliver(Index),
    /// The newest bundle arrives.
    DeliverNewest,
    /// A bundle arrives without its keyring, file by file.
    DeliverFiles(Index),
}

impl Facts {
    fn covers(&self, (shard, slot): Place) -> bool {
        self.capacities.get(&shard).is_some_and(|capacity| slot < *capacity)
    }

    fn apply(&mut self, act: Act) {
        match act {
            Act::Revoke(place) if self.covers(place) => {
                self.suspended.remove(&place);
                self.timed.remove(&place);
                self.revoked.insert(place);
            }
            Act::RevokeAt(place, from) if self.covers(place) && !self.revoked.contains(&place) => {
                let earliest = self.timed.entry(place).or_insert(from);
                *earliest = from.min(*earliest);
            }
            Act::Suspend(place) if self.covers(place) && !self.revoked.contains(&place) => {
                self.suspended.insert(place);
            }
            Act::Lift(place) => drop(self.suspended.remove(&place)),
            Act::Cover(shard, capacity) => {
                let covered = self.capacities.entry(shard).or_insert(capacity);
                *covered = capacity.max(*covered);
            }
            Act::Assign(place, assignment) if self.covers(place) => {
                self.assigned.insert(place, assignment);
            }
            Act::Withdraw(place) => drop(self.assigned.remove(&place)),
            Act::Bulk(entry) => self.bulk.push(entry),
            Act::Revoke(_)
            | Act::RevokeAt(..)
            | Act::Suspend(_)
            | Act::Assign(..)
            | Act::RenewKeyring
            | Act::RaiseEpoch
            | Act::Publish
            | Act::Restamp
            | Act::Wait(_)
            | Act::Deliver(_)
            | Act::DeliverNewest
            | Act::DeliverFiles(_) => {}
        }
    }

    /// The status that a key must have, checked in the order of the spec.
    fn says(&self, claims: &Claims, now: Time) -> Option<&'static str> {
        let place = (claims.serial.shard(), claims.serial.slot());
        let bulk = |state| self.bulk.iter().any(|e| e.state == state && speaks_of(e, claims));
        let struck = |from: &u32| u64::from(*from) * 1000 <= now.millis();
        let timed = self.timed.get(&place).is_some_and(struck);
        if self.revoked.contains(&place) || timed || bulk(BulkState::Revoked) {
            Some("revoked")
        } else if !self.covers(place) {
            Some("not_covered")
        } else if self.suspended.contains(&place) || bulk(BulkState::Suspended) {
            Some("suspended")
        } else {
            None
        }
    }

    /// The input of the writer, all at once.
    fn shards(&self) -> Vec<(u32, ShardContents)> {
        let slots = |places: &BTreeSet<Place>, shard| {
            places.iter().filter(|(s, _)| *s == shard).map(|(_, slot)| *slot).collect()
        };
        let shard = |(&shard, &capacity): (&u32, &u32)| {
            let timed = self.timed.iter().filter(|((s, _), _)| *s == shard);
            let timed = timed.map(|((_, slot), from)| TimedSlot { slot: *slot, from: *from });
            let (revoked, suspended) = (slots(&self.revoked, shard), slots(&self.suspended, shard));
            let assigned = self.assigned.iter().filter(|((s, _), _)| *s == shard);
            (
                shard,
                ShardContents {
                    capacity,
                    revoked,
                    suspended,
                    assigned: assigned.map(|((_, slot), _)| *slot).collect(),
                    timed: timed.collect(),
                },
            )
        };
        self.capacities.iter().map(shard).collect()
    }
}

fn speaks_of(entry: &BulkEntry, claims: &Claims) -> bool {
    let IssuedAt { from, before } = entry.issued;
    let issued_at = claims.lifetime.issued_at;
    let of_subject = match entry.scope {
        BulkScope::Owner(owner) => owner == claims.owner.map_or(0, NonZeroU32::get),
        BulkScope::Kid(kid) => kid == claims.kid,
        BulkScope::Environment(environment) => environment == claims.environment,
        BulkScope::Serials { first, last } => first <= claims.serial && claims.serial <= last,
    };
    of_subject && from <= issued_at && (before == u32::MAX || issued_at < before)
}

/// Bodies made incrementally, each from the one before, and read back as a verifier reads them.
#[derive(Default)]
struct Steps(BTreeMap<u32, Vec<u8>>);

impl Steps {
    fn apply(&mut self, act: Act) {
        let shard = match act {
            Act::Revoke((shard, _)) | Act::RevokeAt((shard, _), _) => shard,
            Act::Suspend((shard, _)) | Act::Lift((shard, _)) | Act::Cover(shard, _) => shard,
            Act::Assign((shard, _), _) | Act::Withdraw((shard, _)) => shard,
            Act::Bulk(_)
            | Act::RenewKeyring
            | Act::RaiseEpoch
            | Act::Publish
            | Act::Restamp
            | Act::Wait(_)
            | Act::Deliver(_)
            | Act::DeliverNewest
            | Act::DeliverFiles(_) => return,
        };
        let mut facts = Facts::default();
        if let Some(file) = self.0.get(&shard) {
            let body = Body::decode(file).unwrap();
            let places = |slots: Vec<u32>| slots.into_iter().map(|slot| (shard, slot)).collect();
            facts.capacities.insert(shard, body.capacity());
            facts.revoked = places(body.revoked().slots());
            facts.suspended = places(body.suspended().slots());
            facts.timed = body.timed().iter().map(|t| ((shard, t.slot), t.from)).collect();
            // What is assigned isn't in a body: only that something is.
            let assigned = body.assigned().map(SlotSet::slots).unwrap_or_default();
            facts.assigned = assigned.into_iter().map(|slot| ((shard, slot), end(0))).collect();
        }
        facts.apply(act);
        if let Some((_, facts)) = facts.shards().first() {
            self.0.insert(shard, encode_body(facts).unwrap());
        }
    }
}

/// A published list, and the facts at that time.
struct Edition {
    published: Published,
    world: World,
    facts: Facts,
}

/// Issuer, network and replica.
struct Stage {
    world: World,
    facts: Facts,
    steps: Steps,
    editions: Vec<Edition>,
    verifier: Verifier,
    /// All files of assignments that were ever published.
    files: Policies,
    /// How far the replica's clock is ahead of the issuer's, in milliseconds.
    ahead: i64,
    keys: Vec<(Claims, String)>,
    newest: (u32, u64),
}

impl Stage {
    fn new(ahead: i64) -> Self {
        let amend = |keyring: &mut KeyringDraft| keyring.entries[4].changes = Changes::ALL;
        let world =
            World { number: 0, valid_millis: 60_000, shards: vec![], amend, ..World::new() };
        let keys = (0..SHARDS).flat_map(|shard| (0..SLOTS).map(move |slot| (shard, slot)));
        let key = |(shard, slot)| {
            let kid = if slot % 4 == 1 { HMAC_TEST } else { HMAC_LIVE };
            let lifetime = Lifetime { issued_at: START + slot % 5, expires_at: None };
            let serial = Serial::at(shard, slot).unwrap();
            let claims = Claims {
                serial,
                owner: NonZeroU32::new(slot % 3),
                lifetime,
                ..world.claims(kid, 0)
            };
            (claims, world.mint(&claims))
        };
        Self {
            keys: keys.map(key).collect(),
            verifier: world.empty_replica(),
            files: Policies::new(1 << 22),
            world,
            ahead,
            facts: Facts::default(),
            steps: Steps::default(),
            editions: Vec::new(),
            newest: (0, 0),
        }
    }

    fn now(&self) -> Time {
        Time::from_millis(self.world.this_update.millis().saturating_add_signed(self.ahead))
    }

    fn perform(&mut self, act: Act) {
        self.facts.apply(act);
        self.steps.apply(act);
        match act {
            Act::RenewKeyring => self.world.keyring_version += 1,
            Act::RaiseEpoch => {
                self.world.keyring_version += 1;
                self.world.epoch += 1;
                self.world.number = 0;
            }
            Act::Publish => self.publish(),
            Act::Restamp => self.restamp(),
            Act::Wait(millis) => {
                self.world.this_update = self.world.this_update.plus_millis(millis);
            }
            Act::DeliverNewest => self.deliver(self.editions.len().checked_sub(1)),
            Act::Deliver(index) => self.deliver(self.chosen(index)),
            Act::DeliverFiles(index) => self.deliver_files(self.chosen(index)),
            Act::Revoke(_)
            | Act::RevokeAt(..)
            | Act::Suspend(_)
            | Act::Lift(_)
            | Act::Cover(..)
            | Act::Assign(..)
            | Act::Withdraw(_)
            | Act::Bulk(_) => {}
        }
    }

    fn chosen(&self, index: Index) -> Option<usize> {
        (!self.editions.is_empty()).then(|| index.index(self.editions.len()))
    }

    fn publish(&mut self) {
        self.world.number += 1;
        self.world.shards = self.facts.shards();
        self.world.bulk.clone_from(&self.facts.bulk);
        let mut tree = AssignmentTree::private(SaltKey::new(&[7; 32]));
        for ((shard, slot), assignment) in &self.facts.assigned {
            tree.set(Serial::at(*shard, *slot).unwrap(), assignment).unwrap();
        }
        let written = tree.write().unwrap();
        self.world.private_assignments = written.directory;
        for (name, file) in &written.files {
            self.files.offer(*name, file).unwrap();
        }
        let published = self.world.publish();
        let mut stepwise: Vec<Vec<u8>> = Vec::new();
        for body in self.steps.0.values() {
            if !stepwise.contains(body) {
                stepwise.push(body.clone());
            }
        }
        assert_eq!(stepwise, published.bodies, "built step by step and at once");
        // The order in which the entries were made must not change the output.
        self.world.bulk.reverse();
        assert_eq!(self.world.publish().head, published.head);
        self.world.previous = Digest::of(&published.head);
        let (world, facts) = (self.world.clone(), self.facts.clone());
        self.editions.push(Edition { published, world, facts });
    }

    /// Publishes a new stamp for the last published list.
    fn restamp(&mut self) {
        let Some(Edition { published, world, facts }) = self.editions.last() else { return };
        if (world.epoch, world.number) != (self.world.epoch, self.world.number) {
            return;
        }
        let world = World { this_update: self.world.this_update, ..world.clone() };
        let stamp = world.list_signer().sign_stamp(&StampDraft {
            list_version: world.list_version(),
            head: name_file(&published.head),
            keyring_version: world.keyring_version,
        });
        let Published { keyring, head, bodies, .. } = published;
        let (keyring, head, bodies) = (keyring.clone(), head.clone(), bodies.clone());
        let published = Published { keyring, stamp, head, bodies };
        self.editions.push(Edition { published, world, facts: facts.clone() });
    }

    fn deliver(&mut self, which: Option<usize>) {
        let Some(Edition { published, world, .. }) = which.map(|at| &self.editions[at]) else {
            return;
        };
        let now = self.now();
        let adopted = self.verifier.adopt_bundle(&published.bundle(), now);
        let offered = world.list_version();
        let held = self.verifier.list().map(portcullis_core::list::RevocationList::list_version);
        // The replica adopts a list if and only if it is in time and not a step back.
        let current = world.epoch == self.verifier.keyring().epoch();
        let in_time = now < offered.next_update && offered.this_update <= now.plus_millis(10_000);
        let back = held.is_some_and(|held| held.number > offered.number);
        assert_eq!(adopted.is_ok(), current && in_time && !back, "{adopted:?}");
        if adopted.is_ok() {
            let held = held.unwrap();
            assert_eq!((held.epoch, held.number), (offered.epoch, offered.number));
            assert!(held.this_update >= offered.this_update);
        }
    }

    fn deliver_files(&mut self, which: Option<usize>) {
        let Some(Edition { published, .. }) = which.map(|at| &self.editions[at]) else { return };
        let now = self.now();
        let Ok(Some(mut update)) = self.verifier.offer_stamp(&published.stamp, now) else { return };
        let keyring = self.verifier.keyring().clone();
        update.offer_head(&published.head, &keyring, now).unwrap();
        for name in update.wants_bodies() {
            let body = published.bodies.iter().find(|body| name_file(body) == name).unwrap();
            update.offer_body(body).unwrap();
        }
        self.verifier.commit(update).unwrap();
    }

    /// For every key, the replica gives the status of the newest list that it adopted, or none at
    /// all.
    fn check(&mut self) {
        let now = self.now();
        let list_version =
            self.verifier.list().map(portcullis_core::list::RevocationList::list_version);
        let held = list_version.map(|ListVersion { epoch, number, .. }| (epoch, number));
        assert!(held.is_none_or(|held| held >= self.newest), "{held:?} after {:?}", self.newest);
        self.newest = held.unwrap_or(self.newest);
        let taken = self.editions.iter().find(|e| Some((e.world.epoch, e.world.number)) == held);
        assert_eq!(taken.is_some(), held.is_some(), "a list that nobody published");
        for (claims, token) in &self.keys {
            let expected = match (list_version, taken) {
                (Some(list_version), _) if now >= list_version.next_update => {
                    Some("list_past_next_update")
                }
                (Some(list_version), _) if now.plus_millis(10_000) < list_version.this_update => {
                    Some("list_from_the_future")
                }
                (Some(_), Some(edition)) => edition.facts.says(claims, now),
                _ => Some("list_missing"),
            };
            let place = (claims.serial.shard(), claims.serial.slot());
            let assignment = taken.and_then(|edition| edition.facts.assigned.get(&place));
            let effective = assignment.map_or(*claims, |assignment| assignment.apply(claims));
            let is_over = effective.lifetime.is_over(now);
            let with = |files: &Policies| {
                let mut signatures = SignatureCache::new(0);
                let verdict = self.verifier.verify_with(&mut signatures, files, token, &ANY, now);
                verdict.map(|accepted| *accepted.claims()).map_err(Refusal::code)
            };
            // With the files the newest list's assignments hold, and no other's.
            let expected = expected.map_or(Ok(()), Err);
            let held = expected.and(if is_over { Err("expired") } else { Ok(effective) });
            assert_eq!(with(&self.files), held, "{claims:?} at {now:?}");
            // Without them a key with an assignment is refused, and no other.
            let none = match assignment {
                Some(_) => expected.and(Err("assignment_unavailable")),
                None => expected.and(Ok(*claims)),
            };
            assert_eq!(with(&Policies::new(0)), none, "{claims:?} at {now:?}");
        }
    }
}

fn place() -> impl Strategy<Value = Place> {
    (0..SHARDS, 0..SLOTS)
}

fn second() -> impl Strategy<Value = u32> {
    START..START + 300
}

fn bulk() -> impl Strategy<Value = BulkEntry> {
    let serial = || place().prop_map(|(shard, slot)| Serial::at(shard, slot).unwrap());
    let scope = prop_oneof![
        (0..4_u32).prop_map(BulkScope::Owner),
        Just(BulkScope::Kid(HMAC_LIVE)),
        Just(BulkScope::Environment(Environment::Test)),
        (serial(), serial())
            .prop_map(|(a, b)| BulkScope::Serials { first: a.min(b), last: a.max(b) }),
    ];
    let state = prop_oneof![Just(BulkState::Suspended), Just(BulkState::Revoked)];
    let issued = (START..START + 4, 1..4_u32, any::<bool>()).prop_map(|(from, len, open)| {
        IssuedAt { from, before: if open { u32::MAX } else { from + len } }
    });
    (scope, state, issued).prop_map(|(scope, state, issued)| BulkEntry { scope, state, issued })
}

fn end(second: u32) -> Assignment {
    let expires_at = Change::To(Some(second).filter(|second| *second != 0));
    Assignment { expires_at, ..Assignment::default() }
}

fn assignment() -> impl Strategy<Value = Assignment> {
    let number = || (0..4_u32).prop_map(|number| Change::To(NonZeroU32::new(number)));
    prop_oneof![
        second().prop_map(end),
        Just(end(0)),
        number().prop_map(|owner| Assignment { owner, ..Assignment::default() }),
        (number(), number()).prop_map(|(policy, owner)| Assignment { policy, owner, ..end(0) }),
    ]
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => place().prop_map(Act::Revoke),
        3 => (place(), second()).prop_map(|(place, from)| Act::RevokeAt(place, from)),
        4 => place().prop_map(Act::Suspend),
        2 => place().prop_map(Act::Lift),
        3 => (0..SHARDS, 1..SLOTS).prop_map(|(shard, capacity)| Act::Cover(shard, capacity)),
        4 => (place(), assignment()).prop_map(|(place, to)| Act::Assign(place, to)),
        1 => place().prop_map(Act::Withdraw),
        1 => bulk().prop_map(Act::Bulk),
        1 => Just(Act::RenewKeyring),
        1 => Just(Act::RaiseEpoch),
        6 => Just(Act::Publish),
        2 => Just(Act::Restamp),
        4 => (0..30_000_u64).prop_map(Act::Wait),
        6 => any::<Index>().prop_map(Act::Deliver),
        4 => Just(Act::DeliverNewest),
        3 => any::<Index>().prop_map(Act::DeliverFiles),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn a_replica_says_what_the_newest_list_that_it_took_says(
        ahead in prop_oneof![Just(0), -12_000..12_000_i64],
        acts in prop::collection::vec(act(), 1..80),
    ) {
        let mut stage = Stage::new(ahead);
        for shard in 0..2 {
            stage.perform(Act::Cover(shard, SLOTS - 1));
        }
        for act in acts {
            stage.perform(act);
            stage.check();
        }
    }
}
