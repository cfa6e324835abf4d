//! The table of owners: the tenants that keys belong to.

use portcullis_core::time::Time;
use serde_json::{Map, Value};
use sqlx::any::AnyRow;
use sqlx::{FromRow, Row as _};

use crate::store::error::StoreError;
use crate::store::row::{named, number};
use crate::store::select::Select;
use crate::store::{Connection, millis, time};

/// An owner of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// The number that its keys carry; never 0.
    pub number: u32,
    /// The display name.
    pub name: String,
    /// Its id in another system; unique among owners.
    pub external_id: Option<String>,
    /// The user's metadata.
    pub metadata: Map<String, Value>,
    /// When it was made.
    pub created: Time,
    /// When it was last changed.
    pub updated: Time,
}

impl FromRow<'_, AnyRow> for Owner {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            number: number(row, "number")?,
            name: row.try_get("name")?,
            external_id: row.try_get("external_id")?,
            metadata: named(row, "metadata", |text| serde_json::from_str(text).ok())?,
            created: time(row.try_get("created_ms")?),
            updated: time(row.try_get("updated_ms")?),
        })
    }
}

/// Adds an owner.
///
/// # Errors
/// The database's, among them one for a number or external id that is taken.
pub async fn insert(connection: &mut Connection, owner: &Owner) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO owners (number, name, external_id, metadata, created_ms, updated_ms) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(i64::from(owner.number))
    .bind(&owner.name)
    .bind(owner.external_id.as_deref())
    .bind(Value::Object(owner.metadata.clone()).to_string())
    .bind(millis(owner.created))
    .bind(millis(owner.updated))
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes the mutable fields of an owner.
///
/// # Errors
/// As [`insert`].
pub async fn update(connection: &mut Connection, owner: &Owner) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE owners SET name = $1, external_id = $2, metadata = $3, updated_ms = $4 \
         WHERE number = $5",
    )
    .bind(&owner.name)
    .bind(owner.external_id.as_deref())
    .bind(Value::Object(owner.metadata.clone()).to_string())
    .bind(millis(owner.updated))
    .bind(i64::from(owner.number))
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes an owner. Its number stays taken; its external id becomes available.
///
/// # Errors
/// The database's.
pub async fn delete(connection: &mut Connection, number: u32, now: Time) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE owners SET deleted_ms = $1, updated_ms = $1, external_id = NULL WHERE number = $2",
    )
    .bind(millis(now))
    .bind(i64::from(number))
    .execute(connection)
    .await?;
    Ok(())
}

/// The owner with this number, unless it was deleted.
///
/// # Errors
/// The database's.
pub async fn find(connection: &mut Connection, number: u32) -> Result<Option<Owner>, StoreError> {
    let query = sqlx::query_as("SELECT * FROM owners WHERE number = $1 AND deleted_ms IS NULL");
    Ok(query.bind(i64::from(number)).fetch_optional(connection).await?)
}

/// The owner with this external id.
///
/// # Errors
/// The database's.
pub async fn by_external_id(
    connection: &mut Connection,
    external_id: &str,
) -> Result<Option<Owner>, StoreError> {
    let query = sqlx::query_as("SELECT * FROM owners WHERE external_id = $1");
    Ok(query.bind(external_id).fetch_optional(connection).await?)
}

/// Owners by ascending number, after `after`.
///
/// # Errors
/// The database's.
pub async fn list(
    connection: &mut Connection,
    after: u32,
    limit: u32,
) -> Result<Vec<Owner>, StoreError> {
    let mut select = Select::new("SELECT * FROM owners WHERE deleted_ms IS NULL AND number > ");
    select.arg(i64::from(after)).push(" ORDER BY number LIMIT ").arg(i64::from(limit));
    select.all(connection).await
}

/// Whether a number is taken, including by a deleted owner.
///
/// # Errors
/// The database's.
pub async fn is_taken(connection: &mut Connection, number: u32) -> Result<bool, StoreError> {
    let query = sqlx::query("SELECT 1 FROM owners WHERE number = $1").bind(i64::from(number));
    Ok(query.fetch_optional(connection).await?.is_some())
}

/// Whether a key that may still be accepted has this owner.
///
/// # Errors
/// The database's.
pub async fn is_used(
    connection: &mut Connection,
    number: u32,
    now: Time,
) -> Result<bool, StoreError> {
    let query = sqlx::query(
        "SELECT 1 FROM api_keys WHERE owner = $1 AND owner <> 0 AND deleted_ms IS NULL \
         AND (revoked_at IS NULL OR revoked_at > $2) \
         AND (expires_at IS NULL OR expires_at > $2) LIMIT 1",
    );
    let query = query.bind(i64::from(number)).bind(i64::from(now.secs()));
    Ok(query.fetch_optional(connection).await?.is_some())
}

/// Whether an owner with this number exists or existed, or a key carries it.
///
/// # Errors
/// The database's.
pub async fn is_known(connection: &mut Connection, number: u32) -> Result<bool, StoreError> {
    if is_taken(connection, number).await? {
        return Ok(true);
    }
    let query = sqlx::query("SELECT 1 FROM api_keys WHERE owner = $1 AND owner <> 0 LIMIT 1");
    Ok(query.bind(i64::from(number)).fetch_optional(connection).await?.is_some())
}
