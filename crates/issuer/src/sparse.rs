//! Lines of the log that anybody can cause: so many in a minute, and how many were left out.

use std::sync::{Mutex, PoisonError};

use portcullis_core::time::Time;

/// How many lines a minute are written.
pub(crate) const LINES: u32 = 10;
const MINUTE_MILLIS: u64 = 60_000;

/// Lines of one kind. Whoever is refused may come again as often as they like, and what they fill
/// is the operator's disk.
#[derive(Debug, Default)]
pub(crate) struct Sparse(Mutex<Minute>);

#[derive(Clone, Copy, Debug, Default)]
struct Minute {
    since: u64,
    written: u32,
    left_out: u64,
}

impl Sparse {
    /// Whether a line is to be written: then with how many were left out since the last one.
    pub(crate) fn line(&self, now: Time) -> Option<u64> {
        let now = now.millis();
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back begins another minute too.
        if now.abs_diff(minute.since) >= MINUTE_MILLIS {
            *minute = Minute { since: now, written: 0, ..*minute };
        }
        if minute.written >= LINES {
            minute.left_out = minute.left_out.saturating_add(1);
            return None;
        }
        minute.written += 1;
        Some(std::mem::take(&mut minute.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_lines_a_minute_and_the_rest_is_counted() {
        let lines = Sparse::default();
        let at = |secs: u32| lines.line(Time::from_secs(1_800_000_000 + secs));
        for _ in 0..LINES {
            assert_eq!(at(0), Some(0));
        }
        for secs in 0..50 {
            assert_eq!(at(secs), None);
        }
        assert_eq!(at(60), Some(50));
        assert_eq!(at(61), Some(0));
        assert!(at(0).is_some(), "a clock that goes back does not silence the log for ever");
    }
}
