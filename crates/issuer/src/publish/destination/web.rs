//! Requests to destinations on the network.

use std::time::Duration;

use portcullis_core::time::Time;

use super::operations::Found;
use crate::sources::chain;

/// The time limit of one request.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The size limit of any file of a list.
const MAX_FILE_LEN: usize = portcullis_core::list::MAX_BUNDLE_LEN;

pub(super) fn install_tls() {
    // A second installation fails, which is harmless.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

pub(super) fn client() -> Result<reqwest::Client, String> {
    install_tls();
    let client = reqwest::Client::builder().timeout(TIMEOUT);
    client.redirect(reqwest::redirect::Policy::none()).build().map_err(http_error)
}

pub(super) async fn fetch(request: reqwest::RequestBuilder) -> Result<Found, String> {
    let mut answer = request.send().await.map_err(http_error)?;
    let date = date_of(answer.headers());
    match answer.status() {
        reqwest::StatusCode::NOT_FOUND => return Ok(Found { date, ..Found::default() }),
        status if status.is_success() => {}
        status => return Err(format!("answered {status}")),
    }
    let mut bytes = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(http_error)? {
        if bytes.len().saturating_add(chunk.len()) > MAX_FILE_LEN {
            return Err("answered with more than any file of a list holds".into());
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Found { bytes: Some(bytes), date, version: None })
}

/// The server's time: the date of the response plus its age in caches.
fn date_of(headers: &reqwest::header::HeaderMap) -> Option<Time> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let date = jiff::fmt::rfc2822::parse(text("date")?).ok()?.timestamp().as_millisecond();
    let age: u64 = text("age").and_then(|age| age.trim().parse().ok()).unwrap_or(0);
    Some(Time::from_millis(u64::try_from(date).ok()?).plus_millis(age.saturating_mul(1000)))
}

#[allow(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
pub(super) fn http_error(error: reqwest::Error) -> String {
    // The address may be confidential.
    chain(&error.without_url())
}

/// Applies the time limit to a request.
pub(super) async fn within<T>(work: impl Future<Output = T>) -> Result<T, String> {
    let done = tokio::time::timeout(TIMEOUT, work).await;
    done.map_err(|_| "did not answer within ten seconds".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{AGE, DATE, HeaderMap};

    #[test]
    fn a_servers_clock_is_read_through_a_cache() {
        let mut headers = HeaderMap::new();
        assert_eq!(date_of(&headers), None);
        headers.insert(DATE, "Fri, 15 Jan 2027 08:00:00 GMT".parse().unwrap());
        let date = Time::from_secs(1_800_000_000);
        assert_eq!(date_of(&headers), Some(date));
        headers.insert(AGE, "90".parse().unwrap());
        assert_eq!(date_of(&headers), Some(date.plus_millis(90_000)));
        headers.insert(DATE, "yesterday".parse().unwrap());
        assert_eq!(date_of(&headers), None);
    }
}
