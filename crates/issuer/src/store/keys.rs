//! The table of key records.

use portcullis_core::time::Time;
use portcullis_core::token::Serial;
use sqlx::any::AnyRow;
use sqlx::{FromRow, Row as _};

use crate::error::Error;
use crate::names;
use crate::record::{KeyPurpose, KeyRecord, KeyState};
use crate::store::row::{maybe, named, no_value, number};
use crate::store::select::Select;
use crate::store::{Connection, millis, time};

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
pub async fn insert(connection: &mut Connection, key: &KeyRecord) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO api_keys (id, serial, kid, nonce, purpose, kind, environment, label, title, \
         metadata, admin_scopes, owner, policy, redacted, token, issued_at, expires_at, \
         created_by, rolled_from, created_ms, updated_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21)",
    )
    .bind(&key.id)
    .bind(place_of(key.serial))
    .bind(i64::from(key.kid))
    .bind(i64::from(key.nonce))
    .bind(key.purpose.name())
    .bind(key.kind.name())
    .bind(key.environment.name())
    .bind(&key.label)
    .bind(&key.title)
    .bind(serde_json::Value::Object(key.metadata.clone()).to_string())
    .bind(key.admin_scopes.join(" "))
    .bind(i64::from(key.owner))
    .bind(i64::from(key.policy))
    .bind(&key.redacted)
    .bind(key.token.as_deref())
    .bind(i64::from(key.issued_at))
    .bind(key.expires_at.map(i64::from))
    .bind(key.created_by.as_deref())
    .bind(key.rolled_from.as_deref())
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
pub async fn update_revocation(connection: &mut Connection, key: &KeyRecord) -> Result<(), Error> {
    sqlx::query(
        "UPDATE api_keys SET revoked_at = $1, revoked_by = $2, updated_ms = $3 WHERE id = $4",
    )
    .bind(key.revoked_at.map(i64::from))
    .bind(key.revoked_by.as_deref())
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
pub async fn find(connection: &mut Connection, id: &str) -> Result<Option<KeyRecord>, Error> {
    let query = sqlx::query_as("SELECT * FROM api_keys WHERE id = $1").bind(id);
    Ok(query.fetch_optional(connection).await?)
}

/// The place of a key in the order of making, by which listings are paged.
///
/// # Errors
/// The database's.
pub async fn place(connection: &mut Connection, id: &str) -> Result<Option<i64>, Error> {
    let query = sqlx::query("SELECT seq FROM api_keys WHERE id = $1").bind(id);
    Ok(query.fetch_optional(connection).await?.map(|row| row.try_get(0)).transpose()?)
}

/// Whether a serial has been handed out.
///
/// # Errors
/// The database's.
pub async fn is_taken(connection: &mut Connection, serial: Serial) -> Result<bool, Error> {
    let query = sqlx::query("SELECT 1 FROM api_keys WHERE serial = $1").bind(place_of(serial));
    Ok(query.fetch_optional(connection).await?.is_some())
}

/// The records that `filter` lets through as of `now`, in seconds.
///
/// # Errors
/// The database's.
pub async fn list(
    connection: &mut Connection,
    filter: &Filter,
    now: u32,
) -> Result<Vec<KeyRecord>, Error> {
    let mut select = Select::new("SELECT * FROM api_keys WHERE deleted_ms IS NULL");
    if let Some(kind) = filter.kind {
        select.push(" AND kind = ").arg(kind.name());
    }
    if let Some(environment) = filter.environment {
        select.push(" AND environment = ").arg(environment.name());
    }
    if let Some(state) = filter.state {
        // The conditions of KeyRecord::state, which a test holds against these.
        select.push(" AND CASE WHEN revoked_at <= ").arg(i64::from(now));
        select.push(" THEN 'revoked' WHEN expires_at <= ").arg(i64::from(now));
        select.push(" THEN 'expired' WHEN suspended_ms IS NOT NULL THEN 'suspended'");
        select.push(" WHEN revoked_at IS NOT NULL THEN 'scheduled' ELSE 'active' END = ");
        select.arg(state.name());
    }
    if let Some(before) = filter.before {
        select.push(" AND seq < ").arg(before);
    }
    select.push(" ORDER BY seq DESC LIMIT ").arg(i64::from(filter.limit));
    select.all(connection).await
}

/// How many keys are in this state as of `now`, in seconds.
///
/// # Errors
/// The database's.
pub async fn count_in_state(
    connection: &mut Connection,
    state: KeyState,
    now: u32,
) -> Result<i64, Error> {
    let mut select = Select::new("SELECT COUNT(*) AS count FROM api_keys WHERE deleted_ms IS NULL");
    let now = i64::from(now);
    select.push(" AND CASE WHEN revoked_at <= ").arg(now);
    select.push(" THEN 'revoked' WHEN expires_at <= ").arg(now);
    select.push(" THEN 'expired' WHEN suspended_ms IS NOT NULL THEN 'suspended'");
    select.push(" WHEN revoked_at IS NOT NULL THEN 'scheduled' ELSE 'active' END = ");
    select.arg(state.name());
    let rows = select.rows(connection).await?;
    Ok(rows.first().map(|row| row.try_get("count")).transpose()?.unwrap_or(0))
}

/// A serial as the store keeps it: 48 bits.
pub(crate) fn place_of(serial: Serial) -> i64 {
    i64::try_from(serial.get()).unwrap_or(i64::MAX)
}

pub(crate) fn serial(number: i64) -> Option<Serial> {
    Serial::new(u64::try_from(number).ok()?)
}

impl FromRow<'_, AnyRow> for KeyRecord {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let time_of = |column| Ok::<_, sqlx::Error>(maybe(row, column)?.map(Time::from_millis));
        Ok(Self {
            id: row.try_get("id")?,
            serial: serial(row.try_get("serial")?).ok_or_else(|| no_value("serial"))?,
            kid: number(row, "kid")?,
            nonce: number(row, "nonce")?,
            purpose: named(row, "purpose", KeyPurpose::from_name)?,
            kind: named(row, "kind", names::kind)?,
            environment: named(row, "environment", names::environment)?,
            label: row.try_get("label")?,
            title: row.try_get("title")?,
            metadata: named(row, "metadata", |text| serde_json::from_str(text).ok())?,
            admin_scopes: named(row, "admin_scopes", |text| {
                Some(text.split_whitespace().map(Into::into).collect())
            })?,
            owner: number(row, "owner")?,
            policy: number(row, "policy")?,
            redacted: row.try_get("redacted")?,
            token: row.try_get("token")?,
            issued_at: number(row, "issued_at")?,
            expires_at: maybe(row, "expires_at")?,
            revoked_at: maybe(row, "revoked_at")?,
            revoked_by: row.try_get("revoked_by")?,
            suspended: time_of("suspended_ms")?,
            suspended_by: row.try_get("suspended_by")?,
            created_by: row.try_get("created_by")?,
            rolled_from: row.try_get("rolled_from")?,
            deleted: time_of("deleted_ms")?,
            created: time(row.try_get("created_ms")?),
            updated: time(row.try_get("updated_ms")?),
        })
    }
}
