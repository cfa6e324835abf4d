//! The tables of shards and their bodies: what is to be said of each serial.

use portcullis_core::crypto::Digest;
use portcullis_core::issue::ShardFacts;
use portcullis_core::list::{Counts, ShardLine, TimedSlot};
use portcullis_core::time::Time;
use portcullis_core::token::Serial;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use crate::error::Error;
use crate::store::keys::{no_value, number, serial};
use crate::store::lists::digest;
use crate::store::millis;

/// A shard as the store knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Its number.
    pub shard: u32,
    /// How many slots it covers.
    pub capacity: u32,
    /// How many of them have been handed out.
    pub issued: u32,
    /// Its line in the newest head; `None` before it has gone out.
    pub line: Option<ShardLine>,
    /// What stands in the body that has gone out.
    pub counts: Counts,
}

/// Adds a shard, which counts as covered once a head with it has been published.
///
/// # Errors
/// The database's.
pub async fn insert_shard(
    connection: &mut SqliteConnection,
    shard: u32,
    capacity: u32,
) -> Result<(), Error> {
    sqlx::query("INSERT INTO shards (shard, capacity) VALUES (?, ?)")
        .bind(shard)
        .bind(capacity)
        .execute(connection)
        .await?;
    Ok(())
}

/// All shards, ascending.
///
/// # Errors
/// The database's.
pub async fn shards(connection: &mut SqliteConnection) -> Result<Vec<Shard>, Error> {
    let rows = sqlx::query("SELECT * FROM shards ORDER BY shard").fetch_all(connection).await?;
    rows.iter().map(shard_from).collect()
}

fn shard_from(row: &SqliteRow) -> Result<Shard, Error> {
    let shard = row.try_get("shard")?;
    let body = row.try_get::<Option<&[u8]>, _>("body")?;
    let line = match body {
        None => None,
        Some(body) => {
            Some(ShardLine { shard, len: row.try_get("len")?, body: digest(body, "body")? })
        }
    };
    let counts = Counts {
        revoked: row.try_get("revoked")?,
        suspended: row.try_get("suspended")?,
        timed: row.try_get("timed")?,
    };
    let (capacity, issued) = (row.try_get("capacity")?, row.try_get("issued")?);
    Ok(Shard { shard, capacity, issued, line, counts })
}

/// Counts one more serial of `shard` as handed out.
///
/// # Errors
/// The database's.
pub async fn count_issued(connection: &mut SqliteConnection, shard: u32) -> Result<(), Error> {
    sqlx::query("UPDATE shards SET issued = issued + 1 WHERE shard = ?")
        .bind(shard)
        .execute(connection)
        .await?;
    Ok(())
}

/// Stores a body and makes it that of its shard.
///
/// # Errors
/// The database's.
pub async fn set_body(
    connection: &mut SqliteConnection,
    (line, counts): (&ShardLine, Counts),
    body: &[u8],
    before: Option<Digest>,
    now: Time,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO bodies (digest, body) VALUES (?, ?) \
         ON CONFLICT (digest) DO UPDATE SET left_ms = NULL",
    )
    .bind(line.body.0.as_slice())
    .bind(body)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "UPDATE shards SET body = ?, len = ?, revoked = ?, suspended = ?, timed = ? \
         WHERE shard = ?",
    )
    .bind(line.body.0.as_slice())
    .bind(line.len)
    .bind(counts.revoked)
    .bind(counts.suspended)
    .bind(counts.timed)
    .bind(line.shard)
    .execute(&mut *connection)
    .await?;
    if let Some(before) = before {
        sqlx::query("UPDATE bodies SET left_ms = ? WHERE digest = ?")
            .bind(millis(now))
            .bind(before.0.as_slice())
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// Lets go of the bodies that no shard has had since `since`.
///
/// # Errors
/// The database's.
pub async fn prune_bodies(connection: &mut SqliteConnection, since: Time) -> Result<(), Error> {
    sqlx::query(
        "DELETE FROM bodies WHERE left_ms < ? \
         AND digest NOT IN (SELECT body FROM shards WHERE body IS NOT NULL)",
    )
    .bind(millis(since))
    .execute(connection)
    .await?;
    Ok(())
}

/// The shards whose body may say something else at `now` than at `last`: those that are new, those
/// with a revocation committed after the event `position`, those with a revocation that has struck
/// since, and those with a revoked key that has been expired for long enough to leave.
///
/// # Errors
/// The database's.
pub async fn stale_shards(
    connection: &mut SqliteConnection,
    position: i64,
    last: Time,
    now: Time,
    linger_secs: u32,
) -> Result<Vec<u32>, Error> {
    let rows = sqlx::query(
        "SELECT shard FROM shards WHERE body IS NULL \
         UNION SELECT k.serial >> ?5 FROM events e JOIN api_keys k ON k.id = e.key_id \
               WHERE e.id > ?1 AND e.type = 'api-key.revoked' \
         UNION SELECT serial >> ?5 FROM api_keys WHERE revoked_at > ?2 AND revoked_at <= ?3 \
         UNION SELECT serial >> ?5 FROM api_keys WHERE revoked_at IS NOT NULL \
               AND expires_at > ?2 - ?4 AND expires_at <= ?3 - ?4 \
         ORDER BY 1",
    )
    .bind(position)
    .bind(last.secs())
    .bind(now.secs())
    .bind(linger_secs)
    .bind(Serial::SLOT_BITS)
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// What is to be said at `now` of a shard: a function of the records and of `now` alone.
///
/// # Errors
/// The database's.
pub async fn facts(
    connection: &mut SqliteConnection,
    shard: &Shard,
    now: Time,
    linger_secs: u32,
) -> Result<ShardFacts, Error> {
    let end = |slot| Serial::at(shard.shard, slot).map_or(-1, number);
    let rows = sqlx::query(
        "SELECT serial, revoked_at FROM api_keys \
         WHERE revoked_at IS NOT NULL AND serial BETWEEN ?1 AND ?2 \
         AND (expires_at IS NULL OR expires_at > ?3 - ?4) ORDER BY serial",
    )
    .bind(end(0))
    .bind(end(shard.capacity.saturating_sub(1)))
    .bind(now.secs())
    .bind(linger_secs)
    .fetch_all(connection)
    .await?;
    let mut facts = ShardFacts { capacity: shard.capacity, ..ShardFacts::default() };
    for row in &rows {
        let slot = serial(row.try_get(0)?).ok_or_else(|| no_value("serial"))?.slot();
        let from: u32 = row.try_get(1)?;
        if from <= now.secs() {
            facts.revoked.push(slot);
        } else {
            facts.timed.push(TimedSlot { slot, from });
        }
    }
    Ok(facts)
}

/// The body with this digest.
///
/// # Errors
/// The database's.
pub async fn body(
    connection: &mut SqliteConnection,
    digest: Digest,
) -> Result<Option<Vec<u8>>, Error> {
    let query = sqlx::query("SELECT body FROM bodies WHERE digest = ?");
    let row = query.bind(digest.0.as_slice()).fetch_optional(connection).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}
