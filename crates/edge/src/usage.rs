//! How often keys are used: counted here, reported to the issuer in batches, behind requests.
//!
//! A report that fails is kept and tried again. What is lost is what an isolate has counted when it
//! ends, and keys beyond a number. A report whose answer gets lost is sent twice.

use core::cell::RefCell;
use std::collections::HashMap;

use portcullis_core::time::Time;
use portcullis_core::token::Name;
use serde_json::json;

use crate::gate::Gate;
use crate::log::Event;
use crate::pace::Span;
use crate::source::Host;

/// A report goes out after so many milliseconds with requests,
const PERIOD: u64 = 10_000;
/// or for so many keys, which is also the most in one: some 40 kB.
const BATCH: usize = 500;
/// Keys that are counted between two reports. Beyond them uses are lost, and that is counted.
const MOST_KEYS: usize = 4_096;
/// How long a report may take.
const PATIENCE: u64 = 10_000;
/// How long none goes out after one that failed.
const PAUSE: u64 = 10_000;

/// What was counted since the last report.
#[derive(Debug)]
pub struct Usage {
    keys: HashMap<Name, Uses>,
    since: Option<Time>,
    /// While a report is out, or one has failed a moment ago.
    rests: Span,
    lost: u64,
}

#[derive(Clone, Copy, Debug)]
struct Uses {
    uses: u32,
    last_used_at: u32,
}

/// What a request is charged with sending.
#[derive(Debug)]
pub struct Report(Vec<(Name, Uses)>);

impl Usage {
    /// Has counted nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self { keys: HashMap::new(), since: None, rests: Span::NEVER, lost: 0 }
    }

    /// Counts a use of a key.
    pub fn count(&mut self, name: Name, now: Time) {
        self.add(name, Uses { uses: 1, last_used_at: now.secs() });
        self.since.get_or_insert(now);
    }

    /// Whether a report is due. A clock that was set back is no reason to wait.
    #[must_use]
    pub fn is_due(&self, now: Time) -> bool {
        let is_time = |since: Time| now < since || now.millis_since(since) >= PERIOD;
        let is_due = self.since.is_some_and(is_time) || self.keys.len() >= BATCH;
        is_due && !self.keys.is_empty() && !self.rests.contains(now)
    }

    /// Takes the report that is due.
    pub fn report(&mut self, now: Time) -> Option<Report> {
        if !self.is_due(now) {
            return None;
        }
        self.rests = Span::new(now, PATIENCE);
        self.since = Some(now);
        let names: Vec<Name> = self.keys.keys().take(BATCH).copied().collect();
        let taken = names.into_iter().filter_map(|name| self.keys.remove_entry(&name));
        Some(Report(taken.collect()))
    }

    fn add(&mut self, name: Name, more: Uses) {
        if self.keys.len() >= MOST_KEYS && !self.keys.contains_key(&name) {
            self.lost = self.lost.saturating_add(more.uses.into());
            return;
        }
        let held = self.keys.entry(name).or_insert(Uses { uses: 0, last_used_at: 0 });
        held.uses = held.uses.saturating_add(more.uses);
        held.last_used_at = held.last_used_at.max(more.last_used_at);
    }

    /// Tells that a report has arrived.
    pub const fn arrived(&mut self) {
        self.rests = Span::NEVER;
    }

    /// Takes back a report that did not arrive.
    pub fn take_back(&mut self, report: Report, now: Time) {
        self.rests = Span::new(now, PAUSE);
        for (name, uses) in report.0 {
            self.add(name, uses);
        }
    }

    /// Uses that no report will tell of.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }
}

impl Default for Usage {
    fn default() -> Self {
        Self::new()
    }
}

impl Report {
    /// The body of `POST /v1/usage`.
    #[must_use]
    pub fn body(&self) -> String {
        let uses = self.0.iter().map(|(name, Uses { uses, last_used_at })| {
            json!({ "key": name.to_string(), "uses": uses, "last_used_at": last_used_at })
        });
        json!({ "uses": uses.collect::<Vec<_>>() }).to_string()
    }
}

/// Sends a report; what does not arrive is kept.
pub async fn send<H: Host>(gate: &RefCell<Gate>, host: &H, report: Report) {
    let sent = host.report(report.body(), PATIENCE).await;
    match sent {
        Ok(()) => gate.borrow_mut().usage_mut().arrived(),
        Err(error) => {
            gate.borrow_mut().usage_mut().take_back(report, host.now());
            host.log(&Event::Usage(error));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_core::crypto::IssuerId;
    use portcullis_core::token::Serial;

    fn name(serial: u32) -> Name {
        Name::derive(IssuerId([1; 16]), Serial::at(0, serial).unwrap())
    }

    fn at(millis: u64) -> Time {
        Time::from_millis(1_700_000_000_000 + millis)
    }

    fn count(usage: &mut Usage, name: Name, now: Time) -> Option<Report> {
        usage.count(name, now);
        usage.report(now)
    }

    #[test]
    fn uses_are_reported_in_batches() {
        let mut usage = Usage::new();
        for millis in [0, 1_000, 9_999] {
            assert!(count(&mut usage, name(1), at(millis)).is_none());
        }
        let report = count(&mut usage, name(2), at(10_000)).unwrap();
        let body: serde_json::Value = serde_json::from_str(&report.body()).unwrap();
        let mut uses: Vec<_> = body["uses"].as_array().unwrap().clone();
        uses.sort_by_key(|one| one["uses"].as_u64());
        assert_eq!(uses.len(), 2);
        assert_eq!(
            uses[1],
            json!({ "key": name(1).to_string(), "uses": 3, "last_used_at": 1_700_000_009 })
        );
        usage.arrived();
        assert!(count(&mut usage, name(1), at(19_999)).is_none());
        assert_eq!(count(&mut usage, name(1), at(20_000)).unwrap().0[0].1.uses, 2);
    }

    #[test]
    fn a_report_that_fails_is_kept_and_not_repeated_at_once() {
        let mut usage = Usage::new();
        count(&mut usage, name(1), at(0));
        let report = count(&mut usage, name(1), at(10_000)).unwrap();
        assert!(count(&mut usage, name(1), at(19_999)).is_none(), "one is out");
        usage.take_back(report, at(20_000));
        assert!(count(&mut usage, name(1), at(29_999)).is_none());
        assert_eq!(count(&mut usage, name(1), at(30_000)).unwrap().0[0].1.uses, 5);
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_is_lost_is_known() {
        let mut usage = Usage::new();
        let mut reported = 0;
        for serial in 0..10_000 {
            if let Some(report) = count(&mut usage, name(serial), at(0)) {
                reported += report.0.len();
            }
        }
        assert_eq!((reported, usage.keys.len()), (BATCH, MOST_KEYS));
        assert_eq!(usage.lost(), 10_000 - (BATCH + MOST_KEYS) as u64);
    }
}
