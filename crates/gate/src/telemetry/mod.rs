//! What the operator sees of a gate: its log, its status page, analytics, and reports of uses.
//!
//! Nothing here decides on a request.

pub mod analytics;
pub mod canaries;
pub(crate) mod counters;
pub mod deliver;
pub mod log;
pub(crate) mod status;
pub mod usage;
pub mod usage_queue;
pub(crate) mod usage_report;

use portcullis_core::time::Time;

use crate::settings::Settings;
use crate::span::Span;
use crate::telemetry::analytics::MAX_POINTS;
use crate::telemetry::canaries::Canaries;
use crate::telemetry::counters::{Counters, SourceState};
use crate::telemetry::usage::{BATCH, Usage};

/// How long the warning that no source is as quick as `fresh_for` isn't repeated, in milliseconds.
const WARNING_PERIOD: u64 = 3_600_000;

/// Counts since the isolate started, uses that are not reported yet, and the state of each source.
#[derive(Debug)]
pub struct Telemetry {
    usage: Usage,
    canaries: Canaries,
    counters: Counters,
    sources: Vec<SourceState>,
    /// The last warning that the sources are too slow.
    warned: Span,
}

impl Telemetry {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            usage: Usage::new(if settings.analytics { MAX_POINTS } else { BATCH }),
            canaries: Canaries::default(),
            counters: Counters::default(),
            sources: settings.sources.iter().map(SourceState::new).collect(),
            warned: Span::NEVER,
        }
    }

    /// The uses that were counted.
    #[must_use]
    pub const fn usage(&self) -> &Usage {
        &self.usage
    }

    /// The uses that were counted.
    pub const fn usage_mut(&mut self) -> &mut Usage {
        &mut self.usage
    }

    pub(crate) const fn canaries(&self) -> &Canaries {
        &self.canaries
    }

    pub(crate) const fn canaries_mut(&mut self) -> &mut Canaries {
        &mut self.canaries
    }

    pub(crate) const fn counters(&self) -> &Counters {
        &self.counters
    }

    pub(crate) const fn count_forwarded(&mut self) {
        self.counters.forwarded += 1;
    }

    pub(crate) fn count_refused(&mut self, code: &'static str) {
        self.counters.refused(code);
    }

    /// The sources, in the order of the settings.
    pub(crate) fn sources(&self) -> &[SourceState] {
        &self.sources
    }

    /// Records that a source served the list with this number, `lag` milliseconds after it was
    /// stamped.
    pub(crate) fn source_served(&mut self, source: usize, (number, lag): (u64, u64), now: Time) {
        if let Some(state) = self.sources.get_mut(source) {
            state.served(number, lag, now);
        }
    }

    /// Records a failure of a source. Returns the source's name, and whether the failure is news.
    pub(crate) fn source_failed(
        &mut self,
        source: usize,
        code: &'static str,
        now: Time,
    ) -> Option<(&'static str, bool)> {
        let state = self.sources.get_mut(source)?;
        Some((state.name(), state.failed(code, now)))
    }

    /// The source whose stamps are youngest on arrival, and their age in milliseconds, if even that
    /// exceeds `fresh_for`. Requests then wait again and again, and are decided on by a stale list.
    #[must_use]
    pub fn slow_sources(&self, fresh_for: u64) -> Option<(&'static str, u64)> {
        let lags = self.sources.iter().filter_map(|source| Some((source.name(), source.lag()?)));
        lags.min_by_key(|(_, lag)| *lag).filter(|(_, lag)| *lag > fresh_for)
    }

    /// [`slow_sources`](Self::slow_sources), at most once an hour.
    pub(crate) fn report_slow_sources(
        &mut self,
        fresh_for: u64,
        now: Time,
    ) -> Option<(&'static str, u64)> {
        let slow = self.slow_sources(fresh_for).filter(|_| !self.warned.contains(now));
        if slow.is_some() {
            self.warned = Span::new(now, WARNING_PERIOD);
        }
        slow
    }
}
