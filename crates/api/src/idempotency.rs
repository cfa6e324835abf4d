//! The header `Idempotency-Key`: an operation honours it or refuses it. No operation ignores it.
//!
//! The API's description decides: an operation honours the header if it declares it as a parameter.
//! So the description and the behaviour can't differ, and a new operation refuses the header until
//! it declares it.

use std::collections::HashSet;
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use portcullis_issuer::actions::Idempotency;
use portcullis_issuer::error::Error;
use serde_json::Value;

use super::caller::Admin;
use super::openapi;
use super::options::Settings;
use super::problem::Problem;

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// Marks an answer that repeats what an earlier request made.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The operations that honour the header.
#[derive(Debug)]
pub(super) struct Honoured {
    operations: HashSet<(Method, String)>,
    /// The same operations, as a problem lists them.
    names: String,
}

impl Honoured {
    /// The operations that declare the header in the description.
    pub(super) fn of(document: &Value) -> Self {
        let mut operations = HashSet::new();
        let mut names = Vec::new();
        for (path, method, operation) in openapi::operations(document) {
            let parameters = operation["parameters"].as_array().into_iter().flatten();
            let mut named = parameters.filter(|one| one["in"] == "header").map(|one| &one["name"]);
            if named.any(|name| name.as_str().is_some_and(|name| HEADER == *name)) {
                names.push(format!("{method} {path}"));
                operations.insert((method, path.to_owned()));
            }
        }
        Self { operations, names: names.join(", ") }
    }

    fn refusal(&self, method: &Method, path: &str) -> Problem {
        let detail = format!(
            "`{method} {path}` takes no `Idempotency-Key`, and nothing was done; send it without, or \
             use an operation that takes one: {}",
            self.names
        );
        Problem::new(StatusCode::BAD_REQUEST, "idempotency_not_supported", detail)
    }
}

/// Refuses a request with the header, unless its operation honours it.
pub(super) async fn refuse_unless_honoured(
    State(honoured): State<Arc<Honoured>>,
    request: Request,
    next: Next,
) -> Response {
    // A path without a route gets the usual 404.
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    if let Some(path) = path
        && request.headers().contains_key(HEADER)
        && !honoured.operations.contains(&(request.method().clone(), path.to_owned()))
    {
        return honoured.refusal(request.method(), path).into_response();
    }
    next.run(request).await
}

/// The idempotency key of the request. Keys of different callers never collide.
pub(super) fn named(
    headers: &HeaderMap,
    admin: &Admin,
    settings: Settings,
) -> Result<Option<Idempotency>, Error> {
    let mut names = headers.get_all(HEADER).iter();
    let Some(name) = names.next() else { return Ok(None) };
    let invalid = |reason| Error::Invalid { field: "Idempotency-Key", reason };
    if names.next().is_some() {
        return Err(invalid("must be sent once"));
    }
    let name = name.to_str().ok().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| invalid("must be 1 to 255 visible ASCII characters"))?;
    let window = settings.idempotency_window.unwrap_or(Idempotency::DEFAULT_WINDOW);
    Ok(Some(Idempotency { window, ..Idempotency::new(&admin.id, name) }))
}

/// An answer that may repeat what an earlier request made; if so, it is marked.
#[derive(Debug)]
pub(super) struct Repeatable<T> {
    pub(super) answer: T,
    pub(super) repeated: bool,
}

impl<T: IntoResponse> IntoResponse for Repeatable<T> {
    fn into_response(self) -> Response {
        let mut response = self.answer.into_response();
        if self.repeated {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}
