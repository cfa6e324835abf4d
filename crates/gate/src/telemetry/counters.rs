//! Counts for the status page: answers, and the state of the sources.

use std::collections::BTreeMap;

use portcullis_core::time::Time;
use serde_json::{Value, json};

use crate::settings::SourceSetting;

/// Counts of an isolate since it started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters {
    /// Requests that went to the origin.
    pub(crate) forwarded: u64,
    pub(crate) refused: BTreeMap<&'static str, u64>,
}

impl Counters {
    /// Counts a request that was refused.
    pub(crate) fn refused(&mut self, code: &'static str) {
        *self.refused.entry(code).or_default() += 1;
    }
}

/// The observed state of a source.
#[derive(Clone, Debug)]
pub(crate) struct SourceState {
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
    /// A source without any answer yet.
    #[must_use]
    pub(crate) const fn new(setting: &SourceSetting) -> Self {
        let name = setting.name();
        Self { name, served: None, failed: None, is_good: None, lags: [None; 8] }
    }

    /// Its name in logs.
    #[must_use]
    pub(crate) const fn name(&self) -> &'static str {
        self.name
    }

    /// Records a stamp that was `lag` milliseconds old on arrival.
    pub(crate) fn served(&mut self, number: u64, lag: u64, now: Time) {
        self.served = Some(Served { at: now, number });
        self.is_good = Some(true);
        self.lags.rotate_right(1);
        if let Some(newest) = self.lags.first_mut() {
            *newest = Some(lag);
        }
    }

    /// Records a failure. Returns whether it is news: the source was not failing, or failed with
    /// another code.
    pub(crate) fn failed(&mut self, code: &'static str, now: Time) -> bool {
        let is_news = self.is_good != Some(false) || self.failed.is_none_or(|(old, _)| old != code);
        self.failed = Some((code, now));
        self.is_good = Some(false);
        is_news
    }

    /// The age of its stamps on arrival, in milliseconds: the median of the last eight. `None` with
    /// fewer than five.
    #[must_use]
    pub(crate) fn lag(&self) -> Option<u64> {
        let mut lags: Vec<u64> = self.lags.iter().flatten().copied().collect();
        lags.sort_unstable();
        (lags.len() >= 5).then(|| lags.get(lags.len() / 2).copied()).flatten()
    }

    /// The largest of those ages, in milliseconds.
    #[must_use]
    pub(crate) fn worst_lag(&self) -> Option<u64> {
        self.lags.iter().flatten().copied().max()
    }

    /// Its entry on the status page.
    pub(crate) fn status(&self, now: Time) -> Value {
        json!({
            "source": self.name,
            "good": self.is_good,
            "lag_ms": self.lag(),
            "served": self.served.map(|served| json!({
                "list": served.number, "ago_ms": now.millis_since(served.at),
            })),
            "failed": self.failed.map(|(code, at)| json!({
                "code": code, "ago_ms": now.millis_since(at),
            })),
        })
    }
}
