//! The health of a server's publishing loop. It warns that the list will expire before it does.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use portcullis_core::list::ListVersion;
use portcullis_core::time::Time;

use crate::error::Error;

/// A list not renewed for this long, or for ten periods, is late. That exceeds the time for another
/// issuer to take over from a frozen one.
const LATE: Duration = Duration::from_secs(30);
/// An attempt to publish is abandoned after 90 s. A loop that completes none in twice that time is
/// stuck.
const STUCK: Duration = Duration::from_secs(180);

/// The state of this process's publishing loop.
#[derive(Debug, Default)]
pub struct Health {
    period_millis: AtomicU64,
    /// When the last attempt ended, successfully or not; `None` without a publisher.
    last_beat: Mutex<Option<Instant>>,
    failure: Mutex<Option<(&'static str, String)>>,
}

/// A list that was not renewed in time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Late {
    /// Its age.
    pub age_secs: u64,
    /// How long it remains in force.
    pub left_secs: u64,
    /// The code and message of the error that keeps this process from publishing, if any.
    pub failure: Option<(&'static str, String)>,
}

impl Health {
    /// Sets how often the list is renewed.
    pub(crate) fn beats_every(&self, period: Duration) {
        let millis = u64::try_from(period.as_millis()).unwrap_or(u64::MAX);
        self.period_millis.store(millis, Ordering::Relaxed);
        self.went_on();
    }

    /// Whether the publishing loop is stuck, so that only a restart helps. Failed attempts don't
    /// count, and neither does an unreachable database.
    #[must_use]
    pub fn is_stuck(&self, now: Instant) -> bool {
        let period = Duration::from_millis(self.period_millis.load(Ordering::Relaxed));
        let last = *self.last_beat.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|last| now.saturating_duration_since(last) > STUCK.saturating_add(period))
    }

    fn went_on(&self) {
        *self.last_beat.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Records the result of an attempt.
    pub(crate) fn beat(&self, failure: Option<&Error>) {
        self.went_on();
        let failure = failure.map(|error| (error.code(), error.to_string()));
        // The value is replaced as a whole, so a poisoned lock is safe to use.
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    /// Whether the published list is late. Measured against its validity too, so that there is time
    /// to act.
    #[must_use]
    pub fn late(&self, list_version: &ListVersion, now: Time) -> Option<Late> {
        let beats = self.period_millis.load(Ordering::Relaxed).saturating_mul(10);
        let late = u64::try_from(LATE.as_millis()).unwrap_or(u64::MAX).max(beats);
        // Report at half of the validity at the latest, to leave time to act.
        let half = list_version.next_update.millis_since(list_version.this_update) / 2;
        let age = now.millis_since(list_version.this_update);
        if age <= late.min(half) {
            return None;
        }
        let left_secs = list_version.next_update.millis_since(now) / 1000;
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Some(Late { age_secs: age / 1000, left_secs, failure })
    }
}

impl std::fmt::Display for Late {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { age_secs, left_secs, failure } = self;
        write!(
            f,
            "the list was not renewed for {age_secs} s; gates refuse every key in {left_secs} s"
        )?;
        match failure {
            Some((code, why)) => write!(f, ": {code}: {why}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::StoreError;

    #[test]
    fn a_publisher_is_stuck_that_ends_no_beat_and_none_that_fails() {
        let health = Health::default();
        let after = |secs: u64| Instant::now() + Duration::from_secs(secs);
        assert!(!health.is_stuck(after(1_000_000)), "a process without a publisher");
        health.beats_every(Duration::from_secs(60));
        assert!(!health.is_stuck(after(239)));
        assert!(health.is_stuck(after(242)));
        health.beat(Some(&Error::Store(StoreError::Full(None))));
        assert!(!health.is_stuck(after(239)));
    }

    #[test]
    fn a_list_is_late_well_before_it_runs_out() {
        let start = Time::from_secs(1_800_000_000);
        let list_version = |valid_for: u64| ListVersion {
            epoch: 1,
            number: 1,
            this_update: start,
            next_update: start.plus_millis(valid_for),
        };
        let health = Health::default();
        let late = |period: u64, valid_for: u64, age: u64| {
            health.beats_every(Duration::from_millis(period));
            health.late(&list_version(valid_for), start.plus_millis(age))
        };
        for (period, valid_for, limit) in
            [(1_000, 300_000, 30_000), (10_000, 300_000, 100_000), (1_000, 20_000, 10_000)]
        {
            assert_eq!(late(period, valid_for, limit), None);
            assert!(late(period, valid_for, limit + 1).is_some(), "{period} {valid_for}");
        }
        health.beat(Some(&Error::Store(StoreError::Full(None))));
        let told = late(1_000, 300_000, 40_000).unwrap().to_string();
        assert!(told.contains("for 40 s") && told.contains("in 260 s: storage_full: "), "{told}");
        health.beat(None);
        assert_eq!(late(1_000, 300_000, 40_000).unwrap().failure, None);
    }
}
