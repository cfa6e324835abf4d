//! What browsers are told of every answer: it is what it says it is, and nothing frames it.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;

/// An answer runs nothing, fetches nothing and stands in no frame. The page of the API alone says
/// otherwise, of its style.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'";
const ALWAYS: [(HeaderName, &str); 4] = [
    (header::CONTENT_SECURITY_POLICY, NOTHING),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
];

/// Adds what the answer does not say itself.
pub(super) async fn told(mut response: Response) -> Response {
    for (name, value) in ALWAYS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
