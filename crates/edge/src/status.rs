//! The status page: what an operator wants to know of one isolate.

use std::collections::BTreeMap;

use portcullis_core::list::List;
use portcullis_core::replica::Replica;
use portcullis_core::time::Time;
use serde_json::{Value, json};

use crate::gate::Gate;
use crate::pace::{Bounds, Span};
use crate::settings::SourceSetting;

/// What an isolate has counted since it began.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    /// Requests that went to the origin.
    pub passed: u64,
    refused: BTreeMap<&'static str, u64>,
}

impl Counters {
    /// Counts a request that did not.
    pub fn refused(&mut self, code: &'static str) {
        *self.refused.entry(code).or_default() += 1;
    }
}

/// What is known of a source.
#[derive(Clone, Debug)]
pub struct SourceState {
    name: &'static str,
    served: Option<Served>,
    failed: Option<(&'static str, Time)>,
    /// Whether its last answer was good.
    pub(crate) is_good: Option<bool>,
    /// Lags of the last stamps, in milliseconds, newest first.
    lags: [Option<u64>; 8],
}

#[derive(Clone, Copy, Debug)]
struct Served {
    at: Time,
    number: u64,
}

impl SourceState {
    /// A source that has not been asked yet.
    #[must_use]
    pub const fn new(setting: &SourceSetting) -> Self {
        let name = setting.name();
        Self { name, served: None, failed: None, is_good: None, lags: [None; 8] }
    }

    /// How logs call it.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Notes a stamp that was `lag` milliseconds old when it came.
    pub(crate) fn served(&mut self, number: u64, lag: u64, now: Time) {
        self.served = Some(Served { at: now, number });
        self.is_good = Some(true);
        self.lags.rotate_right(1);
        if let Some(newest) = self.lags.first_mut() {
            *newest = Some(lag);
        }
    }

    /// Notes a failure; says whether the source was not failing before.
    pub(crate) fn failed(&mut self, code: &'static str, now: Time) -> bool {
        let is_news = self.is_good != Some(false) || self.failed.is_none_or(|(old, _)| old != code);
        self.failed = Some((code, now));
        self.is_good = Some(false);
        is_news
    }

    /// How old its stamps are when they come, in milliseconds: the median of the last few, once
    /// there are enough.
    #[must_use]
    pub fn lag(&self) -> Option<u64> {
        let mut lags: Vec<u64> = self.lags.iter().flatten().copied().collect();
        lags.sort_unstable();
        (lags.len() >= 5).then(|| lags.get(lags.len() / 2).copied()).flatten()
    }

    /// The age of the oldest of them.
    #[must_use]
    pub fn worst_lag(&self) -> Option<u64> {
        self.lags.iter().flatten().copied().max()
    }
}

impl Gate {
    /// The source whose stamps are youngest when they come, and their age, where even that is more
    /// than `fresh_for`: then requests wait again and again, and are judged by a stale list.
    #[must_use]
    pub fn outpaced(&self) -> Option<(&'static str, u64)> {
        let lags = self.sources.iter().filter_map(|source| Some((source.name, source.lag()?)));
        lags.min_by_key(|(_, lag)| *lag).filter(|(_, lag)| *lag > self.pace.bounds().fresh_for)
    }

    /// The same, once an hour.
    pub(crate) fn tell_outpaced(&mut self, now: Time) -> Option<(&'static str, u64)> {
        let outpaced = self.outpaced().filter(|_| !self.outpaced_told.contains(now));
        if outpaced.is_some() {
            self.outpaced_told = Span::new(now, 3_600_000);
        }
        outpaced
    }

    /// The status page, as JSON. It holds no key and no secret.
    #[must_use]
    pub fn status(&self, now: Time) -> String {
        let Bounds { fresh_for, deadline, cold_deadline } = self.pace.bounds();
        let list = self.replica.as_ref().and_then(Replica::list);
        let lag = self.sources.iter().filter_map(SourceState::worst_lag).min();
        json!({
            "issuer": self.replica.as_ref().map(|replica| replica.issuer().to_string()),
            "keyring": self.replica.as_ref().map(|replica| replica.keyring().version()),
            "list": list.map(|list| self.list_status(list, now)),
            "in_force": self.held(now).is_ok(),
            "bounds": {
                "fresh_for_ms": fresh_for,
                "deadline_ms": deadline,
                "cold_deadline_ms": cold_deadline,
                // On a good day: see docs/revocation-bound.md. The age of a stamp when it comes is
                // its period and its source's lag.
                "soft_ms": lag.map(|lag| lag + fresh_for + deadline),
                "hard_ms": list.map(|list| {
                    let mark = list.mark();
                    mark.next_update.millis_since(mark.this_update)
                }),
            },
            "sources": self.sources.iter().map(|source| source_status(source, now)).collect::<Vec<_>>(),
            "policies": { "bytes": self.policies.bytes() },
            "requests": { "passed": self.counters.passed, "refused": self.counters.refused },
            "usage": { "lost": self.usage.lost() },
        })
        .to_string()
    }

    fn list_status(&self, list: &List, now: Time) -> Value {
        let mark = list.mark();
        json!({
            "epoch": mark.epoch,
            "number": mark.number,
            "age_ms": mark.age_millis(now),
            "standing": self.pace.standing(mark, now).name(),
            "next_update_in_ms": mark.next_update.millis_since(now),
        })
    }
}

fn source_status(source: &SourceState, now: Time) -> Value {
    json!({
        "source": source.name,
        "good": source.is_good,
        "lag_ms": source.lag(),
        "served": source.served.map(|served| json!({
            "list": served.number, "ago_ms": now.millis_since(served.at),
        })),
        "failed": source.failed.map(|(code, at)| json!({
            "code": code, "ago_ms": now.millis_since(at),
        })),
    })
}
