//! How an entry is found, from the directory that the head names down.

use portcullis_core::issue::name_file;
use portcullis_core::list::FileName;

use super::{
    POLICY, PRIVATE, PUBLIC, SERIAL, assigning, body, directory, elsewhere, policy, record,
    scenario,
};
use crate::scenarios::Scenario;
use crate::scenarios::policy::build as policies;
use crate::scenarios::shape::Vector;
use crate::support::{ED25519, World};

pub(super) fn all() -> Vec<Vector> {
    [missing(), levels(), kinds(), older()].into_iter().flatten().collect()
}

/// A list whose private directory is `root`; the key of slot 42 is assigned.
fn under(name: &str, about: &str, held: &[&[u8]], root: &[u8]) -> Scenario {
    let world = assigning(&[42], [FileName::NONE, name_file(root)]);
    let scenario = scenario(name, about, &world).hold(root);
    held.iter().fold(scenario, |scenario, file| scenario.hold(file))
}

fn good() -> Vec<u8> {
    body(PRIVATE, &[(SERIAL, &record(POLICY, [11, 0, 0]))])
}

fn missing() -> Vec<Vector> {
    let (file, beside) = (good(), body(PRIVATE, &[(43, &record(POLICY, [11, 0, 0]))]));
    let ranges = directory(PRIVATE, 0, &[(42, name_file(&beside)), (43, name_file(&file))]);
    let above = directory(PRIVATE, 0, &[(43, name_file(&file))]);
    let at = directory(PRIVATE, 0, &[(42, name_file(&file)), (43, name_file(&beside))]);
    let none = assigning(&[42], [FileName::NONE; 2]);
    let public = assigning(&[42], [elsewhere(), FileName::NONE]);
    let code = "assignment_missing";
    vec![
        scenario("missing-without-directory", "The head names no directory.", &none)
            .refused("list", code),
        scenario("missing-without-its-directory", "It names that of the other kind.", &public)
            .refused("list", code),
        under(
            "missing-in-body",
            "The body has no such serial.",
            &[&beside],
            &directory(PRIVATE, 0, &[(0, name_file(&beside))]),
        )
        .refused("list", code),
        under("missing-before-ranges", "No range begins at or below it.", &[&file], &above)
            .refused("list", code),
        under(
            "missing-in-its-range",
            "The entry is in another range's body.",
            &[&file, &beside],
            &ranges,
        )
        .refused("list", code),
        under("found-at-first-serial", "The first serial of a range.", &[&file], &at)
            .assigned(policy(11)),
        under("unavailable-body", "The body is not held.", &[], &at)
            .refused("list", "assignment_unavailable"),
    ]
}

fn levels() -> Vec<Vector> {
    let file = good();
    let low = directory(PRIVATE, 0, &[(0, name_file(&file))]);
    let middle = directory(PRIVATE, 1, &[(0, name_file(&low))]);
    let over = |level, file: &[u8]| directory(PRIVATE, level, &[(0, name_file(file))]);
    let (high, top) = (over(2, &middle), over(3, &over(2, &middle)));
    let tree = |name: &str, about: &str, root: &[u8]| {
        let held = [&file[..], &low, &middle, &high];
        under(&format!("tree-{name}"), about, &held, root)
    };
    let code = "assignment_missing";
    vec![
        tree("four-levels", "Levels 3 to 0.", &top).assigned(policy(11)),
        tree("body-as-directory", "The head names a body.", &file).refused("list", code),
        tree("level-1-names-body", "A body below level 1.", &over(1, &file)).refused("list", code),
        tree("level-0-names-directory", "A directory below level 0.", &over(0, &low))
            .refused("list", code),
        tree("level-again", "Level 1 below level 1.", &over(1, &middle)).refused("list", code),
        tree("level-left-out", "Level 0 below level 2.", &over(2, &low)).refused("list", code),
        tree(
            "inner-not-held",
            "A directory below is not held.",
            &directory(PRIVATE, 1, &[(0, elsewhere())]),
        )
        .refused("list", "assignment_unavailable"),
    ]
}

fn kinds() -> Vec<Vector> {
    let entry = record(POLICY, [11, 0, 0]);
    let (file, public) = (good(), body(PUBLIC, &[(SERIAL, &entry)]));
    let of = |visibility, file: &[u8]| directory(visibility, 0, &[(0, name_file(file))]);
    let policies_of = policies::body(PRIVATE, &[(42, policies::EMPTY)]);
    let policy_root = policies::directory_of(PRIVATE, 0, &[(0, policies::named(&policies_of))]);
    let code = "assignment_missing";
    let case = |name: &str, about: &str, held: &[u8], root: &[u8]| {
        under(&format!("tree-{name}"), about, &[held], root)
    };
    let world = assigning(&[42], [name_file(&of(PUBLIC, &public)), name_file(&of(PRIVATE, &file))]);
    let both = |name: &str, about: &str, world: &World| {
        let scenario = scenario(name, about, world);
        let files = [of(PUBLIC, &public), of(PRIVATE, &file), public.clone(), file.clone()];
        files.iter().fold(scenario, |scenario, file| scenario.hold(file))
    };
    let crossed =
        assigning(&[42], [name_file(&of(PRIVATE, &file)), name_file(&of(PUBLIC, &public))]);
    vec![
        case(
            "public-body",
            "A public body in a private directory.",
            &public,
            &of(PRIVATE, &public),
        )
        .refused("list", code),
        case(
            "public-directory",
            "A public directory as the private one.",
            &public,
            &of(PUBLIC, &public),
        )
        .refused("list", code),
        case("policy-directory", "A directory of policies.", &policies_of, &policy_root)
            .refused("list", code),
        case("policy-body", "A body of policies.", &policies_of, &of(PRIVATE, &policies_of))
            .refused("list", code),
        case(
            "assignments-of-policies",
            "Assignments in a directory of policies.",
            &file,
            &policies::directory_of(PRIVATE, 0, &[(0, policies::named(&file))]),
        )
        .refused("list", code),
        both("kind-secret", "Each kind has its tree: a secret key.", &world).assigned(policy(11)),
        both("kind-publishable", "Each kind has its tree: a publishable key.", &world)
            .claims(world.claims(ED25519, 42))
            .assigned(policy(11)),
        both("kind-crossed-secret", "The trees in each other's place.", &crossed)
            .refused("list", code),
        both("kind-crossed-publishable", "The same, for a publishable key.", &crossed)
            .claims(crossed.claims(ED25519, 42))
            .refused("list", code),
    ]
}

/// Only what this head names counts.
fn older() -> Vec<Vector> {
    let entry = |number| body(PRIVATE, &[(SERIAL, &record(POLICY, [number, 0, 0]))]);
    let of = |file: &[u8]| directory(PRIVATE, 0, &[(0, name_file(file))]);
    let (old, new) = (entry(11), entry(12));
    let list = |number, file: &[u8]| World {
        number,
        ..assigning(&[42], [FileName::NONE, name_file(&of(file))])
    };
    let both = |name: &str, about: &str| {
        scenario(name, about, &list(1, &old))
            .offer(&list(2, &new).publish(), None)
            .hold(&of(&old))
            .hold(&old)
    };
    let withdrawn = World { number: 2, amend: list(1, &old).amend, ..World::new() };
    vec![
        both("older-files", "The files of the list before are of no use.")
            .refused("list", "assignment_unavailable"),
        both("older-body", "Its body neither.")
            .hold(&of(&new))
            .refused("list", "assignment_unavailable"),
        both("newer-files", "The files of this list.")
            .hold(&of(&new))
            .hold(&new)
            .assigned(policy(12)),
        scenario("withdrawn", "Without the set the token's claims hold.", &list(1, &old))
            .offer(&withdrawn.publish(), None)
            .hold(&of(&old))
            .hold(&old)
            .accepted(),
    ]
}
