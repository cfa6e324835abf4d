//! The tables of the scheduler: the job leases and the expiry notices.

use portcullis_core::time::Time;
use sqlx::any::AnyRow;
use sqlx::{FromRow, Row as _};

use crate::store::clock::latest_end;
use crate::store::error::StoreError;
use crate::store::row::maybe;
use crate::store::select::Select;
use crate::store::{Connection, millis};

/// A job's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobRecord {
    /// The job's name.
    pub name: String,
    /// The current holder of its lease.
    pub holder: Option<String>,
    /// When the lease ends unless it is renewed.
    pub until: Time,
    /// When it last started.
    pub started: Option<Time>,
    /// When it last ended.
    pub ended: Option<Time>,
    /// The error of its last run, if it failed.
    pub error: Option<String>,
}

impl FromRow<'_, AnyRow> for JobRecord {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let time_of = |column| Ok::<_, sqlx::Error>(maybe(row, column)?.map(Time::from_millis));
        Ok(Self {
            name: row.try_get("name")?,
            holder: row.try_get("holder")?,
            until: time_of("until_ms")?.unwrap_or(Time::from_millis(0)),
            started: time_of("started_ms")?,
            ended: time_of("ended_ms")?,
            error: row.try_get("error")?,
        })
    }
}

/// All jobs that ever ran.
///
/// # Errors
/// The database's.
pub async fn all(connection: &mut Connection) -> Result<Vec<JobRecord>, StoreError> {
    Select::new("SELECT * FROM jobs ORDER BY name").all(connection).await
}

/// Takes or renews the lease of a job, unless another holder has it.
///
/// # Errors
/// The database's.
pub async fn take(
    connection: &mut Connection,
    name: &str,
    holder: &str,
    now: Time,
    until: Time,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO jobs (name, holder, until_ms, started_ms) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until_ms = excluded.until_ms, \
         started_ms = CASE WHEN jobs.holder = excluded.holder THEN jobs.started_ms \
         ELSE excluded.started_ms END \
         WHERE jobs.holder IS NULL OR jobs.holder = excluded.holder OR jobs.until_ms <= $5 \
         OR jobs.until_ms > $6",
    )
    .bind(name)
    .bind(holder)
    .bind(millis(until))
    .bind(millis(now))
    .bind(millis(now))
    .bind(millis(latest_end(until)))
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Releases a lease and records the result of the job.
///
/// # Errors
/// The database's.
pub async fn give_back(
    connection: &mut Connection,
    name: &str,
    holder: &str,
    now: Time,
    error: Option<&str>,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE jobs SET holder = NULL, ended_ms = $1, error = $2 WHERE name = $3 AND holder = $4",
    )
    .bind(millis(now))
    .bind(error)
    .bind(name)
    .bind(holder)
    .execute(connection)
    .await?;
    Ok(())
}

/// A key with an expiry notice that may be due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expiring {
    /// The key.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The second at which it expires.
    pub expires_at: i64,
    /// The second at which it was made.
    pub issued_at: i64,
}

impl FromRow<'_, AnyRow> for Expiring {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            title: row.try_get("title")?,
            expires_at: row.try_get("expires_at")?,
            issued_at: row.try_get("issued_at")?,
        })
    }
}

/// Keys that are within `days` of their expiry at the second `now`, won't be revoked before, and
/// haven't had the notice of `days`.
///
/// # Errors
/// The database's.
pub async fn expiring(
    connection: &mut Connection,
    days: u32,
    now: u32,
    limit: u32,
) -> Result<Vec<Expiring>, StoreError> {
    let ahead = i64::from(days) * 24 * 60 * 60;
    let mut select =
        Select::new("SELECT id, title, expires_at, issued_at FROM api_keys k WHERE expires_at > ");
    select.arg(i64::from(now)).push(" AND expires_at <= ").arg(i64::from(now) + ahead);
    select.push(" AND expires_at - issued_at > ").arg(ahead);
    select.push(" AND revoked_at IS NULL AND deleted_ms IS NULL AND canary = 0");
    select.push(" AND NOT EXISTS (SELECT 1 FROM expiry_notices n WHERE n.key_id = k.id");
    select.push(" AND n.days <= ").arg(i64::from(days)).push(")");
    select.push(" ORDER BY expires_at LIMIT ").arg(i64::from(limit));
    select.all(connection).await
}

/// Records that a notice was given.
///
/// # Errors
/// The database's.
pub async fn note_notice(
    connection: &mut Connection,
    key_id: &str,
    days: u32,
    now: Time,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO expiry_notices (key_id, days, at_ms) VALUES ($1, $2, $3)")
        .bind(key_id)
        .bind(i64::from(days))
        .bind(millis(now))
        .execute(connection)
        .await?;
    Ok(())
}

/// Deletes expired idempotency keys, and notices of keys that have expired.
///
/// # Errors
/// The database's.
pub async fn prune(connection: &mut Connection, now: Time) -> Result<(u64, u64), StoreError> {
    let mut select = Select::new("DELETE FROM idempotency WHERE expires_ms <= ");
    select.arg(millis(now));
    let answers = select.execute(connection).await?;
    let mut select = Select::new("DELETE FROM expiry_notices WHERE at_ms < ");
    // The first notice comes 14 days before expiry, so a month later the key has expired.
    select.arg(millis(now) - 31 * 24 * 60 * 60 * 1000);
    let notices = select.execute(connection).await?;
    Ok((answers, notices))
}
