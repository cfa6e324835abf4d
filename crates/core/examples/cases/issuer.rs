//! Random issuers, each with the lists that it publishes, in order.

use portcullis_core::crypto::Digest;
use portcullis_core::issue::{KeyringDraft, ShardContents, SigningKey};
use portcullis_core::keyring::State;
use portcullis_core::list::{BulkEntry, BulkScope, BulkState, IssuedAt, TimedSlot};
use portcullis_core::time::Time;
use portcullis_core::token::{Environment, Label, Serial};
use proptest::prelude::RngExt as _;
use proptest::test_runner::TestRng;

use crate::support::{Published, START, World};
use crate::{chance, pick};

/// Everything that an issuer published, oldest first.
pub(crate) struct History {
    pub(crate) editions: Vec<Edition>,
    /// Instants in milliseconds at which a validity begins or ends.
    pub(crate) edges: Vec<u64>,
}

/// One list and its inputs.
pub(crate) struct Edition {
    pub(crate) world: World,
    pub(crate) labels: Vec<Label>,
    pub(crate) published: Published,
    /// The root that signed the keyring.
    pub(crate) root: SigningKey,
}

impl Edition {
    pub(crate) fn with_keyring(&self, keyring: Vec<u8>) -> Published {
        let Published { stamp, head, bodies, .. } = &self.published;
        Published { keyring, stamp: stamp.clone(), head: head.clone(), bodies: bodies.clone() }
    }
}

/// The root after the first.
fn heir() -> SigningKey {
    SigningKey::from_seed(&[0xAA; 32])
}

impl History {
    pub(crate) fn root(&self) -> SigningKey {
        self.editions[0].world.root()
    }

    pub(crate) fn new(rng: &mut TestRng) -> Self {
        // The first list.
        let mut world = World::with_seed(1);
        world.number = *pick(rng, &[1, 1, 1000, u64::MAX - 3]);
        world.valid_millis = 300_000;
        if chance(rng, 20) {
            world.valid_millis = *pick(rng, &[1, 60_000, 86_400_000, 86_400_001]);
        }
        world.shards = shards(rng);
        world.bulk = (0..*pick(rng, &[0, 0, 1, 3])).map(|_| bulk(rng)).collect();
        let mut draft = world.keyring_draft();
        unsettle(rng, &mut draft);
        let succeeds = chance(rng, 15);
        draft.successor = succeeds.then(|| heir().public().unwrap());
        let mut editions = Vec::new();
        // Each edition follows the one before. The successor, if any, signs from the third one on.
        for step in 0..4 {
            if step > 0 {
                advance(rng, &mut world, &mut draft);
            }
            let root = if succeeds && step > 1 { heir() } else { world.root() };
            let keyring = draft.sign(&root).unwrap();
            let published = Published { keyring, ..world.publish() };
            let labels = draft.labels.clone();
            world.previous = Digest::of(&published.head);
            editions.push(Edition { world: world.clone(), labels, published, root });
        }
        // Collect the instants at which a verdict may change.
        let mut edges = vec![draft.not_after.millis()];
        for Edition { world, .. } in &editions {
            let this_update = world.this_update.millis();
            edges.extend([this_update, this_update - 10_000, this_update + world.valid_millis]);
        }
        for entry in &draft.entries {
            let ends = [entry.validity.not_before.millis(), entry.validity.not_after.millis()];
            edges.extend(ends.into_iter().filter(|end| (1..1 << 50).contains(end)));
        }
        Self { editions, edges }
    }
}

/// Applies changes that are rare in a keyring.
fn unsettle(rng: &mut TestRng, draft: &mut KeyringDraft) {
    let label = |text| Label::new(text).unwrap();
    if chance(rng, 30) {
        draft.labels.extend([label("acme"), label("a1b2c3d4e5f6g7h8")]);
    }
    if chance(rng, 10) {
        draft.not_after = Time::from_secs(START + 100);
    }
    if chance(rng, 8) {
        draft.max_validity_secs = *pick(rng, &[0, 299, 300, u32::MAX]);
    }
    for entry in &mut draft.entries {
        if chance(rng, 4) {
            entry.state = *pick(rng, &State::ALL);
        }
        if chance(rng, 4) {
            entry.validity.not_before = Time::from_secs(START + 10);
        }
        if chance(rng, 4) {
            entry.validity.not_after = Time::from_secs(START + 30);
        }
    }
}

fn advance(rng: &mut TestRng, world: &mut World, draft: &mut KeyringDraft) {
    if !chance(rng, 10) {
        world.number += u64::from(world.number < u64::MAX);
    }
    world.this_update = world.this_update.plus_millis(rng.random_range(0..20_000));
    if chance(rng, 70) {
        let at = rng.random_range(0..world.shards.len());
        let capacity = world.shards[at].1.capacity;
        world.shards[at].1 = facts(rng, capacity);
    }
    if chance(rng, 20) {
        world.bulk.push(bulk(rng));
    }
    if chance(rng, 40) {
        draft.version += 1;
        unsettle_again(rng, world, draft);
    } else if chance(rng, 5) {
        // A different keyring of the same version, or one that the stamp does not mention.
        unsettle_again(rng, world, draft);
    }
    world.keyring_version = draft.version + u32::from(chance(rng, 5));
}

fn unsettle_again(rng: &mut TestRng, world: &mut World, draft: &mut KeyringDraft) {
    if chance(rng, 25) {
        draft.epoch = draft.epoch.wrapping_add_signed(*pick(rng, &[1, 1, 1, -1]));
        world.number = *pick(rng, &[1, world.number]);
    }
    if chance(rng, 20) {
        draft.max_validity_secs = *pick(rng, &[1, 300, 300, 86_400, 86_400]);
    }
    if chance(rng, 20) {
        let at = rng.random_range(0..draft.entries.len());
        draft.entries[at].state = *pick(rng, &State::ALL);
    }
    world.epoch = if chance(rng, 95) { draft.epoch } else { 7 };
}

fn shards(rng: &mut TestRng) -> Vec<(u32, ShardContents)> {
    let mut numbers = vec![0, rng.random_range(1..1 << 28), (1 << 28) - 1];
    numbers.truncate(*pick(rng, &[1, 1, 2, 3]));
    let shard = |number| {
        let capacity = match rng.random_range(0..10) {
            0 => rng.random_range(1..10),
            1 => rng.random_range(1..30_000),
            _ => rng.random_range(1..1_500),
        };
        (number, facts(rng, capacity))
    };
    numbers.into_iter().map(shard).collect()
}

fn facts(rng: &mut TestRng, capacity: u32) -> ShardContents {
    const PER_MILLE: [u32; 15] = [0, 0, 0, 1, 1, 10, 100, 245, 255, 300, 500, 745, 755, 950, 1000];
    let mut facts = ShardContents { capacity, ..ShardContents::default() };
    let [revoked, suspended, timed] = [(); 3].map(|()| *pick(rng, &PER_MILLE));
    let timed = if chance(rng, 70) { 0 } else { timed.min(100) };
    for slot in 0..capacity {
        if rng.random_range(0..1000) < revoked {
            facts.revoked.push(slot);
            continue;
        }
        if rng.random_range(0..1000) < suspended {
            facts.suspended.push(slot);
        }
        if rng.random_range(0..1000) < timed {
            let from = START.wrapping_add_signed(rng.random_range(-30..60));
            facts.timed.push(TimedSlot { slot, from: *pick(rng, &[from, from, 0, u32::MAX]) });
        }
    }
    facts
}

fn bulk(rng: &mut TestRng) -> BulkEntry {
    let slot = rng.random_range(1..2_000);
    let scope = match rng.random_range(0..4) {
        0 => BulkScope::Owner(*pick(rng, &[0, 7, 8, u32::MAX])),
        1 => BulkScope::Kid(*pick(rng, &[1, 2, 3, u16::MAX])),
        2 => BulkScope::Environment(*pick(rng, &Environment::ALL)),
        _ => BulkScope::Serials {
            first: Serial::at(0, slot).unwrap(),
            last: *pick(
                rng,
                &[Serial::at(0, slot + 100).unwrap(), Serial::at((1 << 28) - 1, 5).unwrap()],
            ),
        },
    };
    let issued = *pick(
        rng,
        &[
            IssuedAt::ANY,
            IssuedAt { from: START, before: START + 1 },
            IssuedAt { from: 0, before: START },
            IssuedAt { from: START - 5, before: START + 5 },
        ],
    );
    BulkEntry { scope, state: *pick(rng, &[BulkState::Suspended, BulkState::Revoked]), issued }
}
