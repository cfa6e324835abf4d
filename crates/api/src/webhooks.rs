//! `/v1/webhooks…`.

#![allow(unused_qualifications, reason = "what utoipa writes for query parameters")]

use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use portcullis_issuer::error::Error;
use portcullis_issuer::events;
use portcullis_issuer::issuer::Issuer;
use portcullis_issuer::store::events::EventType;
use portcullis_issuer::store::webhooks::{DeliveryState, WebhookRecord};
use portcullis_issuer::webhooks::{
    DEFAULT_OVERLAP, DeliveryView, NewWebhook, Replay, WebhookChange, WebhookView, WithSecret,
};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::extract::{Json, Path, Query};
use super::options::Settings;
use super::problem::Problem;
use super::require::{AuditRead, Require, Routes, WebhooksRead, WebhooksWrite, operation};
use crate::view::webhooks::{
    DeliveriesAnswer, ReplayedAnswer, WebhookDeletedAnswer, WebhookSecretAnswer, WebhooksAnswer,
};

pub(super) fn routes() -> Routes {
    Routes::new()
        .and(operation!(create))
        .and(operation!(list))
        .and(operation!(show))
        .and(operation!(update))
        .and(operation!(delete))
        .and(operation!(rotate))
        .and(operation!(deliveries))
        .and(operation!(replay))
}

fn types(names: &[String]) -> Result<Vec<EventType>, Error> {
    let read = |name: &String| events::types(name);
    let lists = names.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(lists.concat())
}

fn view(issuer: &Issuer, webhook: &WebhookRecord) -> WebhookView {
    WebhookView::new(webhook, issuer.now())
}

/// The endpoint with its secret, which is returned only when it is new.
fn with_secret(issuer: &Issuer, made: &WithSecret) -> WebhookSecretAnswer {
    let secret = made.secret.as_str().to_owned();
    WebhookSecretAnswer { webhook: view(issuer, &made.webhook), secret }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = CreateWebhookBody)]
struct CreateBody {
    url: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    types: Vec<String>,
}

/// Create an endpoint; its secret is returned only once.
#[utoipa::path(
    post, path = "/webhooks", tag = "webhooks", operation_id = "create_webhook",
    request_body = CreateBody,
    responses((status = 201, description = "The endpoint and its secret", body = WebhookSecretAnswer))
)]
async fn create(
    Require { issuer, .. }: Require<(WebhooksWrite, AuditRead)>,
    Extension(settings): Extension<Settings>,
    Json(body): Json<CreateBody>,
) -> Result<(StatusCode, axum::Json<WebhookSecretAnswer>), Problem> {
    let types = types(&body.types)?;
    let CreateBody { url, description, .. } = body;
    let new = NewWebhook { url, description, types, by: None };
    let webhook = issuer.webhooks().create(&new, settings.reach).await?;
    Ok((StatusCode::CREATED, axum::Json(with_secret(&issuer, &webhook))))
}

/// List endpoints.
#[utoipa::path(
    get, path = "/webhooks", tag = "webhooks", operation_id = "list_webhooks",
    responses((status = 200, description = "All endpoints", body = WebhooksAnswer))
)]
async fn list(
    _: Require<WebhooksRead>,
    State(issuer): State<Issuer>,
) -> Result<axum::Json<WebhooksAnswer>, Problem> {
    let webhooks = issuer.webhooks().list().await?;
    let webhooks = webhooks.iter().map(|webhook| view(&issuer, webhook)).collect();
    Ok(axum::Json(WebhooksAnswer { webhooks }))
}

/// Show an endpoint.
#[utoipa::path(
    get, path = "/webhooks/{id}", tag = "webhooks", operation_id = "show_webhook",
    params(("id" = String, Path, description = "The endpoint's id")),
    responses((status = 200, description = "The endpoint", body = WebhookView))
)]
async fn show(
    _: Require<WebhooksRead>,
    State(issuer): State<Issuer>,
    Path(id): Path,
) -> Result<axum::Json<WebhookView>, Problem> {
    let webhook = issuer.webhooks().show(&id).await?;
    Ok(axum::Json(view(&issuer, &webhook)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = UpdateWebhookBody)]
struct UpdateBody {
    url: Option<String>,
    description: Option<String>,
    types: Option<Vec<String>>,
    enabled: Option<bool>,
}

/// Update an endpoint.
#[utoipa::path(
    post, path = "/webhooks/{id}", tag = "webhooks", operation_id = "update_webhook",
    request_body = UpdateBody,
    params(("id" = String, Path, description = "The endpoint's id")),
    responses((status = 200, description = "The endpoint", body = WebhookView))
)]
async fn update(
    Require { issuer, .. }: Require<(WebhooksWrite, AuditRead)>,
    Extension(settings): Extension<Settings>,
    Path(id): Path,
    Json(body): Json<UpdateBody>,
) -> Result<axum::Json<WebhookView>, Problem> {
    let types = body.types.as_deref().map(types).transpose()?;
    let UpdateBody { url, description, enabled, .. } = body;
    let change = WebhookChange { url, description, types, enabled };
    let webhook = issuer.webhooks().update(&id, &change, None, settings.reach).await?;
    Ok(axum::Json(view(&issuer, &webhook)))
}

/// Delete an endpoint.
#[utoipa::path(
    delete, path = "/webhooks/{id}", tag = "webhooks", operation_id = "delete_webhook",
    params(("id" = String, Path, description = "The endpoint's id")),
    responses((status = 200, description = "Deleted", body = WebhookDeletedAnswer))
)]
async fn delete(
    Require { issuer, .. }: Require<WebhooksWrite>,
    Path(id): Path,
) -> Result<axum::Json<WebhookDeletedAnswer>, Problem> {
    issuer.webhooks().delete(&id, None).await?;
    Ok(axum::Json(WebhookDeletedAnswer { id, deleted: true }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RotateSecretBody)]
struct RotateBody {
    overlap_seconds: Option<u64>,
}

/// Rotate an endpoint's secret. Both secrets sign during the overlap.
#[utoipa::path(
    post, path = "/webhooks/{id}/rotate-secret", tag = "webhooks", operation_id = "rotate_webhook_secret",
    request_body = RotateBody,
    params(("id" = String, Path, description = "The endpoint's id")),
    responses((status = 200, description = "The endpoint and its new secret", body = WebhookSecretAnswer))
)]
async fn rotate(
    Require { issuer, .. }: Require<WebhooksWrite>,
    Path(id): Path,
    Json(body): Json<RotateBody>,
) -> Result<axum::Json<WebhookSecretAnswer>, Problem> {
    let overlap = body.overlap_seconds.map_or(DEFAULT_OVERLAP, Duration::from_secs);
    let webhook = issuer.webhooks().rotate(&id, overlap, None).await?;
    Ok(axum::Json(with_secret(&issuer, &webhook)))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DeliveriesQuery {
    state: Option<String>,
    limit: Option<u32>,
    before: Option<i64>,
}

/// List an endpoint's deliveries.
#[utoipa::path(
    get, path = "/webhooks/{id}/deliveries", tag = "webhooks", operation_id = "list_deliveries",
    params(("id" = String, Path, description = "The endpoint's id"), DeliveriesQuery),
    responses((status = 200, description = "A page of deliveries", body = DeliveriesAnswer))
)]
async fn deliveries(
    _: Require<WebhooksRead>,
    State(issuer): State<Issuer>,
    Path(id): Path,
    Query(query): Query<DeliveriesQuery>,
) -> Result<axum::Json<DeliveriesAnswer>, Problem> {
    let reason = "must be pending, delivered or dead";
    let read =
        |name| DeliveryState::from_name(name).ok_or(Error::Invalid { field: "state", reason });
    let state = query.state.as_deref().map(read).transpose()?;
    let found = issuer.webhooks().deliveries(&id, state, query.before, query.limit).await?;
    let deliveries = found.iter().map(DeliveryView::from).collect();
    Ok(axum::Json(DeliveriesAnswer { deliveries }))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReplayBody {
    delivery: Option<i64>,
    after: Option<i64>,
    #[serde(default)]
    dead: bool,
}

/// Send deliveries again.
#[utoipa::path(
    post, path = "/webhooks/{id}/replay", tag = "webhooks", operation_id = "replay_webhook",
    request_body = ReplayBody,
    params(("id" = String, Path, description = "The endpoint's id")),
    responses(
        (status = 200, description = "The number of deliveries that were queued", body = ReplayedAnswer),
        (status = 410, description = "Retention has removed events after `after`: `events_removed`", body = Problem, content_type = "application/problem+json")
    )
)]
async fn replay(
    Require { issuer, .. }: Require<(WebhooksWrite, AuditRead)>,
    Path(id): Path,
    Json(body): Json<ReplayBody>,
) -> Result<axum::Json<ReplayedAnswer>, Problem> {
    let what = match (body.delivery, body.after, body.dead) {
        (Some(delivery), None, false) => Replay::One(delivery),
        (None, Some(after), false) => Replay::After(after),
        (None, None, true) => Replay::Dead,
        _ => {
            let reason = "must be given alone, as one of `delivery`, `after` and `dead`";
            return Err(Error::Invalid { field: "delivery", reason }.into());
        }
    };
    let replayed = issuer.webhooks().replay(&id, what).await?;
    Ok(axum::Json(ReplayedAnswer { replayed }))
}
