//! The audit trail: reads, exports and verifies the events of the outbox.

mod anchor;
mod archive;
mod exports;
mod retention;
mod start;
mod trail;
mod walk;

pub use anchor::Anchor;
pub use archive::ExportLine;
pub use exports::{check_export, check_files};
pub use retention::{Age, Held, MIN_KEEP, Outlook, Retention, Trimmed};
pub use start::{RemovedView, Start};
pub use walk::{Finding, Report};

pub(crate) use retention::{preview_trim, trim};
pub(crate) use start::{check_kept, start_in, trail_start};
pub(crate) use trail::{verify_in, verify_tail, verify_trail, verify_trail_behind};

use serde::Serialize;
use serde_json::json;

use crate::context::Context;
use crate::error::Error;
use crate::store::events::{self, EventRecord, EventType, Filter};
use crate::time_format::Instant;

/// The most events per page.
pub const MAX_PAGE: u32 = 1000;

/// A query for events.
#[derive(Clone, Debug, Default)]
pub struct EventQuery {
    /// The types, key, actor, times and order.
    pub filter: Filter,
    /// The cursor that the previous page returned.
    pub cursor: Option<String>,
    /// The page size, 1 to 1000; 50 by default.
    pub limit: Option<u32>,
}

/// A page of events.
#[derive(Clone, Debug)]
pub struct EventPage {
    /// The events.
    pub events: Vec<EventRecord>,
    /// The cursor of the next page, if there is one.
    pub next_cursor: Option<String>,
    /// What retention has removed; no page contains it.
    pub removed: Option<Start>,
}

/// An event as HTTP and `--json` show it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventView {
    /// Its place in the outbox.
    pub id: i64,
    /// When it was committed.
    pub at: Instant,
    /// The type's name.
    pub r#type: String,
    /// The key that it happened to.
    pub key_id: Option<String>,
    /// Who did it, which no caller chooses: an admin key's id, `user@host` of a shell, or the name
    /// of a job. Null for events of before this was noted.
    pub actor: Option<String>,
    /// The person that the caller named.
    pub on_behalf_of: Option<String>,
    /// The rest.
    #[cfg_attr(feature = "openapi", schema(value_type = serde_json::Value))]
    pub data: serde_json::Value,
    /// The digest of this event and all events before it. If you keep it elsewhere, it is an anchor
    /// of the trail.
    pub digest: String,
}

/// A page of events.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EventsAnswer {
    /// The events, newest first unless the request has `order=asc`.
    pub events: Vec<EventView>,
    /// The cursor of the next page; null on the last page.
    pub next_cursor: Option<String>,
    /// What retention has removed, which no page shows; null if nothing.
    pub removed: Option<RemovedView>,
}

impl EventView {
    /// The event for the API and `--json`.
    #[must_use]
    pub fn new(event: &EventRecord) -> Self {
        // We only write JSON. A text that isn't was put there by something else; show it unchanged.
        let data = serde_json::from_str(&event.data).unwrap_or_else(|_| json!(event.data));
        Self {
            id: event.id,
            at: Instant(event.at()),
            r#type: event.event.clone(),
            key_id: event.key_id.clone(),
            actor: event.actor.clone(),
            on_behalf_of: event.on_behalf_of.clone(),
            data,
            digest: event.digest.to_string(),
        }
    }
}

/// Parses comma-separated type names.
///
/// # Errors
/// [`Error::Invalid`] for an unknown name.
pub fn types(text: &str) -> Result<Vec<EventType>, Error> {
    let reason = "must name events such as api-key.created or list.published, separated by commas";
    let read = |name: &str| EventType::from_name(name.trim());
    text.split(',').map(|name| read(name).ok_or(Error::Invalid { field: "type", reason })).collect()
}

/// A page of events, newest first by default.
pub(crate) async fn list_events(context: &Context, query: &EventQuery) -> Result<EventPage, Error> {
    let limit = query.limit.unwrap_or(50);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Error::Invalid { field: "limit", reason: "must be 1 to 1000" });
    }
    let mut filter = query.filter.clone();
    if let Some(cursor) = &query.cursor {
        let reason = "must be the `next_cursor` of the page before";
        let place = cursor.parse().ok().filter(|&place: &i64| place > 0);
        let place = place.ok_or(Error::Invalid { field: "cursor", reason })?;
        if filter.ascending {
            filter.after = Some(place);
        } else {
            filter.before = Some(place);
        }
    }
    let mut reading = context.store().read().await?;
    check_kept(&mut reading, filter.after.unwrap_or(0)).await?;
    let removed = start_in(&mut reading).await?;
    let mut found = events::list(&mut reading, &filter, limit.saturating_add(1)).await?;
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = found.len() > wanted;
    found.truncate(wanted);
    let next_cursor = found.last().filter(|_| more).map(|event| event.id.to_string());
    Ok(EventPage { events: found, next_cursor, removed })
}

/// The events after `position`, oldest first, for consumers of the outbox.
pub(crate) async fn events_after(
    context: &Context,
    position: i64,
    limit: u32,
) -> Result<Vec<EventRecord>, Error> {
    let mut reading = context.store().read().await?;
    check_kept(&mut reading, position).await?;
    Ok(events::after(&mut reading, position, limit).await?)
}

/// Refuses a position if events after it were removed.
pub(crate) async fn check_events_after(context: &Context, position: i64) -> Result<(), Error> {
    check_kept(&mut *context.store().read().await?, position).await
}

/// The newest event's id; 0 if there is none.
pub(crate) async fn last_event(context: &Context) -> Result<i64, Error> {
    Ok(events::position(&mut *context.store().read().await?).await?)
}
