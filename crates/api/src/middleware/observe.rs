//! The observation of each request: an id, a log line, a count.
//!
//! Only method and route of a request are ever logged. Headers carry keys, and a path or a query is
//! text that any client can choose and that may contain a key.

use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use portcullis_issuer::issuer::Issuer;
use tracing::Instrument as _;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Gives the request an id, its own if that is well-formed, and logs and counts it.
pub(crate) async fn observe(
    State(issuer): State<Issuer>,
    request: Request,
    next: Next,
) -> Response {
    let id = request_id(request.headers().get(REQUEST_ID));
    let method = method(request.method());
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str);
    let route = route.to_owned();
    // The authentication layer fills this in.
    let actor = tracing::field::Empty;
    let span = tracing::info_span!("http", request_id = id, method, route, actor);
    let start = Instant::now();
    let mut response = next.run(request).instrument(span.clone()).await;
    let took = start.elapsed();
    let status = response.status().as_u16();
    issuer.metrics().request(method, &route, status, took);
    span.in_scope(|| {
        let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        // Requests outside `/v1`, which gates and monitors send every second, are logged at debug
        // level only. Lines about unauthenticated requests are limited.
        if route.starts_with("/v1") && status == StatusCode::UNAUTHORIZED {
            if let Some(left_out) = issuer.metrics().stranger_line(issuer.now()) {
                tracing::info!(status, took_ms, left_out, "answered");
            }
        } else if route.starts_with("/v1") {
            tracing::info!(status, took_ms, "answered");
        } else {
            tracing::debug!(status, took_ms, "answered");
        }
    });
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// A known method, or `other`: an unknown method is text that any client can choose.
fn method(method: &axum::http::Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// The request's own id, if it consists of letters, digits, full stops and hyphens. No key consists
/// of these alone, so no key gets into the log or an answer this way.
fn request_id(given: Option<&HeaderValue>) -> String {
    let fits = |text: &&str| {
        (1..=64).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
    };
    if let Some(text) = given.and_then(|value| value.to_str().ok()).filter(fits) {
        return text.to_owned();
    }
    // Without randomness the request gets the id `none`: it must still be answered.
    let id = portcullis_issuer::random::secret::<16>().map(|bytes| u128::from_be_bytes(*bytes));
    id.map_or_else(|_| "none".to_owned(), |id| format!("{id:032x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_may_be_a_key_is_not_taken_over() {
        let given = |text: &str| request_id(Some(&HeaderValue::from_str(text).unwrap()));
        assert_eq!(given("7b3e-1.a"), "7b3e-1.a");
        for bad in ["", "sk_live_abc", "a b", &"x".repeat(65)] {
            let id = given(bad);
            assert_eq!(id.len(), 32, "{bad}");
            assert_ne!(id, bad);
        }
        assert_ne!(request_id(None), request_id(None));
    }
}
