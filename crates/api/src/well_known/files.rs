//! The files that verifiers fetch. Each answer is read from the database, so that a revocation by
//! another process is served at once. ETags are strong: the SHA-256 of the bytes.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use axum::routing::get;
use portcullis_core::crypto::Digest;
use portcullis_core::policy::Visibility;
use portcullis_issuer::actions::scopes;
use portcullis_issuer::error::Error;
use portcullis_issuer::issuer::Issuer;
use portcullis_issuer::store::{lists, policies, shards};

use super::static_file::{page, unknown};
use crate::caller;
use crate::extract::Path;
use crate::problem::Problem;

const NEWEST: &str = "public, max-age=1";
const KEYRING: &str = "public, max-age=60";
const FOR_GATES: &str = "private, max-age=31536000, immutable";
const FOR_EVER: &str = "public, max-age=31536000, immutable";

pub(super) fn routes() -> Router<Issuer> {
    Router::new()
        .route("/keyring", get(keyring))
        .route("/stamp", get(stamp))
        .route("/head", get(head))
        .route("/bundle", get(bundle))
        .route("/heads/{digest}", get(head_by_digest))
        .route("/bodies/{digest}", get(body_by_digest))
        .route("/policies/{digest}", get(public_policies))
        .route("/private/{digest}", get(private_policies))
}

type Answer = Result<Response, Problem>;

async fn keyring(State(issuer): State<Issuer>, headers: HeaderMap) -> Answer {
    Ok(file(issuer.keyring().document().await?, KEYRING, &headers))
}

async fn stamp(State(issuer): State<Issuer>, headers: HeaderMap) -> Answer {
    Ok(file(issuer.list().published().await?.stamp, NEWEST, &headers))
}

async fn head(State(issuer): State<Issuer>, headers: HeaderMap) -> Answer {
    let mut reading = issuer.store().read().await?;
    let digest = lists::published(&mut reading).await?.digest;
    let head = lists::head(&mut reading, digest).await?;
    Ok(file(head.map(|(head, _)| head).ok_or_else(unknown)?, NEWEST, &headers))
}

async fn bundle(State(issuer): State<Issuer>, headers: HeaderMap) -> Answer {
    Ok(file(issuer.list().bundle().await?, NEWEST, &headers))
}

async fn head_by_digest(
    State(issuer): State<Issuer>,
    Path(digest): Path,
    headers: HeaderMap,
) -> Answer {
    let digest = digest.parse::<Digest>().map_err(|_| unknown())?;
    let head = lists::head(&mut *issuer.store().read().await?, digest).await?;
    Ok(file(head.map(|(head, _)| head).ok_or_else(unknown)?, FOR_EVER, &headers))
}

async fn body_by_digest(
    State(issuer): State<Issuer>,
    Path(digest): Path,
    headers: HeaderMap,
) -> Answer {
    let digest = digest.parse::<Digest>().map_err(|_| unknown())?;
    let body = shards::body(&mut *issuer.store().read().await?, digest).await?;
    Ok(file(body.ok_or_else(unknown)?, FOR_EVER, &headers))
}

async fn public_policies(
    State(issuer): State<Issuer>,
    Path(digest): Path,
    headers: HeaderMap,
) -> Answer {
    Ok(file(policy_file(&issuer, Visibility::Public, &digest).await?, FOR_EVER, &headers))
}

/// Private files are for gates alone. Other clients get the same answer as for an unknown name.
async fn private_policies(
    State(issuer): State<Issuer>,
    Path(digest): Path,
    headers: HeaderMap,
) -> Answer {
    if !is_gate(&issuer, &headers).await? {
        return Err(unknown());
    }
    let bytes = policy_file(&issuer, Visibility::Private, &digest).await?;
    // For the sender of this credential; no shared cache may keep it.
    Ok(file(bytes, FOR_GATES, &headers))
}

async fn policy_file(
    issuer: &Issuer,
    visibility: Visibility,
    digest: &str,
) -> Result<Vec<u8>, Problem> {
    let digest = digest.parse::<Digest>().map_err(|_| unknown())?;
    let mut reading = issuer.store().read().await?;
    policies::file(&mut reading, visibility, digest).await?.ok_or_else(unknown)
}

/// Whether the request carries an admin key with the scope of gates.
async fn is_gate(issuer: &Issuer, headers: &HeaderMap) -> Result<bool, Error> {
    let Some(token) = caller::bearer(headers) else { return Ok(false) };
    let record = match issuer.admins().find(token).await? {
        Ok(record) => record,
        Err(_) => return Ok(false),
    };
    Ok(scopes::covers(&record.admin_scopes, scopes::GATES_READ))
}

fn file(bytes: Vec<u8>, caching: &'static str, headers: &HeaderMap) -> Response {
    page(bytes, "application/octet-stream", &HeaderValue::from_static(caching), headers)
}
