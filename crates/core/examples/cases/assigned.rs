//! Random keys with an assignment, and the files that lead to it: good ones, older ones, others'.

use std::num::NonZeroU32;

use portcullis_core::assignment::Changes;
use portcullis_core::issue::name_file;
use portcullis_core::list::FileName;
use portcullis_core::token::{Claims, Lifetime, Serial};
use proptest::prelude::RngExt as _;
use proptest::test_runner::TestRng;

use crate::build::{EXPIRES_AT, OWNER, POLICY, PRIVATE, PUBLIC, body, directory, record};
use crate::shape::{Adopt, Offer, Secret, Vector, encode};
use crate::support::{ADMIN, ED25519, HMAC_LIVE, HMAC_TEST, Published, START, World, first_shard};
use crate::{chance, pick};

/// The slots that have a state or an assignment.
const SLOTS: u32 = 24;

pub(crate) fn case(rng: &mut TestRng, name: String) -> Vector {
    let mut world = World::new();
    let mut draft = world.keyring_draft();
    let some = rng.random_range(0..16);
    draft.entries[4].changes =
        *pick(rng, &[Changes::ALL, Changes::ALL, Changes::from_bits(some).unwrap()]);
    let mut keyring = draft.sign(&world.root()).unwrap();
    let started = keyring.clone();
    let (mut adopt, mut files) = (Vec::new(), Vec::new());
    for number in 1..=*pick(rng, &[1, 1, 1, 2]) {
        world.number = number;
        files.extend(assign(rng, &mut world));
        let bundle = Published { keyring: keyring.clone(), ..world.publish() }.bundle();
        let at_ms = world.this_update.millis();
        adopt.push(Adopt { bundle: encode(&bundle), at_ms, refused: None });
        // A newer keyring, which may allow less, or retire the signer.
        if chance(rng, 15) {
            draft.version += 1;
            draft.entries[4].changes = Changes::from_bits(rng.random_range(0..16)).unwrap();
            keyring = draft.sign(&world.root()).unwrap();
        }
    }
    let claims = claims(rng, &world);
    files.retain(|_| chance(rng, 95));
    let mut offers: Vec<Offer> = files.iter().map(|file| offer(rng, file)).collect();
    if chance(rng, 30) {
        offers.reverse();
    }
    let secrets =
        [HMAC_LIVE, HMAC_TEST].map(|kid| Secret { kid, secret: encode(&world.secret(kid)) }).into();
    Vector {
        name,
        about: String::new(),
        root: world.root().public().unwrap().to_string(),
        keyring: encode(&started),
        secrets,
        adopt,
        files: offers,
        token: world.mint(&claims),
        now_ms: world.this_update.millis() + rng.random_range(0..40_000),
        kind: chance(rng, 10).then(|| (*pick(rng, &["secret", "publishable"])).into()),
        environment: None,
        expect: None,
    }
}

fn claims(rng: &mut TestRng, world: &World) -> Claims {
    let kid = *pick(rng, &[HMAC_LIVE, HMAC_LIVE, HMAC_TEST, ED25519, ED25519, ADMIN]);
    let expires_at = chance(rng, 40).then(|| START + rng.random_range(1..40));
    Claims {
        serial: Serial::at(0, rng.random_range(0..SLOTS)).unwrap(),
        lifetime: Lifetime { issued_at: START, expires_at },
        owner: NonZeroU32::new(*pick(rng, &[0, 7, 8])),
        policy: NonZeroU32::new(*pick(rng, &[0, 9, 11])),
        ..world.claims(kid, 0)
    }
}

/// Assigns to some slots, and returns the files.
fn assign(rng: &mut TestRng, world: &mut World) -> Vec<Vec<u8>> {
    let mut slots = |percent| (0..SLOTS).filter(|_| chance(rng, percent)).collect::<Vec<u32>>();
    let (revoked, suspended, assigned) = (slots(6), slots(6), slots(75));
    let facts = first_shard(world);
    facts.suspended = suspended.into_iter().filter(|slot| !revoked.contains(slot)).collect();
    (facts.revoked, facts.assigned) = (revoked, assigned.clone());
    let mut files = Vec::new();
    let mut roots =
        [PUBLIC, PRIVATE].map(|visibility| tree(rng, visibility, &assigned, &mut files));
    if chance(rng, 4) {
        roots.swap(0, 1);
    }
    [world.public_assignments, world.private_assignments] = roots;
    files
}

/// A tree of entries for these slots, whose root it returns.
fn tree(rng: &mut TestRng, visibility: u8, slots: &[u32], files: &mut Vec<Vec<u8>>) -> FileName {
    if slots.is_empty() || chance(rng, 3) {
        return FileName::NONE;
    }
    let kept = slots.iter().filter(|_| !chance(rng, 3)).copied().collect::<Vec<u32>>();
    let entries: Vec<(u64, Vec<u8>)> =
        kept.into_iter().map(|slot| (u64::from(slot), entry(rng))).collect();
    let mut ranges = Vec::new();
    for chunk in entries.chunks(rng.random_range(1..=24)) {
        let chunk: Vec<(u64, &[u8])> =
            chunk.iter().map(|(serial, record)| (*serial, &record[..])).collect();
        let first = chunk[0].0 + u64::from(chance(rng, 2));
        let other = if chance(rng, 2) { 3 - visibility } else { visibility };
        ranges.push((first, put(rng, body(other, &chunk), files)));
    }
    if let Some((first, _)) = ranges.first_mut() {
        *first = if chance(rng, 80) { 0 } else { *first };
    }
    let mut level = u8::from(chance(rng, 2));
    let mut root = put(rng, directory(visibility, level, &ranges), files);
    while level < 3 && chance(rng, 25) {
        level += u8::from(!chance(rng, 3));
        root = put(rng, directory(visibility, level, &[(0, root)]), files);
    }
    root
}

fn entry(rng: &mut TestRng) -> Vec<u8> {
    let fields = if chance(rng, 2) { rng.random() } else { rng.random_range(1..8) };
    let end = START + rng.random_range(0..45);
    let mut values = [
        *pick(rng, &[0, 9, 11]),
        *pick(rng, &[0, 7, 8]),
        *pick(rng, &[0, end, end, end, 1, u32::MAX]),
    ];
    for (value, field) in values.iter_mut().zip([POLICY, OWNER, EXPIRES_AT]) {
        // A value that isn't assigned, which no reader takes.
        if fields & field == 0 && !chance(rng, 1) {
            *value = 0;
        }
    }
    record(fields, values)
}

/// Keeps a file, sometimes with a byte changed before it is named.
fn put(rng: &mut TestRng, mut file: Vec<u8>, files: &mut Vec<Vec<u8>>) -> FileName {
    if chance(rng, 3) {
        let at = rng.random_range(0..file.len());
        file[at] ^= 1 << rng.random_range(0..8);
    }
    let name = name_file(&file);
    files.push(file);
    name
}

/// The file under its name, sometimes with a byte changed on the way.
fn offer(rng: &mut TestRng, file: &[u8]) -> Offer {
    let name = name_file(file);
    let mut file = file.to_vec();
    if chance(rng, 2) {
        let at = rng.random_range(0..file.len());
        file[at] ^= 1 << rng.random_range(0..8);
    }
    Offer { digest: encode(&name.digest.0), length: name.len, bytes: encode(&file), refused: None }
}
