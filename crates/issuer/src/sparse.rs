//! Rate-limited log lines, for events that anyone can cause: the number omitted is logged too.

use std::sync::{Mutex, PoisonError};

use portcullis_core::time::Time;

/// The most lines per minute.
pub(crate) const LINES: u32 = 10;
const MINUTE_MILLIS: u64 = 60_000;

/// Lines of one kind. A client that is refused may try again without limit, and would fill the
/// disk.
#[derive(Debug, Default)]
pub(crate) struct Sparse(Mutex<Minute>);

#[derive(Clone, Copy, Debug, Default)]
struct Minute {
    since: u64,
    written: u32,
    left_out: u64,
}

impl Sparse {
    /// Returns whether to write a line: if so, the number omitted since the last one.
    pub(crate) fn line(&self, now: Time) -> Option<u64> {
        let now = now.millis();
        let mut minute = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back starts a new minute too.
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
