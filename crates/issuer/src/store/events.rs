//! The outbox: what happened, in the order in which it was committed.

use portcullis_core::crypto::Digest;
use portcullis_core::time::Time;
use serde_json::Value;
use sqlx::Row as _;

use crate::error::Error;
use crate::store::lists::digest;
use crate::store::{Connection, millis};

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
    /// A new version of the keyring was signed.
    KeyringChanged,
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
            Self::KeyringChanged => "keyring.changed",
        }
    }
}

/// What is to be told.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// What has happened.
    pub event: EventType,
    /// The key that it happened to.
    pub key_id: Option<&'a str>,
    /// Who did it, as they were named.
    pub actor: Option<&'a str>,
    /// The rest, without any secret.
    pub data: Value,
}

/// Adds an event to the outbox, in the transaction of the change that it tells of.
///
/// # Errors
/// The database's.
pub async fn append(
    connection: &mut Connection,
    now: Time,
    event: &Event<'_>,
) -> Result<(), Error> {
    let data = event.data.to_string();
    let before = last_digest(connection).await?;
    let line = Line {
        at_ms: millis(now),
        event: event.event.name(),
        key_id: event.key_id,
        actor: event.actor,
        data: &data,
    };
    sqlx::query(
        "INSERT INTO events (at_ms, type, key_id, actor, data, digest) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(line.at_ms)
    .bind(line.event)
    .bind(line.key_id)
    .bind(line.actor)
    .bind(line.data)
    .bind(line.digest(before).0.as_slice())
    .execute(connection)
    .await?;
    Ok(())
}

/// An event as its digest sees it.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// The type's name.
    pub event: &'a str,
    /// The key's id.
    pub key_id: Option<&'a str>,
    /// Who did it.
    pub actor: Option<&'a str>,
    /// The rest, as it is stored.
    pub data: &'a str,
}

impl Line<'_> {
    /// The digest that is kept with the event: SHA-256 over that of the event before, the instant,
    /// and each text behind its length, 2^64-1 for none. All numbers are 64 bits, big-endian.
    #[must_use]
    pub fn digest(&self, before: Digest) -> Digest {
        let mut bytes = before.0.to_vec();
        bytes.extend(self.at_ms.to_be_bytes());
        for text in [Some(self.event), self.key_id, self.actor, Some(self.data)] {
            let length = text.map_or(u64::MAX, |text| text.len() as u64);
            bytes.extend(length.to_be_bytes());
            bytes.extend(text.unwrap_or_default().as_bytes());
        }
        Digest::of(&bytes)
    }
}

/// The digest of the newest event, zeros before the first.
async fn last_digest(connection: &mut Connection) -> Result<Digest, Error> {
    let query = sqlx::query("SELECT digest FROM events ORDER BY id DESC LIMIT 1");
    let row = query.fetch_optional(connection).await?;
    Ok(row.map(|row| digest(&row, "digest")).transpose()?.unwrap_or(Digest([0; 32])))
}

/// The place of the newest event, 0 before the first.
///
/// # Errors
/// The database's.
pub async fn position(connection: &mut Connection) -> Result<i64, Error> {
    let query = sqlx::query("SELECT COALESCE(MAX(id), 0) FROM events");
    Ok(query.fetch_one(connection).await?.try_get(0)?)
}

/// The types of all events of a key, oldest first.
///
/// # Errors
/// The database's.
pub async fn types_of(connection: &mut Connection, key_id: &str) -> Result<Vec<String>, Error> {
    let query = sqlx::query("SELECT type FROM events WHERE key_id = $1 ORDER BY id").bind(key_id);
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
