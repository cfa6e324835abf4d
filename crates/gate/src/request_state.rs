//! The state of one request in the gate: what it waits for, and its next step.

use portcullis_core::signature_cache::PendingSignature;
use portcullis_core::time::Time;

use crate::forward::Forward;
use crate::refresh::policy_fetches::PolicyJob;
use crate::refresh::schedule::{Job, RefreshSchedule};
use crate::response::refused::Refused;
use crate::telemetry::canaries::CanaryReport;
use crate::telemetry::usage::Report;

/// Shortest sleep between two checks of a wait, in milliseconds.
const SHORTEST_SLEEP: u64 = 2;

/// What a request has waited for so far, and the results.
#[derive(Debug, Default)]
pub struct RequestState {
    pub(crate) arrived: Option<Time>,
    pub(crate) wait: Option<Wait>,
    pub(crate) for_list: Option<ListWait>,
    pub(crate) retry_until: Option<Time>,
    pub(crate) refreshed: bool,
    /// A policy's fetch has just failed: waiting would not help.
    pub(crate) policy_failed: bool,
    /// The signature that the host has found to be bad.
    pub(crate) rejected: Option<PendingSignature>,
    /// The host could not verify a signature: verify it in the module.
    pub(crate) verifies_here: bool,
}

/// A wait for a list. `cold` if no valid list was held when it began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListWait {
    pub(crate) wait: Wait,
    pub(crate) cold: bool,
}

/// A wait for the end of a fetch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    pub(crate) since: Time,
    pub(crate) until: Time,
    pub(crate) end: End,
}

/// What ends a wait early: the count of ended fetches differs from this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Refresh(u64),
    Policy(u64),
}

impl Wait {
    /// Whether the time is up, or the fetch has ended. A clock that was set back ends a wait too.
    pub(crate) fn is_over(&self, schedule: &RefreshSchedule, now: Time) -> bool {
        let ended = match self.end {
            End::Refresh(seen) => schedule.ended() != seen,
            End::Policy(seen) => schedule.policies().ended() != seen,
        };
        ended || now < self.since || now >= self.until
    }

    /// How long to sleep before the next check, in milliseconds: a quarter of the wait so far, at
    /// most 25.
    pub(crate) fn pause(&self, now: Time) -> u64 {
        let pause = (now.millis_since(self.since) / 4).clamp(SHORTEST_SLEEP, 25);
        pause.min(self.until.millis_since(now)).max(1)
    }
}

impl RequestState {
    /// A request that has just arrived.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the host's verdict on a signature; `None` if the host could not verify it.
    pub fn signature_is(&mut self, signature: PendingSignature, good: Option<bool>) {
        match good {
            // The gate remembers a good one.
            Some(true) => {}
            Some(false) => self.rejected = Some(signature),
            None => self.verifies_here = true,
        }
    }

    /// Whether the wait for a list is over. If the list expired during a wait for a fresher one,
    /// the request waits anew, as on a cold gate.
    pub(crate) fn list_is_over(&self, cold: bool, schedule: &RefreshSchedule, now: Time) -> bool {
        let begun = self.for_list.filter(|begun| begun.cold || !cold);
        begun.is_some_and(|begun| begun.wait.is_over(schedule, now))
    }

    pub(crate) fn retry_is_over(&self, now: Time) -> bool {
        self.refreshed || self.retry_until.is_some_and(|until| now >= until)
    }

    /// Whether the wait for a policy is over: it lasts as long as a cold gate's wait for a list.
    pub(crate) fn policy_is_over(&self, schedule: &RefreshSchedule, now: Time) -> bool {
        let since = self.arrived.unwrap_or(now);
        let until = since.plus_millis(schedule.bounds().cold_deadline);
        self.policy_failed || now < since || now >= until
    }
}

/// The next step of a request.
#[derive(Debug)]
pub struct Step {
    /// A refresh that the request starts in the background.
    pub refresh: Option<Job>,
    /// A policy fetch that the request starts in the background.
    pub policy: Option<PolicyJob>,
    /// A report of uses that the request sends in the background.
    pub report: Option<Report>,
    /// Uses of canaries that the host tells of after the request's answer.
    pub canaries: Option<CanaryReport>,
    /// How the request itself continues.
    pub next: Next,
}

/// How a request continues.
#[derive(Debug)]
pub enum Next {
    /// The host verifies this signature, passes [the result](RequestState::signature_is), and
    /// evaluates the request again.
    Verify(PendingSignature),
    /// Sleep for this many milliseconds, then evaluate again.
    Sleep(u64),
    /// Forward it to the origin.
    Forward(Box<Forward>),
    /// Refuse it, or answer that it can't be decided on.
    Refuse(Refused),
    /// Answer with one of the gate's own pages.
    Reserved(ReservedPage),
}

/// A page at the gate's reserved path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReservedPage {
    /// Whether keys can be verified.
    Health {
        /// Whether a list is in force.
        ready: bool,
    },
    /// The status page: [`Gate::status`](crate::gate::Gate::status).
    Status,
    /// There is no such page.
    Nothing,
}
