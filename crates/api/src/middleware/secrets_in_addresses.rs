//! Checks requests' addresses for secret keys. Logs, histories and proxies on the way keep
//! addresses, so no secret belongs in one.

use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use url::form_urlencoded;

use crate::problem::Problem;

/// The beginnings of secret keys, after an optional label.
const SECRET: [&str; 4] = ["sk_live_", "sk_test_", "ak_live_", "ak_test_"];
/// How many characters after such a beginning make the text a key rather than a search for a
/// prefix.
const TELLING: usize = 12;

/// Refuses a request if its address contains the text of a secret key.
pub(crate) async fn refuse_secrets(request: Request, next: Next) -> Response {
    if !holds_secret(request.uri().path(), request.uri().query().unwrap_or_default()) {
        return next.run(request).await;
    }
    let detail = "a secret key stands in the address, which logs and proxies keep: count it as \
                  leaked, and revoke it. Send a key in a body: `POST /v1/keys/authenticate` answers its \
                  record, `POST /v1/verify` what a gate would say";
    Problem::new(StatusCode::BAD_REQUEST, "secret_in_address", detail).into_response()
}

fn holds_secret(path: &str, query: &str) -> bool {
    // Decode the path as a form. The only difference is the plus sign, which no key contains.
    let path = form_urlencoded::parse(path.as_bytes());
    let parts = path.chain(form_urlencoded::parse(query.as_bytes()));
    parts.flat_map(|(name, value)| [name, value]).any(|text| is_telling(&text))
}

fn is_telling(text: &str) -> bool {
    SECRET.iter().any(|front| {
        text.match_indices(front).any(|(at, _)| {
            let behind = text.get(at + front.len()..).unwrap_or_default();
            behind.bytes().take_while(u8::is_ascii_alphanumeric).count() >= TELLING
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_found_however_they_are_escaped_and_nothing_else_is() {
        let body = "0123456789abcdefgh";
        for (path, query) in [
            ("/v1/keys", format!("token=sk_live_{body}")),
            ("/v1/keys", format!("q=acme_sk_test_{body}&limit=1")),
            ("/v1/keys", format!("x%3D=%20sk%5Flive%5f{body}+")),
            ("/v1/keys", format!("sk_live_{body}")),
            ("/v1/keys/sk_live_0123456789ab", String::new()),
            ("/v1/keys", format!("token=ak_live_{body}")),
            ("/v1/keys/sk%5Flive_0123456789ab/roll", String::new()),
        ] {
            assert!(holds_secret(path, &query), "{path}?{query}");
        }
        for (path, query) in [
            ("/v1/keys", "token=pk_live_0123456789abcdefgh"),
            ("/v1/keys", "q=sk_live_***abc12"),
            ("/v1/keys", "q=sk_live_"),
            ("/v1/keys", "title=task_live_view&cursor=c2tfbGl2ZV8"),
            ("/v1/keys/apk_0123456789abcdefghijkl", ""),
        ] {
            assert!(!holds_secret(path, query), "{path}?{query}");
        }
    }
}
