//! The rate limit of each admin key: a leaky bucket for each key.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use portcullis_issuer::issuer::Issuer;
use tokio::sync::Mutex;

use crate::caller::Admin;
use crate::problem::Problem;

const LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
/// With more buckets than this, empty ones are dropped.
const MANY: usize = 10_000;

/// The rate: this many requests in each window, in a burst or evenly spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many requests; 0 for any number.
    pub requests: u32,
    /// The length of the window.
    pub window: Duration,
}

impl Default for Rate {
    fn default() -> Self {
        Self { requests: 6000, window: Duration::from_secs(60) }
    }
}

/// The buckets of one process.
#[derive(Clone, Debug)]
pub(crate) struct Limiter {
    rate: Rate,
    /// For each key, the instant at which its bucket is empty, in microseconds.
    empty_at: Arc<Mutex<HashMap<String, u64>>>,
}

/// The state of a bucket after one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Level {
    allowed: bool,
    remaining: u64,
    /// Seconds until the bucket is empty, or, if the request is refused, until the next one is
    /// allowed.
    wait_secs: u64,
}

impl Limiter {
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, empty_at: Arc::default() }
    }

    async fn ask(&self, key: &str, now_micros: u64) -> Level {
        let window = u64::try_from(self.rate.window.as_micros()).unwrap_or(u64::MAX).max(1);
        let each = (window / u64::from(self.rate.requests).max(1)).max(1);
        let mut buckets = self.empty_at.lock().await;
        if buckets.len() > MANY {
            buckets.retain(|_, empty_at| *empty_at > now_micros);
        }
        let empty_at = buckets.get(key).copied().unwrap_or(0).max(now_micros);
        let then = empty_at.saturating_add(each);
        let fill = then.saturating_sub(now_micros);
        if fill > window {
            let wait_secs = (fill - window).div_ceil(1_000_000);
            return Level { allowed: false, remaining: 0, wait_secs };
        }
        buckets.insert(key.to_owned(), then);
        drop(buckets);
        let wait_secs = fill.div_ceil(1_000_000);
        Level { allowed: true, remaining: (window - fill) / each, wait_secs }
    }
}

/// Enforces the rate for an admin key, and reports how many requests are left
/// (draft-ietf-httpapi-ratelimit-headers).
pub(crate) async fn limit(
    State(issuer): State<Issuer>,
    Extension(limiter): Extension<Limiter>,
    Extension(admin): Extension<Admin>,
    request: Request,
    next: Next,
) -> Response {
    let rate = limiter.rate;
    if rate.requests == 0 {
        return next.run(request).await;
    }
    // Use the monotonic clock: if the wall clock were ahead and then set back, a key that sent
    // requests meanwhile would be blocked until the clock reaches that time again.
    let micros = issuer.read_clock().steady_millis.saturating_mul(1000);
    let level = limiter.ask(&admin.id, micros).await;
    let mut response = if level.allowed {
        next.run(request).await
    } else {
        let detail = format!(
            "this admin key has made {} requests in {} s; wait {} s",
            rate.requests,
            rate.window.as_secs(),
            level.wait_secs
        );
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", detail);
        let mut response = problem.into_response();
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(level.wait_secs));
        response
    };
    let policy = format!(r#""admin-key";q={};w={}"#, rate.requests, rate.window.as_secs());
    let left = format!(r#""admin-key";r={};t={}"#, level.remaining, level.wait_secs);
    for (name, value) in [(POLICY, policy), (LIMIT, left)] {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_bucket_takes_its_fill_and_leaks_evenly() {
        let limiter = Limiter::new(Rate { requests: 3, window: Duration::from_secs(30) });
        let start = 1_000_000_000;
        for remaining in [2, 1, 0] {
            let level = limiter.ask("a", start).await;
            assert_eq!((level.allowed, level.remaining), (true, remaining));
        }
        let refused = Level { allowed: false, remaining: 0, wait_secs: 10 };
        assert_eq!(limiter.ask("a", start).await, refused);
        assert_eq!(limiter.ask("a", start).await, refused, "being refused costs nothing");
        assert!(limiter.ask("b", start).await.allowed, "each key has its own");
        assert!(!limiter.ask("a", start + 9_999_999).await.allowed);
        assert!(limiter.ask("a", start + 10_000_000).await.allowed);
        assert!(!limiter.ask("a", start + 10_000_000).await.allowed);
    }
}
