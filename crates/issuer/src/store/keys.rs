//! The table of key records.

use std::collections::{HashMap, HashSet};

use portcullis_core::time::Time;
use portcullis_core::token::Serial;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, FromRow, Row as _};

use crate::record::{KeyPurpose, KeyRecord};
use crate::store::error::StoreError;
use crate::store::row::{maybe, named, no_value, number};
use crate::store::select::{CHUNK, ROWS, Select, insert_sql};
use crate::store::{Connection, channels, millis, time};

const COLUMNS: &str = "api_keys (id, serial, kid, nonce, purpose, kind, environment, label, \
                       title, folded, metadata, admin_scopes, owner, policy, redacted, token, \
                       issued_at, expires_at, created_by, maker, rolled_from, created_ms, updated_ms, \
                       settings_version, canary)";

/// Adds records, without their sales channels. `settings_version` is the version of the settings
/// that admitted them.
///
/// # Errors
/// The database's, among them one for a serial that is taken.
pub async fn insert(
    connection: &mut Connection,
    keys: &[&KeyRecord],
    settings_version: u32,
) -> Result<(), StoreError> {
    for keys in keys.chunks(ROWS) {
        // The order of the values is that of `COLUMNS`.
        let mut query = sqlx::query(AssertSqlSafe(insert_sql(connection, COLUMNS, 25, keys.len())));
        for key in keys {
            query = query
                .bind(&key.id)
                .bind(serial_to_sql(key.serial))
                .bind(i64::from(key.kid))
                .bind(i64::from(key.nonce))
                .bind(key.purpose.signer().name())
                .bind(key.kind.name())
                .bind(key.environment.name())
                .bind(&key.label)
                .bind(&key.title)
                .bind(key.title.to_lowercase())
                .bind(metadata(key))
                .bind(key.admin_scopes.join(" "))
                .bind(i64::from(key.owner))
                .bind(i64::from(key.policy))
                .bind(&key.redacted)
                .bind(key.token.as_deref())
                .bind(i64::from(key.issued_at))
                .bind(key.expires_at.map(i64::from))
                .bind(key.created_by.as_deref())
                .bind(key.maker.as_deref())
                .bind(key.rolled_from.as_deref())
                .bind(millis(key.created))
                .bind(millis(key.updated))
                .bind(i64::from(settings_version))
                .bind(i64::from(key.purpose == KeyPurpose::Canary));
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

fn metadata(key: &KeyRecord) -> String {
    serde_json::to_string(&key.metadata).unwrap_or_else(|_| "{}".into())
}

/// Writes one revocation to the records with these ids.
///
/// # Errors
/// The database's.
pub async fn revoke(
    connection: &mut Connection,
    ids: &[&str],
    at: u32,
    by: Option<&str>,
    now: Time,
) -> Result<(), StoreError> {
    for ids in ids.chunks(CHUNK) {
        let mut update = Select::new("UPDATE api_keys SET revoked_at = ");
        update.arg(i64::from(at)).push(", revoked_by = ").maybe(by);
        update.push(", updated_ms = ").arg(millis(now)).push(" WHERE id IN (");
        update.args(ids.iter().copied()).push(")");
        update.execute(connection).await?;
    }
    Ok(())
}

/// Writes the fields that an update or a suspension changes: title, metadata, and the time and
/// person of the suspension.
///
/// # Errors
/// The database's.
pub async fn update(
    connection: &mut Connection,
    key: &mut KeyRecord,
    now: Time,
) -> Result<(), StoreError> {
    key.updated = now;
    sqlx::query(
        "UPDATE api_keys SET title = $1, folded = $2, metadata = $3, suspended_ms = $4, \
         suspended_by = $5, resumed_ms = $6, updated_ms = $7 WHERE id = $8",
    )
    .bind(&key.title)
    .bind(key.title.to_lowercase())
    .bind(metadata(key))
    .bind(key.suspended.map(millis))
    .bind(key.suspended_by.as_deref())
    .bind(key.resumed.map(millis))
    .bind(millis(key.updated))
    .bind(&key.id)
    .execute(connection)
    .await?;
    Ok(())
}

/// Erases from the records with these ids everything that the list doesn't need.
///
/// # Errors
/// The database's.
pub async fn delete(
    connection: &mut Connection,
    ids: &[&str],
    now: Time,
) -> Result<(), StoreError> {
    for ids in ids.chunks(CHUNK) {
        let mut update = Select::new(
            "UPDATE api_keys SET title = '-', folded = '', metadata = '{}', admin_scopes = '', \
             redacted = '', token = NULL, created_by = NULL, revoked_by = NULL, \
             suspended_by = NULL, rolled_from = NULL, uses = 0, last_used_at = NULL, deleted_ms = ",
        );
        update.arg(millis(now)).push(", updated_ms = ").arg(millis(now)).push(" WHERE id IN (");
        update.args(ids.iter().copied()).push(")");
        update.execute(connection).await?;
    }
    Ok(())
}

/// Adds reported uses to the records of this purpose. A time after `now` counts as `now`. Unknown
/// and deleted keys are skipped, and those of another purpose: who reports a canary as a key learns
/// nothing about it.
///
/// # Errors
/// The database's.
pub async fn used(
    connection: &mut Connection,
    uses: &[Use],
    purpose: KeyPurpose,
    now: u32,
) -> Result<u64, StoreError> {
    let mut known = 0;
    for one in uses {
        let at = i64::from(one.last_used_at.min(now));
        let mut update = Select::new("UPDATE api_keys SET uses = uses + ");
        update.arg(i64::from(one.uses)).push(", last_used_at = CASE WHEN last_used_at > ");
        update.arg(at).push(" THEN last_used_at ELSE ").arg(at).push(" END WHERE id = ");
        update.arg(one.key.as_str()).push(" AND deleted_ms IS NULL AND canary = ");
        update.arg(i64::from(purpose == KeyPurpose::Canary));
        known += update.execute(connection).await?;
    }
    Ok(known)
}

/// A gate's report about one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// The key's id.
    pub key: String,
    /// How many requests with it the gate accepted since the last report.
    pub uses: u32,
    /// The last use, in seconds since 1970.
    pub last_used_at: u32,
}

/// The record with this id, unless it is deleted.
///
/// # Errors
/// The database's.
pub async fn find(connection: &mut Connection, id: &str) -> Result<Option<KeyRecord>, StoreError> {
    let sql = "SELECT * FROM api_keys WHERE id = $1 AND deleted_ms IS NULL";
    let found = sqlx::query_as(sql).bind(id).fetch_optional(&mut *connection).await?;
    let Some(mut key) = found else { return Ok(None) };
    channels::fill(connection, [&mut key]).await?;
    Ok(Some(key))
}

/// The records with these ids, in the order of the ids. Unknown and deleted ones are omitted.
///
/// # Errors
/// The database's.
pub async fn find_all(
    connection: &mut Connection,
    ids: &[String],
) -> Result<Vec<KeyRecord>, StoreError> {
    let mut found = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(CHUNK) {
        let mut select = Select::new("SELECT * FROM api_keys WHERE deleted_ms IS NULL AND id IN (");
        select.args(ids.iter().map(String::as_str)).push(")");
        let keys: Vec<KeyRecord> = select.all(connection).await?;
        found.extend(keys.into_iter().map(|key| (key.id.clone(), key)));
    }
    let mut keys: Vec<KeyRecord> = ids.iter().filter_map(|id| found.remove(id)).collect();
    channels::fill(connection, &mut keys).await?;
    Ok(keys)
}

/// The serials among these that are taken.
///
/// # Errors
/// The database's.
pub async fn taken(
    connection: &mut Connection,
    serials: &[Serial],
) -> Result<HashSet<Serial>, StoreError> {
    let mut taken = HashSet::new();
    for serials in serials.chunks(CHUNK) {
        let mut select = Select::new("SELECT serial FROM api_keys WHERE serial IN (");
        select.args(serials.iter().map(|serial| serial_to_sql(*serial))).push(")");
        for row in select.rows(connection).await? {
            taken.insert(serial(row.try_get(0)?).ok_or_else(|| no_value("serial"))?);
        }
    }
    Ok(taken)
}

/// A serial as stored: 48 bits.
pub(crate) fn serial_to_sql(serial: Serial) -> i64 {
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
            purpose: match number(row, "canary")? {
                0_u8 => named(row, "purpose", KeyPurpose::from_name)?,
                _ => KeyPurpose::Canary,
            },
            kind: named(row, "kind", |name| name.parse().ok())?,
            environment: named(row, "environment", |name| name.parse().ok())?,
            label: row.try_get("label")?,
            title: row.try_get("title")?,
            metadata: named(row, "metadata", |text| serde_json::from_str(text).ok())?,
            admin_scopes: named(row, "admin_scopes", |text| {
                Some(text.split_whitespace().map(Into::into).collect())
            })?,
            owner: number(row, "owner")?,
            policy: number(row, "policy")?,
            // In a table of their own: see `channels::fill`.
            sales_channels: Vec::new(),
            redacted: row.try_get("redacted")?,
            token: row.try_get("token")?,
            issued_at: number(row, "issued_at")?,
            expires_at: maybe(row, "expires_at")?,
            revoked_at: maybe(row, "revoked_at")?,
            revoked_by: row.try_get("revoked_by")?,
            suspended: time_of("suspended_ms")?,
            suspended_by: row.try_get("suspended_by")?,
            resumed: time_of("resumed_ms")?,
            created_by: row.try_get("created_by")?,
            maker: row.try_get("maker")?,
            rolled_from: row.try_get("rolled_from")?,
            uses: number(row, "uses")?,
            last_used_at: maybe(row, "last_used_at")?,
            deleted: time_of("deleted_ms")?,
            created: time(row.try_get("created_ms")?),
            updated: time(row.try_get("updated_ms")?),
        })
    }
}
