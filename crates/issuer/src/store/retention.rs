//! Queries for retention: the events to remove, the webhooks that hold them back, and the trail's
//! start.

use portcullis_core::time::Time;
use sqlx::Row as _;

use crate::store::error::StoreError;
use crate::store::row::maybe;
use crate::store::{Connection, millis, time};

/// The trail's start, as a signed file; `None` if nothing was ever removed.
///
/// # Errors
/// The database's.
pub async fn start(connection: &mut Connection) -> Result<Option<Vec<u8>>, StoreError> {
    let row = sqlx::query("SELECT file FROM trail_start").fetch_optional(connection).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// Writes the trail's start.
///
/// # Errors
/// The database's.
pub async fn set_start(connection: &mut Connection, file: &[u8]) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO trail_start (one, file) VALUES (1, $1) \
         ON CONFLICT (one) DO UPDATE SET file = excluded.file",
    )
    .bind(file)
    .execute(connection)
    .await?;
    Ok(())
}

/// The id of the event with the latest time before `before`. It and all events with lesser ids were
/// committed before then, since ids follow the commit order.
///
/// # Errors
/// The database's.
pub async fn newest_before(
    connection: &mut Connection,
    before: Time,
) -> Result<Option<i64>, StoreError> {
    let query =
        sqlx::query("SELECT id FROM events WHERE at_ms < $1 ORDER BY at_ms DESC, id DESC LIMIT 1");
    let row = query.bind(millis(before)).fetch_optional(connection).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

/// The id and time of the oldest event.
///
/// # Errors
/// The database's.
pub async fn oldest(connection: &mut Connection) -> Result<Option<(i64, Time)>, StoreError> {
    let query = sqlx::query("SELECT id, at_ms FROM events ORDER BY id LIMIT 1");
    let row = query.fetch_optional(connection).await?;
    row.map(|row| Ok((row.try_get(0)?, time(row.try_get(1)?)))).transpose()
}

/// How many events have this id or a lesser one.
///
/// # Errors
/// The database's.
pub async fn count_through(connection: &mut Connection, last: i64) -> Result<i64, StoreError> {
    let query = sqlx::query("SELECT COUNT(*) FROM events WHERE id <= $1").bind(last);
    Ok(query.fetch_one(connection).await?.try_get(0)?)
}

/// The webhook that is furthest behind, and the last event it no longer needs: it has deliveries of
/// all events up to that one, and none of them is pending.
///
/// # Errors
/// The database's.
pub async fn furthest_behind(
    connection: &mut Connection,
) -> Result<Option<(String, i64)>, StoreError> {
    let query = sqlx::query(
        "SELECT w.id, w.position, (SELECT MIN(d.event_id) FROM deliveries d \
         WHERE d.webhook_id = w.id AND d.state = 'pending') AS pending FROM webhooks w",
    );
    let mut found: Option<(String, i64)> = None;
    for row in query.fetch_all(connection).await? {
        let position: i64 = row.try_get("position")?;
        let pending: Option<i64> = maybe(&row, "pending")?;
        let done = pending.map_or(position, |first| position.min(first.saturating_sub(1)));
        if found.as_ref().is_none_or(|(_, before)| done < *before) {
            found = Some((row.try_get("id")?, done));
        }
    }
    Ok(found)
}

/// Removes the events with this id or a lesser one, and their deliveries. Returns the number of
/// events.
///
/// # Errors
/// The database's.
pub async fn remove_through(connection: &mut Connection, last: i64) -> Result<u64, StoreError> {
    // Select by webhook to use the index.
    let deliveries = sqlx::query(
        "DELETE FROM deliveries WHERE webhook_id IN (SELECT id FROM webhooks) AND event_id <= $1",
    );
    let deliveries = deliveries.bind(last);
    deliveries.execute(&mut *connection).await?;
    let events = sqlx::query("DELETE FROM events WHERE id <= $1").bind(last);
    Ok(events.execute(connection).await?.rows_affected())
}
