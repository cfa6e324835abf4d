//! The status page of one isolate, for the operator.

use portcullis_core::list::List;
use portcullis_core::time::Time;
use portcullis_core::verifier::Verifier;
use serde_json::{Value, json};

use crate::counters::SourceState;
use crate::gate::Gate;
use crate::refresh_schedule::{Bounds, Span};

impl Gate {
    /// The source whose stamps are youngest on arrival, and their age in milliseconds, if even that
    /// exceeds `fresh_for`. Requests then wait again and again, and are decided on by a stale list.
    #[must_use]
    pub fn slow_sources(&self) -> Option<(&'static str, u64)> {
        let lags = self.sources.iter().filter_map(|source| Some((source.name(), source.lag()?)));
        lags.min_by_key(|(_, lag)| *lag)
            .filter(|(_, lag)| *lag > self.refresh_schedule.bounds().fresh_for)
    }

    /// [`slow_sources`](Self::slow_sources), at most once an hour.
    pub(crate) fn report_slow_sources(&mut self, now: Time) -> Option<(&'static str, u64)> {
        let slow_sources = self.slow_sources().filter(|_| !self.outpaced_told.contains(now));
        if slow_sources.is_some() {
            self.outpaced_told = Span::new(now, 3_600_000);
        }
        slow_sources
    }

    /// The status page, as JSON. It holds no key and no secret.
    #[must_use]
    pub fn status(&self, now: Time) -> String {
        let Bounds { fresh_for, deadline, cold_deadline } = self.refresh_schedule.bounds();
        let list = self.verifier.as_ref().and_then(Verifier::list);
        let lag = self.sources.iter().filter_map(SourceState::worst_lag).min();
        json!({
            "issuer": self.verifier.as_ref().map(|verifier| verifier.issuer().to_string()),
            "keyring": self.verifier.as_ref().map(|verifier| verifier.keyring().version()),
            "list": list.map(|list| self.list_status(list, now)),
            "in_force": self.held(now).is_ok(),
            "bounds": {
                "fresh_for_ms": fresh_for,
                "deadline_ms": deadline,
                "cold_deadline_ms": cold_deadline,
                // In normal operation: see docs/revocation-bound.md. A stamp's age on arrival is
                // its period and its source's lag.
                "soft_ms": lag.map(|lag| lag + fresh_for + deadline),
                "hard_ms": list.map(|list| {
                    let list_version = list.list_version();
                    list_version.next_update.millis_since(list_version.this_update)
                }),
            },
            "sources": self.sources.iter().map(|source| source.status(now)).collect::<Vec<_>>(),
            "policies": { "bytes": self.policies.bytes() },
            "requests": { "passed": self.counters.forwarded, "refused": self.counters.refused },
            "usage": { "lost": self.usage.lost() },
        })
        .to_string()
    }

    fn list_status(&self, list: &List, now: Time) -> Value {
        let list_version = list.list_version();
        json!({
            "epoch": list_version.epoch,
            "number": list_version.number,
            "age_ms": list_version.age_millis(now),
            "standing": self.refresh_schedule.freshness(list_version, now).name(),
            "next_update_in_ms": list_version.next_update.millis_since(now),
        })
    }
}
