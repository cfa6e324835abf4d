//! Judges cases of the vectors' shape, one JSON object a line on standard input, one verdict a
//! line on standard output: the protocol of `tests/python/run_vector.py`, whose answers
//! `tests/python/differential.py` holds these against.

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

/// A case of a key or of a policy: no field of one is one of the other.
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
