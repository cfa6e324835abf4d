//! The outbox: events in commit order.

use portcullis_core::crypto::Digest;
use portcullis_core::time::Time;
use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{AssertSqlSafe, FromRow, Row as _};

use crate::actor::Who;
use crate::store::error::StoreError;
pub use crate::store::event_type::EventType;
use crate::store::lists::digest;
use crate::store::select::{ROWS, Select, insert_sql};
use crate::store::{Connection, millis, settings, time};

/// An event to write.
#[derive(Clone, Debug)]
pub struct Event<'a> {
    /// The type.
    pub event: EventType,
    /// The key concerned.
    pub key_id: Option<&'a str>,
    /// The principal, and the person it acts for.
    pub who: Who<'a>,
    /// The remaining data; contains no secret.
    pub data: Value,
}

impl Event<'_> {
    /// The stored data, with the reason.
    fn text(&self) -> String {
        match (self.who.reason(), self.data.as_object()) {
            (Some(reason), Some(data)) if self.event.tells_reason() => {
                let mut data = data.clone();
                data.insert("reason".into(), reason.into());
                Value::Object(data).to_string()
            }
            _ => self.data.to_string(),
        }
    }
}

/// Adds events to the outbox in order, within the transaction of their change. Only a
/// [`Change`](super::Change) does.
///
/// # Errors
/// [`StoreError::ReasonRequired`] and the database's.
pub(super) async fn append(
    connection: &mut Connection,
    now: Time,
    events: &[Event<'_>],
) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    check_reasons(connection, events).await?;
    // Each digest covers its predecessor, so the events form a hash chain.
    let mut before = last_digest(connection).await?;
    for events in events.chunks(ROWS) {
        let sql = insert_sql(
            connection,
            "events (at_ms, type, key_id, principal, on_behalf_of, data, digest)",
            7,
            events.len(),
        );
        let mut query = sqlx::query(AssertSqlSafe(sql));
        for event in events {
            let data = event.text();
            let line = Line {
                at_ms: millis(now),
                event: event.event.name(),
                key_id: event.key_id,
                actor: Some(event.who.actor()?),
                on_behalf_of: event.who.on_behalf_of(),
                data: &data,
            };
            before = line.digest(before);
            query = query
                .bind(line.at_ms)
                .bind(line.event)
                .bind(line.key_id)
                .bind(line.actor)
                .bind(line.on_behalf_of)
                .bind(data)
                .bind(before.0.to_vec());
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

/// Refuses an operation without a reason if the settings require one. Every operation writes an
/// event, so none bypasses this check.
async fn check_reasons(
    connection: &mut Connection,
    events: &[Event<'_>],
) -> Result<(), StoreError> {
    let lacks = |event: &Event<'_>| event.event.asks_reason() && event.who.reason().is_none();
    if events.iter().any(lacks) && settings::read(connection).await?.settings.reason_required {
        return Err(StoreError::ReasonRequired);
    }
    Ok(())
}

/// The fields that an event's digest covers.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// The type's name.
    pub event: &'a str,
    /// The key's id.
    pub key_id: Option<&'a str>,
    /// The principal. `None` for events older than the recording of principals.
    pub actor: Option<&'a str>,
    /// The person the caller acts for, as named by the caller.
    pub on_behalf_of: Option<&'a str>,
    /// The remaining data as stored.
    pub data: &'a str,
}

impl Line<'_> {
    /// The digest stored with the event. It is SHA-256 over the previous digest, the instant, and
    /// each text with its length prepended (2^64-1 for none). All numbers are 64-bit big-endian.
    ///
    /// An event without a principal predates principals and keeps its old form with four texts. In
    /// the new form, the texts follow a marker that is no valid length, so the two forms can't
    /// collide.
    #[must_use]
    pub fn digest(&self, before: Digest) -> Digest {
        const WITH_ACTOR: u64 = u64::MAX - 1;
        let mut bytes = before.0.to_vec();
        bytes.extend(self.at_ms.to_be_bytes());
        if self.actor.is_some() {
            bytes.extend(WITH_ACTOR.to_be_bytes());
        }
        let actor = self.actor.map(Some);
        let texts = [Some(self.event), self.key_id].into_iter().chain(actor);
        for text in texts.chain([self.on_behalf_of, Some(self.data)]) {
            let length = text.map_or(u64::MAX, |text| text.len() as u64);
            bytes.extend(length.to_be_bytes());
            bytes.extend(text.unwrap_or_default().as_bytes());
        }
        Digest::of(&bytes)
    }
}

/// The digest of the newest event; zeros if there is none.
pub(crate) async fn last_digest(connection: &mut Connection) -> Result<Digest, StoreError> {
    let query = sqlx::query("SELECT digest FROM events ORDER BY id DESC LIMIT 1");
    let row = query.fetch_optional(connection).await?;
    Ok(row.map(|row| digest(&row, "digest")).transpose()?.unwrap_or(Digest([0; 32])))
}

/// The id of the newest event; 0 if there is none.
///
/// # Errors
/// The database's.
pub async fn position(connection: &mut Connection) -> Result<i64, StoreError> {
    let query = sqlx::query("SELECT COALESCE(MAX(id), 0) FROM events");
    Ok(query.fetch_one(connection).await?.try_get(0)?)
}

/// The types of all events of a key, oldest first.
///
/// # Errors
/// The database's.
pub async fn types_of(
    connection: &mut Connection,
    key_id: &str,
) -> Result<Vec<String>, StoreError> {
    let query = sqlx::query("SELECT type FROM events WHERE key_id = $1 ORDER BY id").bind(key_id);
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

/// A stored event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRecord {
    /// The id, from 1.
    pub id: i64,
    /// The commit time by the store's clock, in milliseconds.
    pub at_ms: i64,
    /// The type's name.
    pub event: String,
    /// The key concerned.
    pub key_id: Option<String>,
    /// The principal. `None` for events older than the recording of principals.
    pub actor: Option<String>,
    /// The person the caller acted for, as named by the caller.
    pub on_behalf_of: Option<String>,
    /// The remaining data: JSON, as written.
    pub data: String,
    /// The digest over this event and all before it.
    pub digest: Digest,
}

impl EventRecord {
    /// The fields that the digest covers, besides the previous digest.
    #[must_use]
    pub fn line(&self) -> Line<'_> {
        Line {
            at_ms: self.at_ms,
            event: &self.event,
            key_id: self.key_id.as_deref(),
            actor: self.actor.as_deref(),
            on_behalf_of: self.on_behalf_of.as_deref(),
            data: &self.data,
        }
    }

    /// The commit time.
    #[must_use]
    pub fn at(&self) -> Time {
        time(self.at_ms)
    }
}

impl FromRow<'_, AnyRow> for EventRecord {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            at_ms: row.try_get("at_ms")?,
            event: row.try_get("type")?,
            key_id: row.try_get("key_id")?,
            actor: row.try_get("principal")?,
            on_behalf_of: row.try_get("on_behalf_of")?,
            data: row.try_get("data")?,
            digest: digest(row, "digest")?,
        })
    }
}

/// A filter on events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only these types; empty for all.
    pub types: Vec<EventType>,
    /// Only events of this key.
    pub key_id: Option<String>,
    /// Only events by this principal.
    pub actor: Option<String>,
    /// Only events on behalf of this person.
    pub on_behalf_of: Option<String>,
    /// Only events from this instant on.
    pub since: Option<Time>,
    /// Only events before this instant.
    pub until: Option<Time>,
    /// Only events with a greater id.
    pub after: Option<i64>,
    /// Only events with a lesser id.
    pub before: Option<i64>,
    /// Oldest first, instead of newest first.
    pub ascending: bool,
}

/// At most `limit` events that match the filter.
///
/// # Errors
/// The database's.
pub async fn list(
    connection: &mut Connection,
    filter: &Filter,
    limit: u32,
) -> Result<Vec<EventRecord>, StoreError> {
    // Ids start at 1.
    let mut select = Select::new("SELECT * FROM events WHERE id > ");
    select.arg(filter.after.unwrap_or(0));
    if let Some(before) = filter.before {
        select.push(" AND id < ").arg(before);
    }
    if !filter.types.is_empty() {
        let names = filter.types.iter().map(|event| event.name());
        select.push(" AND type IN (").args(names).push(")");
    }
    if let Some(key_id) = &filter.key_id {
        select.push(" AND key_id = ").arg(key_id.as_str());
    }
    if let Some(actor) = &filter.actor {
        select.push(" AND principal = ").arg(actor.as_str());
    }
    if let Some(named) = &filter.on_behalf_of {
        select.push(" AND on_behalf_of = ").arg(named.as_str());
    }
    if let Some(since) = filter.since {
        select.push(" AND at_ms >= ").arg(millis(since));
    }
    if let Some(until) = filter.until {
        select.push(" AND at_ms < ").arg(millis(until));
    }
    select.push(if filter.ascending { " ORDER BY id LIMIT " } else { " ORDER BY id DESC LIMIT " });
    select.arg(i64::from(limit));
    select.all(connection).await
}

/// The events after `position`, oldest first.
///
/// # Errors
/// The database's.
pub async fn after(
    connection: &mut Connection,
    position: i64,
    limit: u32,
) -> Result<Vec<EventRecord>, StoreError> {
    let filter = Filter { after: Some(position), ascending: true, ..Filter::default() };
    list(connection, &filter, limit).await
}

/// The event with this id.
///
/// # Errors
/// The database's.
pub async fn find(connection: &mut Connection, id: i64) -> Result<Option<EventRecord>, StoreError> {
    let query = sqlx::query_as("SELECT * FROM events WHERE id = $1").bind(id);
    Ok(query.fetch_optional(connection).await?)
}
