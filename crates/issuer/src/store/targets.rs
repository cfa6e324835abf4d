//! The tables of targets, of the publishing lease, and of a restored backup.

use portcullis_core::time::Time;
use sqlx::any::AnyRow;
use sqlx::{FromRow, Row as _};

use crate::store::clock::latest_end;
use crate::store::error::StoreError;
use crate::store::row::{maybe, number};
use crate::store::{Connection, millis, time};

/// A target's status, as last recorded by its publisher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetRecord {
    /// Its name.
    pub name: String,
    /// `dir`, `s3` or `kv`.
    pub kind: String,
    /// The epoch, number and this update of the list that it was last seen to carry.
    pub carries: Option<(u32, u64, Time)>,
    /// When the target was last seen to carry it.
    pub done: Option<Time>,
    /// The error of the last attempt, if it failed.
    pub error: Option<String>,
    /// Since when attempts have failed.
    pub failed: Option<Time>,
    /// The number of consecutive failures.
    pub failures: u32,
    /// When a publisher last had the target configured.
    pub seen: Time,
}

impl FromRow<'_, AnyRow> for TargetRecord {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let carries =
            match (maybe(row, "epoch")?, maybe(row, "number")?, maybe(row, "this_update")?) {
                (Some(epoch), Some(number), Some(at)) => {
                    Some((epoch, number, Time::from_millis(at)))
                }
                _ => None,
            };
        Ok(Self {
            name: row.try_get("name")?,
            kind: row.try_get("kind")?,
            carries,
            done: maybe(row, "done_ms")?.map(Time::from_millis),
            error: row.try_get("error")?,
            failed: maybe(row, "failed_ms")?.map(Time::from_millis),
            failures: number(row, "failures")?,
            seen: time(row.try_get("seen_ms")?),
        })
    }
}

/// All targets that a publisher has had since `since`.
///
/// # Errors
/// The database's.
pub async fn all(
    connection: &mut Connection,
    since: Time,
) -> Result<Vec<TargetRecord>, StoreError> {
    let query = sqlx::query_as("SELECT * FROM targets WHERE seen_ms >= $1 ORDER BY name");
    Ok(query.bind(millis(since)).fetch_all(connection).await?)
}

/// Records that a publisher has this target.
///
/// # Errors
/// The database's.
pub async fn seen(
    connection: &mut Connection,
    (name, kind): (&str, &str),
    now: Time,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO targets (name, kind, failures, seen_ms) VALUES ($1, $2, 0, $3) \
         ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, seen_ms = excluded.seen_ms",
    )
    .bind(name)
    .bind(kind)
    .bind(millis(now))
    .execute(connection)
    .await?;
    Ok(())
}

/// Records the list that a target carries, unless a newer one was recorded.
///
/// # Errors
/// The database's.
pub async fn carries(
    connection: &mut Connection,
    name: &str,
    (epoch, list, this_update): (u32, u64, Time),
    now: Time,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE targets SET epoch = $1, number = $2, this_update = $3, done_ms = $4, \
         error = NULL, failed_ms = NULL, failures = 0, seen_ms = $4 \
         WHERE name = $5 AND (this_update IS NULL OR this_update <= $3)",
    )
    .bind(i64::from(epoch))
    .bind(i64::try_from(list).unwrap_or(i64::MAX))
    .bind(millis(this_update))
    .bind(millis(now))
    .bind(name)
    .execute(connection)
    .await?;
    Ok(())
}

/// Records a failed attempt at a target. Returns the number of consecutive failures.
///
/// # Errors
/// The database's.
pub async fn failed(
    connection: &mut Connection,
    name: &str,
    error: &str,
    now: Time,
) -> Result<u32, StoreError> {
    let row = sqlx::query(
        "UPDATE targets SET error = $1, failed_ms = COALESCE(failed_ms, $2), \
         failures = failures + 1, seen_ms = $2 WHERE name = $3 RETURNING failures",
    )
    .bind(error)
    .bind(millis(now))
    .bind(name)
    .fetch_optional(connection)
    .await?;
    Ok(row.map(|row| number(&row, "failures")).transpose()?.unwrap_or(0))
}

/// Takes or renews the publishing lease until `until`. Returns whether `holder` has it now. The
/// lease only avoids duplicate work among issuers; the promise is what fences them.
///
/// # Errors
/// The database's.
pub async fn lead(
    connection: &mut Connection,
    holder: &str,
    (now, until): (Time, Time),
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO publisher (one, holder, until_ms) VALUES (1, $1, $2) \
         ON CONFLICT (one) DO UPDATE SET holder = excluded.holder, until_ms = excluded.until_ms \
         WHERE publisher.holder = excluded.holder OR publisher.until_ms <= $3 \
         OR publisher.until_ms > $4",
    )
    .bind(holder)
    .bind(millis(until))
    .bind(millis(now))
    .bind(millis(latest_end(until)))
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Releases the lease, so that another issuer can take over at once.
///
/// # Errors
/// The database's.
pub async fn resign(connection: &mut Connection, holder: &str) -> Result<(), StoreError> {
    let query = sqlx::query("UPDATE publisher SET until_ms = 0 WHERE holder = $1").bind(holder);
    query.execute(connection).await?;
    Ok(())
}

/// The holder of the publishing lease, and when it ends unless renewed.
///
/// # Errors
/// The database's.
pub async fn leader(connection: &mut Connection) -> Result<Option<(String, Time)>, StoreError> {
    let query = sqlx::query("SELECT holder, until_ms FROM publisher");
    let row = query.fetch_optional(connection).await?;
    row.map(|row| Ok((row.try_get(0)?, time(row.try_get(1)?)))).transpose()
}

/// Records that the database is a restored backup, because `witness` carries a newer list.
///
/// # Errors
/// The database's.
pub async fn set_restored(
    connection: &mut Connection,
    witness: &str,
    this_update: Time,
    now: Time,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO restored (one, witness, this_update, found_ms) VALUES (1, $1, $2, $3) \
         ON CONFLICT (one) DO UPDATE SET witness = excluded.witness, \
         this_update = excluded.this_update WHERE restored.this_update < excluded.this_update",
    )
    .bind(witness)
    .bind(millis(this_update))
    .bind(millis(now))
    .execute(connection)
    .await?;
    Ok(())
}

/// Records that the database was brought up to date with the last publication.
///
/// # Errors
/// The database's.
pub async fn clear_restored(connection: &mut Connection) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM restored").execute(connection).await?;
    Ok(())
}

/// Whether the database is marked as a restored backup.
///
/// # Errors
/// The database's.
pub async fn is_restored(connection: &mut Connection) -> Result<bool, StoreError> {
    let query = sqlx::query("SELECT 1 FROM restored");
    Ok(query.fetch_optional(connection).await?.is_some())
}

/// Refuses to work on a restored backup.
///
/// # Errors
/// [`StoreError::Restored`], and the database's.
pub async fn check_not_restored(connection: &mut Connection) -> Result<(), StoreError> {
    let row = sqlx::query("SELECT witness FROM restored").fetch_optional(connection).await?;
    match row {
        None => Ok(()),
        Some(row) => Err(StoreError::Restored { witness: row.try_get(0)? }),
    }
}
