//! Counting uses of keys, and reporting them to the issuer and to Analytics Engine in batches, in
//! the background.
//!
//! A report that fails is kept and sent again. Lost are the counts of an isolate that ends, and
//! uses of keys beyond a limit. A report whose acknowledgement is lost is sent twice. Analytics
//! Engine gives no acknowledgement, and gets each use once.

use std::collections::HashMap;

use portcullis_core::time::Time;
use portcullis_core::token::Name;

use crate::span::Span;
use crate::telemetry::usage_report::{Line, Lines};

/// A report is due this many milliseconds after the previous one,
const PERIOD: u64 = 10_000;
/// or at this many keys, which is also the maximum in one report: some 40 kB.
pub(crate) const BATCH: usize = 500;
/// Keys that are counted between two reports. Uses of further keys are lost, and counted as lost.
const MAX_KEYS: usize = 4_096;
/// How long sending a report may take, in milliseconds.
pub(crate) const TIMEOUT: u64 = 10_000;
/// The pause after a failed report, in milliseconds.
const PAUSE: u64 = 10_000;

/// The uses counted since the last report.
#[derive(Debug)]
pub struct Usage {
    keys: HashMap<Name, Uses>,
    since: Option<Time>,
    /// A report is in flight, or one has just failed.
    pause: Span,
    lost: u64,
    /// The most keys in one report.
    batch: usize,
}

#[derive(Clone, Copy, Debug)]
struct Uses {
    uses: u32,
    last_used_at: u32,
    /// How many of them were written to Analytics Engine.
    written: u32,
}

/// A report, which one request has to send.
#[derive(Debug)]
pub struct Report(Vec<(Name, Uses)>);

impl Usage {
    /// No uses yet. A report holds at most `batch` keys.
    #[must_use]
    pub fn new(batch: usize) -> Self {
        Self { keys: HashMap::new(), since: None, pause: Span::NEVER, lost: 0, batch }
    }

    /// Counts a use of a key.
    pub fn count(&mut self, name: Name, now: Time) {
        self.add(name, Uses { uses: 1, last_used_at: now.secs(), written: 0 });
        self.since.get_or_insert(now);
    }

    /// Whether a report is due. A clock that was set back doesn't delay it.
    #[must_use]
    pub fn is_due(&self, now: Time) -> bool {
        let is_time = |since: Time| now < since || now.millis_since(since) >= PERIOD;
        let is_due = self.since.is_some_and(is_time) || self.keys.len() >= self.batch;
        is_due && !self.keys.is_empty() && !self.pause.contains(now)
    }

    /// Takes a report if one is due.
    pub fn report(&mut self, now: Time) -> Option<Report> {
        if self.is_due(now) { self.flush(now) } else { None }
    }

    /// Takes a report of the counted uses, due or not. `None` while one is in flight or has just
    /// failed.
    pub fn flush(&mut self, now: Time) -> Option<Report> {
        if self.keys.is_empty() || self.pause.contains(now) {
            return None;
        }
        self.pause = Span::new(now, TIMEOUT);
        self.since = Some(now);
        let names: Vec<Name> = self.keys.keys().take(self.batch).copied().collect();
        let removed_keys = names.into_iter().filter_map(|name| self.keys.remove_entry(&name));
        Some(Report(removed_keys.collect()))
    }

    fn add(&mut self, name: Name, more: Uses) {
        if self.keys.len() >= MAX_KEYS && !self.keys.contains_key(&name) {
            self.lost = self.lost.saturating_add(more.uses.into());
            return;
        }
        let held = self.keys.entry(name).or_insert(Uses { uses: 0, last_used_at: 0, written: 0 });
        held.uses = held.uses.saturating_add(more.uses);
        held.written = held.written.saturating_add(more.written);
        held.last_used_at = held.last_used_at.max(more.last_used_at);
    }

    /// Notes that the report has arrived.
    pub const fn delivered(&mut self) {
        self.pause = Span::NEVER;
    }

    /// Adds the uses of a failed report to the counts again.
    pub fn put_back(&mut self, report: Report, now: Time) {
        self.pause = Span::new(now, PAUSE);
        for (name, uses) in report.0 {
            self.add(name, uses);
        }
    }

    /// Uses that no report will contain.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }
}

impl Report {
    /// The uses of each key that were not yet written to Analytics Engine. Marks them as written.
    pub(crate) fn unwritten(&mut self) -> impl Iterator<Item = (Name, u32)> {
        self.0.iter_mut().filter_map(|(name, uses)| {
            let unwritten = uses.uses.saturating_sub(uses.written);
            uses.written = uses.uses;
            (unwritten > 0).then_some((*name, unwritten))
        })
    }

    /// The body of `POST /v1/usage`.
    #[must_use]
    pub fn body(&self) -> String {
        let line = |(name, uses): &(Name, Uses)| {
            let Uses { uses, last_used_at, .. } = *uses;
            Line { key: name.to_string(), uses, last_used_at }
        };
        Lines { uses: self.0.iter().map(line).collect(), canaries: Vec::new() }.body()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_core::crypto::IssuerId;
    use portcullis_core::token::Serial;
    use serde_json::json;

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
        let mut usage = Usage::new(BATCH);
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
        usage.delivered();
        assert!(count(&mut usage, name(1), at(19_999)).is_none());
        assert_eq!(count(&mut usage, name(1), at(20_000)).unwrap().0[0].1.uses, 2);
    }

    #[test]
    fn a_report_that_fails_is_kept_and_not_repeated_at_once() {
        let mut usage = Usage::new(BATCH);
        count(&mut usage, name(1), at(0));
        let report = count(&mut usage, name(1), at(10_000)).unwrap();
        assert!(count(&mut usage, name(1), at(19_999)).is_none(), "one is out");
        usage.put_back(report, at(20_000));
        assert!(count(&mut usage, name(1), at(29_999)).is_none());
        assert_eq!(count(&mut usage, name(1), at(30_000)).unwrap().0[0].1.uses, 5);
    }

    #[test]
    fn what_is_kept_is_bounded_and_what_is_lost_is_known() {
        let mut usage = Usage::new(BATCH);
        let mut reported = 0;
        for serial in 0..10_000 {
            if let Some(report) = count(&mut usage, name(serial), at(0)) {
                reported += report.0.len();
            }
        }
        assert_eq!((reported, usage.keys.len()), (BATCH, MAX_KEYS));
        assert_eq!(usage.lost(), 10_000 - (BATCH + MAX_KEYS) as u64);
    }

    #[test]
    fn analytics_is_told_of_each_use_once_and_of_no_more_keys_than_the_platform_takes() {
        let mut usage = Usage::new(200);
        for serial in 0..300 {
            usage.count(name(serial), at(0));
        }
        let mut report = usage.report(at(0)).unwrap();
        let written: Vec<Name> = report.unwritten().map(|(name, _)| name).collect();
        assert_eq!(written.len(), 200);
        assert_eq!(report.unwritten().count(), 0);
        usage.put_back(report, at(0));
        // The failed report is sent again. For Analytics Engine only the use after it is new.
        usage.count(written[0], at(1));
        let mut written = 0;
        let mut reported = 0;
        for millis in [10_000, 20_000] {
            let mut report = usage.report(at(millis)).unwrap();
            written += report.unwritten().map(|(_, unwritten)| unwritten).sum::<u32>();
            reported += report.0.iter().map(|(_, uses)| uses.uses).sum::<u32>();
            usage.delivered();
        }
        assert_eq!((written, reported), (101, 301));
    }
}
