//! The outbox: what happened, in the order in which it was committed.

use portcullis_core::time::Time;
use serde_json::Value;
use sqlx::{Row as _, SqliteConnection};

use crate::error::Error;
use crate::store::millis;

/// What an event says has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// A key was made.
    Created,
    /// A key's revocation was committed or brought forward.
    Revoked,
    /// A key was given a successor.
    Rolled,
    /// A list of a new number was committed.
    ListPublished,
}

impl EventType {
    /// The type's name, as consumers see it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "api-key.created",
            Self::Revoked => "api-key.revoked",
            Self::Rolled => "api-key.rolled",
            Self::ListPublished => "list.published",
        }
    }
}

/// Adds an event to the outbox, in the transaction of the change that it tells of. `data` holds no
/// secret.
///
/// # Errors
/// The database's.
pub async fn append(
    connection: &mut SqliteConnection,
    now: Time,
    event: EventType,
    key_id: Option<&str>,
    data: &Value,
) -> Result<(), Error> {
    sqlx::query("INSERT INTO events (at_ms, type, key_id, data) VALUES (?, ?, ?, ?)")
        .bind(millis(now))
        .bind(event.name())
        .bind(key_id)
        .bind(data.to_string())
        .execute(connection)
        .await?;
    Ok(())
}

/// The place of the newest event, 0 before the first.
///
/// # Errors
/// The database's.
pub async fn position(connection: &mut SqliteConnection) -> Result<i64, Error> {
    let query = sqlx::query("SELECT COALESCE(MAX(id), 0) FROM events");
    Ok(query.fetch_one(connection).await?.try_get(0)?)
}

/// The types of all events of a key, oldest first.
///
/// # Errors
/// The database's.
pub async fn types_of(
    connection: &mut SqliteConnection,
    key_id: &str,
) -> Result<Vec<String>, Error> {
    let query = sqlx::query("SELECT type FROM events WHERE key_id = ? ORDER BY id").bind(key_id);
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
