//! Uses of canaries: what is logged and reported of them, and how often.
//!
//! A canary's first use is told of at once. Its further uses in the next minute are counted, and
//! told of together with the first request after that minute. So whoever finds a canary can't flood
//! log or issuer with it.

use core::net::IpAddr;

use portcullis_core::time::Time;
use portcullis_core::verify::Canary;

use crate::span::Span;
use crate::telemetry::log::Event;
use crate::telemetry::usage_report::{CanaryLine, Lines};

/// How long a canary's further uses are counted before they are told of, in milliseconds.
const PERIOD: u64 = 60_000;
/// The pause after a report that failed, in milliseconds.
const PAUSE: u64 = 10_000;
/// The most canaries that are told of within a period. Nobody can make one without the issuer's
/// secret.
const MAX_CANARIES: usize = 64;

/// The uses of canaries that are not reported yet, and when the last ones were.
#[derive(Debug, Default)]
pub struct Canaries(Vec<Held>);

/// What is held of one canary.
#[derive(Clone, Copy, Debug)]
struct Held {
    canary: Canary,
    uses: Uses,
    /// The time in which uses are only counted.
    quiet: Span,
}

#[derive(Clone, Copy, Debug)]
struct Uses {
    count: u32,
    /// How many of them the log has told of.
    logged: u32,
    last_used_at: u32,
    /// Where the last one came from, if that is known.
    address: Option<IpAddr>,
}

impl Uses {
    /// Adds uses, of which these are the later ones.
    fn and(self, later: Self) -> Self {
        Self {
            count: self.count.saturating_add(later.count),
            logged: self.logged.saturating_add(later.logged),
            ..later
        }
    }
}

/// Uses that the host logs and reports, after the request's answer.
#[derive(Debug)]
pub struct CanaryReport(Vec<(Canary, Uses)>);

impl Canaries {
    /// Counts a use of a canary.
    pub(crate) fn count(&mut self, canary: Canary, address: Option<IpAddr>, now: Time) {
        let uses = Uses { count: 1, logged: 0, last_used_at: now.secs(), address };
        if let Some(held) = self.find(canary) {
            held.uses = held.uses.and(uses);
            return;
        }
        let new = Held { canary, uses, quiet: Span::NEVER };
        if self.0.len() < MAX_CANARIES {
            self.0.push(new);
        } else if let Some(idle) = self.0.iter_mut().find(|held| held.is_idle(now)) {
            *idle = new;
        }
    }

    fn find(&mut self, canary: Canary) -> Option<&mut Held> {
        self.0.iter_mut().find(|held| held.canary == canary)
    }

    /// Whether there are uses to tell of.
    pub(crate) fn is_due(&self, now: Time) -> bool {
        self.0.iter().any(|held| held.is_due(now))
    }

    /// Takes the uses to tell of, if there are any.
    pub(crate) fn report(&mut self, now: Time) -> Option<CanaryReport> {
        let mut due = Vec::new();
        for held in self.0.iter_mut().filter(|held| held.is_due(now)) {
            due.push((held.canary, held.uses));
            held.uses = Uses { count: 0, logged: 0, ..held.uses };
            held.quiet = Span::new(now, PERIOD);
        }
        (!due.is_empty()).then_some(CanaryReport(due))
    }

    /// Takes back a report that did not arrive.
    pub(crate) fn put_back(&mut self, report: CanaryReport, now: Time) {
        for (canary, uses) in report.0 {
            let Some(held) = self.find(canary) else { continue };
            held.uses = if held.uses.count == 0 { uses } else { uses.and(held.uses) };
            held.quiet = Span::new(now, PAUSE);
        }
    }
}

impl Held {
    /// Whether all uses have been told of, and those of the period too.
    fn is_idle(&self, now: Time) -> bool {
        self.uses.count == 0 && !self.quiet.contains(now)
    }

    fn is_due(&self, now: Time) -> bool {
        self.uses.count > 0 && !self.quiet.contains(now)
    }
}

impl CanaryReport {
    /// The log's events about uses that it has not told of. Marks them as told.
    pub(crate) fn events(&mut self) -> impl Iterator<Item = Event> {
        self.0.iter_mut().filter_map(|(canary, uses)| {
            let new = uses.count.saturating_sub(uses.logged);
            uses.logged = uses.count;
            let event = Event::Canary { key: canary.name(), uses: new, address: uses.address };
            (new > 0).then_some(event)
        })
    }

    /// The body of `POST /v1/usage`.
    #[must_use]
    pub fn body(&self) -> String {
        let line = |(canary, uses): &(Canary, Uses)| CanaryLine {
            key: canary.name().to_string(),
            uses: uses.count,
            last_used_at: uses.last_used_at,
            address: uses.address,
        };
        Lines { uses: Vec::new(), canaries: self.0.iter().map(line).collect() }.body()
    }
}
