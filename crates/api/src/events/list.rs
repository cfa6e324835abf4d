//! The audit trail in pages.

#![allow(unused_qualifications, reason = "what utoipa writes for query parameters")]

use axum::extract::State;
use portcullis_issuer::error::Error;
use portcullis_issuer::events::{EventQuery, EventView, EventsAnswer, RemovedView, types};
use portcullis_issuer::issuer::Issuer;
use portcullis_issuer::store::events::Filter;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::extract::Query;
use crate::fields::instant;
use crate::problem::Problem;
use crate::require::{AuditRead, Require, Routes, operation};

pub(super) fn routes() -> Routes {
    Routes::new().and(operation!(list))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    r#type: Option<String>,
    key_id: Option<String>,
    /// Only events of this principal: an admin key's id, `user@host` of a shell, or a job.
    actor: Option<String>,
    /// Only events on behalf of this person, as named by the callers.
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
    responses(
        (status = 200, description = "A page of events", body = EventsAnswer),
        (status = 410, description = "In ascending order: retention has removed events after the cursor: `events_removed`", body = Problem, content_type = "application/problem+json")
    )
)]
async fn list(
    _: Require<AuditRead>,
    State(issuer): State<Issuer>,
    Query(query): Query<ListQuery>,
) -> Result<axum::Json<EventsAnswer>, Problem> {
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
    let page = issuer.trail().list(&query).await?;
    let events = page.events.iter().map(EventView::new).collect();
    let removed = page.removed.as_ref().map(RemovedView::from);
    let answer = EventsAnswer { events, next_cursor: page.next_cursor, removed };
    Ok(axum::Json(answer))
}
