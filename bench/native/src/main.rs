//! What the core costs, measured beside its peers. Prints JSON, which `cargo xtask bench` reads.

mod build;
mod ed25519;
mod fixtures;
mod issuer;
mod lookup;
mod rounds;
mod sets;
mod size;
mod verify;

use rounds::Effort;
use serde_json::{Map, Value, json};
use std::path::Path;

/// What a group of measurements found: nanoseconds by subject and round, and plain numbers.
#[derive(Default)]
pub struct Report {
    samples: Map<String, Value>,
    facts: Map<String, Value>,
}

impl Report {
    fn of(samples: Map<String, Value>) -> Self {
        Self { samples, facts: Map::new() }
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let quick = words.iter().any(|word| word == "--quick");
    let effort = Effort::new(quick);
    let report = match words.first().map_or("", String::as_str) {
        "fixtures" => return fixtures::make(Path::new(&words[1])).unwrap(),
        "native" => verify::run(effort),
        "build" => build::run(quick),
        "ed25519" => ed25519::run(effort),
        "size" => size::run(quick),
        "lookup" => lookup::run(effort),
        other => panic!("no group `{other}`"),
    };
    println!("{}", json!({ "samples": report.samples, "facts": report.facts }));
}
