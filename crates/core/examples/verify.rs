//! Verifies cases in the vectors' format. It reads one JSON object per line on standard input and
//! writes one verdict per line on standard output, which is the protocol of
//! `tests/python/verify.py`. `tests/python/differential.py` compares the two.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a case that can't be read is a fault of the test"
)]

#[expect(dead_code, reason = "vectors are written elsewhere")]
#[path = "../tests/scenarios/policy/shape.rs"]
mod policy;
#[expect(dead_code, reason = "vectors are written elsewhere")]
#[path = "../tests/scenarios/shape.rs"]
mod shape;

use std::io::{self, BufWriter, Write as _};

/// A case of a key or of a policy, told apart by their fields, which don't overlap.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Case {
    Policy(policy::PolicyVector),
    Key(shape::Vector),
}

fn main() -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    for line in io::stdin().lines() {
        let answer = match serde_json::from_str(&line?)? {
            Case::Policy(case) => serde_json::to_string(&policy::run_vector(&case))?,
            Case::Key(case) => serde_json::to_string(&shape::run_vector(&case))?,
        };
        writeln!(out, "{answer}")?;
    }
    out.flush()
}
