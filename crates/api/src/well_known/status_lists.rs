//! The status lists for relying parties, with the documents about them. ETags are strong.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use portcullis_core::keyring::Keyring;
use portcullis_core::time::Time;
use portcullis_issuer::error::Error;
use portcullis_issuer::issuer::Issuer;
use portcullis_issuer::status::{self, StatusLists, token};
use portcullis_issuer::store::{lists, status as table};

use super::static_file::{page, unknown};
use crate::extract::Path;
use crate::problem::Problem;

pub(super) async fn show(
    State(issuer): State<Issuer>,
    Path(name): Path,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let lists = issuer.status_lists().ok_or_else(unknown)?;
    match name.as_str() {
        status::AGGREGATION => aggregation(&issuer, lists, &headers).await,
        status::JWKS => jwks(&issuer, lists, &headers).await,
        _ => list(&issuer, lists, &name, query.as_deref(), &headers).await,
    }
}

async fn list(
    issuer: &Issuer,
    lists: &StatusLists,
    name: &str,
    query: Option<&str>,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let shard = status::shard_of(name).ok_or_else(unknown)?;
    if query.is_some_and(|query| query.split('&').any(|pair| pair.starts_with("time="))) {
        let detail = "lists of the past are not kept; ask without `time`";
        return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, "no_history", detail));
    }
    let token = table::token(&mut *issuer.store().read().await?, shard).await?;
    let (token, expires) = token.ok_or_else(unknown)?;
    let caching = caching(lists, Some(expires), issuer.now());
    Ok(page(token.into_bytes(), status::MEDIA_TYPE, &caching, headers))
}

async fn aggregation(
    issuer: &Issuer,
    lists: &StatusLists,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let marks = table::marks(&mut *issuer.store().read().await?).await?;
    let shards: Vec<u32> = marks.keys().copied().collect();
    let document = lists.aggregation(&shards).to_string().into_bytes();
    let caching = caching(lists, None, issuer.now());
    Ok(page(document, "application/json", &caching, headers))
}

async fn jwks(
    issuer: &Issuer,
    lists: &StatusLists,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let document = lists::keyring(&mut *issuer.store().read().await?).await?;
    let keyring = Keyring::open(&document, issuer.root()).map_err(Error::from)?;
    let document = token::jwks(&keyring).to_string().into_bytes();
    let caching = caching(lists, None, issuer.now());
    Ok(page(document, status::JWKS_MEDIA_TYPE, &caching, headers))
}

/// A cache may keep a list as long as a relying party may, and never past its expiry.
fn caching(lists: &StatusLists, expires: Option<Time>, now: Time) -> HeaderValue {
    let ttl = u64::from(lists.ttl_secs());
    let max_age = expires.map_or(ttl, |expires| ttl.min(expires.millis_since(now) / 1000));
    // Digits are a valid header value.
    HeaderValue::from_str(&format!("public, max-age={max_age}"))
        .unwrap_or(HeaderValue::from_static("no-store"))
}
