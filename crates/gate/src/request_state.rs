//! One request's way through the gate: what it waits for, and what comes of it.

use portcullis_core::signature_cache::PendingSignature;
use portcullis_core::time::Time;

use crate::forward::Forward;
use crate::policies::{PolicyFiles, PolicyJob};
use crate::refresh_schedule::{Job, RefreshSchedule};
use crate::refused::Refused;
use crate::usage::Report;

/// Between two looks at what is waited for, in milliseconds.
const SHORTEST_SLEEP: u64 = 2;

/// What a request has waited for so far, and what it was told.
#[derive(Debug, Default)]
pub struct RequestState {
    pub(crate) arrived: Option<Time>,
    pub(crate) wait: Option<Wait>,
    pub(crate) for_list: Option<ListWait>,
    pub(crate) retry_until: Option<Time>,
    pub(crate) asked: bool,
    /// A policy's fetch has just failed: waiting would not help.
    pub(crate) policy_failed: bool,
    /// The signature that the host has found to be bad.
    pub(crate) rejected: Option<PendingSignature>,
    /// The host could not verify a signature: it is done here.
    pub(crate) verifies_here: bool,
}

/// A wait for a list, and whether it began with none that may be judged by.
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

/// What ends a wait early: that another fetch than so many has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Refresh(u64),
    Policy(u64),
}

impl Wait {
    /// Whether time is up, or the fetch has ended. A clock that was set back ends a wait too.
    pub(crate) fn is_over(
        &self,
        refresh_schedule: &RefreshSchedule,
        policies: &PolicyFiles,
        now: Time,
    ) -> bool {
        let ended = match self.end {
            End::Refresh(seen) => refresh_schedule.ended() != seen,
            End::Policy(seen) => policies.ended() != seen,
        };
        ended || now < self.since || now >= self.until
    }

    /// How long to sleep before looking again: it is all that a waiter costs.
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

    /// Tells what the host has found of a signature; `None` if it could not verify it.
    pub fn signature_is(&mut self, signature: PendingSignature, good: Option<bool>) {
        match good {
            // The gate remembers it.
            Some(true) => {}
            Some(false) => self.rejected = Some(signature),
            None => self.verifies_here = true,
        }
    }

    /// Whether waiting for a list is over. One who waited for a fresher list and has none at all now
    /// is a cold one, who waits anew.
    pub(crate) fn list_is_over(
        &self,
        cold: bool,
        refresh_schedule: &RefreshSchedule,
        policies: &PolicyFiles,
        now: Time,
    ) -> bool {
        let begun = self.for_list.filter(|begun| begun.cold || !cold);
        begun.is_some_and(|begun| begun.wait.is_over(refresh_schedule, policies, now))
    }

    pub(crate) fn retry_is_over(&self, now: Time) -> bool {
        self.asked || self.retry_until.is_some_and(|until| now >= until)
    }

    /// Whether waiting for a policy is over: as long as for a list by a cold gate.
    pub(crate) fn policy_is_over(&self, refresh_schedule: &RefreshSchedule, now: Time) -> bool {
        let since = self.arrived.unwrap_or(now);
        let until = since.plus_millis(refresh_schedule.bounds().cold_deadline);
        self.policy_failed || now < since || now >= until
    }
}

/// What a request does next.
#[derive(Debug)]
pub struct Step {
    /// A refresh that this request is to send out, behind itself.
    pub refresh: Option<Job>,
    /// A fetch of a policy that it is to send out, behind itself.
    pub policy: Option<PolicyJob>,
    /// A report of uses that it is to send, behind itself.
    pub report: Option<Report>,
    /// Its own way.
    pub next: Next,
}

/// A request's own way.
#[derive(Debug)]
pub enum Next {
    /// The host is to verify this signature, to [tell](RequestState::signature_is) what it found,
    /// and to have the request evaluated again.
    Verify(PendingSignature),
    /// To sleep for so many milliseconds, then to be evaluated again.
    Sleep(u64),
    /// It goes to the origin.
    Forward(Box<Forward>),
    /// It is refused, or can't be decided on.
    Refuse(Refused),
    /// The gate's own answer, at its reserved path.
    Own(ReservedPage),
}

/// What the gate answers at its reserved path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReservedPage {
    /// Whether keys can be judged.
    Health {
        /// They can: a list is in force.
        ready: bool,
    },
    /// What an operator wants to know: [`Gate::status`](crate::gate::Gate::status).
    Status,
    /// There is nothing.
    Nothing,
}
