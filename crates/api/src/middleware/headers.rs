//! Headers that the server adds to answers. Every answer has the security headers: browsers
//! must not guess its type, and no page may frame it.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;

/// An answer runs no script, fetches nothing and can't be framed. Only the API's documentation page
/// has a policy of its own, which allows its style.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";
const ALWAYS: [(HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, NOTHING),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// Adds the headers that the answer does not set itself.
pub(crate) async fn add_security_headers(mut response: Response) -> Response {
    for (name, value) in ALWAYS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// Keeps the answers of the API out of caches.
pub(crate) async fn never_cached(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
