//! Files with their ETag and the time for which caches may keep them.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use portcullis_core::crypto::Digest;

use crate::problem::Problem;

pub(super) fn unknown() -> Problem {
    let detail = "no file of this issuer has that name; fetch the stamp again";
    Problem::new(StatusCode::NOT_FOUND, "unknown_file", detail)
}

/// A file with its ETag, or 304 if the client has it.
pub(super) fn page(
    bytes: Vec<u8>,
    media_type: &'static str,
    caching: &HeaderValue,
    headers: &HeaderMap,
) -> Response {
    let etag = format!("\"{}\"", Digest::of(&bytes));
    let known = headers.get_all(header::IF_NONE_MATCH).iter().any(|value| matches(value, &etag));
    let mut response = if known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = Response::new(Body::from(bytes));
        let kind = HeaderValue::from_static(media_type);
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, caching.clone());
    // Hexadecimal digits and quotes are a valid header value.
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    response
}

/// Whether an `If-None-Match` names `etag`, by the weak comparison (RFC 9110, section 13.1.2).
fn matches(value: &HeaderValue, etag: &str) -> bool {
    let tags = value.to_str().unwrap_or_default().split(',').map(str::trim);
    tags.map(|tag| tag.strip_prefix("W/").unwrap_or(tag)).any(|tag| tag == "*" || tag == etag)
}
