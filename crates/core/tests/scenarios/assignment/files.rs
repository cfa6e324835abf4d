//! Files that every reader must refuse, and entries of later versions.

use portcullis_core::issue::name_file;
use portcullis_core::list::FileName;

use super::{
    EXPIRES_AT, OWNER, POLICY, PRIVATE, SERIAL, assigning, body, directory, of_slot_42, policy,
    record, saying, scenario,
};
use crate::scenarios::shape::Vector;

pub(super) fn all() -> Vec<Vector> {
    [records(), too_new(), bodies(), directories(), names()].into_iter().flatten().collect()
}

type Change = fn(&mut Vec<u8>);

/// The offset of the first record in a private body.
const RECORD: usize = 39 + 6;

/// This body is refused, so the assignment can't be had.
fn body_refused(name: &str, about: &str, body: &[u8]) -> Vector {
    let directory = directory(PRIVATE, 0, &[(0, name_file(body))]);
    let world = assigning(&[42], [FileName::NONE, name_file(&directory)]);
    scenario(name, about, &world)
        .hold(&directory)
        .offer_file(name_file(body), body, Some("list_unreadable"))
        .refused("list", "assignment_unavailable")
}

fn records() -> Vec<Vector> {
    let case = |name: &str, about: &str, record: &[u8]| {
        body_refused(&format!("record-{name}"), about, &body(PRIVATE, &[(SERIAL, record)]))
    };
    vec![
        case("nothing", "An assignment of nothing.", &record(0, [0; 3])),
        case("policy-without-bit", "A policy that isn't assigned.", &record(OWNER, [11, 8, 0])),
        case("owner-without-bit", "An owner that isn't assigned.", &record(POLICY, [11, 8, 0])),
        case("end-without-bit", "An end that isn't assigned.", &record(POLICY, [11, 0, 1])),
        case("bits-of-none", "Values without any bit.", &record(0, [11, 8, 1])),
    ]
}

fn too_new() -> Vec<Vector> {
    let bits = (3..8).map(|bit| {
        let about = "A field that version 1 doesn't know.";
        saying(&format!("too-new-bit-{bit}"), about, &record(1 << bit, [0; 3]))
            .refused("list", "assignment_too_new")
    });
    let odd = record(8 | OWNER, [1, 2, 3]);
    let file = body(PRIVATE, &[(SERIAL, &record(POLICY, [11, 0, 0])), (SERIAL + 1, &odd)]);
    let root = directory(PRIVATE, 0, &[(0, name_file(&file))]);
    let world = assigning(&[42, 43], [FileName::NONE, name_file(&root)]);
    let beside = |name: &str, about: &str| scenario(name, about, &world).hold(&root).hold(&file);
    let more = [
        saying("too-new-not-read", "What else the entry has isn't looked at.", &odd)
            .refused("list", "assignment_too_new"),
        beside("too-new-beside", "An entry beside one that is too new.").assigned(policy(11)),
        beside("too-new-in-body", "And the one that is.")
            .slot(43)
            .refused("list", "assignment_too_new"),
    ];
    bits.chain(more).collect()
}

fn bodies() -> Vec<Vector> {
    let good = record(POLICY, [11, 0, 0]);
    let changes: [(&str, &str, Change); 13] = [
        ("magic", "A body of policies by its magic.", |b| b[2] = b'P'),
        ("version-0", "A version that is not known.", |b| b[3] = 0),
        ("version-2", "A version that is not known.", |b| b[3] = 2),
        ("visibility-0", "A visibility that is none.", |b| b[4] = 0),
        ("visibility-3", "A visibility that is none.", |b| b[4] = 3),
        ("salt-cut", "The file ends in the salt.", |b| b.truncate(20)),
        ("count-cut", "The file ends in the number of entries.", |b| b.truncate(38)),
        ("empty", "A body of no entries.", |b| {
            b.truncate(39);
            b[38] = 0;
        }),
        ("claimed", "An entry more than there is.", |b| b[38] = 3),
        ("fewer", "An entry fewer than there is.", |b| b[38] = 1),
        ("cut", "The last byte is missing.", |b| _ = b.pop()),
        ("trailing", "A byte behind the last entry.", |b| b.push(0)),
        ("magic-alone", "Nothing but a magic.", |b| b.truncate(4)),
    ];
    let two = body(PRIVATE, &[(SERIAL, &good), (SERIAL + 1, &good)]);
    assert_eq!(two[RECORD..RECORD + 13], good);
    let changed = changes.map(|(name, about, change)| {
        let mut file = two.clone();
        change(&mut file);
        body_refused(&format!("body-{name}"), about, &file)
    });
    let most: Vec<(u64, &[u8])> = (0..430).map(|serial| (serial, &good[..])).collect();
    let (longest, longer) = (body(PRIVATE, &most[..429]), body(PRIVATE, &most));
    let root = directory(PRIVATE, 0, &[(0, name_file(&longest))]);
    let world = assigning(&[428], [FileName::NONE, name_file(&root)]);
    let mut vectors = Vec::from(changed);
    vectors.extend([
        body_refused(
            "body-twice",
            "A serial that is there twice.",
            &body(PRIVATE, &[(SERIAL, &good[..]); 2]),
        ),
        body_refused(
            "body-descends",
            "Serials that descend.",
            &body(PRIVATE, &[(SERIAL, &good), (SERIAL - 1, &good)]),
        ),
        scenario("body-429-entries", "The most entries, and the last of them.", &world)
            .hold(&root)
            .hold(&longest)
            .slot(428)
            .assigned(policy(11)),
    ]);
    // No directory can name a file of more than 8192 bytes.
    let named = FileName { len: 8192, ..name_file(&longer) };
    let root = directory(PRIVATE, 0, &[(0, named)]);
    let world = assigning(&[42], [FileName::NONE, name_file(&root)]);
    vectors.push(
        scenario("body-430-entries", "An entry more, in 8209 bytes.", &world)
            .hold(&root)
            .offer_file(name_file(&longer), &longer, Some("list_unreadable"))
            .refused("list", "assignment_unavailable"),
    );
    vectors
}

fn directories() -> Vec<Vector> {
    let changes: [(&str, &str, Change); 14] = [
        ("magic", "A directory of policies by its magic.", |d| d[2] = b'D'),
        ("version-2", "A version that is not known.", |d| d[3] = 2),
        ("visibility-0", "A visibility that is none.", |d| d[4] = 0),
        ("visibility-3", "A visibility that is none.", |d| d[4] = 3),
        ("level-4", "A fifth level.", |d| d[5] = 4),
        ("no-ranges", "A directory of no ranges.", |d| {
            d.truncate(8);
            d[7] = 0;
        }),
        ("ranges-claimed", "A range more than there is.", |d| d[7] = 3),
        ("129-ranges-claimed", "More ranges than a directory has.", |d| d[7] = 129),
        ("cut", "The last byte is missing.", |d| _ = d.pop()),
        ("trailing", "A byte behind the last range.", |d| d.push(0)),
        ("range-twice", "A first serial that is there twice.", |d| d[55] = 0),
        ("ranges-descend", "Ranges that descend.", |d| d[8] = 1),
        ("length-0", "A file of no byte.", |d| d[14..18].fill(0)),
        ("length-8193", "A file that is too long.", |d| {
            d[14..18].copy_from_slice(&[0, 0, 0x20, 1]);
        }),
    ];
    let file = body(PRIVATE, &[(SERIAL, &record(POLICY, [11, 0, 0]))]);
    let good = directory(PRIVATE, 0, &[(0, name_file(&file)), (100, name_file(&file))]);
    let refused = changes.map(|(name, about, change)| {
        let mut changed = good.clone();
        change(&mut changed);
        let world = assigning(&[42], [FileName::NONE, name_file(&changed)]);
        scenario(&format!("directory-{name}"), about, &world)
            .offer_file(name_file(&changed), &changed, Some("list_unreadable"))
            .hold(&file)
            .refused("list", "assignment_unavailable")
    });
    let ranges: Vec<_> = (0..128).map(|first| (first << 40, name_file(&file))).collect();
    let most = directory(PRIVATE, 0, &ranges);
    let world = assigning(&[42], [FileName::NONE, name_file(&most)]);
    let most = scenario("directory-128-ranges", "The most ranges.", &world).hold(&most).hold(&file);
    refused.into_iter().chain([most.assigned(policy(11))]).collect()
}

fn names() -> Vec<Vector> {
    let (world, [root, file]) = of_slot_42(&record(POLICY, [11, 0, 0]));
    let other = body(PRIVATE, &[(SERIAL, &record(EXPIRES_AT, [0; 3]))]);
    let longer = FileName { len: name_file(&file).len + 1, ..name_file(&file) };
    vec![
        scenario("name-another-file", "A mirror that serves another file.", &world)
            .hold(&root)
            .offer_file(name_file(&file), &other, Some("list_wrong_digest"))
            .refused("list", "assignment_unavailable"),
        scenario("name-other-length", "Its digest under another length.", &world)
            .hold(&root)
            .offer_file(longer, &file, Some("list_wrong_digest"))
            .refused("list", "assignment_unavailable"),
        scenario("name-held-twice", "Files that are offered twice.", &world)
            .hold(&root)
            .hold(&file)
            .hold(&root)
            .hold(&file)
            .assigned(policy(11)),
    ]
}
