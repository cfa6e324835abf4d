//! The table of key records.

use portcullis_core::token::Serial;
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row, SqliteConnection};

use crate::error::Error;
use crate::names;
use crate::record::{KeyPurpose, KeyRecord, KeyState};
use crate::store::{millis, time};

/// Which records a listing shows, newest first.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only this kind.
    pub kind: Option<portcullis_core::token::Kind>,
    /// Only this environment.
    pub environment: Option<portcullis_core::token::Environment>,
    /// Only keys in this state.
    pub state: Option<KeyState>,
    /// Only keys made before the one with this place.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: u32,
}

/// Adds a record.
///
/// # Errors
/// The database's; a serial that is taken is one of them.
pub async fn insert(connection: &mut SqliteConnection, key: &KeyRecord) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO api_keys (id, serial, kid, nonce, purpose, kind, environment, label, title, \
         owner, policy, redacted, token, issued_at, expires_at, revoked_at, revoked_by, \
         created_by, rolled_from, created_ms, updated_ms) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&key.id)
    .bind(number(key.serial))
    .bind(key.kid)
    .bind(key.nonce)
    .bind(key.purpose.name())
    .bind(key.kind.name())
    .bind(key.environment.name())
    .bind(&key.label)
    .bind(&key.title)
    .bind(key.owner)
    .bind(key.policy)
    .bind(&key.redacted)
    .bind(&key.token)
    .bind(key.issued_at)
    .bind(key.expires_at)
    .bind(key.revoked_at)
    .bind(&key.revoked_by)
    .bind(&key.created_by)
    .bind(&key.rolled_from)
    .bind(millis(key.created))
    .bind(millis(key.updated))
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes what a revocation changes.
///
/// # Errors
/// The database's.
pub async fn update_revocation(
    connection: &mut SqliteConnection,
    key: &KeyRecord,
) -> Result<(), Error> {
    sqlx::query("UPDATE api_keys SET revoked_at = ?, revoked_by = ?, updated_ms = ? WHERE id = ?")
        .bind(key.revoked_at)
        .bind(&key.revoked_by)
        .bind(millis(key.updated))
        .bind(&key.id)
        .execute(connection)
        .await?;
    Ok(())
}

/// The record with this id.
///
/// # Errors
/// The database's.
pub async fn find(connection: &mut SqliteConnection, id: &str) -> Result<Option<KeyRecord>, Error> {
    let query = sqlx::query_as("SELECT * FROM api_keys WHERE id = ?").bind(id);
    Ok(query.fetch_optional(connection).await?)
}

/// The place of a key in the order of making, by which listings are paged.
///
/// # Errors
/// The database's.
pub async fn place(connection: &mut SqliteConnection, id: &str) -> Result<Option<i64>, Error> {
    let query = sqlx::query("SELECT seq FROM api_keys WHERE id = ?").bind(id);
    Ok(query.fetch_optional(connection).await?.map(|row| row.try_get(0)).transpose()?)
}

/// Whether a serial has been handed out.
///
/// # Errors
/// The database's.
pub async fn is_taken(connection: &mut SqliteConnection, serial: Serial) -> Result<bool, Error> {
    let query = sqlx::query("SELECT 1 FROM api_keys WHERE serial = ?").bind(number(serial));
    Ok(query.fetch_optional(connection).await?.is_some())
}

/// The records that `filter` lets through as of `now`, in seconds.
///
/// # Errors
/// The database's.
pub async fn list(
    connection: &mut SqliteConnection,
    filter: &Filter,
    now: u32,
) -> Result<Vec<KeyRecord>, Error> {
    // The conditions of KeyRecord::state, which a test holds against these.
    let query = sqlx::query_as(
        "SELECT * FROM api_keys \
         WHERE (?1 IS NULL OR kind = ?1) AND (?2 IS NULL OR environment = ?2) \
         AND (?3 IS NULL OR ?3 = CASE \
              WHEN revoked_at <= ?4 THEN 'revoked' \
              WHEN expires_at <= ?4 THEN 'expired' \
              WHEN revoked_at IS NOT NULL THEN 'scheduled' \
              ELSE 'active' END) \
         AND (?5 IS NULL OR seq < ?5) \
         ORDER BY seq DESC LIMIT ?6",
    )
    .bind(filter.kind.map(portcullis_core::token::Kind::name))
    .bind(filter.environment.map(portcullis_core::token::Environment::name))
    .bind(filter.state.map(KeyState::name))
    .bind(now)
    .bind(filter.before)
    .bind(filter.limit);
    Ok(query.fetch_all(connection).await?)
}

/// A serial as SQLite keeps it: 48 bits.
pub(crate) fn number(serial: Serial) -> i64 {
    i64::try_from(serial.get()).unwrap_or(i64::MAX)
}

pub(crate) fn serial(number: i64) -> Option<Serial> {
    Serial::new(u64::try_from(number).ok()?)
}

impl FromRow<'_, SqliteRow> for KeyRecord {
    fn from_row(row: &SqliteRow) -> Result<Self, sqlx::Error> {
        let text = |column: &'static str| row.try_get::<&str, _>(column);
        Ok(Self {
            id: row.try_get("id")?,
            serial: serial(row.try_get("serial")?).ok_or_else(|| no_value("serial"))?,
            kid: row.try_get("kid")?,
            nonce: row.try_get("nonce")?,
            purpose: KeyPurpose::from_name(text("purpose")?).ok_or_else(|| no_value("purpose"))?,
            kind: names::kind(text("kind")?).ok_or_else(|| no_value("kind"))?,
            environment: names::environment(text("environment")?)
                .ok_or_else(|| no_value("environment"))?,
            label: row.try_get("label")?,
            title: row.try_get("title")?,
            owner: row.try_get("owner")?,
            policy: row.try_get("policy")?,
            redacted: row.try_get("redacted")?,
            token: row.try_get("token")?,
            issued_at: row.try_get("issued_at")?,
            expires_at: row.try_get("expires_at")?,
            revoked_at: row.try_get("revoked_at")?,
            revoked_by: row.try_get("revoked_by")?,
            created_by: row.try_get("created_by")?,
            rolled_from: row.try_get("rolled_from")?,
            created: time(row.try_get("created_ms")?),
            updated: time(row.try_get("updated_ms")?),
        })
    }
}

/// A column that holds what no program of ours writes: the file was altered.
pub(crate) fn no_value(column: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("the column {column} holds a value that is none").into())
}
