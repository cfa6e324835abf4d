//! Lists that announce what this version doesn't know: directories in the head, sets in a body.
//! They refuse the whole list.

use portcullis_core::issue::ShardContents;

use super::forge::{body, stamped, with_body, with_head};
use super::scenario;
use super::shape::Vector;
use super::unreadable::{NONE, refused};
use crate::support::{Published, World, first_shard};

pub(super) fn all() -> Vec<Vector> {
    [directories(), heads(), sets(), held()].into_iter().flatten().collect()
}

/// The number of shards in a head, above which the number of directories is.
const COUNT: usize = 146;

/// The list of `world`, whose head announces this many directories, of which these bytes are there.
fn announcing(world: &World, directories: u8, bytes: &[u8]) -> Published {
    with_head(world, |head| {
        head[COUNT] |= directories << 4;
        head.splice(COUNT + 4..COUNT + 4, bytes.iter().copied());
    })
}

/// A directory as version 1 lays it out: a type, and the name of a file.
fn directory(kind: u8) -> Vec<u8> {
    [&[kind][..], &[7; 32], &[0, 0, 0x10, 0]].concat()
}

fn directories() -> Vec<Vector> {
    let world = World::new();
    let types = [3, 4, 127, 128, 255].map(|kind| {
        let name = format!("adopt-head-directory-of-type-{kind}");
        let offered = announcing(&world, 1, &directory(kind));
        refused(&name, "A directory of a type that is not known.", &offered, "list_too_new")
    });
    let counts = [3, 4, 8, 15].map(|count| {
        let all: Vec<u8> = (1..=count).flat_map(directory).collect();
        let name = format!("adopt-head-{count}-directories");
        let offered = announcing(&world, count, &all);
        refused(&name, "Directories of which the third is not known.", &offered, "list_too_new")
    });
    types.into_iter().chain(counts).collect()
}

fn heads() -> Vec<Vector> {
    let world = World::new();
    let one = announcing(&world, 1, &directory(3));
    let unsigned = {
        let mut published = one.clone();
        *published.head.last_mut().unwrap() ^= 1;
        stamped(&world, published)
    };
    let empty = World { shards: vec![], ..world.clone() };
    let cut = with_head(&empty, |head| {
        head.truncate(COUNT + 4);
        head[COUNT] |= 0x10;
        head.push(3);
    });
    let other = Published { head: one.head.clone(), ..world.publish() };
    let case = |name: &str, about: &str, offered: &Published, code| {
        refused(&format!("adopt-head-directory-{name}"), about, offered, code)
    };
    let new = "list_too_new";
    vec![
        case("rest-not-read", "What follows is not looked at.", &announcing(&world, 1, &[9]), new),
        case("before-signature", "The head is read before its signature.", &unsigned, new),
        case("not-announced", "The head is not the stamp's.", &other, "list_wrong_digest"),
        case("cut", "Nor whether anything follows the type.", &cut, new),
    ]
}

fn sets() -> Vec<Vector> {
    let world = World::new();
    let facts = |bits: u32, sets| with_body(&world, &body(1 << 20 | bits, sets, &[]));
    let case = |name: String, about: &str, offered: &Published, code| {
        refused(&format!("adopt-body-{name}"), about, offered, code)
    };
    let each = (29..32).map(|bit| {
        let about = "A set of slots that no version 1 reader knows.";
        case(format!("set-of-bit-{bit}"), about, &facts(1 << bit, [NONE, NONE]), "list_too_new")
    });
    let unused = (21..28).map(|bit| {
        let offered = facts(1 << bit, [NONE, NONE]);
        case(format!("capacity-bit-{bit}"), "No set, but a capacity.", &offered, "list_unreadable")
    });
    let with_bit = |bytes: Vec<u8>| with_body(&world, &bytes);
    let rest = with_bit([&b"PCB\x01"[..], &[0xF0, 0, 0, 0]].concat());
    let short = with_bit([&b"PCB\x01"[..], &[0x20, 0, 0]].concat());
    let more = [
        case("set-rest-not-read".into(), "The file ends there.", &rest, "list_too_new"),
        case("capacity-cut".into(), "A capacity of three bytes.", &short, "list_unreadable"),
    ];
    each.chain(unused).chain(more).collect()
}

/// A list that is too new changes nothing: what is held goes on, and ends when it would have.
fn held() -> Vec<Vector> {
    let old = World::new();
    let mut new = World { number: 2, ..World::new() };
    first_shard(&mut new).revoked = vec![42];
    let head = announcing(&new, 1, &directory(3));
    let set = with_body(&new, &body(1 << 20 | 1 << 29, [NONE, NONE], &[]));
    let mut two = new.clone();
    two.shards.push((1, ShardContents { capacity: 9, ..ShardContents::default() }));
    let code = Some("list_too_new");
    let stays = |name: &str, about: &str, offered: &Published| {
        scenario(&format!("adopt-too-new-{name}"), about, &old).offer(offered, code)
    };
    let known = World { number: 3, ..new.clone() }.publish();
    vec![
        stays("head-stays", "The list that is held stays.", &head).accepted(),
        stays("body-stays", "The same for a body.", &set).accepted(),
        stays("until-next-update", "And ends with its next update.", &head)
            .at(old.valid_millis)
            .refused("list", "list_past_next_update"),
        stays("then-known", "A later list without them is adopted.", &head)
            .offer(&known, None)
            .refused("list", "revoked"),
        stays("of-two-shards", "A list of two shards.", &announcing(&two, 1, &directory(3)))
            .accepted(),
    ]
}
