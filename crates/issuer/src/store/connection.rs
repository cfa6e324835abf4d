//! A connection, its limits, and how times are stored.

use std::time::Duration;

use portcullis_core::time::Time;

/// The most connections of a pool.
pub(super) const CONNECTIONS: u32 = 8;
/// How long a transaction waits for another's end.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);
/// PostgreSQL's advisory lock for writers: the bytes `PCTS`.
pub(super) const WRITE_LOCK: i64 = 0x5043_5453;

/// A connection to either database.
pub type Connection = sqlx::AnyConnection;

/// Milliseconds as stored.
pub(crate) fn millis(time: Time) -> i64 {
    i64::try_from(time.millis()).unwrap_or(i64::MAX)
}

pub(crate) fn time(millis: i64) -> Time {
    Time::from_millis(u64::try_from(millis).unwrap_or(0))
}
