//! `/v1/events`: the audit trail, by pages and as a stream.

#![allow(unused_qualifications, reason = "what utoipa writes for query parameters")]

use std::collections::VecDeque;
use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::body::Query;
use super::problem::Problem;
use crate::error::Error;
use crate::events::{EventQuery, EventView, EventsAnswer, types};
use crate::issuer::Issuer;
use crate::store::events::{EventRecord, EventType, Filter};
use crate::view::parse_rfc3339;

/// How often a stream looks for what is new.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often a stream that has nothing to say shows that it lives.
const BEAT_EVERY: Duration = Duration::from_secs(15);
/// How many events a stream reads at once.
const BATCH: u32 = 200;

pub(super) fn routes() -> OpenApiRouter<Issuer> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(follow))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    r#type: Option<String>,
    key_id: Option<String>,
    /// The principal: what this admin key, shell or job did.
    actor: Option<String>,
    /// What callers said that it was on behalf of.
    on_behalf_of: Option<String>,
    since: Option<String>,
    until: Option<String>,
    order: Option<String>,
    limit: Option<u32>,
    cursor: Option<String>,
}

/// List events.
#[utoipa::path(
    get, path = "/events", tag = "events", operation_id = "list_events",
    params(ListQuery),
    security(("admin_key" = ["audit:read"])),
    responses((status = 200, description = "A page of events", body = EventsAnswer))
)]
async fn list(State(issuer): State<Issuer>, Query(query): Query<ListQuery>) -> Answer {
    let ascending = match query.order.as_deref() {
        None | Some("desc") => false,
        Some("asc") => true,
        Some(_) => {
            return Err(Error::Invalid { field: "order", reason: "must be asc or desc" }.into());
        }
    };
    let filter = Filter {
        types: query.r#type.as_deref().map(types).transpose()?.unwrap_or_default(),
        key_id: query.key_id,
        actor: query.actor,
        on_behalf_of: query.on_behalf_of,
        since: instant(query.since.as_deref(), "since")?,
        until: instant(query.until.as_deref(), "until")?,
        ascending,
        ..Filter::default()
    };
    let query = EventQuery { filter, cursor: query.cursor, limit: query.limit };
    let page = issuer.list_events(&query).await?;
    let events = page.events.iter().map(EventView::new).collect();
    Ok(axum::Json(EventsAnswer { events, next_cursor: page.next_cursor }).into_response())
}

type Answer = Result<Response, Problem>;

fn instant(
    text: Option<&str>,
    field: &'static str,
) -> Result<Option<portcullis_core::time::Time>, Error> {
    let reason = "must be a time such as 2026-01-31T12:00:00Z (RFC 3339)";
    text.map(|text| parse_rfc3339(text).ok_or(Error::Invalid { field, reason })).transpose()
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FollowQuery {
    r#type: Option<String>,
    after: Option<String>,
}

/// Where a stream stands.
struct Follower {
    issuer: Issuer,
    types: Vec<EventType>,
    position: i64,
    pending: VecDeque<EventRecord>,
}

/// Follow events as they are committed.
///
/// `Last-Event-ID` resumes behind an event, `?after=` starts behind
/// one (0 for all); without either only what is new is told.
#[utoipa::path(
    get, path = "/events/stream", tag = "events", operation_id = "follow_events",
    params(FollowQuery),
    security(("admin_key" = ["audit:read"])),
    responses((status = 200, description = "Events, as `text/event-stream`"))
)]
async fn follow(
    State(issuer): State<Issuer>,
    Query(query): Query<FollowQuery>,
    headers: HeaderMap,
) -> Answer {
    let types = query.r#type.as_deref().map(types).transpose()?.unwrap_or_default();
    let last = headers.get("last-event-id").map(|value| value.to_str().unwrap_or("?").to_owned());
    let position = match last.or(query.after) {
        None => issuer.last_event().await?,
        Some(text) => {
            let reason = "must be the id of an event";
            let place = text.trim().parse().ok().filter(|&place: &i64| place >= 0);
            place.ok_or(Error::Invalid { field: "Last-Event-ID", reason })?
        }
    };
    let follower = Follower { issuer, types, position, pending: VecDeque::new() };
    let beat = KeepAlive::new().interval(BEAT_EVERY).text("beat");
    Ok(Sse::new(stream::unfold(follower, next)).keep_alive(beat).into_response())
}

/// The next event to tell; the stream ends where the server does, and the client comes again.
async fn next(mut follower: Follower) -> Option<(Result<sse::Event, Infallible>, Follower)> {
    loop {
        if let Some(event) = follower.pending.pop_front() {
            return Some((Ok(told(&event)), follower));
        }
        if follower.issuer.is_ending() {
            return None;
        }
        match follower.issuer.events_after(follower.position, BATCH).await {
            Ok(events) if events.is_empty() => tokio::time::sleep(LOOK_EVERY).await,
            Ok(events) => {
                follower.position = events.last().map_or(follower.position, |event| event.id);
                let wanted = |event: &EventRecord| {
                    follower.types.is_empty()
                        || follower.types.iter().any(|wanted| wanted.name() == event.event)
                };
                follower.pending = events.into_iter().filter(wanted).collect();
            }
            Err(error) => {
                tracing::warn!(code = error.code(), "an event stream ends: {}", error.chain());
                return None;
            }
        }
    }
}

fn told(event: &EventRecord) -> sse::Event {
    let data = serde_json::to_string(&EventView::new(event)).unwrap_or_default();
    sse::Event::default().id(event.id.to_string()).event(&event.event).data(data)
}
