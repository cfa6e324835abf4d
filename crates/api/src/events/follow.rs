//! The audit trail as a stream.

#![allow(unused_qualifications, reason = "what utoipa writes for query parameters")]

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::http::HeaderMap;
use axum::response::sse::{self, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use portcullis_issuer::actions::{NotAdmin, scopes};
use portcullis_issuer::error::Error;
use portcullis_issuer::events::{EventView, types};
use portcullis_issuer::issuer::Issuer;
use portcullis_issuer::store::events::{EventRecord, EventType};
use serde::Deserialize;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use utoipa::IntoParams;

use super::streams::{BATCH, Batch, Seat, Streams};
use crate::caller;
use crate::extract::Query;
use crate::problem::Problem;
use crate::require::{AuditRead, Require, Routes, operation};

/// The type of the event that gives the reason why a stream ends.
const ENDED: &str = "stream.ended";
/// How often an idle stream checks its key, and sends a comment to show that it is alive.
const BEAT_EVERY: Duration = Duration::from_secs(5);

pub(super) fn routes() -> Routes {
    Routes::new().and(operation!(follow))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct FollowQuery {
    r#type: Option<String>,
    after: Option<String>,
}

/// The state of one stream.
struct Follower {
    issuer: Issuer,
    admin: String,
    types: Vec<EventType>,
    position: i64,
    pending: VecDeque<EventRecord>,
    news: broadcast::Receiver<Arc<Batch>>,
    beat_at: Instant,
    /// Whether all events that existed when the stream began have been read.
    caught_up: bool,
    ended: bool,
    _seat: Seat,
}

/// Follow events as they are committed.
///
/// The stream begins after the event that `Last-Event-ID` or `?after=` names (0 for all stored
/// events), or without either with the next event. If retention has removed events after the named
/// one, the response is 410. The server checks the admin key again before it sends events, and at
/// least every 5 s. If the key may no longer read this stream, the stream ends with an event
/// `stream.ended`, which contains the reason as a problem.
#[utoipa::path(
    get, path = "/events/stream", tag = "events", operation_id = "follow_events",
    params(FollowQuery),
    responses(
        (status = 200, description = "Events, as `text/event-stream`"),
        (status = 410, description = "Retention has removed events after the given one: `events_removed`", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "This admin key, or all together, follow as many streams as allowed: `too_many_streams`", body = Problem, content_type = "application/problem+json")
    )
)]
async fn follow(
    Require { issuer, admin, .. }: Require<AuditRead>,
    Extension(streams): Extension<Streams>,
    Query(query): Query<FollowQuery>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let types = query.r#type.as_deref().map(types).transpose()?.unwrap_or_default();
    let last = headers.get("last-event-id").map(|value| value.to_str().unwrap_or("?").to_owned());
    let (seat, news) = streams.join(&issuer, &admin.id)?;
    let position = match last.or(query.after) {
        None => issuer.trail().last().await?,
        Some(text) => {
            let reason = "must be the id of an event";
            let place = text.trim().parse().ok().filter(|&place: &i64| place >= 0);
            let place = place.ok_or(Error::Invalid { field: "Last-Event-ID", reason })?;
            issuer.trail().check_after(place).await?;
            place
        }
    };
    let follower = Follower {
        issuer,
        admin: admin.id,
        types,
        position,
        pending: VecDeque::new(),
        news,
        beat_at: Instant::now() + BEAT_EVERY,
        caught_up: false,
        ended: false,
        _seat: seat,
    };
    Ok(Sse::new(stream::unfold(follower, next)).into_response())
}

/// What a follower waits for.
enum News {
    Events(Vec<EventRecord>),
    Beat,
    End,
}

impl Follower {
    /// Waits for the events after the follower's position. The follower reads them from the
    /// database until it has caught up, and from then on takes them from the shared reader.
    async fn listen(&mut self) -> Result<News, Error> {
        loop {
            if self.issuer.is_ending() {
                return Ok(News::End);
            }
            // Checked on every pass, because filtered-out events alone must not delay the beat.
            if Instant::now() >= self.beat_at {
                return Ok(self.beat());
            }
            if !self.caught_up {
                let events = self.issuer.trail().after(self.position, BATCH).await?;
                if !events.is_empty() {
                    return Ok(News::Events(events));
                }
                self.caught_up = true;
            }
            match tokio::time::timeout_at(self.beat_at, self.news.recv()).await {
                Err(_) => return Ok(self.beat()),
                // If the batch begins after the last event that was read, the follower has missed
                // some: read them from the database.
                Ok(Ok(batch)) if batch.after > self.position => self.caught_up = false,
                Ok(Ok(batch)) => {
                    let new = batch.events.iter().filter(|event| event.id > self.position);
                    let new: Vec<EventRecord> = new.cloned().collect();
                    if !new.is_empty() {
                        return Ok(News::Events(new));
                    }
                }
                Ok(Err(RecvError::Lagged(_))) => self.caught_up = false,
                Ok(Err(RecvError::Closed)) => return Ok(News::End),
            }
        }
    }

    fn beat(&mut self) -> News {
        self.beat_at = Instant::now() + BEAT_EVERY;
        News::Beat
    }

    /// The reason why the key may no longer read this stream, if there is one.
    async fn objection(&self) -> Result<Option<Problem>, Error> {
        let record = match self.issuer.admins().find_again(&self.admin).await? {
            Ok(record) => record,
            Err(NotAdmin::Refused(refusal)) if refusal.is_unavailable() => {
                return Ok(Some(caller::unavailable(refusal)));
            }
            Err(_) => return Ok(Some(caller::invalid_admin_key())),
        };
        let wanted = [scopes::AUDIT_READ.to_owned()];
        Ok(scopes::check_grant(&record.admin_scopes, &wanted).err().map(Problem::from))
    }

    fn wants(&self, event: &EventRecord) -> bool {
        self.types.is_empty() || self.types.iter().any(|wanted| wanted.name() == event.event)
    }
}

/// The next event to send. The stream ends when the server stops, and the client reconnects.
async fn next(mut follower: Follower) -> Option<(Result<sse::Event, Infallible>, Follower)> {
    loop {
        if let Some(event) = follower.pending.pop_front() {
            return Some((Ok(sse_event(&event)), follower));
        }
        if follower.ended {
            return None;
        }
        let news = match follower.listen().await {
            Ok(News::End) => return None,
            Ok(news) => news,
            Err(error) => return Some((Ok(follower.end(&Problem::from(error))), follower)),
        };
        match follower.objection().await {
            Ok(None) => {}
            Ok(Some(problem)) => return Some((Ok(follower.end(&problem)), follower)),
            Err(error) => return Some((Ok(follower.end(&Problem::from(error))), follower)),
        }
        match news {
            News::Events(events) => {
                follower.position = events.last().map_or(follower.position, |event| event.id);
                follower.pending =
                    events.into_iter().filter(|event| follower.wants(event)).collect();
            }
            News::Beat => return Some((Ok(sse::Event::default().comment("beat")), follower)),
            News::End => return None,
        }
    }
}

impl Follower {
    /// The last event of a stream, if the client is to learn why it ends.
    fn end(&mut self, problem: &Problem) -> sse::Event {
        self.ended = true;
        let data = serde_json::to_string(problem).unwrap_or_default();
        sse::Event::default().event(ENDED).data(data)
    }
}

fn sse_event(event: &EventRecord) -> sse::Event {
    let data = serde_json::to_string(&EventView::new(event)).unwrap_or_default();
    sse::Event::default().id(event.id.to_string()).event(&event.event).data(data)
}
