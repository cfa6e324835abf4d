//! Files that are signed, or named by a signed file, but not in their canonical form.

use portcullis_core::crypto::Digest;
use portcullis_core::issue::{ShardContents, encode_body};
use portcullis_core::list::{BulkEntry, BulkScope, BulkState, FileName, IssuedAt};

use super::forge::{body, with_body, with_head, with_keyring, with_stamp};
use super::shape::{Vector, encode};
use super::{bare, scenario};
use crate::support::{Published, World, first_shard};

pub(super) fn all() -> Vec<Vector> {
    [keyrings(), stamps(), heads(), sets(), bodies(), bundles()].into_iter().flatten().collect()
}

/// A change to a file, as a function pointer so that tables can hold it.
type Change = fn(&mut Vec<u8>);

pub(super) fn put(file: &mut [u8], at: usize, bytes: &[u8]) {
    file[at..at + bytes.len()].copy_from_slice(bytes);
}

/// No list is held, and this bundle is refused.
pub(super) fn refused(name: &str, about: &str, offered: &Published, code: &str) -> Vector {
    let world = World::new();
    bare(name, about, &world).offer(offered, Some(code)).refused("list", "list_missing")
}

/// The offset of a keyring's entries, with one empty label, and the bytes of each entry.
pub(super) const ENTRIES: usize = 76;
pub(super) const ENTRY: usize = 55;

fn keyrings() -> Vec<Vector> {
    const LIST: usize = ENTRIES + 4 * ENTRY;
    let changes: [(&str, &str, Change); 20] = [
        ("magic", "Another file's magic.", |k| k[2] = b'S'),
        ("version", "A format version that is not known.", |k| k[3] = 2),
        ("trailing", "A byte behind the last signer.", |k| k.push(0)),
        ("cut", "A signer more is announced than there is.", |k| k[75] += 1),
        ("fewer", "A signer fewer is announced than there is.", |k| k[75] -= 1),
        ("no-labels", "No label, not even the empty one.", |k| {
            k[72] = 0;
            k.remove(73);
        }),
        ("five-labels", "Five labels.", |k| {
            k[72] = 5;
            k.splice(74..74, *b"\x01a\x01b\x01c\x01d");
        }),
        ("label-twice", "A label that is there twice.", |k| {
            k[72] = 2;
            k.insert(74, 0);
        }),
        ("label-reserved", "A label that is a word of a prefix.", |k| {
            k[72] = 2;
            k.splice(74..74, *b"\x02sk");
        }),
        ("label-uppercase", "A label in capitals.", |k| {
            k[72] = 2;
            k.splice(74..74, *b"\x04ACME");
        }),
        ("kids-not-ascending", "The kid of the signer before.", |k| k[ENTRIES + ENTRY + 1] = 1),
        ("algorithm", "An algorithm that is not listed.", |k| k[ENTRIES + 2] = 3),
        ("purpose", "A purpose that is not listed.", |k| k[ENTRIES + 3] = 6),
        ("environments-bit", "A bit of no environment.", |k| k[ENTRIES + 4] |= 4),
        ("environments-none", "A signer of tokens for no environment.", |k| k[ENTRIES + 4] = 0),
        ("kinds-bit", "A bit of no kind.", |k| k[ENTRIES + 5] |= 4),
        ("changes-bit", "A bit of no change.", |k| k[LIST + 5] = 16),
        ("state", "A state that is not listed.", |k| k[ENTRIES + 6] = 5),
        ("hmac-admin", "HMAC for an admin key.", |k| k[ENTRIES + 3 * ENTRY + 2] = 1),
        ("hmac-list", "HMAC for a signer of lists.", |k| k[LIST + 2] = 1),
    ];
    let points: [(&str, &str, Change); 4] = [
        ("key-small-order", "A public key of small order.", |k| {
            put(k, LIST + 23, &[&[1][..], &[0; 31]].concat());
        }),
        ("key-not-canonical", "A public key whose y is p + 3.", |k| {
            put(k, LIST + 23, &[&[0xF0][..], &[0xFF; 30], &[0x7F]].concat());
        }),
        ("key-no-point", "A public key that is no point.", |k| {
            put(k, LIST + 23, &[&[2][..], &[0; 31]].concat());
        }),
        ("successor-small-order", "A successor of small order.", |k| {
            put(k, 40, &[&[0xEC][..], &[0xFF; 30], &[0x7F]].concat());
        }),
    ];
    let world = World { keyring_version: 2, number: 2, ..World::new() };
    let mut vectors: Vec<Vector> = changes
        .into_iter()
        .chain(points)
        .map(|(name, about, change)| {
            scenario(&format!("adopt-keyring-{name}"), about, &World::new())
                .offer(&with_keyring(&world, change), Some("keyring_unreadable"))
                .accepted()
        })
        .collect();
    let short = Published { keyring: b"PCK\x01".to_vec(), ..world.publish() };
    vectors.push(
        scenario("adopt-keyring-short", "Too short for magic and signature.", &World::new())
            .offer(&short, Some("keyring_unreadable"))
            .accepted(),
    );
    vectors
}

fn stamps() -> Vec<Vector> {
    let world = World::new();
    let changes: [(&str, &str, Change); 4] = [
        ("magic", "Another file's magic.", |s| s[2] = b'H'),
        ("version", "A format version that is not known.", |s| s[3] = 2),
        ("longer", "155 bytes.", |s| s.push(0)),
        ("shorter", "153 bytes.", |s| _ = s.pop()),
    ];
    changes
        .into_iter()
        .map(|(name, about, change)| {
            let stamp = with_stamp(&world, change);
            refused(&format!("adopt-stamp-{name}"), about, &stamp, "list_unreadable")
        })
        .collect()
}

/// The offset of the second line in a head of two shards, and of its first bulk entry.
const LINE_2: usize = 150 + 40;
const BULK: usize = 150 + 2 * 40 + 4;

fn heads() -> Vec<Vector> {
    let entry = |scope| BulkEntry { scope, state: BulkState::Revoked, issued: IssuedAt::ANY };
    let mut world = World::new();
    world.shards.push((1, ShardContents { capacity: 1, ..ShardContents::default() }));
    world.bulk = vec![entry(BulkScope::Owner(7)), entry(BulkScope::Kid(1))];
    let changes: [(&str, &str, Change); 19] = [
        ("magic", "Another file's magic.", |h| h[2] = b'S'),
        ("trailing", "A byte behind the bulk entries.", |h| h.push(0)),
        ("cut", "The last byte of the bulk entries is missing.", |h| _ = h.pop()),
        ("shards-claimed", "2^28 - 1 shards are announced.", |h| {
            put(h, 146, &[0x0F, 0xFF, 0xFF, 0xFF]);
        }),
        ("bulk-claimed", "2^32 - 1 bulk entries are announced.", |h| h[BULK - 4..BULK].fill(0xFF)),
        ("shard-twice", "A shard that is there twice.", |h| h[LINE_2 + 3] = 0),
        ("shard-of-2-28", "A shard of 29 bits.", |h| h[LINE_2] = 0x10),
        ("policies-half", "Policies with a length and no digest.", |h| h[109] = 1),
        ("policies-no-length", "Policies with a digest and no length.", |h| h[110] = 1),
        ("policies-public-long", "Public policies of 8193 bytes.", |h| {
            put(h, 74, &[1; 32]);
            put(h, 106, &[0, 0, 0x20, 1]);
        }),
        ("policies-private-long", "Private policies of 8193 bytes.", |h| {
            put(h, 110, &[1; 32]);
            put(h, 142, &[0, 0, 0x20, 1]);
        }),
        ("bulk-scope", "A scope that is not listed.", |h| h[BULK] = 5),
        ("bulk-state", "A state that is not listed.", |h| h[BULK + 1] = 3),
        ("bulk-two-owners", "A range of owners.", |h| h[BULK + 13] = 8),
        ("bulk-large-kid", "A kid of 17 bits.", |h| {
            h[BULK + 22 + 5] = 1;
            h[BULK + 22 + 11] = 1;
        }),
        ("bulk-environment", "An environment that is neither.", |h| {
            put(h, BULK + 22, &[3, 2, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 3]);
        }),
        ("bulk-serials-backwards", "A range whose last serial comes first.", |h| {
            put(h, BULK + 22, &[4, 2, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 2]);
        }),
        ("bulk-no-interval", "Issued before is issued at or after.", |h| {
            h[BULK + 14..BULK + 22].fill(9);
        }),
        ("bulk-not-ascending", "Bulk entries in another order.", |h| h[BULK] = 2),
    ];
    changes
        .into_iter()
        .map(|(name, about, change)| {
            let head = with_head(&world, change);
            refused(&format!("adopt-head-{name}"), about, &head, "list_unreadable")
        })
        .chain([longest_policies()])
        .collect()
}

fn longest_policies() -> Vector {
    let directory = FileName { digest: Digest([1; 32]), len: 8192 };
    let world = World { public_policies: directory, private_policies: directory, ..World::new() };
    scenario("adopt-head-policies-longest", "Policies of 8192 bytes each.", &world).accepted()
}

pub(super) const NONE: (u32, &[u8]) = (0, &[]);

/// The head names this body, which is refused.
fn body_refused(name: &str, about: &str, bytes: &[u8]) -> Vector {
    let offered = with_body(&World::new(), bytes);
    refused(&format!("adopt-body-{name}"), about, &offered, "list_unreadable")
}

fn sets() -> Vec<Vector> {
    let case = |name: &str, about: &str, capacity, count, coded: &[u8]| {
        body_refused(name, about, &body(capacity, [(count, coded), NONE], &[]))
    };
    let coded = |capacity, revoked: Vec<u32>| {
        let facts = ShardContents { capacity, revoked, ..ShardContents::default() };
        let body = encode_body(&facts).unwrap();
        body[12..body.len() - 8].to_vec()
    };
    let changed = |mut bytes: Vec<u8>, change: Change| {
        change(&mut bytes);
        bytes
    };
    let one = coded(1000, vec![5]);
    // A single gap is coded with the same modulus for 1000 and 1001 slots, so these bytes encode
    // slot 1000 in a body of 1000 slots.
    let beyond = coded(1001, vec![1000]);
    let dense = coded(400, (230..380).collect());
    let second = [&[0xFF; 36][..], b"\xEC\xD3\x81\x7F\x88\x00\xBA\xB0", &[0; 11]].concat();
    assert_eq!(second.len(), dense.len());
    vec![
        case(
            "padding",
            "A bit of the padding is set.",
            1000,
            1,
            &changed(one.clone(), |b| {
                *b.last_mut().unwrap() |= 0x80;
            }),
        ),
        case("gap", "A slot at the capacity.", 1000, 1, &beyond),
        case("no-gap", "Zeros without an end.", 1000, 1, &[0; 40]),
        case("count", "More slots than the capacity.", 1000, 1001, &one),
        case("count-claimed", "More slots than the bytes can hold.", 1 << 20, 200_000, &[]),
        case("inverted-claimed", "The same, coded by the rest.", 1 << 20, 800_000, &[]),
        case("dense-claimed", "A dense set without its bytes.", 1 << 20, 500_000, &[0; 7]),
        case("dense-cut", "A dense set without its last byte.", 400, 150, &dense[..54]),
        case(
            "dense-above-0",
            "A dense set that ends above 0.",
            400,
            150,
            &changed(dense.clone(), |b| *b.last_mut().unwrap() += 1),
        ),
        case(
            "dense-beyond-range",
            "A number at the end of the first range.",
            400,
            150,
            &[0xFF; 55],
        ),
        case("dense-second-spelling", "It fits a reader that wraps at 2^64.", 400, 150, &second),
    ]
}

fn bodies() -> Vec<Vector> {
    let facts = |capacity, revoked| ShardContents { capacity, revoked, ..ShardContents::default() };
    let one = encode_body(&facts(1000, vec![5])).unwrap();
    let set = (1, &one[12..one.len() - 8]);
    let case = |name: &str, about: &str, bytes: Vec<u8>| body_refused(name, about, &bytes);
    let timed = |timed: &[[u32; 2]]| body(1000, [NONE, NONE], timed);
    vec![
        case("magic", "Another file's magic.", [b"PCH\x01", &one[4..]].concat()),
        case("capacity-0", "A capacity of 0.", body(0, [NONE, NONE], &[])),
        case(
            "capacity-above-shard",
            "A capacity of 2^20 + 1.",
            body((1 << 20) + 1, [NONE, NONE], &[]),
        ),
        case(
            "capacity-of-28-bits",
            "The largest capacity below the sets' bits.",
            body((1 << 28) - 1, [NONE, NONE], &[]),
        ),
        case("trailing", "A byte behind the body.", [&one[..], &[0]].concat()),
        case("cut", "The last byte is missing.", one[..one.len() - 1].to_vec()),
        case("revoked-and-suspended", "A slot that is both.", body(1000, [set, set], &[])),
        case("revoked-and-timed", "A slot that is both.", body(1000, [set, NONE], &[[5, 9]])),
        case("timed-twice", "A slot that is timed twice.", timed(&[[5, 8], [5, 9]])),
        case("timed-not-ascending", "Timed slots descend.", timed(&[[6, 8], [5, 9]])),
        case("timed-at-capacity", "A timed slot at the capacity.", timed(&[[1000, 9]])),
        case(
            "timed-claimed",
            "2^32 - 1 timed slots are announced.",
            [&one[..one.len() - 4], &[0xFF; 4]].concat(),
        ),
    ]
}

fn bundles() -> Vec<Vector> {
    let mut world = World { number: 2, ..World::new() };
    first_shard(&mut world).revoked = vec![42];
    let changes: [(&str, &str, Change); 6] = [
        ("magic", "Another file's magic.", |b| b[2] = b'K'),
        ("version", "A format version that is not known.", |b| b[3] = 2),
        ("empty", "There is no file.", Vec::clear),
        ("trailing", "A byte behind the last body.", |b| b.push(0)),
        ("cut", "The last byte is missing.", |b| _ = b.pop()),
        ("length", "A keyring longer than the file.", |b| b[4] = 1),
    ];
    changes
        .into_iter()
        .map(|(name, about, change)| {
            let name = format!("adopt-bundle-{name}");
            let mut bundle = world.publish().bundle();
            change(&mut bundle);
            scenario(&name, about, &World::new())
                .offer(&world.publish(), Some("list_unreadable"))
                .with(|vector| vector.adopt[1].bundle = encode(&bundle))
                .accepted()
        })
        .collect()
}
