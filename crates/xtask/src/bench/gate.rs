//! Gate measurements over time: revocations under load, isolates that have just started, and one
//! request every ten seconds. Holds their targets and their section of the page.

use super::results::{Results, percentile};
use super::row::Row;
use super::units::{bytes, grouped, time};
use std::fmt::Write as _;

pub(super) fn rows(results: &Results) -> Vec<Row> {
    let revoked = FRESH_FOR.iter().filter_map(|fresh_for| Revoked::new(results, fresh_for));
    decision(results).into_iter().chain(revoked.map(|revoked| revoked.row())).collect()
}

/// The most that a decision may take, in nanoseconds. It is an absolute bound because no peer makes
/// the same decision.
const DECISION: f64 = 3_000.0;

fn decision(results: &Results) -> Option<Row> {
    let took = percentile(&results.sorted("gate, the decision")?, 50);
    Some(Row {
        what: "the gate's decision in workerd, from the headers' texts to what changes".to_owned(),
        peer: "-".to_owned(),
        ours: time(took),
        theirs: "-".to_owned(),
        ratio: "-".to_owned(),
        target: format!("at most {}", time(DECISION)),
        met: Some(took <= DECISION),
    })
}

pub(super) fn sections(results: &Results) -> String {
    [revocations(results), cold(results), idle(results), weight(results)].concat()
}

/// In seconds.
const FRESH_FOR: [&str; 2] = ["1", "5"];

/// The trials of one `FRESH_FOR`, in nanoseconds, sorted ascending.
struct Revoked<'a> {
    fresh_for: &'a str,
    took: Vec<f64>,
    /// The bound that the status page reported just before each revocation.
    bounds: Vec<f64>,
    late: f64,
    load: f64,
}

impl<'a> Revoked<'a> {
    fn new(results: &Results, fresh_for: &'a str) -> Option<Self> {
        let name = format!("revoked to refused, FRESH_FOR {fresh_for} s");
        Some(Self {
            fresh_for,
            took: results.sorted(&name)?,
            bounds: results.sorted(&format!("{name}, printed bound"))?,
            late: results.fact(&format!("{name}, late"))?,
            load: results.fact(&format!("{name}, load, requests a second"))?,
        })
    }

    fn at(&self, percent: usize) -> f64 {
        percentile(&self.took, percent)
    }

    fn row(&self) -> Row {
        let (median, p99, longest) = (self.at(50), self.at(99), self.at(100));
        let bound = percentile(&self.bounds, 0);
        let mut met = self.late == 0.0;
        let mut target = "within it, always".to_owned();
        if self.fresh_for == "1" {
            met &= p99 <= 1e9 && median < 0.6e9;
            target.push_str("; p99 at most 1 s, median under 0.6 s");
        }
        Row {
            what: format!(
                "`revoke` answered to refused, under load, FRESH_FOR {} s",
                self.fresh_for
            ),
            peer: "the bound that the gate printed, at its least".to_owned(),
            ours: format!("median {}, p99 {}, longest {}", time(median), time(p99), time(longest)),
            theirs: time(bound),
            ratio: format!("{:.2}x the bound, the longest", longest / bound),
            target,
            met: Some(met),
        }
    }
}

const REVOCATIONS: &str = "
## From `revoke` to the refusal

The time from the answer to `revoke` until a request with the key is refused. Issuer, gate (in \
workerd) and origin are real processes on loopback, with a stamp every second and DEADLINE 300 ms. \
Keys are revoked at random times, several at once. Each is tried every 10 ms (every 25 ms with \
FRESH_FOR 5 s), while good keys are used without a pause over four connections. Bound: the value \
that the gate's status page printed just before each revocation. Late: the keys that were refused \
after that bound.

| FRESH_FOR | keys | least | median | p90 | p99 | longest | bound | late | load, requests a second |
|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|
";

fn revocations(results: &Results) -> String {
    let all: Vec<_> = FRESH_FOR.iter().filter_map(|at| Revoked::new(results, at)).collect();
    if all.is_empty() {
        return String::new();
    }
    let mut text = REVOCATIONS.to_owned();
    for revoked in &all {
        let times = [0, 50, 90, 99, 100].map(|percent| time(revoked.at(percent))).join(" | ");
        let bound = [0, 100].map(|percent| time(percentile(&revoked.bounds, percent))).join(" to ");
        let Revoked { fresh_for, took, late, load, .. } = revoked;
        let (many, load) = (took.len(), grouped(*load));
        let _ = writeln!(text, "| {fresh_for} s | {many} | {times} | {bound} | {late} | {load} |");
    }
    for revoked in &all {
        let _ = writeln!(text, "\nFRESH_FOR {} s:\n\n```text", revoked.fresh_for);
        text.push_str(&histogram(&revoked.took));
        text.push_str("```\n");
    }
    text
}

const BINS: [f64; 6] = [50e6, 100e6, 200e6, 250e6, 500e6, 1e9];
const MOST_BINS: f64 = 15.0;

/// Counts the samples per interval; all intervals are equally long.
fn histogram(sorted: &[f64]) -> String {
    let longest = percentile(sorted, 100);
    let width = BINS.into_iter().find(|width| longest / width < MOST_BINS).unwrap_or(5e9);
    let mut text = String::new();
    let (mut from, mut rest) = (0.0, sorted);
    while !rest.is_empty() {
        let until = from + width;
        let (here, later) = rest.split_at(rest.partition_point(|sample| *sample < until));
        let share = here.len() * 100 / sorted.len().max(1);
        let _ = writeln!(
            text,
            "{:>9} to {:>9} {:>4} {}",
            time(from),
            time(until),
            here.len(),
            "#".repeat(share)
        );
        (from, rest) = (until, later);
    }
    text
}

const COLD: &str = "
## A gate that has just started

Each row is the median of fresh processes of workerd, with p10 to p90 in brackets. The first \
request is sent when the process has listened for 150 ms; the next one has another key and uses the \
same connection. Start to first answer: from the start of the process, with a request as soon as it \
listens. The gate's lists come from an issuer on loopback";
const STARTED: [(&str, &str); 6] = [
    ("only an answer", "a Worker that only answers"),
    ("pass-through", "a Worker that only passes requests on"),
    ("gate, nothing held", "the gate, nothing held: fetches keyring, stamp, head, body"),
    ("gate, a floor in the cache", "the gate, a floor in the Cache API: looks there too"),
    ("gate, a list deployed with it", "the gate, a list deployed with it: fetches a stamp"),
    ("gate, both", "the gate, both of these"),
];

fn cold(results: &Results) -> String {
    let Some(list) = results.fact("cold, list deployed, bytes") else { return String::new() };
    let mut text = format!(
        "{COLD}; the deployed list has {} (20,000 keys, 1 % revoked).\n\n\
         | | first request | the next one | start to first answer |\n|---|--:|--:|--:|\n",
        bytes(list)
    );
    for (subject, name) in STARTED {
        let cell = |what: &str| {
            let spread = results.spread(&[&format!("cold, {subject}, {what}")]);
            spread.map_or_else(String::new, |at| {
                format!("{} ({} to {})", time(at.median), time(at.p10), time(at.p90))
            })
        };
        let cells = ["first request", "second request", "start to first answer"].map(cell);
        let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
    }
    text
}

fn idle(results: &Results) -> String {
    let (slow, quick) = ("idle, a request in 10 s", "idle, back to back");
    let (Some(slow), Some(quick)) = (results.sorted(slow), results.sorted(quick)) else {
        return String::new();
    };
    let fact = |name: &str| results.fact(name).unwrap_or(f64::NAN);
    let mut text = format!(
        "\n## A request every ten seconds\n\nEight gates with FRESH_FOR 5 s get a request each \
         every 10 s, in turn. Each time the stamp is older than that, so the request waits for a \
         new one. On average a request causes {:.1} fetches and {} from an issuer on loopback: the \
         stamp of 154 bytes, and the keyring once a minute. For comparison: requests to the same \
         gates one after the other.\n\n\
         | | requests | least | median | p90 | longest |\n|---|--:|--:|--:|--:|--:|\n",
        fact("idle, fetches a request"),
        bytes(fact("idle, bytes fetched a request")),
    );
    for (name, sorted) in [("one in 10 s", slow), ("back to back", quick)] {
        let times = [0, 50, 90, 100].map(|percent| time(percentile(&sorted, percent))).join(" | ");
        let _ = writeln!(text, "| {name} | {} | {times} |", sorted.len());
    }
    text
}

fn weight(results: &Results) -> String {
    let mut text =
        "\n## What the gate weighs\n\n| | bytes | gzip | brotli |\n|---|--:|--:|--:|\n".to_owned();
    for (part, name) in [("module", "module"), ("glue", "glue and entry, as they are deployed")] {
        let weigh = |form: &str| Some(bytes(results.fact(&format!("gate, {part}, {form}"))?));
        let [Some(raw), Some(gzip), Some(brotli)] = ["bytes", "gzip", "brotli"].map(weigh) else {
            return String::new();
        };
        let _ = writeln!(text, "| {name} | {raw} | {gzip} | {brotli} |");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{histogram, rows, sections};
    use crate::bench::results::Results;

    fn revoked(took: &str, bound: &str, late: u32) -> Results {
        let name = "revoked to refused, FRESH_FOR 1 s";
        let mut results = Results::default();
        let line = format!(
            r#"{{"samples": {{"{name}": {took}, "{name}, printed bound": {bound}}},
                 "facts": {{"{name}, late": {late}, "{name}, load, requests a second": 5000}}}}"#
        );
        results.add(&line.replace('\n', "")).unwrap();
        results
    }

    fn met(results: &Results) -> Vec<Option<bool>> {
        rows(results).iter().map(|row| row.met).collect()
    }

    #[test]
    fn a_revocation_is_held_against_what_was_printed_and_against_the_target() {
        let bound = "[1300e6, 1400e6, 1300e6]";
        assert_eq!(met(&revoked("[900e6, 20e6, 100e6]", bound, 0)), [Some(true)]);
        assert_eq!(met(&revoked("[900e6, 20e6, 100e6]", bound, 1)), [Some(false)]);
        assert_eq!(met(&revoked("[1001e6, 20e6, 100e6]", bound, 0)), [Some(false)]);
        assert_eq!(met(&revoked("[900e6, 20e6, 600e6]", bound, 0)), [Some(false)]);
        assert_eq!(met(&Results::default()), []);
        assert_eq!(sections(&Results::default()), "");
    }

    #[test]
    fn a_histogram_holds_every_sample_once() {
        let text = histogram(&[0.0, 49e6, 50e6, 130e6]);
        let counts: Vec<&str> =
            text.lines().filter_map(|line| line.split_whitespace().nth(5)).collect();
        assert_eq!(counts, ["2", "1", "1"]);
        assert_eq!(histogram(&[]), "");
    }
}
