//! The form of a body.

use super::shape::{Named, PolicyVector};
use super::{
    EMPTY, NUMBER, PRIVATE, PUBLIC, SALES_CHANNELS, body, body_refused, directory, directory_of,
    named, of_length, one_list, scenario,
};

pub(super) fn all() -> Vec<PolicyVector> {
    [changed(), ends(), lengths(), visibilities()].into_iter().flatten().collect()
}

type Change = fn(&mut Vec<u8>);

/// A body of the empty policies 9 and 10: 7 bytes, two lines of 6, and two bytes per policy.
fn changed() -> Vec<PolicyVector> {
    let changes: [(&str, &str, Change); 17] = [
        ("magic", "Another file's magic.", |b| b[2] = b'B'),
        ("version-0", "A version that is not known.", |b| b[3] = 0),
        ("version-2", "A version that is not known.", |b| b[3] = 2),
        ("visibility-0", "A visibility that is none.", |b| b[4] = 0),
        ("visibility-3", "A visibility that is none.", |b| b[4] = 3),
        ("magic-alone", "The file ends behind its version.", |b| b.truncate(4)),
        ("header-cut", "The file ends in the number of policies.", |b| b.truncate(6)),
        ("no-policies", "A body of no policies.", |b| {
            b.truncate(7);
            b[6] = 0;
        }),
        ("no-policies-trailing", "The same, with the policies behind it.", |b| b[6] = 0),
        ("policies-claimed", "65535 policies are announced.", |b| b[5..7].fill(0xFF)),
        ("index-cut", "The file ends in the index.", |b| b.truncate(18)),
        ("number-0", "0 is no number of a policy.", |b| b[10] = 0),
        ("number-twice", "A number that is there twice.", |b| b[16] = 9),
        ("numbers-descend", "Numbers that descend.", |b| b[16] = 8),
        ("cut", "The last byte is missing.", |b| _ = b.pop()),
        ("trailing", "A byte behind the last policy.", |b| b.push(0)),
        ("salt-in-public", "A salt, which public bodies don't have.", |b| {
            b.splice(5..5, [0x5A; 32]);
        }),
    ];
    let good = body(PUBLIC, &[(NUMBER, EMPTY), (10, EMPTY)]);
    let mut vectors: Vec<PolicyVector> = changes
        .into_iter()
        .map(|(name, about, change)| {
            let mut file = good.clone();
            change(&mut file);
            body_refused(&format!("body-{name}"), about, &file)
        })
        .collect();
    let both = |number| {
        scenario(&format!("body-policy-{number}"), "One of two policies in a body.")
            .hold(&good)
            .under(&directory(0, &[(0, &good)]))
            .number(number)
            .accepted()
    };
    vectors.extend([both(9), both(10)]);
    vectors
}

/// The end of each policy, counted from the first one.
fn ends() -> Vec<PolicyVector> {
    let channel = one_list(SALES_CHANNELS, &["a"]);
    let with_ends = |ends: [u8; 3]| {
        let mut file = body(PUBLIC, &[(8, EMPTY), (9, &channel), (10, EMPTY)]);
        ends.into_iter().enumerate().for_each(|(at, end)| file[12 + 6 * at] = end);
        file
    };
    let last = u8::try_from(channel.len() + 4).unwrap();
    let case = |name: &str, about: &str, ends| {
        body_refused(&format!("body-end-{name}"), about, &with_ends(ends))
    };
    let good = with_ends([2, last - 2, last]);
    let mut backwards = body(PUBLIC, &[(8, EMPTY), (9, &[]), (10, &[])]);
    backwards[18] = 0;
    vec![
        scenario("body-end-of-the-one-before", "A policy begins where the one before it ends.")
            .hold(&good)
            .under(&directory(0, &[(0, &good)]))
            .sales_channel("a")
            .accepted(),
        case("before-its-beginning", "A policy that ends before it begins.", [last, 2, last]),
        body_refused("body-end-backwards", "The same, where all others are good.", &backwards),
        case("at-its-beginning", "A policy of no byte.", [2, 2, last]),
        case("first-at-0", "A first policy of no byte.", [0, last - 2, last]),
        case("before-the-files", "A byte behind the last policy's end.", [2, last - 2, last - 1]),
        case(
            "behind-the-files",
            "A last policy that ends behind the file.",
            [2, last - 2, last + 1],
        ),
        case(
            "middle-behind-the-files",
            "One that ends there, and the last does not.",
            [2, last + 9, last],
        ),
    ]
}

fn lengths() -> Vec<PolicyVector> {
    let two = |length: usize| {
        let half = of_length(4000);
        body(PUBLIC, &[(8, &half), (NUMBER, &of_length(length - 7 - 12 - half.len()))])
    };
    let (longest, too_long) = (two(8192), two(8193));
    let salted = body(PRIVATE, &[(NUMBER, &of_length(8000))]);
    let private = directory_of(PRIVATE, 0, &[(0, named(&salted))]);
    // A directory can't name a file longer than 8192 bytes.
    let claimed = Named { length: 8192, ..named(&too_long) };
    vec![
        scenario("body-longest", "A body of 8192 bytes.")
            .hold(&longest)
            .under(&directory(0, &[(0, &longest)]))
            .sales_channel("x")
            .accepted(),
        scenario("body-private-longest-policy", "A private body of one policy of 8000 bytes.")
            .private()
            .hold(&salted)
            .under(&private)
            .sales_channel("x")
            .accepted(),
        scenario("body-too-long", "A body of 8193 bytes, asked for by its own length.")
            .offer(named(&too_long), &too_long, Some("list_unreadable"))
            .under(&directory_of(PUBLIC, 0, &[(0, claimed)]))
            .unavailable(&named(&too_long)),
    ]
}

fn visibilities() -> Vec<PolicyVector> {
    let private = |salt: [u8; 32]| {
        let mut file = body(PRIVATE, &[(NUMBER, EMPTY)]);
        file[5..37].copy_from_slice(&salt);
        file
    };
    let case = |name: &str, about: &str, file: &[u8]| {
        scenario(&format!("body-{name}"), about)
            .private()
            .hold(file)
            .under(&directory_of(PRIVATE, 0, &[(0, named(file))]))
            .accepted()
    };
    let mut unsalted = private([0; 32]);
    unsalted.drain(5..37);
    let largest = body(PUBLIC, &[(NUMBER, EMPTY), (u32::MAX, EMPTY)]);
    let salt_cut = private([0x5A; 32])[..20].to_vec();
    let refused = |name: &str, about: &str, file: &[u8]| {
        scenario(name, about)
            .private()
            .offer(named(file), file, Some("list_unreadable"))
            .under(&directory_of(PRIVATE, 0, &[(0, named(file))]))
            .unavailable(&named(file))
    };
    vec![
        case("private", "A private body.", &private([0x5A; 32])),
        case(
            "private-salt-not-checked",
            "A salt of zeros: no verifier can check it.",
            &private([0; 32]),
        ),
        refused("body-private-without-salt", "A private body without a salt.", &unsalted),
        refused("body-private-salt-cut", "A file that ends in its salt.", &salt_cut),
        scenario("body-largest-number", "The number 2^32 - 1 in the same body as another.")
            .hold(&largest)
            .under(&directory(0, &[(0, &largest)]))
            .number(u32::MAX)
            .accepted(),
    ]
}
