//! The tables of webhooks and of their deliveries.

use portcullis_core::time::Time;
use sqlx::any::AnyRow;
use sqlx::{FromRow, Row as _};

use crate::keystore::SealedText;
use crate::store::error::StoreError;
use crate::store::events::{EventRecord, EventType};
use crate::store::row::{maybe, named};
use crate::store::select::Select;
use crate::store::{Connection, millis, time};

/// An endpoint that receives events.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookRecord {
    /// `whk_…`.
    pub id: String,
    /// The URL that messages are sent to.
    pub url: String,
    /// The description.
    pub description: String,
    /// The event types that it receives; empty for all.
    pub types: Vec<EventType>,
    /// The signing secret: `whsec_…`, sealed for this webhook.
    pub secret: SealedText,
    /// The previous secret, which also signs until this instant.
    pub old_secret: Option<(SealedText, Time)>,
    /// When it was disabled.
    pub disabled: Option<Time>,
    /// Why it was disabled, unless a person did it.
    pub disabled_why: Option<String>,
    /// The newest event with deliveries for it.
    pub position: i64,
    /// The person who made it, as named then.
    pub created_by: Option<String>,
    /// When it was made.
    pub created: Time,
    /// When it was last changed.
    pub updated: Time,
}

impl std::fmt::Debug for WebhookRecord {
    /// Omits the secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WebhookRecord").field("id", &self.id).finish_non_exhaustive()
    }
}

impl FromRow<'_, AnyRow> for WebhookRecord {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        let old: Option<String> = row.try_get("old_sealed")?;
        let until = maybe(row, "old_until_ms")?.map(Time::from_millis);
        Ok(Self {
            id: row.try_get("id")?,
            url: row.try_get("url")?,
            description: row.try_get("description")?,
            types: named(row, "types", |text| {
                text.split_whitespace().map(EventType::from_name).collect()
            })?,
            secret: row.try_get("sealed").map(SealedText::of_column)?,
            old_secret: old.map(SealedText::of_column).zip(until),
            disabled: maybe(row, "disabled_ms")?.map(Time::from_millis),
            disabled_why: row.try_get("disabled_why")?,
            position: row.try_get("position")?,
            created_by: row.try_get("created_by")?,
            created: time(row.try_get("created_ms")?),
            updated: time(row.try_get("updated_ms")?),
        })
    }
}

/// Writes a webhook, new or changed.
///
/// # Errors
/// The database's.
pub async fn put(connection: &mut Connection, webhook: &WebhookRecord) -> Result<(), StoreError> {
    let types: Vec<&str> = webhook.types.iter().map(|event| event.name()).collect();
    let old = webhook.old_secret.as_ref();
    sqlx::query(
        "INSERT INTO webhooks (id, url, description, types, sealed, old_sealed, old_until_ms, \
         disabled_ms, disabled_why, position, created_by, created_ms, updated_ms) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
         ON CONFLICT (id) DO UPDATE SET url = excluded.url, description = excluded.description, \
         types = excluded.types, sealed = excluded.sealed, old_sealed = excluded.old_sealed, \
         old_until_ms = excluded.old_until_ms, disabled_ms = excluded.disabled_ms, \
         disabled_why = excluded.disabled_why, position = excluded.position, \
         updated_ms = excluded.updated_ms",
    )
    .bind(&webhook.id)
    .bind(&webhook.url)
    .bind(&webhook.description)
    .bind(types.join(" "))
    .bind(webhook.secret.as_column())
    .bind(old.map(|(secret, _)| secret.as_column()))
    .bind(old.map(|(_, until)| millis(*until)))
    .bind(webhook.disabled.map(millis))
    .bind(webhook.disabled_why.as_deref())
    .bind(webhook.position)
    .bind(webhook.created_by.as_deref())
    .bind(millis(webhook.created))
    .bind(millis(webhook.updated))
    .execute(connection)
    .await?;
    Ok(())
}

/// The webhook with this id.
///
/// # Errors
/// The database's.
pub async fn find(
    connection: &mut Connection,
    id: &str,
) -> Result<Option<WebhookRecord>, StoreError> {
    let query = sqlx::query_as("SELECT * FROM webhooks WHERE id = $1").bind(id);
    Ok(query.fetch_optional(connection).await?)
}

/// All webhooks, by age.
///
/// # Errors
/// The database's.
pub async fn all(connection: &mut Connection) -> Result<Vec<WebhookRecord>, StoreError> {
    Select::new("SELECT * FROM webhooks ORDER BY created_ms, id").all(connection).await
}

/// Removes a webhook and its deliveries.
///
/// # Errors
/// The database's.
pub async fn delete(connection: &mut Connection, id: &str) -> Result<(), StoreError> {
    let mut select = Select::new("DELETE FROM deliveries WHERE webhook_id = ");
    select.arg(id);
    select.execute(connection).await?;
    let mut select = Select::new("DELETE FROM webhooks WHERE id = ");
    select.arg(id);
    select.execute(connection).await?;
    Ok(())
}

/// The state of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryState {
    /// Not delivered yet.
    Pending,
    /// Accepted by the endpoint.
    Delivered,
    /// Given up on.
    Dead,
}

impl DeliveryState {
    /// `pending`, `delivered` or `dead`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Dead => "dead",
        }
    }

    /// The state with this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Pending, Self::Delivered, Self::Dead].into_iter().find(|s| s.name() == name)
    }
}

/// The delivery of one event to one webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The row's id.
    pub id: i64,
    /// The webhook.
    pub webhook_id: String,
    /// The event.
    pub event_id: i64,
    /// The state.
    pub state: DeliveryState,
    /// The number of attempts.
    pub attempts: u32,
    /// When the next attempt is due.
    pub next: Time,
    /// The endpoint's last status code.
    pub status: Option<u16>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// When it was last updated.
    pub updated: Time,
}

impl FromRow<'_, AnyRow> for Delivery {
    fn from_row(row: &AnyRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            id: row.try_get("id")?,
            webhook_id: row.try_get("webhook_id")?,
            event_id: row.try_get("event_id")?,
            state: named(row, "state", DeliveryState::from_name)?,
            attempts: crate::store::row::number(row, "attempts")?,
            next: time(row.try_get("next_ms")?),
            status: maybe(row, "status")?,
            error: row.try_get("error")?,
            updated: time(row.try_get("updated_ms")?),
        })
    }
}

/// Adds a delivery for each of `events`, in order. Existing ones stay.
///
/// # Errors
/// The database's.
pub async fn enqueue(
    connection: &mut Connection,
    webhook_id: &str,
    events: impl Iterator<Item = &EventRecord>,
    now: Time,
) -> Result<u64, StoreError> {
    let mut added = 0;
    for event in events {
        let done = sqlx::query(
            "INSERT INTO deliveries (webhook_id, event_id, state, attempts, next_ms, updated_ms) \
             VALUES ($1, $2, 'pending', 0, $3, $4) ON CONFLICT (webhook_id, event_id) DO NOTHING",
        )
        .bind(webhook_id)
        .bind(event.id)
        .bind(millis(now))
        .bind(millis(now))
        .execute(&mut *connection)
        .await?;
        added += done.rows_affected();
    }
    Ok(added)
}

/// Records the newest event with deliveries for a webhook.
///
/// # Errors
/// The database's.
pub async fn set_position(
    connection: &mut Connection,
    webhook_id: &str,
    position: i64,
) -> Result<(), StoreError> {
    let mut select = Select::new("UPDATE webhooks SET position = ");
    select.arg(position).push(" WHERE id = ").arg(webhook_id);
    select.execute(connection).await?;
    Ok(())
}

/// The deliveries due at `now`, in the order of their events.
///
/// # Errors
/// The database's.
pub async fn due(
    connection: &mut Connection,
    webhook_id: &str,
    now: Time,
    limit: u32,
) -> Result<Vec<Delivery>, StoreError> {
    let mut select =
        Select::new("SELECT * FROM deliveries WHERE state = 'pending' AND webhook_id = ");
    select.arg(webhook_id).push(" AND next_ms <= ").arg(millis(now));
    select.push(" ORDER BY event_id LIMIT ").arg(i64::from(limit));
    select.all(connection).await
}

/// Deliveries of a webhook, newest first.
///
/// # Errors
/// The database's.
pub async fn deliveries(
    connection: &mut Connection,
    webhook_id: &str,
    state: Option<DeliveryState>,
    before: Option<i64>,
    limit: u32,
) -> Result<Vec<Delivery>, StoreError> {
    let mut select = Select::new("SELECT * FROM deliveries WHERE webhook_id = ");
    select.arg(webhook_id);
    if let Some(state) = state {
        select.push(" AND state = ").arg(state.name());
    }
    if let Some(before) = before {
        select.push(" AND id < ").arg(before);
    }
    select.push(" ORDER BY id DESC LIMIT ").arg(i64::from(limit));
    select.all(connection).await
}

/// Writes the result of an attempt.
///
/// # Errors
/// The database's.
pub async fn update_delivery(
    connection: &mut Connection,
    made: &Delivery,
) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE deliveries SET state = $1, attempts = $2, next_ms = $3, status = $4, error = $5, \
         updated_ms = $6 WHERE id = $7",
    )
    .bind(made.state.name())
    .bind(i64::from(made.attempts))
    .bind(millis(made.next))
    .bind(made.status.map(i64::from))
    .bind(made.error.as_deref())
    .bind(millis(made.updated))
    .bind(made.id)
    .execute(connection)
    .await?;
    Ok(())
}

/// Postpones a webhook's pending deliveries until `until`, after its endpoint failed.
///
/// # Errors
/// The database's.
pub async fn hold_back(
    connection: &mut Connection,
    webhook_id: &str,
    until: Time,
) -> Result<(), StoreError> {
    let mut select = Select::new("UPDATE deliveries SET next_ms = ");
    select.arg(millis(until)).push(" WHERE state = 'pending' AND webhook_id = ").arg(webhook_id);
    select.push(" AND next_ms < ").arg(millis(until));
    select.execute(connection).await?;
    Ok(())
}

/// Resets deliveries to pending with no attempts: one, or all dead ones.
///
/// # Errors
/// The database's.
pub async fn revive(
    connection: &mut Connection,
    webhook_id: &str,
    delivery: Option<i64>,
    now: Time,
) -> Result<u64, StoreError> {
    let mut select =
        Select::new("UPDATE deliveries SET state = 'pending', attempts = 0, next_ms = ");
    select.arg(millis(now)).push(" WHERE webhook_id = ").arg(webhook_id);
    match delivery {
        Some(id) => select.push(" AND id = ").arg(id),
        None => select.push(" AND state = 'dead'"),
    };
    select.execute(connection).await
}

/// Deletes the deliveries of all events after `position`.
///
/// # Errors
/// The database's.
pub async fn forget_after(
    connection: &mut Connection,
    webhook_id: &str,
    position: i64,
) -> Result<(), StoreError> {
    let mut select = Select::new("DELETE FROM deliveries WHERE webhook_id = ");
    select.arg(webhook_id).push(" AND event_id > ").arg(position);
    select.execute(connection).await?;
    Ok(())
}

/// Deletes what was delivered before `before`.
///
/// # Errors
/// The database's.
pub async fn prune(connection: &mut Connection, before: Time) -> Result<u64, StoreError> {
    let mut select =
        Select::new("DELETE FROM deliveries WHERE state = 'delivered' AND updated_ms < ");
    select.arg(millis(before));
    select.execute(connection).await
}

/// The numbers of pending and dead deliveries.
///
/// # Errors
/// The database's.
pub async fn backlog(connection: &mut Connection) -> Result<(i64, i64), StoreError> {
    let query = sqlx::query(
        "SELECT (SELECT COUNT(*) FROM deliveries WHERE state = 'pending') AS pending, \
         (SELECT COUNT(*) FROM deliveries WHERE state = 'dead') AS dead",
    );
    let row = query.fetch_one(connection).await?;
    Ok((row.try_get("pending")?, row.try_get("dead")?))
}

/// The webhooks with a pending delivery that has failed at least once.
///
/// # Errors
/// The database's.
pub async fn failing(connection: &mut Connection) -> Result<Vec<String>, StoreError> {
    let query = sqlx::query(
        "SELECT DISTINCT webhook_id FROM deliveries WHERE state = 'pending' AND attempts > 0 \
         ORDER BY webhook_id",
    );
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}
