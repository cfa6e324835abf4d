//! Pending tasks on the database of an earlier program version.

use sqlx::Row as _;

use crate::keystore::{ColumnKey, SealedText};
use crate::store::Connection;
use crate::store::error::StoreError;

/// Whether a task is pending.
///
/// # Errors
/// The database's.
pub async fn is_due(connection: &mut Connection, task: &str) -> Result<bool, StoreError> {
    let query = sqlx::query("SELECT 1 FROM upkeep WHERE task = $1").bind(task);
    Ok(query.fetch_optional(connection).await?.is_some())
}

/// Marks a task as done.
///
/// # Errors
/// The database's.
pub async fn done(connection: &mut Connection, task: &str) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM upkeep WHERE task = $1").bind(task).execute(connection).await?;
    Ok(())
}

/// Seals the unsealed secrets of webhooks. Returns the number of webhooks changed.
///
/// # Errors
/// The database's, and [`NoRandomness`](crate::random::NoRandomness).
pub async fn seal_webhooks(
    connection: &mut Connection,
    key: &ColumnKey,
) -> Result<u64, StoreError> {
    let sql = "SELECT id, sealed, old_sealed FROM webhooks";
    let mut sealed = 0;
    for row in sqlx::query(sql).fetch_all(&mut *connection).await? {
        let id: String = row.try_get("id")?;
        let now = SealedText::of_column(row.try_get("sealed")?);
        let old: Option<String> = row.try_get("old_sealed")?;
        let old = old.map(SealedText::of_column);
        let seal = |text: &SealedText| {
            if text.is_sealed() { Ok(text.clone()) } else { key.seal(&id, text.as_column()) }
        };
        if now.is_sealed() && old.as_ref().is_none_or(SealedText::is_sealed) {
            continue;
        }
        let (now, old) = (seal(&now)?, old.as_ref().map(seal).transpose()?);
        sqlx::query("UPDATE webhooks SET sealed = $1, old_sealed = $2 WHERE id = $3")
            .bind(now.as_column())
            .bind(old.as_ref().map(SealedText::as_column))
            .bind(&id)
            .execute(&mut *connection)
            .await?;
        sealed += 1;
    }
    Ok(sealed)
}
