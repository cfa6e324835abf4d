//! The status page: what an operator wants to know of one isolate.

use portcullis_core::list::List;
use portcullis_core::replica::Replica;
use portcullis_core::time::Time;
use serde_json::{Value, json};

use crate::counters::SourceState;
use crate::gate::Gate;
use crate::pace::{Bounds, Span};

impl Gate {
    /// The source whose stamps are youngest when they come, and their age, where even that is more
    /// than `fresh_for`: then requests wait again and again, and are judged by a stale list.
    #[must_use]
    pub fn outpaced(&self) -> Option<(&'static str, u64)> {
        let lags = self.sources.iter().filter_map(|source| Some((source.name(), source.lag()?)));
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
            "sources": self.sources.iter().map(|source| source.status(now)).collect::<Vec<_>>(),
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
