//! Which policy is found, and which code is given if there is none.

use super::shape::{Named, PolicyVector};
use super::{
    EMPTY, NUMBER, PRIVATE, PUBLIC, RATE_CLASS, body, directory, directory_of, elsewhere, named,
    one_list, saying, scenario,
};

pub(super) fn all() -> Vec<PolicyVector> {
    [number_0(), missing(), unavailable(), trees(), named_so()].into_iter().flatten().collect()
}

fn number_0() -> Vec<PolicyVector> {
    let strict = one_list(super::METHODS, &["GET"]);
    let none =
        |name: &str, about: &str| saying(&format!("number-0-{name}"), about, &strict).number(0);
    vec![
        none("restricts-nothing", "Policy 0 restricts nothing, whatever the files say.")
            .origin("null")
            .path("/../")
            .accepted(),
        none("grants-no-scope", "Policy 0 grants no scope.").scopes(&["a"]).denied("scope_missing"),
        none("grants-no-sales-channel", "Policy 0 grants no sales channel.")
            .sales_channel("sc_1")
            .denied("sales_channel_denied"),
        scenario("number-0-without-directory", "The head names no directory.").number(0).accepted(),
        scenario("number-0-unavailable", "The directory is not held, and not looked at.")
            .head(elsewhere())
            .number(0)
            .accepted(),
    ]
}

/// A body with one policy of this number and rate class.
fn rated(number: u32, class: &str) -> Vec<u8> {
    body(PUBLIC, &[(number, &one_list(RATE_CLASS, &[class]))])
}

fn missing() -> Vec<PolicyVector> {
    let (low, high) = (rated(NUMBER, "low"), rated(100, "high"));
    let ranges = |name: &str, about: &str, number| {
        scenario(name, about)
            .hold(&low)
            .hold(&high)
            .under(&directory(0, &[(5, &low), (100, &high)]))
            .number(number)
    };
    // Each body is named for the other one's range.
    let crossed = directory(0, &[(5, &high), (100, &low)]);
    let crossed = |name: &str, about: &str, number| {
        scenario(name, about).hold(&low).hold(&high).under(&crossed).number(number).missing()
    };
    vec![
        scenario("missing-without-directory", "The head names no directory.").missing(),
        saying("missing-in-body", "The body doesn't list the number.", EMPTY).number(8).missing(),
        saying("missing-in-body-above", "Nor one above.", EMPTY).number(10).missing(),
        ranges("missing-before-first-range", "No range begins at or below it.", 4).missing(),
        ranges("missing-in-first-range", "Its first number, which has no policy.", 5).missing(),
        ranges("missing-at-end-of-range", "The last number of a range.", 99).missing(),
        ranges("missing-in-last-range", "The last range has no end.", u32::MAX).missing(),
        ranges("found-in-first-range", "A number of the first range.", NUMBER).rated("low"),
        ranges("found-at-first-number", "The first number of a range.", 100).rated("high"),
        crossed("missing-in-its-range", "A policy that stands in another range's body.", NUMBER),
        crossed("missing-in-its-range-above", "And the other way round.", 100),
    ]
}

fn unavailable() -> Vec<PolicyVector> {
    let (low, high) = (rated(NUMBER, "low"), rated(100, "high"));
    let both = directory(0, &[(0, &low), (100, &high)]);
    let inner = directory(0, &[(0, &low)]);
    let outer = directory(1, &[(0, &inner)]);
    vec![
        scenario("unavailable-directory", "The directory is not held.")
            .hold(&low)
            .head(named(&both))
            .unavailable(&named(&both)),
        scenario("unavailable-body", "The body is not held.")
            .under(&both)
            .unavailable(&named(&low)),
        scenario("unavailable-body-of-another", "A body is not held that is not asked for.")
            .hold(&low)
            .under(&both)
            .rated("low"),
        scenario("unavailable-inner-directory", "The directory below the first is not held.")
            .hold(&low)
            .under(&outer)
            .unavailable(&named(&inner)),
        scenario("unavailable-before-missing", "No body lists the number, but who knows.")
            .under(&both)
            .number(8)
            .unavailable(&named(&low)),
    ]
}

/// Files in the place of another file.
fn trees() -> Vec<PolicyVector> {
    let file = rated(NUMBER, "low");
    let private = body(PRIVATE, &[(NUMBER, EMPTY)]);
    let low = directory(0, &[(0, &file)]);
    let middle = directory(1, &[(0, &low)]);
    let tree = |name: &str, about: &str, held: &[&[u8]], root: &[u8]| {
        held.iter().fold(scenario(name, about), |scenario, file| scenario.hold(file)).under(root)
    };
    let of_private = directory_of(PUBLIC, 0, &[(0, named(&private))]);
    let in_private = directory_of(PRIVATE, 0, &[(0, named(&file))]);
    let private_low = directory_of(PRIVATE, 0, &[(0, named(&private))]);
    let over_private = directory_of(PUBLIC, 1, &[(0, named(&private_low))]);
    vec![
        tree("tree-two-levels", "A directory of a directory.", &[&file, &low], &middle)
            .rated("low"),
        tree("tree-body-as-directory", "The head names a body.", &[], &file).missing(),
        tree(
            "tree-level-1-names-body",
            "A body below level 1.",
            &[&file],
            &directory(1, &[(0, &file)]),
        )
        .missing(),
        tree(
            "tree-level-0-names-directory",
            "A directory below level 0.",
            &[&file, &low],
            &directory(0, &[(0, &low)]),
        )
        .missing(),
        tree(
            "tree-level-again",
            "Level 1 below level 1.",
            &[&file, &low, &middle],
            &directory(1, &[(0, &middle)]),
        )
        .missing(),
        tree(
            "tree-level-left-out",
            "Level 0 below level 2.",
            &[&file, &low],
            &directory(2, &[(0, &low)]),
        )
        .missing(),
        tree(
            "tree-level-above",
            "Level 1 below level 0.",
            &[&file, &low, &middle],
            &directory(0, &[(0, &middle)]),
        )
        .missing(),
        tree(
            "tree-private-body",
            "A private body in a public directory.",
            &[&private],
            &of_private,
        )
        .missing(),
        tree(
            "tree-private-directory",
            "A private directory in a public one.",
            &[&private, &private_low],
            &over_private,
        )
        .missing(),
        tree(
            "tree-private-root",
            "A private directory where the head names the public one.",
            &[&private],
            &private_low,
        )
        .missing(),
        tree("tree-private", "A private body in a private directory.", &[&private], &private_low)
            .private()
            .accepted(),
        tree("tree-public-body", "A public body in a private directory.", &[&file], &in_private)
            .private()
            .missing(),
        tree(
            "tree-public-root",
            "A public directory where the head names the private one.",
            &[&file],
            &low,
        )
        .private()
        .missing(),
    ]
}

/// Digest and length are both part of a name.
fn named_so() -> Vec<PolicyVector> {
    let file = rated(NUMBER, "low");
    let other = rated(NUMBER, "high");
    let low = directory(0, &[(0, &file)]);
    let of_length =
        |length: usize| Named { length: u32::try_from(length).unwrap(), ..named(&file) };
    let longer = directory_of(PUBLIC, 0, &[(0, of_length(file.len() + 1))]);
    vec![
        scenario("name-another-file", "A mirror that serves another file.")
            .offer(named(&file), &other, Some("list_wrong_digest"))
            .under(&low)
            .unavailable(&named(&file)),
        scenario("name-changed-file", "A file of which a bit was changed on the way.")
            .offer(
                named(&file),
                &[&file[..file.len() - 1], b"W"].concat(),
                Some("list_wrong_digest"),
            )
            .hold(&file)
            .under(&low)
            .rated("low"),
        scenario("name-digest-alone", "A file of another length than the one that is asked for.")
            .offer(of_length(file.len() + 1), &file, Some("list_wrong_digest"))
            .under(&longer)
            .unavailable(&named(&file)),
        scenario(
            "name-other-length-held",
            "A file that is held, but of another length than is named.",
        )
        .hold(&file)
        .under(&longer)
        .unavailable(&named(&file)),
        scenario("name-other-length-in-head", "The same, of the directory that the head names.")
            .hold(&file)
            .hold(&low)
            .head(Named { length: 49, ..named(&low) })
            .unavailable(&named(&low)),
        scenario("name-held-twice", "A file that is offered twice.")
            .hold(&file)
            .hold(&file)
            .under(&low)
            .rated("low"),
    ]
}
