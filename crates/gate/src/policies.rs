//! The policies that the gate holds, and which of them are on their way.
//!
//! A policy is fetched when a key first asks for it, by one fetch however many requests want it.
//! Whoever waits for it keeps a timer of its own; after a fetch that failed nobody waits until a
//! pause is over. What replaces the files in use is fetched before a new list counts.

use portcullis_core::list::{FileName, Head};
use portcullis_core::policy::{NoPolicy, Policies, Policy, Visibility};
use portcullis_core::time::Time;
use portcullis_core::token::Kind;

use crate::refresh_schedule::Span;

/// How many bytes of policies an isolate holds of its 128 MB.
const MOST_BYTES: usize = 8 << 20;
/// How many fetches may be out at once.
const MOST_FETCHES: usize = 16;

/// A fetch of one key's policy that a request has been charged with.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PolicyJob {
    id: u64,
    /// The kind of the key.
    pub kind: Kind,
    /// The policy's number.
    pub number: u32,
    /// How long each file may take, in milliseconds.
    pub file_timeout: u64,
}

/// What a request that lacks its policy does.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lack {
    /// It sends out a fetch, and waits for it.
    Fetch(PolicyJob),
    /// It waits for the fetch that is out.
    Wait,
    /// A fetch has just failed: waiting would not help.
    Failed,
}

/// The state of policies and their fetches.
#[derive(Debug)]
pub struct PolicyFiles {
    files: Policies,
    fetches: Vec<Fetch>,
    started: u64,
    ended: u64,
}

#[derive(Clone, Copy, Debug)]
struct Fetch {
    job: PolicyJob,
    /// While it is out, how long it may be; after it failed, how long that is remembered.
    span: Span,
    failed: bool,
}

impl PolicyFiles {
    /// Holds nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self { files: Policies::new(MOST_BYTES), fetches: Vec::new(), started: 0, ended: 0 }
    }

    /// The policy with the number that a key of this kind carries.
    ///
    /// # Errors
    /// See [`NoPolicy`].
    pub fn find(&self, head: &Head, kind: Kind, number: u32) -> Result<Policy<'_>, NoPolicy> {
        self.files.find(head, kind, number)
    }

    /// What to do where [`find`](Self::find) says that a file is not held.
    pub fn lack(&mut self, kind: Kind, number: u32, file_timeout: u64, now: Time) -> Lack {
        self.fetches.retain(|fetch| fetch.span.contains(now));
        let is_it = |fetch: &&Fetch| fetch.job.kind == kind && fetch.job.number == number;
        match self.fetches.iter().find(is_it) {
            Some(Fetch { failed: true, .. }) => return Lack::Failed,
            Some(_) => return Lack::Wait,
            None => {}
        }
        if self.fetches.iter().filter(|fetch| !fetch.failed).count() >= MOST_FETCHES {
            return Lack::Wait;
        }
        // The failures that are remembered longest go first: they are only a kindness.
        if self.fetches.len() >= 4 * MOST_FETCHES {
            self.fetches.retain(|fetch| !fetch.failed);
        }
        self.started += 1;
        let job = PolicyJob { id: self.started, kind, number, file_timeout };
        self.fetches.push(Fetch { job, span: Span::new(now, file_timeout), failed: false });
        Lack::Fetch(job)
    }

    /// Tells that a fetch goes on with its next file. `false`: it has taken too long.
    #[must_use]
    pub fn extend(&mut self, job: &PolicyJob, now: Time) -> bool {
        let fetch = self.fetches.iter_mut().find(|fetch| fetch.job.id == job.id);
        fetch.map(|fetch| fetch.span = Span::new(now, job.file_timeout)).is_some()
    }

    /// Tells that a fetch has ended. One that failed is not tried again for `pause` milliseconds.
    pub fn end(&mut self, job: &PolicyJob, good: bool, pause: u64, now: Time) {
        self.ended += 1;
        if good {
            self.fetches.retain(|fetch| fetch.job.id != job.id);
        } else if let Some(fetch) = self.fetches.iter_mut().find(|fetch| fetch.job.id == job.id) {
            (fetch.span, fetch.failed) = (Span::new(now, pause), true);
        }
    }

    /// How many fetches have ended: a waiter sees by it that the one it waited for may have.
    #[must_use]
    pub const fn ended(&self) -> u64 {
        self.ended
    }

    /// Takes a file under the name that it was asked for by.
    ///
    /// # Errors
    /// See [`Policies::offer`].
    pub fn offer(
        &mut self,
        name: FileName,
        file: &[u8],
    ) -> Result<(), portcullis_core::list::ListError> {
        self.files.offer(name, file)
    }

    /// Takes what was deployed with the gate. See [`Policies::restore`].
    pub fn restore(&mut self, head: &Head, files: &[&[u8]]) -> usize {
        self.files.restore(head, files)
    }

    /// What replaces, under `new`, the files that are in use under `old`.
    #[must_use]
    pub fn wants(&self, old: &Head, new: &Head) -> Vec<(Visibility, FileName)> {
        let wanted = Visibility::ALL.into_iter().flat_map(|visibility| {
            let names = self.files.wants(old.policies(visibility), new.policies(visibility));
            names.into_iter().map(move |name| (visibility, name))
        });
        wanted.collect()
    }

    /// Lets go of what this head no longer leads to.
    pub fn retain(&mut self, head: &Head) {
        self.files.retain(&Visibility::ALL.map(|visibility| head.policies(visibility)));
    }

    /// How many bytes of files are held.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.files.bytes()
    }
}

impl Default for PolicyFiles {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Time {
        Time::from_millis(1_000_000 + millis)
    }

    fn lack(files: &mut PolicyFiles, number: u32, millis: u64) -> Lack {
        files.lack(Kind::Secret, number, 300, at(millis))
    }

    #[test]
    fn one_fetch_is_out_for_a_policy_and_a_failed_one_is_remembered() {
        let mut files = PolicyFiles::new();
        let Lack::Fetch(job) = lack(&mut files, 7, 0) else { panic!("nothing is out yet") };
        assert_eq!(lack(&mut files, 7, 299), Lack::Wait);
        assert!(matches!(files.lack(Kind::Publishable, 7, 300, at(0)), Lack::Fetch(_)));
        assert!(files.extend(&job, at(299)));
        assert_eq!(lack(&mut files, 7, 598), Lack::Wait);
        files.end(&job, false, 1_000, at(598));
        assert_eq!(lack(&mut files, 7, 1_597), Lack::Failed);
        let Lack::Fetch(job) = lack(&mut files, 7, 1_598) else { panic!("the pause is over") };
        files.end(&job, true, 1_000, at(1_600));
        assert!(matches!(lack(&mut files, 7, 1_601), Lack::Fetch(_)));
        assert_eq!(files.ended(), 2);
    }

    #[test]
    fn a_fetch_that_is_never_heard_of_again_is_replaced() {
        let mut files = PolicyFiles::new();
        let Lack::Fetch(lost) = lack(&mut files, 7, 0) else { panic!("nothing is out yet") };
        assert!(matches!(lack(&mut files, 7, 300), Lack::Fetch(_)));
        assert!(!files.extend(&lost, at(301)));
    }

    #[test]
    fn no_stream_of_keys_makes_more_than_a_few_fetches_or_a_long_memory() {
        let mut files = PolicyFiles::new();
        let mut out = Vec::new();
        for number in 1..1_000 {
            match lack(&mut files, number, 0) {
                Lack::Fetch(job) => out.push(job),
                Lack::Wait => {}
                Lack::Failed => panic!("nothing has failed"),
            }
        }
        assert_eq!(out.len(), MOST_FETCHES);
        for number in 1_000..2_000 {
            for job in out.drain(..) {
                files.end(&job, false, 5_000, at(1));
            }
            if let Lack::Fetch(job) = lack(&mut files, number, 2) {
                out.push(job);
            }
            assert!(files.fetches.len() <= 4 * MOST_FETCHES);
        }
    }
}
