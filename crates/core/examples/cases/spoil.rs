//! Bundles with a fault: in a signed file, in a named file, or in the bundle itself.

use portcullis_core::crypto::{Context, Digest};
use portcullis_core::issue::{ShardContents, SigningKey, encode_body};
use proptest::prelude::RngExt as _;
use proptest::test_runner::TestRng;

use crate::forge::{body, resigned, stamped, with_body};
use crate::issuer::{Edition, History};
use crate::support::{ED25519, Published};
use crate::{chance, pick};

/// A keyring with a byte changed, usually signed again.
pub(crate) fn keyring(rng: &mut TestRng, history: &History, mut keyring: Vec<u8>) -> Vec<u8> {
    if chance(rng, 20) {
        disturb(rng, &mut keyring);
        return keyring;
    }
    resigned(&keyring, Context::KEYRING, &history.root(), |signed| disturb(rng, signed))
}

/// A bundle with one fault, sometimes two.
pub(crate) fn bundle(rng: &mut TestRng, history: &History, edition: &Edition) -> Vec<u8> {
    let mut published = edition.with_keyring(edition.published.keyring.clone());
    for _ in 0..*pick(rng, &[1, 1, 1, 2]) {
        published = fault(rng, history, edition, published);
    }
    let mut bundle = published.bundle();
    if chance(rng, 15) {
        disturb(rng, &mut bundle);
    }
    bundle
}

fn fault(
    rng: &mut TestRng,
    history: &History,
    edition: &Edition,
    mut published: Published,
) -> Published {
    let world = &edition.world;
    // Rarely sign with a key that may not sign lists.
    let mut key = world.list_signer().key;
    if chance(rng, 5) {
        key = world.signing_key(ED25519);
    }
    let other = pick(rng, &history.editions);
    // Change a signed file and sign it again, change a body, mix up the bodies, or take a file from
    // another edition.
    match rng.random_range(0..14) {
        0 | 1 => {
            let root: &SigningKey = if chance(rng, 85) { &edition.root } else { &key };
            let change = |signed: &mut Vec<u8>| disturb(rng, signed);
            published.keyring = resigned(&published.keyring, Context::KEYRING, root, change);
        }
        2..5 => {
            let change = |signed: &mut Vec<u8>| disturb(rng, signed);
            published.stamp = resigned(&published.stamp, Context::STAMP, &key, change);
        }
        5 | 6 => {
            let change = |signed: &mut Vec<u8>| {
                if chance(rng, 10) {
                    announce(rng, signed, 146);
                } else {
                    disturb(rng, signed);
                }
            };
            published.head = resigned(&published.head, Context::HEAD, &key, change);
            published = stamped(world, published);
        }
        7..10 => {
            let keyring = published.keyring;
            let body = spoilt_body(rng, &published.bodies);
            published = Published { keyring, ..with_body(world, &body) };
        }
        10 => published.bodies.truncate(rng.random_range(0..published.bodies.len().max(1))),
        11 => published.bodies.extend(other.published.bodies.clone()),
        12 => published.bodies.reverse(),
        _ => {
            let Published { keyring, stamp, head, .. } = &other.published;
            match rng.random_range(0..3) {
                0 => published.keyring.clone_from(keyring),
                1 => published.stamp.clone_from(stamp),
                _ => published.head.clone_from(head),
            }
        }
    }
    published
}

/// A body with changed bytes, or one assembled from random fields.
fn spoilt_body(rng: &mut TestRng, bodies: &[Vec<u8>]) -> Vec<u8> {
    if let Some(mut file) = bodies.first().cloned().filter(|_| chance(rng, 60)) {
        if chance(rng, 10) {
            announce(rng, &mut file, 4);
        } else {
            disturb(rng, &mut file);
        }
        return file;
    }
    let capacity = rng.random_range(1..300_u32);
    if chance(rng, 30) {
        // Change the last byte of a set, some bits of which are padding.
        let revoked = (0..capacity).filter(|_| rng.random_ratio(1, 9)).collect();
        let facts = ShardContents { capacity, revoked, ..ShardContents::default() };
        let mut file = encode_body(&facts).unwrap();
        let last = file.len() - 9;
        file[last] ^= 1 << rng.random_range(4..8);
        return file;
    }
    let mut set = || {
        let count = rng.random_range(0..=capacity + 1);
        let count = if rng.random_ratio(1, 2) { count % 4 } else { count };
        let length = rng.random_range(0..40);
        // Bytes with many ones encode short gaps, so that some of these sets are decoded to their
        // end.
        let byte = |_| rng.random::<u8>() | rng.random::<u8>();
        (count, (0..length).map(byte).collect())
    };
    let sets: [(u32, Vec<u8>); 2] = [set(), set()];
    let timed = [[rng.random_range(0..capacity + 1), 9]];
    let sets = sets.each_ref().map(|(count, coded)| (*count, coded.as_slice()));
    body(capacity, sets, &timed[..rng.random_range(0..2)])
}

/// Sets some of the four highest bits of the number at `at`: in a head they announce directories,
/// in a body sets of slots.
fn announce(rng: &mut TestRng, file: &mut [u8], at: usize) {
    if let Some(byte) = file.get_mut(at) {
        *byte |= rng.random_range(1..16) << 4;
    }
}

/// One change somewhere in the file.
pub(crate) fn disturb(rng: &mut TestRng, file: &mut Vec<u8>) {
    if file.is_empty() {
        return file.push(0);
    }
    let at = rng.random_range(0..file.len());
    match rng.random_range(0..12) {
        0 => file.truncate(at),
        1 => file.push(0),
        2 => drop(file.remove(at)),
        3 => file.insert(at, 0),
        4 => file[at] = 0,
        5 => file[at] = 0xFF,
        6 => file[at] = file[at].wrapping_add(1),
        7 => {
            let digest = Digest::of(file);
            let end = file.len().min(at + 4);
            file[at..end].copy_from_slice(&digest.0[..end - at]);
        }
        _ => file[at] ^= 1 << rng.random_range(0..8),
    }
}
