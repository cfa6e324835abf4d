//! Random cases of policies: files, some of them faulty, and a request close to what one of their
//! policies allows.

#[expect(dead_code, reason = "the scenarios of the vectors use the rest")]
#[path = "../../../tests/scenarios/policy/build.rs"]
mod build;
mod items;
mod request;
#[expect(dead_code, reason = "only the shape is used here, and nothing is verified")]
#[path = "../../../tests/scenarios/policy/shape.rs"]
mod shape;

use std::collections::BTreeMap;

use portcullis_core::issue::{PolicyDraft, PolicyTree, SaltKey};
use portcullis_core::policy::Policy;
use proptest::prelude::RngExt as _;
use proptest::test_runner::TestRng;

use build::{PRIVATE, PUBLIC, body, directory_of, elsewhere, named};
use items::Lists;
use shape::{Named, Offer, PolicyVector, hex};

use crate::spoil::disturb;
use crate::{chance, pick};

/// The numbers of policies; the cases look up some of them.
const NUMBERS: [u32; 9] = [1, 2, 9, 10, 100, 0x7FFF_FFFF, 0x8000_0000, 0x8000_0001, u32::MAX];

/// A file, and the name that it is offered under.
type NamedFile = (Named, Vec<u8>);

/// Half of the cases are about one item of one list; the other half combine everything.
pub(crate) fn case(rng: &mut TestRng, name: String) -> PolicyVector {
    if chance(rng, 50) { single(rng, name) } else { many(rng, name) }
}

fn single(rng: &mut TestRng, name: String) -> PolicyVector {
    let bit = rng.random_range(0..8);
    let faults = chance(rng, 50);
    let (lists, policy) = items::single(rng, bit, faults);
    let body = body(PUBLIC, &[(NUMBERS[0], &policy)]);
    let directory = directory_of(PUBLIC, 0, &[(0, named(&body))]);
    let offer = |file: &[u8]| {
        let Named { digest, length } = named(file);
        Offer { digest, length, bytes: hex(file), refused: None }
    };
    PolicyVector {
        name,
        about: String::new(),
        visibility: "public".into(),
        directory: Some(named(&directory)),
        files: vec![offer(&body), offer(&directory)],
        policy: NUMBERS[0],
        request: request::single(rng, &lists, bit),
        expect: None,
    }
}

fn many(rng: &mut TestRng, name: String) -> PolicyVector {
    let visibility = *pick(rng, &[PUBLIC, PUBLIC, PRIVATE]);
    let faults = chance(rng, 40);
    let mut policies = BTreeMap::new();
    for _ in 0..*pick(rng, &[1, 1, 2, 3, 5]) {
        policies.insert(*pick(rng, &NUMBERS), items::random(rng, faults));
    }
    // Files from the writer must be valid; assembled ones may have faults.
    let (directory, files) = if !faults && chance(rng, 40) {
        written(rng, visibility, &policies)
    } else {
        put_together(rng, visibility, &policies, faults)
    };
    let known: Vec<u32> = policies.keys().copied().collect();
    // Mostly a number that has a policy, sometimes a neighbour or 0.
    let policy = match rng.random_range(0..20) {
        0 => 0,
        1 => *pick(rng, &NUMBERS),
        2 => pick(rng, &known).wrapping_add(*pick(rng, &[1, u32::MAX])),
        _ => *pick(rng, &known),
    };
    let none = Lists::default();
    let lists = policies.get(&policy).map_or(&none, |(lists, _)| lists);
    let request = request::random(rng, lists);
    // Rarely look up under the other visibility.
    let asked_for = if chance(rng, 97) { visibility } else { PUBLIC + PRIVATE - visibility };
    PolicyVector {
        name,
        about: String::new(),
        visibility: if asked_for == PUBLIC { "public" } else { "private" }.into(),
        directory: chance(rng, 98).then_some(directory),
        files: offers(rng, files),
        policy,
        request,
        expect: None,
    }
}

type Policies = BTreeMap<u32, (Lists, Vec<u8>)>;

/// The files that the writer makes of valid policies, among many others.
fn written(rng: &mut TestRng, visibility: u8, policies: &Policies) -> (Named, Vec<NamedFile>) {
    let mut tree = match visibility {
        PUBLIC => PolicyTree::public(),
        _ => PolicyTree::private(SaltKey::new(&[7; 32])),
    };
    tree.set(7, &PolicyDraft::default()).unwrap();
    for (number, (_, policy)) in policies {
        // A random network can still be an IPv4 one written as IPv6, which doesn't decode.
        if let Ok(policy) = Policy::decode(policy) {
            tree.set(*number, &PolicyDraft::from(&policy)).unwrap();
        }
    }
    // Sometimes enough policies that bodies are split in half.
    for _ in 0..*pick(rng, &[0, 0, 10, 200]) {
        let number = rng.random_range(1..=u32::MAX);
        if !policies.contains_key(&number) {
            let sales_channels = vec![format!("{number:060}")];
            tree.set(number, &PolicyDraft { sales_channels, ..PolicyDraft::default() }).unwrap();
        }
    }
    let files = tree.write().unwrap().files.into_iter().map(|(_, file)| (named(&file), file));
    let files: Vec<NamedFile> = files.collect();
    (files.last().unwrap().0.clone(), files)
}

/// Builds bodies, directories over them, and sometimes directories over those.
fn put_together(
    rng: &mut TestRng,
    visibility: u8,
    policies: &Policies,
    faults: bool,
) -> (Named, Vec<NamedFile>) {
    let mut files: Vec<NamedFile> = Vec::new();
    let all: Vec<(u32, &[u8])> = policies.iter().map(|(n, (_, p))| (*n, &p[..])).collect();
    // Split the policies into at most two bodies.
    let (low, high) = all.split_at(rng.random_range(0..=all.len()));
    let mut lines: Vec<(u32, Named)> = Vec::new();
    for part in [low, high] {
        let Some((first, _)) = part.first() else { continue };
        let first = if lines.is_empty() && chance(rng, 50) { 0 } else { *first };
        let mut part = part.to_vec();
        if faults && chance(rng, 6) {
            let [at, from] = [(); 2].map(|()| rng.random_range(0..part.len()));
            part[at].0 = *pick(rng, &[0, part[from].0, NUMBERS[0], u32::MAX]);
        }
        if faults && chance(rng, 1) {
            part.clear();
        }
        lines.push((first, put(rng, &mut files, faults, |rng| body(own(rng, visibility), &part))));
    }
    // Build directories level by level; the last one has a single directory.
    let depth = *pick(rng, &[1, 1, 1, 2, 2, 3, 4, 5]);
    for level in 0..depth {
        let level = if faults && chance(rng, 3) { rng.random_range(0..5) } else { level };
        let mut pages: Vec<(u32, Named)> = Vec::new();
        let at = rng.random_range(0..=lines.len());
        let pieces = [&lines[..at], &lines[at..]];
        let last = level + 1 == depth;
        for piece in if last { vec![&lines[..]] } else { pieces.to_vec() } {
            let Some((first, _)) = piece.first() else { continue };
            let file = |rng: &mut TestRng| {
                let mut piece = piece.to_vec();
                if faults && chance(rng, 6) {
                    amiss(rng, &mut piece);
                }
                directory_of(own(rng, visibility), level, &piece)
            };
            pages.push((*first, put(rng, &mut files, faults, file)));
        }
        lines = pages;
    }
    (lines[0].1.clone(), files)
}

/// Usually `visibility`, rarely the other one.
fn own(rng: &mut TestRng, visibility: u8) -> u8 {
    if chance(rng, 99) { visibility } else { PUBLIC + PRIVATE - visibility }
}

/// Adds the file that `make` returns, sometimes with a byte changed, and returns its name.
fn put(
    rng: &mut TestRng,
    files: &mut Vec<NamedFile>,
    faults: bool,
    make: impl FnOnce(&mut TestRng) -> Vec<u8>,
) -> Named {
    let mut file = make(rng);
    if faults && chance(rng, 6) {
        disturb(rng, &mut file);
    }
    let name = named(&file);
    files.push((name.clone(), file));
    name
}

/// Makes one fault in the ranges of a directory.
fn amiss(rng: &mut TestRng, lines: &mut Vec<(u32, Named)>) {
    let at = rng.random_range(0..lines.len());
    match rng.random_range(0..6) {
        0 => lines[at].1.length += 1,
        1 => lines[at].1.length = *pick(rng, &[0, 1, 8192, 8193, u32::MAX]),
        2 => lines[at].1 = elsewhere(),
        3 => lines[at].0 = *pick(rng, &NUMBERS),
        4 => lines.push(lines[at].clone()),
        _ => {
            let count = *pick(rng, &[127, 128, 129]);
            let last = lines.last().unwrap().clone();
            let more = (1..=count).map(|i| (last.0.saturating_add(i << 20), last.1.clone()));
            lines.extend(more);
            lines.truncate(usize::try_from(count).unwrap());
        }
    }
}

/// The files as they are offered: nearly all, in any order, and occasionally under another file's
/// name.
fn offers(rng: &mut TestRng, files: Vec<NamedFile>) -> Vec<Offer> {
    let mut offers = Vec::new();
    for (Named { digest, mut length }, mut file) in files {
        match rng.random_range(0..150) {
            0 => continue,
            1 => disturb(rng, &mut file),
            2 => length += 1,
            _ => {}
        }
        let offer = Offer { digest, length, bytes: hex(&file), refused: None };
        offers.insert(rng.random_range(0..=offers.len()), offer);
    }
    offers
}
