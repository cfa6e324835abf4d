//! The form of a directory.

use super::shape::{Named, PolicyVector};
use super::{EMPTY, NUMBER, PUBLIC, body, directory, directory_of, elsewhere, named, scenario};

pub(super) fn all() -> Vec<PolicyVector> {
    [changed(), ranges(), levels()].into_iter().flatten().collect()
}

/// The head names this directory, which every reader must refuse.
fn directory_refused(name: &str, about: &str, file: &[u8]) -> PolicyVector {
    scenario(&format!("directory-{name}"), about)
        .offer(named(file), file, Some("list_unreadable"))
        .head(named(file))
        .unavailable(&named(file))
}

type Change = fn(&mut Vec<u8>);

/// A directory of level 0 with two ranges, from 0 and from 100: 8 bytes and two lines of 40.
fn changed() -> Vec<PolicyVector> {
    let changes: [(&str, &str, Change); 18] = [
        ("magic", "Another file's magic.", |d| d[2] = b'H'),
        ("magic-first", "Not even the first letter of a magic.", |d| d[0] = b'Q'),
        ("version-0", "A version that is not known.", |d| d[3] = 0),
        ("version-2", "A version that is not known.", |d| d[3] = 2),
        ("visibility-0", "A visibility that is none.", |d| d[4] = 0),
        ("visibility-3", "A visibility that is none.", |d| d[4] = 3),
        ("level-4", "A fifth level.", |d| d[5] = 4),
        ("level-255", "The highest level that a byte can tell.", |d| d[5] = 255),
        ("header-cut", "The file ends in the number of ranges.", |d| d.truncate(7)),
        ("no-ranges", "A directory of no ranges.", |d| {
            d.truncate(8);
            d[7] = 0;
        }),
        ("ranges-claimed", "A range more than there is.", |d| d[7] = 3),
        ("cut", "The last byte is missing.", |d| _ = d.pop()),
        ("trailing", "A byte behind the last range.", |d| d.push(0)),
        ("range-twice", "A first number that is there twice.", |d| d[51] = 0),
        ("ranges-descend", "Ranges that descend.", |d| d[8] = 1),
        ("length-0", "A file of no byte.", |d| d[12..16].fill(0)),
        ("length-8193", "A file that is too long.", |d| {
            d[12..16].copy_from_slice(&[0, 0, 0x20, 1]);
        }),
        ("length-of-the-last", "The same, in the last range.", |d| d[52..56].fill(0xFF)),
    ];
    let file = body(PUBLIC, &[(NUMBER, EMPTY)]);
    let good = directory(0, &[(0, &file), (100, &file)]);
    changes
        .into_iter()
        .map(|(name, about, change)| {
            let mut changed = good.clone();
            change(&mut changed);
            directory_refused(name, about, &changed)
        })
        .collect()
}

fn ranges() -> Vec<PolicyVector> {
    let file = body(PUBLIC, &[(NUMBER, EMPTY), (127 << 20, EMPTY)]);
    let many = |count: u32| {
        let ranges: Vec<_> = (0..count).map(|i| (i << 20, &file[..])).collect();
        directory(0, &ranges)
    };
    let longest = Named { length: 8192, ..elsewhere() };
    vec![
        scenario("directory-128-ranges", "The most ranges, and a policy of the last.")
            .hold(&file)
            .under(&many(128))
            .number(127 << 20)
            .accepted(),
        directory_refused("129-ranges", "A range more.", &many(129)),
        directory_refused("256-ranges", "A number of ranges whose second byte is 0.", &many(256)),
        scenario("directory-length-8192", "The longest file, which is not held.")
            .under(&directory_of(PUBLIC, 0, &[(0, longest)]))
            .unavailable(&elsewhere()),
        scenario("directory-length-1", "The shortest file, which is not held.")
            .under(&directory_of(PUBLIC, 0, &[(0, Named { length: 1, ..elsewhere() })]))
            .unavailable(&elsewhere()),
        scenario("directory-one-range", "A range that does not begin at 0.")
            .hold(&file)
            .under(&directory(0, &[(NUMBER, &file)]))
            .accepted(),
    ]
}

/// The most directories that a path to a body may have.
fn levels() -> Vec<PolicyVector> {
    let mut file = body(PUBLIC, &[(NUMBER, EMPTY)]);
    let mut scenario =
        scenario("directory-four-levels", "Levels 3 to 0, each with one range.").hold(&file);
    for level in 0..4 {
        file = directory(level, &[(0, &file)]);
        scenario = scenario.hold(&file);
    }
    vec![scenario.head(named(&file)).accepted()]
}
