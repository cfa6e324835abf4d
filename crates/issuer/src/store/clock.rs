//! Refuses to write with a clock that can't be right.
//!
//! A fast clock does more harm than a slow one. Signatures with its time come into force later, and
//! commits with its time block the correct clock. So the machine's clock is compared with
//! independent clocks that are unlikely to be wrong in the same way.

use std::sync::Arc;

use portcullis_core::time::Time;
use sqlx::Row as _;

use super::connection::{Connection, millis, time};
use super::row::number;
use crate::clock::{Clock, Reading};
use crate::store::error::StoreError;

/// How far the clock may be ahead of another. A list with the usual validity of five minutes
/// outlives an error of this size.
pub const MAX_AHEAD_MILLIS: u64 = 60_000;
/// How far the clock may be ahead of the last publication when no other evidence exists: the
/// longest time an issuer may have been off.
pub const MAX_OFF_MILLIS: u64 = 30 * 24 * 60 * 60 * 1000;

/// The latest plausible end of another holder's lease, if a lease taken now ends at `until`. A
/// later end was written by a clock far ahead, and the lease is ignored; otherwise it would block
/// until then.
pub(super) const fn latest_end(until: Time) -> Time {
    until.plus_millis(MAX_AHEAD_MILLIS)
}

/// The evidence that a clock is compared with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Evidence {
    /// The database server's clock.
    pub(crate) server: Option<Time>,
    /// The clocks' readings at the last publication.
    pub(crate) last: Option<Reading>,
}

/// The clock that dates every write.
#[derive(Clone)]
pub(super) struct ClockGuard {
    clock: Arc<dyn Clock>,
    /// Skips the comparison.
    pub(super) trusted: bool,
}

impl ClockGuard {
    pub(super) const fn of(clock: Arc<dyn Clock>) -> Self {
        Self { clock, trusted: false }
    }

    /// Reads the clock once, refuses an implausible time, and returns the reading. Only this
    /// reading may be written: the clock may be set later, and a second reading would be unchecked.
    /// `server` is the current time of PostgreSQL's clock.
    pub(super) async fn check(
        &self,
        connection: &mut Connection,
        server: Option<Time>,
    ) -> Result<Reading, StoreError> {
        // A test's clock is unrelated to a real server's.
        let server = server.filter(|_| self.clock.is_the_machines());
        let last = if server.is_none() { last(connection).await? } else { None };
        let reading = self.clock.read();
        if !self.trusted {
            check(&reading, &Evidence { server, last })?;
        }
        Ok(reading)
    }
}

impl std::fmt::Debug for ClockGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Door")
    }
}

/// Checks whether a reading is plausible.
///
/// The server's clock decides if it is available: after a pause, the machine's clock may
/// legitimately have been set.
pub(crate) fn check(reading: &Reading, evidence: &Evidence) -> Result<(), StoreError> {
    let ahead = |than: &'static str, time: Time, most: u64| {
        let ahead_millis = reading.wall.millis_since(time);
        if ahead_millis > most {
            return Err(StoreError::ClockImplausible {
                ahead_secs: ahead_millis / 1000,
                than: than.into(),
            });
        }
        Ok(())
    };
    if let Some(server) = evidence.server {
        return ahead("the database server's clock", server, MAX_AHEAD_MILLIS);
    }
    let Some(last) = &evidence.last else { return Ok(()) };
    if last.boot != reading.boot {
        return ahead("what was last published", last.wall, MAX_OFF_MILLIS);
    }
    let since = reading.steady_millis.saturating_sub(last.steady_millis);
    let than = "the time that has passed since the last publication";
    ahead(than, last.wall.plus_millis(since), MAX_AHEAD_MILLIS)
}

async fn last(connection: &mut Connection) -> Result<Option<Reading>, StoreError> {
    let query = sqlx::query("SELECT boot, steady_ms, wall_ms FROM clock");
    let Some(row) = query.fetch_optional(connection).await? else { return Ok(None) };
    Ok(Some(Reading {
        boot: row.try_get("boot")?,
        steady_millis: number(&row, "steady_ms")?,
        wall: time(row.try_get("wall_ms")?),
    }))
}

/// Records the clocks' readings at a publication.
///
/// # Errors
/// The database's.
pub(crate) async fn note(connection: &mut Connection, reading: &Reading) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO clock (one, boot, steady_ms, wall_ms) VALUES (1, $1, $2, $3) \
         ON CONFLICT (one) DO UPDATE SET boot = excluded.boot, steady_ms = excluded.steady_ms, \
         wall_ms = excluded.wall_ms",
    )
    .bind(&reading.boot)
    .bind(i64::try_from(reading.steady_millis).unwrap_or(i64::MAX))
    .bind(millis(reading.wall))
    .execute(connection)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_secs(1_800_000_000);

    fn reading(boot: &str, steady_millis: u64, wall: Time) -> Reading {
        Reading { boot: boot.into(), steady_millis, wall }
    }

    #[test]
    fn a_clock_is_held_that_is_ahead_of_what_can_be_told() {
        let none = Evidence::default();
        assert!(check(&reading("a", 0, NOW), &none).is_ok(), "there is nothing to compare with");
        let last = Evidence { server: None, last: Some(reading("a", 5_000, NOW)) };
        let at = |boot: &str, steady: u64, ahead: u64| {
            check(&reading(boot, steady, NOW.plus_millis(ahead)), &last)
        };
        // An hour has passed on both clocks.
        assert!(at("a", 3_605_000, 3_600_000).is_ok());
        assert!(at("a", 5_000, MAX_AHEAD_MILLIS).is_ok());
        let held = at("a", 5_000, MAX_AHEAD_MILLIS + 1).unwrap_err();
        assert!(held.to_string().contains("60 s ahead of the time that has passed"), "{held}");
        // The publisher handles a clock that is behind.
        assert!(check(&reading("a", 5_000, Time::from_secs(0)), &last).is_ok());
        // After a restart of the machine, the elapsed time is unknown.
        assert!(at("b", 0, MAX_OFF_MILLIS).is_ok());
        assert_eq!(at("b", 0, MAX_OFF_MILLIS + 1).unwrap_err().code(), "clock_implausible");
    }

    #[test]
    fn the_servers_clock_settles_it() {
        let last = Some(reading("a", 0, NOW));
        let later = NOW.plus_millis(MAX_OFF_MILLIS);
        let paused = Evidence { server: Some(later), last: last.clone() };
        assert!(check(&reading("a", 1, later), &paused).is_ok());
        let wrong = Evidence { server: Some(NOW), last };
        let held = check(&reading("a", MAX_OFF_MILLIS, later), &wrong).unwrap_err();
        assert!(held.to_string().contains("the database server's clock"), "{held}");
    }
}
