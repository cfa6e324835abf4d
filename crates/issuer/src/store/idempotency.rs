//! The results of requests with idempotency keys, which are kept for a time, and the ids of
//! imported records, which are kept permanently.

use std::collections::HashMap;

use portcullis_core::crypto::Digest;
use portcullis_core::time::Time;
use sqlx::{AssertSqlSafe, Row as _};

use crate::store::error::StoreError;
use crate::store::lists::digest;
use crate::store::row::no_value;
use crate::store::select::CHUNK;
use crate::store::select::{ROWS, Select, insert_sql};
use crate::store::{Connection, millis};

/// The result of a request with an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// The digest of the request.
    pub request: Digest,
    /// The ids of the keys it made, in the order of the request.
    pub key_ids: Vec<String>,
}

/// The result stored under `name` in `scope`, unless it has expired by `now`.
///
/// # Errors
/// The database's.
pub async fn find(
    connection: &mut Connection,
    scope: &str,
    name: &str,
    now: Time,
) -> Result<Option<Made>, StoreError> {
    let row = sqlx::query(
        "SELECT request, key_ids FROM idempotency \
         WHERE scope = $1 AND name = $2 AND expires_ms > $3",
    )
    .bind(scope)
    .bind(name)
    .bind(millis(now))
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else { return Ok(None) };
    let ids: String = row.try_get("key_ids")?;
    let key_ids = serde_json::from_str(&ids).map_err(|_| no_value("key_ids"))?;
    Ok(Some(Made { request: digest(&row, "request")?, key_ids }))
}

/// Stores a result under `name` in `scope` until `expires`, and deletes expired ones.
///
/// # Errors
/// The database's.
pub async fn insert(
    connection: &mut Connection,
    (scope, name): (&str, &str),
    made: &Made,
    (now, expires): (Time, Time),
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM idempotency WHERE expires_ms <= $1")
        .bind(millis(now))
        .execute(&mut *connection)
        .await?;
    sqlx::query(
        "INSERT INTO idempotency (scope, name, request, key_ids, expires_ms) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(scope)
    .bind(name)
    .bind(made.request.0.as_slice())
    .bind(serde_json::to_string(&made.key_ids).map_err(|_| no_value("key_ids"))?)
    .bind(millis(expires))
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes the idempotency keys and import ids of these keys, so that they can be used again.
///
/// # Errors
/// The database's.
pub async fn forget(connection: &mut Connection, ids: &[&str]) -> Result<(), StoreError> {
    for id in ids {
        // `_` is a wildcard in LIKE, but ids are `apk_` and letters and digits, so no other id
        // matches.
        sqlx::query("DELETE FROM idempotency WHERE key_ids LIKE $1")
            .bind(format!("%\"{id}\"%"))
            .execute(&mut *connection)
            .await?;
    }
    for ids in ids.chunks(CHUNK) {
        let mut imports = Select::new("DELETE FROM imports WHERE key_id IN (");
        imports.args(ids.iter().copied()).push(")");
        imports.execute(connection).await?;
    }
    Ok(())
}

/// The keys that were imported under these ids of another system.
///
/// # Errors
/// The database's.
pub async fn imported(
    connection: &mut Connection,
    external: &[&str],
) -> Result<HashMap<String, String>, StoreError> {
    let mut found = HashMap::new();
    for external in external.chunks(CHUNK) {
        let mut select =
            Select::new("SELECT external_id, key_id FROM imports WHERE external_id IN (");
        select.args(external.iter().copied()).push(")");
        for row in select.rows(connection).await? {
            found.insert(row.try_get(0)?, row.try_get(1)?);
        }
    }
    Ok(found)
}

/// Stores the ids of imported records: pairs of the external id and the key's id.
///
/// # Errors
/// The database's.
pub async fn insert_imports(
    connection: &mut Connection,
    pairs: &[(&str, &str)],
) -> Result<(), StoreError> {
    for pairs in pairs.chunks(ROWS) {
        let sql = insert_sql(connection, "imports (external_id, key_id)", 2, pairs.len());
        let query = sqlx::query(AssertSqlSafe(sql));
        let query =
            pairs.iter().fold(query, |query, (theirs, ours)| query.bind(*theirs).bind(*ours));
        query.execute(&mut *connection).await?;
    }
    Ok(())
}
