//! The gate's memory over several minutes, compared with that of a Worker that only forwards
//! requests.

use super::results::{Results, percentile};
use super::row::Row;
use super::units::grouped;
use std::fmt::Write as _;

pub(super) fn row(results: &Results) -> Option<Row> {
    Soak::new(results).map(|soak| soak.row())
}

pub(super) fn section(results: &Results) -> String {
    Soak::new(results).map_or_else(String::new, |soak| soak.page())
}

/// The largest allowed ratio of the last minute's median to that of the first minute after the
/// warm-up.
const GROWTH: f64 = 1.05;
const MINUTE: usize = 60;

/// The memory of two Workers in each second, in bytes.
struct Soak<'a> {
    results: &'a Results,
    gate: Memory<'a>,
    pass: Memory<'a>,
}

struct Memory<'a> {
    resident: &'a [f64],
    anonymous: &'a [f64],
}

impl<'a> Memory<'a> {
    fn new(results: &'a Results, worker: &str) -> Option<Self> {
        let moments = |kind: &str| results.bytes(&format!("soak, {worker}, {kind}"));
        Some(Self { resident: moments("resident")?, anonymous: moments("anonymous")? })
    }
}

impl<'a> Soak<'a> {
    fn new(results: &'a Results) -> Option<Self> {
        let (gate, pass) = (Memory::new(results, "gate")?, Memory::new(results, "pass-through")?);
        Some(Self { results, gate, pass })
    }

    fn fact(&self, name: &str) -> f64 {
        self.results.fact(&format!("soak, {name}")).unwrap_or(f64::NAN)
    }

    fn row(&self) -> Row {
        let held = self.gate.resident;
        let (first, last) = (minute(held, 0), minute(held, held.len() / MINUTE));
        let (keys, seconds) = (grouped(self.fact("keys")), self.fact("seconds"));
        Row {
            what: format!(
                "the gate's memory, the last minute of {seconds} s of traffic, {keys} keys"
            ),
            peer: "the first minute, after each key had come twice".to_owned(),
            ours: megabytes(last),
            theirs: megabytes(first),
            ratio: format!("{:.3}x the bytes", last / first),
            target: format!("at most {GROWTH}x"),
            // A short run has no two minutes to compare.
            met: (held.len() >= 2 * MINUTE).then_some(last <= GROWTH * first),
        }
    }

    fn page(&self) -> String {
        let count = |name: &str| grouped(self.fact(name));
        let mut text = format!(
            "\n## Memory\n\n{} keys are used in random order over 16 connections: 60 % are plain \
             secret keys, 10 % have an owner, 10 % an owner and a private policy, 5 % an \
             owner and a policy with a rate class, 10 % are publishable keys, and 5 % publishable \
             keys with an owner and a policy. For comparison, a Worker that only passes the same \
             requests on gets as many connections. \
             The measured {} s began after each key had been used twice. Meanwhile {} keys were \
             revoked one by one, and uses were reported to the issuer. {} requests passed the gate, \
             {} with revoked keys were refused, {} got another answer, and {} connections broke. At \
             the end each revoked key was refused. Memory of workerd: resident, and the part of it \
             that no file backs. A minute's value is the median of its seconds.\n\n\
             | | gate, resident | anonymous | pass-through, resident | anonymous | requests to the gate since |\n|---|--:|--:|--:|--:|--:|\n",
            count("keys"),
            self.fact("seconds"),
            count("keys revoked meanwhile"),
            count("passed"),
            count("refused"),
            count("answered otherwise"),
            count("connections broken"),
        );
        let line = |name: &str, held: [f64; 4], since: &str| {
            format!("| {name} | {} | {since} |\n", held.map(megabytes).join(" | "))
        };
        // The memory before the soak begins.
        for (name, when) in [
            ("after the first request", "at first"),
            ("after every key once", "after every key once"),
        ] {
            let of = |worker: &str, kind: &str| self.fact(&format!("{worker}, {kind} {when}"));
            let (pass, held) = ("pass-through", ["resident", "anonymous"]);
            let [[resident, anonymous], [beside, theirs]] =
                ["gate", pass].map(|worker| held.map(|kind| of(worker, kind)));
            text.push_str(&line(name, [resident, anonymous, beside, theirs], ""));
        }
        let all =
            [self.gate.resident, self.gate.anonymous, self.pass.resident, self.pass.anonymous];
        // One row per minute, then the slopes.
        for at in 0..self.gate.resident.len().div_ceil(MINUTE) {
            let since = self.results.fact(&format!("soak, requests until minute {}", at + 1));
            let since = since.map_or_else(String::new, grouped);
            text.push_str(&line(
                &format!("minute {}", at + 1),
                all.map(|held| minute(held, at)),
                &since,
            ));
        }
        let [resident, anonymous, beside, theirs] = all.map(slope);
        let _ = writeln!(
            text,
            "| a line through all seconds, kB a minute | {resident} | {anonymous} | {beside} | {theirs} | |"
        );
        text
    }
}

/// The median of the seconds of a minute. If the run is too short for that minute, takes its last
/// 60 seconds.
fn minute(moments: &[f64], minute: usize) -> f64 {
    let from = (minute * MINUTE).min(moments.len().saturating_sub(MINUTE));
    let mut part: Vec<f64> = moments.iter().skip(from).take(MINUTE).copied().collect();
    part.sort_by(f64::total_cmp);
    percentile(&part, 50)
}

fn megabytes(count: f64) -> String {
    format!("{:.1} MB", count / 1e6)
}

/// Fitted by least squares, in kB per minute.
fn slope(moments: &[f64]) -> String {
    let seconds = || (0_u32..).map(f64::from).take(moments.len());
    let many = seconds().map(|_| 1.0).sum::<f64>();
    let (middle, mean) = (seconds().sum::<f64>() / many, moments.iter().sum::<f64>() / many);
    let spread: f64 = seconds().map(|at| (at - middle).powi(2)).sum();
    let rise: f64 = seconds().zip(moments).map(|(at, held)| (at - middle) * (held - mean)).sum();
    format!("{:+.0}", rise / spread * 60.0 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::{minute, row, slope};
    use crate::bench::results::Results;

    #[test]
    fn memory_is_a_median_and_a_line() {
        let rising: Vec<f64> = (0..300).map(|second| f64::from(second) * 1000.0).collect();
        assert_eq!(slope(&rising), "+60");
        assert_eq!(slope(&[7000.0; 60]), "+0");
        assert_eq!((minute(&rising, 0), minute(&rising, 4)), (30_000.0, 270_000.0));
        assert_eq!(minute(&rising, 5), 270_000.0);
        assert_eq!(minute(&[5.0, 1.0], 0), 5.0);
    }

    #[test]
    fn memory_that_grows_by_more_than_a_twentieth_misses() {
        let soak = |last: &str| {
            let (early, late) = (vec!["100"; 60].join(","), vec![last; 60].join(","));
            let line = format!(
                r#"{{"samples": {{}}, "bytes": {{"soak, gate, resident": [{early},{late}], "soak, gate, anonymous": [1],
                 "soak, pass-through, resident": [1], "soak, pass-through, anonymous": [1]}}}}"#
            );
            let line = line.replace('\n', "");
            let mut results = Results::default();
            results.add(&line).unwrap();
            row(&results).map(|row| row.met)
        };
        assert_eq!(soak("105"), Some(Some(true)));
        assert_eq!(soak("106"), Some(Some(false)));
    }
}
