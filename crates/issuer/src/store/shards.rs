//! The tables of shards and their bodies: the status of each serial.

use portcullis_core::crypto::Digest;
use portcullis_core::issue::ShardContents;
use portcullis_core::list::{Counts, ShardLine, TimedSlot};
use portcullis_core::time::Time;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::store::error::StoreError;
use crate::store::keys::serial;
use crate::store::lists::digest;
use crate::store::row::{maybe, no_value, number};
use crate::store::{Connection, millis};

/// A shard's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Its number.
    pub shard: u32,
    /// The number of slots that it covers.
    pub capacity: u32,
    /// The number of serials issued.
    pub issued: u32,
    /// When it was closed: no more serials are issued from it.
    pub closed: Option<Time>,
    /// When the first stamp that covers it was promised.
    pub covered: Option<Time>,
    /// When every stamp without it has expired everywhere.
    pub usable: Option<Time>,
    /// Its line in the newest head; `None` before it is published.
    pub line: Option<ShardLine>,
    /// The counts in its published body.
    pub counts: Counts,
}

impl Shard {
    /// The most serials to issue from the shard. Up to nine tenths of its slots, a random draw
    /// finds a free one within ten tries on average.
    const fn fill(&self) -> u64 {
        let fill = self.capacity as u64 * 9 / 10;
        if fill == 0 { 1 } else { fill }
    }

    /// How many more serials may be issued.
    #[must_use]
    pub const fn room(&self) -> u64 {
        if self.closed.is_some() {
            return 0;
        }
        self.fill().saturating_sub(self.issued as u64)
    }

    /// Whether serials may be issued at `now`: every stamp in force covers the shard.
    #[must_use]
    pub fn is_open(&self, now: Time) -> bool {
        self.room() > 0 && self.line.is_some() && self.usable.is_some_and(|from| now >= from)
    }
}

/// Adds a shard. It is covered once a head with it has been published.
///
/// # Errors
/// The database's.
pub async fn insert_shard(
    connection: &mut Connection,
    shard: u32,
    capacity: u32,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO shards (shard, capacity, issued, len, revoked, suspended, timed) \
         VALUES ($1, $2, 0, 0, 0, 0, 0)",
    )
    .bind(i64::from(shard))
    .bind(i64::from(capacity))
    .execute(connection)
    .await?;
    Ok(())
}

/// All shards, ascending.
///
/// # Errors
/// The database's.
pub async fn shards(connection: &mut Connection) -> Result<Vec<Shard>, StoreError> {
    let rows = sqlx::query("SELECT * FROM shards ORDER BY shard").fetch_all(connection).await?;
    rows.iter().map(shard_from).collect()
}

/// Adds shards ahead of use, so that there is always room for one and a half. A new shard is opened
/// when the one before is half full. So every list covers it long before its first serial, even at
/// the highest rate of new keys.
///
/// # Errors
/// The database's.
pub async fn open_ahead(connection: &mut Connection) -> Result<(), StoreError> {
    let mut shards = shards(connection).await?;
    while let Some(&newest) = shards.last() {
        let wanted = newest.fill() * 3 / 2;
        if shards.iter().map(Shard::room).sum::<u64>() >= wanted.max(1) {
            break;
        }
        let next = newest.shard.saturating_add(1);
        insert_shard(connection, next, newest.capacity).await?;
        shards.push(Shard { shard: next, issued: 0, closed: None, line: None, ..newest });
    }
    Ok(())
}

/// Marks the shards with a body as covered by the list promised for `this_update`. No stamp without
/// them is in force from `usable` on.
///
/// # Errors
/// The database's.
pub async fn set_covered(
    connection: &mut Connection,
    this_update: Time,
    usable: Time,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE shards SET covered_ms = $1, usable_ms = $2 \
         WHERE covered_ms IS NULL AND body IS NOT NULL",
    )
    .bind(millis(this_update))
    .bind(millis(usable))
    .execute(connection)
    .await?;
    Ok(())
}

/// Discards every shard's body, so that all are rebuilt from the records.
///
/// # Errors
/// The database's.
pub async fn forget_bodies(connection: &mut Connection, now: Time) -> Result<(), StoreError> {
    sqlx::query("UPDATE shards SET body = NULL").execute(&mut *connection).await?;
    let left = sqlx::query("UPDATE bodies SET left_ms = $1 WHERE left_ms IS NULL");
    left.bind(millis(now)).execute(connection).await?;
    Ok(())
}

/// Closes every shard: no more serials are issued from the existing ones.
///
/// # Errors
/// The database's.
pub async fn close_all(connection: &mut Connection, now: Time) -> Result<(), StoreError> {
    sqlx::query("UPDATE shards SET closed_ms = $1 WHERE closed_ms IS NULL")
        .bind(millis(now))
        .execute(connection)
        .await?;
    Ok(())
}

fn shard_from(row: &AnyRow) -> Result<Shard, StoreError> {
    let shard = number(row, "shard")?;
    let line = match row.try_get::<Option<Vec<u8>>, _>("body")? {
        None => None,
        Some(_) => Some(ShardLine { shard, len: number(row, "len")?, body: digest(row, "body")? }),
    };
    let counts = Counts {
        revoked: number(row, "revoked")?,
        suspended: number(row, "suspended")?,
        assigned: 0,
        timed: number(row, "timed")?,
    };
    Ok(Shard {
        shard,
        capacity: number(row, "capacity")?,
        issued: number(row, "issued")?,
        closed: maybe(row, "closed_ms")?.map(Time::from_millis),
        covered: maybe(row, "covered_ms")?.map(Time::from_millis),
        usable: maybe(row, "usable_ms")?.map(Time::from_millis),
        line,
        counts,
    })
}

/// Adds `many` to the number of serials issued from `shard`.
///
/// # Errors
/// The database's.
pub async fn count_issued(
    connection: &mut Connection,
    shard: u32,
    many: u32,
) -> Result<(), StoreError> {
    sqlx::query("UPDATE shards SET issued = issued + $1 WHERE shard = $2")
        .bind(i64::from(many))
        .bind(i64::from(shard))
        .execute(connection)
        .await?;
    Ok(())
}

/// Stores a body and assigns it to its shard.
///
/// # Errors
/// The database's.
pub async fn set_body(
    connection: &mut Connection,
    (line, counts): (&ShardLine, Counts),
    body: &[u8],
    before: Option<Digest>,
    now: Time,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO bodies (digest, body) VALUES ($1, $2) \
         ON CONFLICT (digest) DO UPDATE SET left_ms = NULL",
    )
    .bind(line.body.0.as_slice())
    .bind(body)
    .execute(&mut *connection)
    .await?;
    sqlx::query(
        "UPDATE shards SET body = $1, len = $2, revoked = $3, suspended = $4, timed = $5 \
         WHERE shard = $6",
    )
    .bind(line.body.0.as_slice())
    .bind(i64::from(line.len))
    .bind(i64::from(counts.revoked))
    .bind(i64::from(counts.suspended))
    .bind(i64::from(counts.timed))
    .bind(i64::from(line.shard))
    .execute(&mut *connection)
    .await?;
    // Gates may still fetch the previous body: record since when it is out of use.
    if let Some(before) = before {
        sqlx::query("UPDATE bodies SET left_ms = $1 WHERE digest = $2")
            .bind(millis(now))
            .bind(before.0.as_slice())
            .execute(connection)
            .await?;
    }
    Ok(())
}

/// Deletes the bodies that no shard has used since `since`.
///
/// # Errors
/// The database's.
pub async fn prune_bodies(connection: &mut Connection, since: Time) -> Result<(), StoreError> {
    sqlx::query(
        "DELETE FROM bodies WHERE left_ms < $1 \
         AND digest NOT IN (SELECT body FROM shards WHERE body IS NOT NULL)",
    )
    .bind(millis(since))
    .execute(connection)
    .await?;
    Ok(())
}

/// The shards with a body that may differ between `last` and `now`. These are new shards, and
/// shards with one of these: a revocation or suspension committed after the event `position`, a
/// scheduled revocation that has taken effect, or a revoked or suspended key that expired long
/// enough ago to be dropped.
///
/// # Errors
/// The database's.
pub async fn stale_shards(
    connection: &mut Connection,
    position: i64,
    last: Time,
    now: Time,
    linger_secs: u32,
) -> Result<Vec<u32>, StoreError> {
    let rows = sqlx::query(
        "SELECT shard AS stale FROM shards WHERE body IS NULL \
         UNION SELECT k.serial / 1048576 FROM events e JOIN api_keys k ON k.id = e.key_id \
               WHERE e.id > $1 AND e.type IN \
               ('api-key.revoked', 'api-key.suspended', 'api-key.resumed') AND k.canary = 0 \
         UNION SELECT serial / 1048576 FROM api_keys \
               WHERE revoked_at > $2 AND revoked_at <= $3 AND canary = 0 \
         UNION SELECT serial / 1048576 FROM api_keys \
               WHERE revoked_at IS NOT NULL AND canary = 0 \
               AND expires_at > $2 - $4 AND expires_at <= $3 - $4 \
         UNION SELECT serial / 1048576 FROM api_keys \
               WHERE suspended_ms IS NOT NULL \
               AND expires_at > $2 - $4 AND expires_at <= $3 - $4 \
         ORDER BY 1",
    )
    .bind(position)
    .bind(i64::from(last.secs()))
    .bind(i64::from(now.secs()))
    .bind(i64::from(linger_secs))
    .fetch_all(connection)
    .await?;
    rows.iter().map(|row| Ok(number(row, "stale")?)).collect()
}

/// The contents of a shard at `now`: a function of the records and `now` only.
///
/// # Errors
/// The database's.
pub async fn facts(
    connection: &mut Connection,
    shard: &Shard,
    now: Time,
    linger_secs: u32,
) -> Result<ShardContents, StoreError> {
    let rows = sqlx::query(
        // Each half uses its own index. A canary is never listed: its revocation ends its alarms,
        // and an entry would say that there is a key.
        "SELECT serial, revoked_at, suspended_ms FROM api_keys \
         WHERE revoked_at IS NOT NULL AND serial / 1048576 = $1 AND canary = 0 \
         AND (expires_at IS NULL OR expires_at > $2 - $3) \
         UNION SELECT serial, revoked_at, suspended_ms FROM api_keys \
         WHERE suspended_ms IS NOT NULL AND serial / 1048576 = $1 \
         AND (expires_at IS NULL OR expires_at > $2 - $3) ORDER BY 1",
    )
    .bind(i64::from(shard.shard))
    .bind(i64::from(now.secs()))
    .bind(i64::from(linger_secs))
    .fetch_all(connection)
    .await?;
    let mut facts = ShardContents { capacity: shard.capacity, ..ShardContents::default() };
    for row in &rows {
        let slot = serial(row.try_get(0)?).ok_or_else(|| no_value("serial"))?.slot();
        let revoked: Option<u32> = maybe(row, "revoked_at")?;
        if revoked.is_some_and(|from| from <= now.secs()) {
            facts.revoked.push(slot);
            continue;
        }
        facts.timed.extend(revoked.map(|from| TimedSlot { slot, from }));
        if maybe::<i64>(row, "suspended_ms")?.is_some() {
            facts.suspended.push(slot);
        }
    }
    Ok(facts)
}

/// The body with this digest.
///
/// # Errors
/// The database's.
pub async fn body(
    connection: &mut Connection,
    digest: Digest,
) -> Result<Option<Vec<u8>>, StoreError> {
    let query = sqlx::query("SELECT body FROM bodies WHERE digest = $1");
    let row = query.bind(digest.0.as_slice()).fetch_optional(connection).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}
