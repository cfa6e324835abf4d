//! The fetches of policies and assignments that are in flight, and those that have just failed.
//!
//! Either is fetched when a key first needs it, by one fetch for all requests that wait. Each
//! waiting request keeps a timer of its own. After a failed fetch no request waits until a pause is
//! over.

use portcullis_core::time::Time;
use portcullis_core::token::{Kind, Serial};

use crate::span::Span;

/// Fetches that may be in flight at once.
const MAX_FETCHES: usize = 16;

/// What a key needs and what the gate doesn't hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sought {
    /// The policy with this number.
    Policy(u32),
    /// The assignment of the key with this serial.
    Assignment(Serial),
}

/// The fetch of a policy or an assignment, which one request has to carry out.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyJob {
    id: u64,
    /// The kind of the key.
    pub kind: Kind,
    /// What is fetched.
    pub sought: Sought,
    /// How long each file may take, in milliseconds.
    pub file_timeout: u64,
}

/// What a request does if its policy or its key's assignment is missing.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyStep {
    /// Start a fetch, and wait for it.
    Fetch(PolicyJob),
    /// Wait for the fetch in flight.
    Wait,
    /// A fetch has just failed: waiting doesn't help.
    Failed,
}

/// The fetches in flight, and the failures that are remembered.
#[derive(Clone, Debug, Default)]
pub struct PolicyFetches {
    fetches: Vec<Fetch>,
    started: u64,
    ended: u64,
}

#[derive(Clone, Copy, Debug)]
struct Fetch {
    job: PolicyJob,
    /// How long a fetch in flight may take, or how long a failure is remembered.
    span: Span,
    failed: bool,
}

impl PolicyFetches {
    /// No fetch yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { fetches: Vec::new(), started: 0, ended: 0 }
    }

    /// What a request does if this is not held.
    pub fn next_step(
        &mut self,
        kind: Kind,
        sought: Sought,
        file_timeout: u64,
        now: Time,
    ) -> PolicyStep {
        self.fetches.retain(|fetch| fetch.span.contains(now));
        let is_it = |fetch: &&Fetch| fetch.job.kind == kind && fetch.job.sought == sought;
        match self.fetches.iter().find(is_it) {
            Some(Fetch { failed: true, .. }) => return PolicyStep::Failed,
            Some(_) => return PolicyStep::Wait,
            None => {}
        }
        if self.fetches.iter().filter(|fetch| !fetch.failed).count() >= MAX_FETCHES {
            return PolicyStep::Wait;
        }
        // Forget failures if there are too many: remembering them only spares waits.
        if self.fetches.len() >= 4 * MAX_FETCHES {
            self.fetches.retain(|fetch| !fetch.failed);
        }
        self.started += 1;
        let job = PolicyJob { id: self.started, kind, sought, file_timeout };
        self.fetches.push(Fetch { job, span: Span::new(now, file_timeout), failed: false });
        PolicyStep::Fetch(job)
    }

    /// Extends a fetch for its next file. `false` if the fetch has timed out and must stop.
    #[must_use]
    pub fn extend(&mut self, job: &PolicyJob, now: Time) -> bool {
        let fetch = self.fetches.iter_mut().find(|fetch| fetch.job.id == job.id);
        fetch.map(|fetch| fetch.span = Span::new(now, job.file_timeout)).is_some()
    }

    /// Ends a fetch. One that failed is not tried again for `pause` milliseconds.
    pub fn end(&mut self, job: &PolicyJob, good: bool, pause: u64, now: Time) {
        self.ended += 1;
        if good {
            self.fetches.retain(|fetch| fetch.job.id != job.id);
        } else if let Some(fetch) = self.fetches.iter_mut().find(|fetch| fetch.job.id == job.id) {
            (fetch.span, fetch.failed) = (Span::new(now, pause), true);
        }
    }

    /// How many fetches have ended. A change tells a waiting request that its fetch may have.
    #[must_use]
    pub const fn ended(&self) -> u64 {
        self.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::from_millis(1_000_000 + millis)
    }

    fn next_step(fetches: &mut PolicyFetches, number: u32, millis: u64) -> PolicyStep {
        fetches.next_step(Kind::Secret, Sought::Policy(number), 300, at(millis))
    }

    #[test]
    fn one_fetch_is_out_for_a_policy_and_a_failed_one_is_remembered() {
        let mut fetches = PolicyFetches::new();
        let PolicyStep::Fetch(job) = next_step(&mut fetches, 7, 0) else {
            panic!("nothing is out yet")
        };
        assert_eq!(next_step(&mut fetches, 7, 299), PolicyStep::Wait);
        assert!(matches!(
            fetches.next_step(Kind::Publishable, Sought::Policy(7), 300, at(0)),
            PolicyStep::Fetch(_)
        ));
        assert!(fetches.extend(&job, at(299)));
        assert_eq!(next_step(&mut fetches, 7, 598), PolicyStep::Wait);
        fetches.end(&job, false, 1_000, at(598));
        assert_eq!(next_step(&mut fetches, 7, 1_597), PolicyStep::Failed);
        let PolicyStep::Fetch(job) = next_step(&mut fetches, 7, 1_598) else {
            panic!("the pause is over")
        };
        fetches.end(&job, true, 1_000, at(1_600));
        assert!(matches!(next_step(&mut fetches, 7, 1_601), PolicyStep::Fetch(_)));
        assert_eq!(fetches.ended(), 2);
    }

    #[test]
    fn a_fetch_that_is_never_heard_of_again_is_replaced() {
        let mut fetches = PolicyFetches::new();
        let PolicyStep::Fetch(lost) = next_step(&mut fetches, 7, 0) else {
            panic!("nothing is out yet")
        };
        assert!(matches!(next_step(&mut fetches, 7, 300), PolicyStep::Fetch(_)));
        assert!(!fetches.extend(&lost, at(301)));
    }

    #[test]
    fn no_stream_of_keys_makes_more_than_a_few_fetches_or_a_long_memory() {
        let mut fetches = PolicyFetches::new();
        let mut out = Vec::new();
        for number in 1..1_000 {
            match next_step(&mut fetches, number, 0) {
                PolicyStep::Fetch(job) => out.push(job),
                PolicyStep::Wait => {}
                PolicyStep::Failed => panic!("nothing has failed"),
            }
        }
        assert_eq!(out.len(), MAX_FETCHES);
        for number in 1_000..2_000 {
            for job in out.drain(..) {
                fetches.end(&job, false, 5_000, at(1));
            }
            if let PolicyStep::Fetch(job) = next_step(&mut fetches, number, 2) {
                out.push(job);
            }
            assert!(fetches.fetches.len() <= 4 * MAX_FETCHES);
        }
    }
}
