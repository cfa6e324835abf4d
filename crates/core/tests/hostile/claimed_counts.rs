//! Numbers in a file that promise more than its bytes hold.

use std::ops::Range;

use crate::support::{ANY, HMAC_LIVE, LIST, START, World, first_shard};
use crate::{SPARE, asked};
use portcullis_core::crypto::{Context, primitives};
use portcullis_core::issue::{PolicyDraft, PolicyTree, StampDraft, name_file};
use portcullis_core::keyring::Keyring;
use portcullis_core::list::{
    Body, BulkEntry, BulkScope, BulkState, Bundle, Head, IssuedAt, Stamp, TimedSlot,
};
use portcullis_core::policy::{Directory, Policies, PolicyBody};

/// Allocated bytes allowed per byte read: its copy, its decoded form, and room to grow.
const EACH: u64 = 16;

/// Values that a hostile writer would put in place of a number, and their neighbours.
const NUMBERS: [u32; 10] =
    [u32::MAX, u32::MAX - 1, 1 << 31, i32::MAX as u32, 1 << 30, 1 << 28, 1 << 20, 1 << 16, 255, 0];

/// Writes every number at every offset of `file` except in the last `tail` bytes, and reads the
/// result. Whether the file is refused or not, reading it must allocate little.
fn everywhere(file: &[u8], tail: usize, read: &mut dyn FnMut(&[u8]) -> u64) {
    for at in 0..file.len() - tail {
        for number in NUMBERS {
            let mut altered = file.to_vec();
            let front = Range { start: at, end: (at + 4).min(file.len() - tail) };
            let bytes = number.to_be_bytes();
            altered[front.clone()].copy_from_slice(&bytes[..front.len()]);
            let asked = read(&altered);
            let most = EACH * file.len() as u64 + SPARE;
            assert!(asked <= most, "{number} at {at}: {asked} bytes for {}", file.len());
        }
    }
}

fn crowded() -> World {
    let mut world = World::new();
    let facts = first_shard(&mut world);
    facts.revoked = vec![1, 2, 30_000];
    facts.suspended = vec![7];
    facts.timed = vec![TimedSlot { slot: 3, from: START + 10 }];
    world.bulk = vec![BulkEntry {
        scope: BulkScope::Owner(1),
        state: BulkState::Revoked,
        issued: IssuedAt::ANY,
    }];
    world
}

#[test]
fn a_body_asks_for_no_more_than_it_has() {
    let body = crowded().publish().bodies.remove(0);
    everywhere(&body, 0, &mut |file| asked(|| Body::decode(file)));
}

/// Every coding that capacity and count can select, with very few bytes.
#[test]
fn a_set_asks_for_no_more_than_its_bytes_hold() {
    let capacities = [1, 2, 63, 64, 1000, 1 << 16, (1 << 20) - 1, 1 << 20, 1 << 21, u32::MAX];
    for capacity in capacities {
        let parts = [0, 1, 2, 15, 16, 17, 31, 32, 48, 60, 63, 64];
        let counts = parts.map(|part| u32::try_from(u64::from(capacity) * part / 64).unwrap());
        for count in counts.into_iter().flat_map(|n| [n.saturating_sub(1), n, n.saturating_add(1)])
        {
            for filler in [0, 0x55, 0xAA, 0xFF] {
                for len in [0, 1, 7, 8, 9, 64, 1000] {
                    let mut file = b"PCB\x01".to_vec();
                    file.extend(capacity.to_be_bytes());
                    file.extend(count.to_be_bytes());
                    file.extend(vec![filler; len]);
                    let asked = asked(|| Body::decode(&file));
                    let most = 4 * EACH * file.len() as u64 + SPARE;
                    assert!(asked <= most, "{count} of {capacity} in {len}: {asked}");
                }
            }
        }
    }
}

#[test]
fn a_stamp_and_a_head_ask_for_no_more_than_they_have() {
    let world = crowded();
    let (published, verifier) = (world.publish(), world.empty_replica());
    let (keyring, now) = (verifier.keyring(), world.this_update);
    let key = world.signing_key(LIST);
    let seal = |context, file: &[u8]| {
        let signed = &file[..file.len() - 64];
        [signed, &primitives::sign(&key, context, signed)].concat()
    };
    everywhere(&published.stamp, 64, &mut |file| {
        let file = seal(Context::STAMP, file);
        asked(|| Stamp::open(&file, keyring, now))
    });
    everywhere(&published.head, 64, &mut |file| {
        let file = seal(Context::HEAD, file);
        let draft = StampDraft {
            list_version: world.list_version(),
            head: name_file(&file),
            keyring_version: 1,
        };
        let stamp = Stamp::open(&world.list_signer().sign_stamp(&draft), keyring, now).unwrap();
        asked(|| Head::open(&file, &stamp, keyring, now)) + asked(|| Head::signer_of(&file))
    });
}

#[test]
fn a_keyring_asks_for_no_more_than_it_has() {
    let world = crowded();
    let root = world.root();
    let public = root.public().unwrap();
    everywhere(&world.publish().keyring, 64, &mut |file| {
        let signed = &file[..file.len() - 64];
        let file = [signed, &primitives::sign(&root, Context::KEYRING, signed)].concat();
        asked(|| Keyring::open(&file, &public))
    });
}

#[test]
fn a_bundle_asks_for_no_more_than_it_has() {
    let world = crowded();
    let empty = world.empty_replica();
    // Copy the held state outside of the measurement.
    everywhere(&world.publish().bundle(), 0, &mut |file| {
        let (mut adopting, mut restored) = (empty.clone(), empty.clone());
        asked(|| Bundle::decode(file))
            + asked(|| adopting.adopt_bundle(file, world.this_update))
            + asked(|| restored.restore(file, world.this_update))
    });
}

#[test]
fn policies_ask_for_no_more_than_they_have() {
    let mut tree = PolicyTree::public();
    for number in 1..40 {
        let draft = PolicyDraft {
            networks: vec!["192.0.2.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()],
            origins: vec![format!("https://shop-{number}.example")],
            rate_class: Some("gold".to_owned()),
            ..PolicyDraft::default()
        };
        tree.set(number * 90_000_000, &draft).unwrap();
    }
    for (_, file) in tree.write().unwrap().files {
        everywhere(&file[..file.len().min(400)], 0, &mut |front| {
            let file = [front, &file[front.len()..]].concat();
            let name = name_file(&file);
            let mut policies = Policies::new(0);
            let decoded = if file[2] == b'D' {
                asked(|| Directory::decode(&file))
            } else {
                asked(|| PolicyBody::decode(&file))
            };
            let offered = asked(|| policies.offer(name, &file));
            // The limit is a multiple of the whole file, but only the front was altered.
            (decoded + offered).saturating_sub(4 * file.len() as u64)
        });
    }
}

/// Checks that the unaltered world is valid, so that the tests above start from good files.
#[test]
fn what_is_altered_was_good_before() {
    let world = crowded();
    let verdict = world.verifier().verify(&world.token(HMAC_LIVE, 0), &ANY, world.this_update);
    assert!(verdict.is_ok());
}
