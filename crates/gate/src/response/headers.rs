//! Headers of the gate's answers, and of the origin's answers to limited keys.

use portcullis_core::token::Name;

use crate::limits::Allowance;
use crate::response::refused::ListSeen;
use crate::settings::rates::RateClass;

/// CORS headers that let a page of another origin read the gate's own answers. Without them the
/// browser shows a CORS error instead of the reason. No such answer depends on cookies, so requests
/// with credentials are allowed as well.
#[must_use]
pub fn cors_headers(origin: Option<&str>) -> Vec<(&'static str, String)> {
    const EXPOSED: &str = "WWW-Authenticate, Retry-After, RateLimit, RateLimit-Policy";
    let Some(origin) = origin else { return Vec::new() };
    vec![
        ("access-control-allow-origin", origin.to_owned()),
        ("access-control-allow-credentials", "true".to_owned()),
        ("access-control-expose-headers", EXPOSED.to_owned()),
        ("vary", "Origin".to_owned()),
    ]
}

/// `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers). The remaining count
/// is known if this isolate counts, and if the request was refused.
#[must_use]
pub fn rate_headers(
    class: &RateClass,
    allowance: Option<Allowance>,
    allowed: bool,
) -> Vec<(&'static str, String)> {
    let name = if class.name == "*" { "default" } else { &class.name };
    let policy = format!(r#""{name}";q={};w={}"#, class.limit, class.period);
    let mut headers = vec![("ratelimit-policy", policy)];
    let left = allowance.map(|left| (left.remaining, left.reset));
    if let Some((left, reset)) = left.or((!allowed).then_some((0, class.period))) {
        headers.push(("ratelimit", format!(r#""{name}";r={left};t={reset}"#)));
    }
    headers
}

/// The value of the header `portcullis-debug`, for a caller that may see it.
#[must_use]
pub fn debug(code: &str, name: Option<Name>, list: Option<ListSeen>) -> String {
    let mut text = format!("code={code}");
    if let Some(name) = name {
        text += &format!("; key={name}");
    }
    if let Some(ListSeen { number, age_millis, freshness }) = list {
        text += &format!("; list={number}; age_ms={age_millis}; freshness={}", freshness.name());
    }
    text
}
