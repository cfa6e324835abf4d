//! The tables of settings, and of the days with reported uses.

use std::collections::BTreeSet;

use portcullis_core::time::Time;
use sqlx::Row as _;

use crate::record::KeyRecord;
use crate::settings::{Class, Settings};
use crate::store::error::StoreError;
use crate::store::keys::Use;
use crate::store::row::{named, number};
use crate::store::select::{CHUNK, Select};
use crate::store::{Connection, channels, millis, time};

/// The stored settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stored {
    /// The settings.
    pub settings: Settings,
    /// The number of changes so far.
    pub version: u32,
    /// When they were last changed.
    pub updated: Option<Time>,
}

/// The issuer's settings; the defaults, which require nothing, if none were set.
///
/// # Errors
/// The database's, among them one for a text that this program can't have written.
pub async fn read(connection: &mut Connection) -> Result<Stored, StoreError> {
    let query = sqlx::query("SELECT version, body, updated_ms FROM settings");
    let Some(row) = query.fetch_optional(connection).await? else { return Ok(Stored::default()) };
    Ok(Stored {
        settings: named(&row, "body", |text| serde_json::from_str(text).ok())?,
        version: number(&row, "version")?,
        updated: Some(time(row.try_get("updated_ms")?)),
    })
}

/// Replaces the settings.
///
/// # Errors
/// The database's.
pub async fn write(
    connection: &mut Connection,
    stored: &Stored,
    now: Time,
) -> Result<(), StoreError> {
    let body = serde_json::to_string(&stored.settings).map_err(|_| StoreError::Encoding)?;
    sqlx::query(
        "INSERT INTO settings (one, version, body, updated_ms) VALUES (1, $1, $2, $3) \
         ON CONFLICT (one) DO UPDATE SET version = excluded.version, body = excluded.body, \
         updated_ms = excluded.updated_ms",
    )
    .bind(i64::from(stored.version))
    .bind(body)
    .bind(millis(now))
    .execute(connection)
    .await?;
    Ok(())
}

/// The number of matching keys, and some of their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The number of keys.
    pub count: u64,
    /// The ids of the first ones.
    pub first: Vec<String>,
}

/// How many ids a [`Found`] holds.
const TOLD: i64 = 5;

/// A requirement that keys may fail.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanting {
    /// Keys without an owner.
    Owner,
    /// Keys with a lifetime above this many seconds, or without an expiry.
    End(u32),
}

/// The keys of a class in force at `now` that fail a requirement for new keys.
pub(crate) async fn wanting(
    connection: &mut Connection,
    class: Class,
    what: Wanting,
    now: u32,
) -> Result<Found, StoreError> {
    let conditions = |select: &mut Select| {
        select.push(" FROM api_keys WHERE ");
        in_force(select, class, now);
        match what {
            Wanting::Owner => select.push(" AND owner = 0"),
            Wanting::End(max) => select
                .push(" AND (expires_at IS NULL OR expires_at - issued_at > ")
                .arg(i64::from(max))
                .push(")"),
        };
    };
    let mut select = Select::new("SELECT COUNT(*) AS many");
    conditions(&mut select);
    let rows = select.rows(connection).await?;
    let count = number(rows.first().ok_or(sqlx::Error::RowNotFound)?, "many")?;
    let mut select = Select::new("SELECT id");
    conditions(&mut select);
    select.push(" ORDER BY seq LIMIT ").arg(TOLD);
    let rows = select.rows(connection).await?;
    let first = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    Ok(Found { count, first })
}

fn in_force(select: &mut Select, class: Class, now: u32) {
    select.push("deleted_ms IS NULL");
    select.push(match class {
        Class::Secret => " AND purpose = 'token' AND canary = 0 AND kind = 'secret'",
        Class::Publishable => " AND purpose = 'token' AND kind = 'publishable'",
        Class::Admin => " AND purpose = 'admin'",
    });
    select.push(" AND (revoked_at IS NULL OR revoked_at > ").arg(i64::from(now));
    select.push(") AND (expires_at IS NULL OR expires_at > ").arg(i64::from(now)).push(")");
}

/// At most `limit` idle candidates after the position `after`, and the position of the last. A
/// candidate is in force at `now`, has no revocation, and was neither made, used nor resumed after
/// the second `cutoff`. The caller still has to check for bulk suspensions.
pub(crate) async fn idle(
    connection: &mut Connection,
    class: Class,
    (now, cutoff): (u32, u32),
    after: i64,
    limit: u32,
) -> Result<(Vec<KeyRecord>, Option<i64>), StoreError> {
    let mut select = Select::new("SELECT * FROM api_keys WHERE ");
    in_force(&mut select, class, now);
    select.push(" AND suspended_ms IS NULL AND revoked_at IS NULL AND issued_at <= ");
    select.arg(i64::from(cutoff)).push(" AND (last_used_at IS NULL OR last_used_at <= ");
    select.arg(i64::from(cutoff)).push(") AND (resumed_ms IS NULL OR resumed_ms < ");
    // Include the whole cutoff second, as for the other columns.
    select.arg((i64::from(cutoff) + 1) * 1000).push(") AND seq > ").arg(after);
    select.push(" ORDER BY seq LIMIT ").arg(i64::from(limit));
    let placed: Vec<super::listing::Placed> = select.all(connection).await?;
    let last = placed.last().map(|placed| placed.seq);
    let mut keys: Vec<KeyRecord> = placed.into_iter().map(|placed| placed.key).collect();
    channels::fill(connection, &mut keys).await?;
    Ok((keys, last))
}

/// Records that uses of these keys arrived from `reporter` on this day. Unknown keys are ignored.
pub(crate) async fn note_reported(
    connection: &mut Connection,
    reporter: &str,
    uses: &[Use],
    day: u32,
) -> Result<(), StoreError> {
    let mut kinds = BTreeSet::new();
    for uses in uses.chunks(CHUNK) {
        let mut select = Select::new(
            "SELECT DISTINCT kind FROM api_keys WHERE deleted_ms IS NULL AND purpose = 'token' \
             AND canary = 0 AND id IN (",
        );
        select.args(uses.iter().map(|one| one.key.as_str())).push(")");
        for row in select.rows(connection).await? {
            kinds.insert(row.try_get::<String, _>(0)?);
        }
    }
    for kind in kinds {
        sqlx::query(
            "INSERT INTO usage_days (reporter, kind, day) VALUES ($1, $2, $3) \
             ON CONFLICT (reporter, kind, day) DO NOTHING",
        )
        .bind(reporter)
        .bind(kind)
        .bind(i64::from(day))
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// A day on which a reporter sent uses of keys of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reported {
    pub(crate) reporter: String,
    pub(crate) kind: String,
    pub(crate) day: u32,
}

/// All stored days.
pub(crate) async fn reported(connection: &mut Connection) -> Result<Vec<Reported>, StoreError> {
    let query = sqlx::query("SELECT reporter, kind, day FROM usage_days ORDER BY reporter, day");
    let rows = query.fetch_all(connection).await?;
    let reported = rows.iter().map(|row| {
        let (reporter, kind) = (row.try_get("reporter")?, row.try_get("kind")?);
        Ok(Reported { reporter, kind, day: number(row, "day")? })
    });
    reported.collect()
}

/// Deletes the days before this one.
pub(crate) async fn prune_reported(
    connection: &mut Connection,
    day: u32,
) -> Result<(), StoreError> {
    let mut select = Select::new("DELETE FROM usage_days WHERE day < ");
    select.arg(i64::from(day));
    select.execute(connection).await?;
    Ok(())
}
