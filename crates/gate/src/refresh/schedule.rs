//! When to refresh, which requests wait and for how long: state and arithmetic, no I/O.
//!
//! ```text
//!   age of the list    a request            a refresh
//!   up to half         proceeds             -
//!   up to fresh_for    proceeds             starts in the background
//!   up to next_update  waits, then proceeds starts, is waited for `deadline`
//!   none, or beyond    waits, then closed   starts, is waited for `cold_deadline`
//! ```
//!
//! One refresh is in flight at a time, under a lease. The lease is plain state with an end, not a
//! promise that requests share, because workerd cancels a promise with the request that made it.
//! Each waiting request keeps a timer of its own and polls this state. After a refresh that brought
//! nothing newer, no request waits and no refresh starts until a pause is over.

use portcullis_core::list::ListVersion;
use portcullis_core::time::Time;
use portcullis_core::verify::Refusal;

use crate::refresh::policy_fetches::PolicyFetches;
use crate::span::Span;

/// How often the keyring is fetched on its own, in milliseconds. Without this, withholding stamps
/// would withhold the keyring as well.
pub const KEYRING_PERIOD: u64 = 60_000;
/// How much longer a lease lasts than the timeout of one file, in milliseconds.
const LEASE_MARGIN: u64 = 250;

/// The gate's bounds, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Up to this age of the list no request waits.
    pub fresh_for: u64,
    /// The longest wait while a list is held.
    pub deadline: u64,
    /// The longest wait without a valid list.
    pub cold_deadline: u64,
}

/// How current the list is that a key was verified against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Not older than `fresh_for`.
    Fresh,
    /// Older; the refresh did not finish in time.
    Stale,
}

impl Freshness {
    /// `fresh` or `stale`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Stale => "stale",
        }
    }
}

/// What a request does now.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListStep {
    /// Decide by the held list.
    Go {
        /// How current that list is.
        freshness: Freshness,
        /// Whether to start a refresh in the background.
        refresh: bool,
    },
    /// Wait for the refresh in flight.
    Wait {
        /// The longest wait from now, in milliseconds.
        at_most: u64,
        /// Whether to start that refresh first.
        refresh: bool,
    },
    /// Refuse: no list is valid, and no refresh may start before the pause is over.
    Closed,
}

/// Why an extra refresh may change the verdict on a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshReason {
    /// The key is authentic and the list does not cover it.
    NotCovered,
    /// The keyring doesn't list the key's signer. Anyone can write such a key.
    UnknownSigner,
}

impl RefreshReason {
    /// The reason to refresh for a refusal, if a refresh may change it.
    pub(crate) const fn of(refusal: Refusal) -> Option<Self> {
        match refusal {
            Refusal::NotCovered => Some(Self::NotCovered),
            Refusal::UnknownKid(_) => Some(Self::UnknownSigner),
            Refusal::Malformed(_)
            | Refusal::ForeignLabel
            | Refusal::SignerNotAllowed(_)
            | Refusal::SecretNotHeld(_)
            | Refusal::BadSignature
            | Refusal::ForeignList
            | Refusal::List(_)
            | Refusal::Revoked
            | Refusal::Suspended
            | Refusal::Assignment(_)
            | Refusal::Expired
            | Refusal::WrongKind { .. }
            | Refusal::WrongEnvironment { .. } => None,
        }
    }
}

/// A refresh that one request has to carry out.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Job {
    lease: u64,
    /// Whether to fetch the keyring, whatever the stamp names.
    pub keyring: bool,
    /// Whether the waiting request needs the keyring, so that the refresh ends only with it.
    pub keyring_first: bool,
    /// How long each file may take, in milliseconds.
    pub file_timeout: u64,
}

#[derive(Clone, Copy, Debug)]
struct Lease {
    id: u64,
    started: Time,
    span: Span,
    file_timeout: u64,
}

/// The state of a gate's refreshes.
#[derive(Clone, Debug)]
pub struct RefreshSchedule {
    bounds: Bounds,
    lease: Option<Lease>,
    leases: u64,
    ended: u64,
    failures: u32,
    pause: Span,
    keyring: Span,
    /// For each [`RefreshReason`], the time in which it has started its refresh already.
    extra_refreshes: [Span; 2],
    policies: PolicyFetches,
}

impl RefreshSchedule {
    /// The state of a gate that has fetched nothing yet.
    #[must_use]
    pub const fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            lease: None,
            leases: 0,
            ended: 0,
            failures: 0,
            pause: Span::NEVER,
            keyring: Span::NEVER,
            extra_refreshes: [Span::NEVER; 2],
            policies: PolicyFetches::new(),
        }
    }

    /// What a request does at `now`; `held` is the list, if a valid one is held.
    pub fn list_step(&self, held: Option<ListVersion>, now: Time) -> ListStep {
        let in_flight = self.in_flight(now);
        let may_start = in_flight.is_none() && !self.pause.contains(now);
        let Some(list_version) = held else {
            let at_most = self.bounds.cold_deadline;
            return if in_flight.is_some() || may_start {
                ListStep::Wait { at_most, refresh: may_start }
            } else {
                ListStep::Closed
            };
        };
        let age = list_version.age_millis(now);
        if age <= self.bounds.fresh_for {
            let refresh = may_start && age >= self.bounds.fresh_for / 2;
            return ListStep::Go { freshness: Freshness::Fresh, refresh };
        }
        // A request doesn't wait for a refresh that has been in flight longer than `deadline`.
        let timeout = in_flight
            .map(|lease| lease.started.plus_millis(self.bounds.deadline).millis_since(now))
            .filter(|at_most| *at_most > 0);
        match (timeout, may_start) {
            (Some(at_most), _) => ListStep::Wait { at_most, refresh: false },
            (None, true) => ListStep::Wait { at_most: self.bounds.deadline, refresh: true },
            (None, false) => ListStep::Go { freshness: Freshness::Stale, refresh: false },
        }
    }

    /// Whether an extra refresh may start for this reason: once per `fresh_for` and reason, so that
    /// no stream of keys makes the gate flood its issuer.
    #[must_use]
    pub fn may_refresh_for(&self, reason: RefreshReason, now: Time) -> bool {
        let [not_covered, unknown_signer] = &self.extra_refreshes;
        let spent = match reason {
            RefreshReason::NotCovered => not_covered,
            RefreshReason::UnknownSigner => unknown_signer,
        };
        self.in_flight(now).is_none() && !self.pause.contains(now) && !spent.contains(now)
    }

    /// Starts a refresh, which the caller has to carry out. Call it only if
    /// [`list_step`](Self::list_step) or [`may_refresh_for`](Self::may_refresh_for) allowed it, or if no
    /// refresh is [in flight](Self::is_in_flight).
    pub fn start(
        &mut self,
        held: Option<ListVersion>,
        reason: Option<RefreshReason>,
        now: Time,
    ) -> Job {
        let spent = Span::new(now, self.bounds.fresh_for);
        let [not_covered, unknown_signer] = &mut self.extra_refreshes;
        match reason {
            Some(RefreshReason::NotCovered) => *not_covered = spent,
            Some(RefreshReason::UnknownSigner) => *unknown_signer = spent,
            None => {}
        }
        // The keyring is due once a minute, and at once if a key's signer is unknown.
        let keyring = reason == Some(RefreshReason::UnknownSigner) || !self.keyring.contains(now);
        if keyring {
            self.keyring = Span::new(now, KEYRING_PERIOD);
        }
        // While refreshes succeed, a late file is given up early, so that a refresh whose request
        // was killed is replaced in time. After a failure the timeout is longer, for a source that
        // is merely slow.
        let Bounds { fresh_for, deadline, cold_deadline } = self.bounds;
        let file_timeout = if held.is_some() && self.failures == 0 {
            cold_deadline.min(deadline.max(fresh_for / 2))
        } else {
            cold_deadline
        };
        self.leases += 1;
        let id = self.leases;
        let span = Span::new(now, file_timeout + LEASE_MARGIN);
        self.lease = Some(Lease { id, started: now, span, file_timeout });
        let keyring_first = reason == Some(RefreshReason::UnknownSigner);
        Job { lease: id, keyring, keyring_first, file_timeout }
    }

    /// Extends a refresh for its next file. `false`: its lease has expired and another one was
    /// given, so it must stop.
    #[must_use]
    pub fn extend(&mut self, job: &Job, now: Time) -> bool {
        let Some(lease) = self.lease.as_mut().filter(|lease| lease.id == job.lease) else {
            return false;
        };
        lease.span = Span::new(now, lease.file_timeout + LEASE_MARGIN);
        true
    }

    /// Ends a refresh. `random` spreads the retries of many gates after one failure.
    pub fn end(
        &mut self,
        job: &Job,
        good: bool,
        held: Option<ListVersion>,
        now: Time,
        random: u32,
    ) {
        if self.lease.take_if(|lease| lease.id == job.lease).is_none() {
            return;
        }
        self.ended += 1;
        self.failures = if good { 0 } else { self.failures.saturating_add(1) };
        let young = held
            .is_some_and(|list_version| list_version.age_millis(now) < self.bounds.fresh_for / 2);
        // A successful refresh that brought nothing younger pauses too, without back-off growth:
        // the issuer has nothing newer.
        let pause = if good && young { 0 } else { self.back_off(random) };
        self.pause = Span::new(now, pause);
    }

    /// The pause after a refresh: an eighth of `fresh_for`, doubled by each further failure up to
    /// `fresh_for`, then a random value between half of that and the whole.
    fn back_off(&self, random: u32) -> u64 {
        let doublings = self.failures.saturating_sub(1).min(3);
        let longest = (self.bounds.fresh_for / 8) << doublings;
        longest / 2 + longest / 2 * u64::from(random) / u64::from(u32::MAX)
    }

    fn in_flight(&self, now: Time) -> Option<&Lease> {
        self.lease.as_ref().filter(|lease| lease.span.contains(now))
    }

    /// Whether a refresh is in flight.
    #[must_use]
    pub fn is_in_flight(&self, now: Time) -> bool {
        self.in_flight(now).is_some()
    }

    /// How many refreshes have ended. A change tells a waiting request that its refresh has.
    #[must_use]
    pub const fn ended(&self) -> u64 {
        self.ended
    }

    /// The fetches of policies.
    #[must_use]
    pub const fn policies(&self) -> &PolicyFetches {
        &self.policies
    }

    /// The fetches of policies.
    pub const fn policies_mut(&mut self) -> &mut PolicyFetches {
        &mut self.policies
    }

    /// How long no request waits again for a policy whose fetch failed, in milliseconds.
    #[must_use]
    pub fn policy_pause(&self) -> u64 {
        self.bounds.fresh_for.min(1_000)
    }

    /// How long until a refresh may start again, in milliseconds.
    #[must_use]
    pub fn pause_left(&self, now: Time) -> u64 {
        if self.pause.contains(now) { self.pause.until.millis_since(now) } else { 0 }
    }

    /// The bounds.
    #[must_use]
    pub const fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// How current a list is at `now`.
    #[must_use]
    pub fn freshness(&self, list_version: ListVersion, now: Time) -> Freshness {
        if list_version.age_millis(now) <= self.bounds.fresh_for {
            Freshness::Fresh
        } else {
            Freshness::Stale
        }
    }
}

#[cfg(test)]
mod tests;
