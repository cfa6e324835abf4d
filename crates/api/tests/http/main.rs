//! The HTTP API, through the router.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    clippy::panic,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]

mod care;
mod doors;
mod files;
mod labels;
mod life;
mod many;
mod policies;
mod secrets;
mod settings;
mod status_lists;
mod trail;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use portcullis_api::{MAX_BODY_LEN, router};
use portcullis_core::crypto::Digest;
use portcullis_core::keyring::Purpose;
use portcullis_core::verify::{Refusal, Requirements};
use portcullis_issuer::actions::{NewKey, Revocation, When};
use portcullis_test_support::{Bench, START};
use serde_json::{Value, json};
use tower::ServiceExt as _;

const TOKEN: Requirements = Requirements { purpose: Purpose::Token, kind: None, environment: None };

struct Api {
    bench: Bench,
    router: Router,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    bytes: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

impl Api {
    async fn new() -> Self {
        let bench = Bench::new().await;
        let router = router(&bench.issuer);
        Self { bench, router }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Answer { status: parts.status, headers: parts.headers, bytes }
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let admin = format!("Bearer {}", self.bench.made.admin_token.as_str());
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("authorization", admin);
        let body = body.map_or(Body::empty(), |json| Body::from(json.to_string()));
        let request = request.header("content-type", "application/json").body(body).unwrap();
        self.send(request).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    async fn public(&self, path: &str, etag: Option<&str>) -> Answer {
        let path = format!("/.well-known/portcullis/{path}");
        let mut request = Request::builder().uri(path).header("origin", "https://shop.example");
        if let Some(etag) = etag {
            request = request.header("if-none-match", etag);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }
}

/// The key with its last character replaced.
fn altered(key: &str) -> String {
    let (front, last) = key.split_at(key.len() - 1);
    format!("{front}{}", if last == "0" { "1" } else { "0" })
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}
