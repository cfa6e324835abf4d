//! The set in a body and the directories in a head: what every reader must refuse.

use portcullis_core::crypto::Digest;
use portcullis_core::list::FileName;

use super::{assigning, elsewhere};
use crate::scenarios::forge::{with_body, with_head};
use crate::scenarios::shape::Vector;
use crate::scenarios::unreadable::refused;
use crate::support::{World, first_shard};

pub(super) fn all() -> Vec<Vector> {
    [bodies(), heads()].into_iter().flatten().collect()
}

const ASSIGNED: u32 = 1 << 28;
const EMPTY: [u8; 4] = [0; 4];

fn body(capacity: u32, rest: &[&[u8]]) -> Vec<u8> {
    [&b"PCB\x01"[..], &(capacity | ASSIGNED).to_be_bytes(), &rest.concat()].concat()
}

fn bodies() -> Vec<Vector> {
    let case = |name: &str, about: &str, bytes: &[u8], code| {
        refused(&format!("set-{name}"), about, &with_body(&World::new(), bytes), code)
    };
    let unreadable = "list_unreadable";
    let one = [&[0, 0, 0, 1][..], &[0]].concat();
    let all = body(8, &[&EMPTY, &EMPTY, &[0, 0, 0, 8], &EMPTY]);
    let mut assigned = World::new();
    *first_shard(&mut assigned) = portcullis_core::issue::ShardContents {
        capacity: 8,
        assigned: (0..8).collect(),
        ..Default::default()
    };
    assert_eq!(assigned.publish().bodies[0], all);
    vec![
        case(
            "empty",
            "A set without a slot is not announced.",
            &body(1000, &[&EMPTY[..]; 4]),
            unreadable,
        ),
        case(
            "missing",
            "The set is announced, and isn't there.",
            &body(1000, &[&EMPTY[..]; 2]),
            unreadable,
        ),
        case(
            "too-many",
            "More slots than the capacity.",
            &body(8, &[&EMPTY, &EMPTY, &[0, 0, 0, 9], &EMPTY]),
            unreadable,
        ),
        case(
            "not-announced",
            "A set that isn't announced.",
            &body(1000, &[&EMPTY, &EMPTY, &one, &EMPTY])
                .iter()
                .enumerate()
                .map(|(at, byte)| if at == 4 { 0 } else { *byte })
                .collect::<Vec<u8>>(),
            unreadable,
        ),
        case(
            "capacity-0",
            "No capacity beside the set.",
            &body(0, &[&EMPTY, &EMPTY, &EMPTY, &EMPTY]),
            unreadable,
        ),
        case(
            "capacity-above-shard",
            "A capacity of 2^20 + 1.",
            &body((1 << 20) + 1, &[&EMPTY[..]; 4]),
            unreadable,
        ),
        case(
            "with-bit-29",
            "With another set, that is not known.",
            &body(1 << 29 | 8, &[&EMPTY[..]; 5]),
            "list_too_new",
        ),
        refused_not(&assigned),
    ]
}

/// All slots of the shard are assigned, revoked and suspended ones too.
fn refused_not(world: &World) -> Vector {
    let mut world = world.clone();
    first_shard(&mut world).revoked = vec![2];
    first_shard(&mut world).suspended = vec![3];
    crate::scenarios::scenario("set-of-all", "A revoked key may be in the set.", &world)
        .slot(2)
        .refused("list", "revoked")
}

/// The number of shards in a head, above which the number of directories is.
const COUNT: usize = 146;

fn heads() -> Vec<Vector> {
    let named = |kind: u8, FileName { digest, len }: FileName| {
        [&[kind][..], &digest.0, &len.to_be_bytes()].concat()
    };
    let case = |name: &str, about: &str, count: u8, bytes: Vec<u8>, code| {
        let head = with_head(&World::new(), |head| {
            head[COUNT] |= count << 4;
            head.splice(COUNT + 4..COUNT + 4, bytes);
        });
        refused(&format!("head-{name}"), about, &head, code)
    };
    let file = elsewhere();
    let long = |len| FileName { len, ..file };
    let zero = FileName { digest: Digest([0; 32]), len: 0 };
    let unreadable = "list_unreadable";
    let both = assigning(&[], [file, long(8192)]);
    vec![
        case("type-0", "A type that is none.", 1, named(0, file), unreadable),
        case(
            "type-twice",
            "A type that is there twice.",
            2,
            [named(1, file), named(1, file)].concat(),
            unreadable,
        ),
        case(
            "types-descend",
            "Types that descend.",
            2,
            [named(2, file), named(1, file)].concat(),
            unreadable,
        ),
        case("no-directory", "A directory that there isn't.", 1, named(1, zero), unreadable),
        case("length-0", "A directory of no byte.", 1, named(2, long(0)), unreadable),
        case(
            "digest-0",
            "No digest, but a length.",
            1,
            named(2, FileName { len: 9, ..zero }),
            unreadable,
        ),
        case("length-8193", "A directory that is too long.", 1, named(1, long(8193)), unreadable),
        case("cut", "A directory more than there is.", 2, named(1, file), unreadable),
        case("fewer", "A directory fewer than there is.", 0, named(1, file), unreadable),
        crate::scenarios::scenario("head-both", "Both directories, and no assigned slot.", &both)
            .accepted(),
    ]
}
