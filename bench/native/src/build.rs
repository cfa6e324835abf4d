//! The issuer's side: building a whole list, and what one more revocation makes verifiers fetch.

use crate::rounds::{Effort, Rounds};
use crate::{Report, issuer, sets};
use portcullis_core::list::Body;
use serde_json::json;
use std::time::{Duration, Instant};

const PERCENT: u32 = 100;

/// Clubcard looks at every serial there is, and takes its seconds: fewer rounds than elsewhere.
pub fn run(quick: bool) -> Report {
    let (capacity, rounds) = if quick { (10_000_000, 3) } else { (100_000_000, 5) };
    let revoked = sets::subset(capacity, capacity / PERCENT);
    let mut subjects = Rounds::default();
    subjects.add("build, list", || issuer::bodies(capacity, &revoked));
    subjects.add("build, clubcard", || bench_peers::build(capacity, &revoked));
    let mut report = Report::of(subjects.run(Effort { rounds, sample: Duration::ZERO }));
    report.facts.insert("build, capacity".into(), json!(capacity));
    update(&mut report, capacity, &revoked);
    report
}

/// One serial more: what changes, in bytes.
fn update(report: &mut Report, capacity: u32, revoked: &[u32]) {
    let before = issuer::publish(issuer::bodies(capacity, revoked));
    let mut more = revoked.to_vec();
    let new = sets::others(capacity, revoked, 1)[0];
    more.insert(revoked.partition_point(|serial| *serial < new), new);
    let started = Instant::now();
    let after = issuer::publish(issuer::bodies(capacity, &more));
    let rebuilt = started.elapsed();
    let changed = after.bodies.iter().zip(&before.bodies).filter(|(new, old)| new != old);
    let body: usize = changed.map(|(new, _)| new.len()).sum();
    let mut say = |what: &str, value: usize| {
        report.facts.insert(format!("update, {what}"), json!(value));
    };
    say("body", body);
    say("head", after.head.len());
    say("stamp", after.stamp.len());
    say("whole", after.bodies.iter().map(Vec::len).sum::<usize>() + after.head.len());
    say("rebuilding everything, us", rebuilt.as_micros() as usize);
    say("shards", capacity.div_ceil(Body::MAX_CAPACITY) as usize);
}
