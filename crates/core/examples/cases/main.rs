//! Random cases in the vectors' format, one JSON object per line: `cases KIND COUNT SEED`, with the
//! kind `keys`, `assignments` or `policies`.
//!
//! The same arguments give the same cases. Two verifiers that implement the specs give the same
//! answer to each case: the same result for every adoption, and the same codes.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a case that can't be made is a fault of the test"
)]

mod assigned;
#[expect(dead_code, reason = "the scenarios of the vectors use the rest")]
#[path = "../../tests/scenarios/assignment/build.rs"]
mod build;
#[expect(dead_code, reason = "the scenarios of the vectors use the rest")]
#[path = "../../tests/scenarios/forge.rs"]
mod forge;
mod issuer;
mod key;
mod policy;
#[expect(dead_code, reason = "only the shape is used here, and nothing is verified")]
#[path = "../../tests/scenarios/shape.rs"]
mod shape;
mod spoil;
#[path = "../../tests/support/mod.rs"]
mod support;

use std::io::{self, BufWriter, Write as _};

use proptest::prelude::RngExt as _;
use proptest::test_runner::{RngAlgorithm, TestRng};

use issuer::History;
use shape::{Adopt, Secret, Vector, encode};
use support::{HMAC_LIVE, HMAC_TEST};

/// The number of histories, which many cases share so that a verifier can cache what it has read.
const HISTORIES: usize = 60;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, count, seed] = &arguments[..] else { panic!("cases KIND COUNT SEED") };
    let (count, seed): (u64, u64) = (count.parse().unwrap(), seed.parse().unwrap());
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_be_bytes());
    let rng = &mut TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut out = BufWriter::new(io::stdout().lock());
    let names = (0..count).map(|number| format!("random-{seed}-{number}"));
    if kind == "policies" {
        for name in names {
            writeln!(out, "{}", serde_json::to_string(&policy::case(rng, name))?)?;
        }
    } else if kind == "assignments" {
        for name in names {
            writeln!(out, "{}", serde_json::to_string(&assigned::case(rng, name))?)?;
        }
    } else {
        let histories: Vec<History> = (0..HISTORIES).map(|_| History::new(rng)).collect();
        for name in names {
            let history = pick(rng, &histories);
            writeln!(out, "{}", serde_json::to_string(&case(rng, history, name))?)?;
        }
    }
    out.flush()
}

/// True with a probability of `percent` percent.
fn chance(rng: &mut TestRng, percent: u32) -> bool {
    rng.random_ratio(percent, 100)
}

fn pick<'a, T>(rng: &mut TestRng, from: &'a [T]) -> &'a T {
    &from[rng.random_range(0..from.len())]
}

/// An instant, often the millisecond of an edge or one next to it.
fn instant(rng: &mut TestRng, edges: &[u64]) -> u64 {
    let edge = *pick(rng, edges);
    match rng.random_range(0..5) {
        0 => edge.saturating_sub(1),
        1 => edge + 1,
        2 => edge + rng.random_range(0..20_000),
        _ => edge,
    }
}

fn case(rng: &mut TestRng, history: &History, name: String) -> Vector {
    let mut keyring = history.editions[0].published.keyring.clone();
    let spoilt_keyring = chance(rng, 3);
    if spoilt_keyring {
        keyring = spoil::keyring(rng, history, keyring);
    }
    let mut adopt = Vec::new();
    let mut edition = &history.editions[0];
    let offers = *pick(rng, &[0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3]);
    for offer in 0..offers {
        edition =
            if chance(rng, 80) { &history.editions[offer] } else { pick(rng, &history.editions) };
        let at_ms = if chance(rng, 85) {
            edition.world.this_update.millis() + rng.random_range(0..5_000)
        } else {
            instant(rng, &history.edges)
        };
        // An altered keyring must come last: the specs leave open what a secret means to a later
        // keyring.
        let bundle = if !spoilt_keyring && offer + 1 == offers && chance(rng, 35) {
            spoil::bundle(rng, history, edition)
        } else if spoilt_keyring {
            edition.with_keyring(keyring.clone()).bundle()
        } else {
            edition.published.bundle()
        };
        adopt.push(Adopt { bundle: encode(&bundle), at_ms, refused: None });
    }
    let (token, edge) = key::token(rng, history, edition);
    let now_ms = match rng.random_range(0..10) {
        0 | 1 => instant(rng, &history.edges),
        2 | 3 => instant(rng, &[edge]),
        _ => edition.world.this_update.millis() + rng.random_range(0..10_000),
    };
    let mut secrets: Vec<Secret> = Vec::new();
    for kid in [HMAC_LIVE, HMAC_TEST] {
        let mut secret = edition.world.secret(kid);
        match rng.random_range(0..40) {
            0 | 1 => continue,
            2 => secret[31] ^= 1,
            _ => {}
        }
        secrets.push(Secret { kid, secret: encode(&secret) });
    }
    let mut asked = |names: [&str; 2]| {
        let name = chance(rng, 40).then(|| names[usize::from(chance(rng, 50))]);
        name.map(String::from)
    };
    Vector {
        name,
        about: String::new(),
        root: history.root().public().unwrap().to_string(),
        keyring: encode(&keyring),
        secrets,
        adopt,
        files: Vec::new(),
        token,
        now_ms,
        kind: asked(["secret", "publishable"]),
        environment: asked(["live", "test"]),
        expect: None,
    }
}
