//! `/v1/keys/import`: imports records of another system from a file.

use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use portcullis_issuer::import::{Format, Reader};

use crate::extract::Whole;
use crate::problem::Problem;
use crate::require::{KeysWrite, Require, Routes, operation};

/// The largest file, in bytes.
const MAX_LEN: usize = 8 * 1024 * 1024;
/// The number of lines in one transaction.
const LINES: usize = 1000;

pub(super) fn routes() -> Routes {
    Routes::new().and(operation!(import)).limit_body(MAX_LEN)
}

/// Import records of another system. The response has one line for each line of the file.
#[utoipa::path(
    post, path = "/keys/import", tag = "keys", operation_id = "import_keys",
    responses(
        (status = 200, description = "One JSON line for each line of the file: its new key, or its error", body = String, content_type = "application/x-ndjson")
    )
)]
async fn import(
    Require { issuer, .. }: Require<KeysWrite>,
    headers: HeaderMap,
    Whole(body): Whole,
) -> Result<Response, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let format = match kind.and_then(|kind| kind.split(';').next()).map(str::trim) {
        Some("text/csv") => Format::Csv,
        Some("application/x-ndjson" | "application/jsonl") => Format::Jsonl,
        Some(_) | None => {
            let detail = "send the file as `Content-Type: text/csv` or `application/x-ndjson`";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type", detail));
        }
    };
    let bad = |error| Problem::new(StatusCode::BAD_REQUEST, "invalid_file", error);
    let mut reader = Reader::new(format, body.as_ref(), None).map_err(bad)?;
    let mut answer = String::new();
    loop {
        let lines: Vec<_> = reader.by_ref().take(LINES).collect();
        if lines.is_empty() {
            break;
        }
        for done in portcullis_issuer::import::import(&issuer, lines).await? {
            answer.push_str(&done.json());
            answer.push('\n');
        }
    }
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], answer).into_response())
}
