//! The tables of the revocation list: keyrings, heads, the promise and the published stamp.

use portcullis_core::crypto::Digest;
use portcullis_core::list::ListVersion;
use portcullis_core::time::Time;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::store::error::StoreError;
use crate::store::row::{bytes, maybe, no_value, number};
use crate::store::{Connection, millis, time};

/// A list version that was committed before it was signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Promise {
    /// The epoch, the number and the times.
    pub list_version: ListVersion,
    /// The digest of the head.
    pub digest: Digest,
    /// The newest event that the list includes.
    pub position: i64,
    /// The latest next update ever promised, including this one.
    pub latest: Time,
}

/// The newest published list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The signed stamp.
    pub stamp: Vec<u8>,
    /// The digest of the head that the stamp names.
    pub digest: Digest,
    /// That head's epoch.
    pub epoch: u32,
    /// That head's number.
    pub number: u64,
    /// The stamp's this update.
    pub this_update: Time,
    /// The stamp's next update.
    pub next_update: Time,
    /// The newest event that the list includes.
    pub position: i64,
}

/// The version of the newest keyring.
///
/// # Errors
/// The database's; [`StoreError::Foreign`] if there is no keyring.
pub async fn keyring_version(connection: &mut Connection) -> Result<u32, StoreError> {
    let row =
        sqlx::query("SELECT MAX(version) AS version FROM keyrings").fetch_one(connection).await?;
    maybe(&row, "version")?.ok_or(StoreError::Foreign)
}

/// The newest keyring document.
///
/// # Errors
/// As [`keyring_version`].
pub async fn keyring(connection: &mut Connection) -> Result<Vec<u8>, StoreError> {
    let query = sqlx::query("SELECT document FROM keyrings ORDER BY version DESC LIMIT 1");
    let row = query.fetch_optional(connection).await?.ok_or(StoreError::Foreign)?;
    Ok(row.try_get(0)?)
}

/// All keyring documents and when they were stored, oldest first.
///
/// # Errors
/// The database's.
pub async fn keyrings(connection: &mut Connection) -> Result<Vec<(Vec<u8>, Time)>, StoreError> {
    let query = sqlx::query("SELECT document, created_ms FROM keyrings ORDER BY version");
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, time(row.try_get(1)?)))).collect()
}

/// Adds a keyring document.
///
/// # Errors
/// The database's, among them one for a version that exists already.
pub async fn insert_keyring(
    connection: &mut Connection,
    version: u32,
    document: &[u8],
    now: Time,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO keyrings (version, document, created_ms) VALUES ($1, $2, $3)")
        .bind(i64::from(version))
        .bind(document)
        .bind(millis(now))
        .execute(connection)
        .await?;
    Ok(())
}

/// Stores a signed head. `bodies` is in the order of their first mention in the head.
///
/// # Errors
/// The database's, among them one for an epoch and number that exist already.
pub async fn insert_list(
    connection: &mut Connection,
    list_version: &ListVersion,
    head: &[u8],
    bodies: &[Digest],
) -> Result<(), StoreError> {
    let bodies: Vec<u8> = bodies.iter().flat_map(|digest| digest.0).collect();
    sqlx::query(
        "INSERT INTO lists (epoch, number, digest, head, bodies, this_update) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(i64::from(list_version.epoch))
    .bind(i64::try_from(list_version.number).unwrap_or(i64::MAX))
    .bind(Digest::of(head).0.as_slice())
    .bind(head)
    .bind(bodies)
    .bind(millis(list_version.this_update))
    .execute(connection)
    .await?;
    Ok(())
}

/// The head with this digest, and the digests of its bodies.
///
/// # Errors
/// The database's.
pub async fn head(
    connection: &mut Connection,
    digest: Digest,
) -> Result<Option<(Vec<u8>, Vec<Digest>)>, StoreError> {
    let query = sqlx::query("SELECT head, bodies FROM lists WHERE digest = $1");
    let Some(row) = query.bind(digest.0.as_slice()).fetch_optional(connection).await? else {
        return Ok(None);
    };
    let bodies = bytes(&row, "bodies")?;
    let (bodies, _) = bodies.as_chunks::<32>();
    Ok(Some((row.try_get("head")?, bodies.iter().map(|bytes| Digest(*bytes)).collect())))
}

/// The digest of the newest head.
///
/// # Errors
/// The database's.
pub async fn newest_head(connection: &mut Connection) -> Result<Option<Digest>, StoreError> {
    let query = sqlx::query("SELECT digest FROM lists ORDER BY epoch DESC, number DESC LIMIT 1");
    let row = query.fetch_optional(connection).await?;
    Ok(row.map(|row| digest(&row, "digest")).transpose()?)
}

/// The last promise: the version last committed for signing.
///
/// # Errors
/// The database's.
pub async fn promise(connection: &mut Connection) -> Result<Option<Promise>, StoreError> {
    let row = sqlx::query("SELECT * FROM promise").fetch_optional(connection).await?;
    row.map(|row| {
        Ok(Promise {
            list_version: ListVersion {
                epoch: number(&row, "epoch")?,
                number: number(&row, "number")?,
                this_update: time(row.try_get("this_update")?),
                next_update: time(row.try_get("next_update")?),
            },
            digest: digest(&row, "digest")?,
            position: row.try_get("position")?,
            latest: time(row.try_get("latest_ms")?),
        })
    })
    .transpose()
}

/// Commits to the version that will be signed.
///
/// # Errors
/// The database's.
pub async fn set_promise(connection: &mut Connection, promise: &Promise) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO promise \
         (one, epoch, number, digest, this_update, next_update, position, latest_ms) \
         VALUES (1, $1, $2, $3, $4, $5, $6, $7) ON CONFLICT (one) DO UPDATE SET \
         epoch = excluded.epoch, number = excluded.number, digest = excluded.digest, \
         this_update = excluded.this_update, next_update = excluded.next_update, \
         position = excluded.position, latest_ms = excluded.latest_ms",
    )
    .bind(i64::from(promise.list_version.epoch))
    .bind(i64::try_from(promise.list_version.number).unwrap_or(i64::MAX))
    .bind(promise.digest.0.as_slice())
    .bind(millis(promise.list_version.this_update))
    .bind(millis(promise.list_version.next_update))
    .bind(promise.position)
    .bind(millis(promise.latest))
    .execute(connection)
    .await?;
    Ok(())
}

/// Publishes a signed stamp, unless a newer one is published. Returns whether it did.
///
/// # Errors
/// The database's.
pub async fn set_published(
    connection: &mut Connection,
    promise: &Promise,
    stamp: &[u8],
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "INSERT INTO published (one, stamp, digest, this_update, next_update, position) \
         VALUES (1, $1, $2, $3, $4, $5) ON CONFLICT (one) DO UPDATE SET stamp = excluded.stamp, \
         digest = excluded.digest, this_update = excluded.this_update, \
         next_update = excluded.next_update, position = excluded.position \
         WHERE published.this_update < excluded.this_update",
    )
    .bind(stamp)
    .bind(promise.digest.0.as_slice())
    .bind(millis(promise.list_version.this_update))
    .bind(millis(promise.list_version.next_update))
    .bind(promise.position)
    .execute(connection)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// The published list.
///
/// # Errors
/// [`StoreError::NoList`] before the first publication, and the database's.
pub async fn published(connection: &mut Connection) -> Result<Published, StoreError> {
    let query = sqlx::query(
        "SELECT p.stamp, p.digest, p.this_update, p.next_update, p.position, l.epoch, l.number \
         FROM published p JOIN lists l ON l.digest = p.digest",
    );
    let row = query.fetch_optional(connection).await?.ok_or(StoreError::NoList)?;
    Ok(Published {
        stamp: row.try_get("stamp")?,
        digest: digest(&row, "digest")?,
        epoch: number(&row, "epoch")?,
        number: number(&row, "number")?,
        this_update: time(row.try_get("this_update")?),
        next_update: time(row.try_get("next_update")?),
        position: row.try_get("position")?,
    })
}

/// The digest in a column.
pub(crate) fn digest(row: &AnyRow, column: &'static str) -> Result<Digest, sqlx::Error> {
    let bytes = bytes(row, column)?;
    bytes.try_into().map(Digest).map_err(|_| no_value(column))
}

/// The instant of a transaction by the store's clock. It is never before the last promised list, so
/// that records show which changes were committed before an update.
///
/// # Errors
/// The database's.
pub async fn now(connection: &mut Connection, clock: Time) -> Result<Time, StoreError> {
    let promise = promise(connection).await?;
    Ok(promise.map_or(clock, |promise| clock.max(promise.list_version.this_update)))
}
