//! The tables of status lists: the lists served, and until when each signer's tokens are in force.

use std::collections::BTreeMap;

use portcullis_core::crypto::Digest;
use portcullis_core::list::{BulkEntry, BulkState};
use portcullis_core::time::Time;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::store::error::StoreError;
use crate::store::keys::serial;
use crate::store::lists::digest;
use crate::store::row::{bytes, no_value, number};
use crate::store::select::Select;
use crate::store::state::push_covered;
use crate::store::{Connection, millis, time};

/// The number of serials in a shard.
const SHARD: i64 = 1 << 20;

/// A shard's status list without its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusMark {
    /// The shard.
    pub shard: u32,
    /// The digest of the facts that the statuses encode.
    pub facts: Digest,
    /// The digest of the signed claims around the list.
    pub frame: Digest,
    /// Bits per slot.
    pub bits: u8,
    /// The signer.
    pub kid: u16,
    /// The this update of the revocation list that it reflects.
    pub made: Time,
    /// The expiry: the list mustn't be used from this instant on.
    pub expires: Time,
}

/// A shard's status list to store.
#[derive(Clone, Debug)]
pub struct StatusRecord {
    /// Everything but the bytes.
    pub mark: StatusMark,
    /// The compressed statuses.
    pub list: Vec<u8>,
    /// The signed token.
    pub token: String,
}

fn mark_from(row: &AnyRow) -> sqlx::Result<StatusMark> {
    Ok(StatusMark {
        shard: number(row, "shard")?,
        facts: digest(row, "facts")?,
        frame: digest(row, "frame")?,
        bits: number(row, "bits")?,
        kid: number(row, "kid")?,
        made: time(row.try_get("made_ms")?),
        expires: time(row.try_get("expires_ms")?),
    })
}

/// All lists, by shard.
///
/// # Errors
/// The database's.
pub async fn marks(connection: &mut Connection) -> Result<BTreeMap<u32, StatusMark>, StoreError> {
    let query =
        sqlx::query("SELECT shard, facts, frame, bits, kid, made_ms, expires_ms FROM status_lists");
    let rows = query.fetch_all(connection).await?;
    let marks = rows.iter().map(|row| mark_from(row).map(|mark| (mark.shard, mark)));
    Ok(marks.collect::<sqlx::Result<_>>()?)
}

/// A number that grows with every list that is stored.
///
/// # Errors
/// The database's.
pub async fn revision(connection: &mut Connection) -> Result<i64, StoreError> {
    let query = sqlx::query("SELECT CAST(COALESCE(SUM(made_ms), 0) AS BIGINT) FROM status_lists");
    Ok(query.fetch_one(connection).await?.try_get(0)?)
}

/// The compressed statuses of a shard.
///
/// # Errors
/// The database's.
pub async fn list(connection: &mut Connection, shard: u32) -> Result<Option<Vec<u8>>, StoreError> {
    let query =
        sqlx::query("SELECT list FROM status_lists WHERE shard = $1").bind(i64::from(shard));
    let row = query.fetch_optional(connection).await?;
    Ok(row.map(|row| bytes(&row, "list")).transpose()?)
}

/// The signed token of a shard, and its expiry.
///
/// # Errors
/// The database's.
pub async fn token(
    connection: &mut Connection,
    shard: u32,
) -> Result<Option<(String, Time)>, StoreError> {
    let query = sqlx::query("SELECT token, expires_ms FROM status_lists WHERE shard = $1");
    let row = query.bind(i64::from(shard)).fetch_optional(connection).await?;
    row.map(|row| Ok((row.try_get(0)?, time(row.try_get(1)?)))).transpose()
}

/// Stores a list, unless one of a later revocation list is stored. Returns whether it did.
///
/// # Errors
/// The database's.
pub async fn put(connection: &mut Connection, record: &StatusRecord) -> Result<bool, StoreError> {
    let StatusRecord { mark, list, token } = record;
    let done = sqlx::query(
        "INSERT INTO status_lists \
         (shard, facts, frame, bits, list, token, kid, made_ms, expires_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (shard) DO UPDATE SET \
         facts = excluded.facts, frame = excluded.frame, bits = excluded.bits, \
         list = excluded.list, token = excluded.token, kid = excluded.kid, \
         made_ms = excluded.made_ms, expires_ms = excluded.expires_ms \
         WHERE status_lists.made_ms < excluded.made_ms",
    )
    .bind(i64::from(mark.shard))
    .bind(mark.facts.0.as_slice())
    .bind(mark.frame.0.as_slice())
    .bind(i64::from(mark.bits))
    .bind(list.as_slice())
    .bind(token.as_str())
    .bind(i64::from(mark.kid))
    .bind(millis(mark.made))
    .bind(millis(mark.expires))
    .execute(&mut *connection)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    // Retiring the signer must wait for its latest list to expire.
    sqlx::query(
        "INSERT INTO status_signers (kid, until_ms) VALUES ($1, $2) \
         ON CONFLICT (kid) DO UPDATE SET until_ms = excluded.until_ms \
         WHERE status_signers.until_ms < excluded.until_ms",
    )
    .bind(i64::from(mark.kid))
    .bind(millis(mark.expires))
    .execute(connection)
    .await?;
    Ok(true)
}

/// Until when lists of this signer are in force.
///
/// # Errors
/// The database's.
pub async fn in_force_until(
    connection: &mut Connection,
    kid: u16,
) -> Result<Option<Time>, StoreError> {
    let query = sqlx::query("SELECT until_ms FROM status_signers WHERE kid = $1");
    let row = query.bind(i64::from(kid)).fetch_optional(connection).await?;
    row.map(|row| Ok(time(row.try_get(0)?))).transpose()
}

/// The slots of keys in `shard` that bulk entries cover, and their states.
///
/// # Errors
/// The database's.
pub async fn covered(
    connection: &mut Connection,
    shard: u32,
    bulk: &[BulkEntry],
) -> Result<Vec<(u32, BulkState)>, StoreError> {
    let first = i64::from(shard).saturating_mul(SHARD);
    let mut covered = Vec::new();
    for state in [BulkState::Suspended, BulkState::Revoked] {
        if !bulk.iter().any(|entry| entry.state == state) {
            continue;
        }
        // A canary is in no list.
        let mut select =
            Select::new("SELECT serial FROM api_keys WHERE canary = 0 AND serial BETWEEN ");
        select.arg(first).push(" AND ").arg(first.saturating_add(SHARD - 1)).push(" AND ");
        push_covered(&mut select, bulk, state);
        for row in select.rows(connection).await? {
            let slot = serial(row.try_get(0)?).ok_or_else(|| no_value("serial"))?.slot();
            covered.push((slot, state));
        }
    }
    Ok(covered)
}
