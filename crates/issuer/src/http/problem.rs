//! Errors as RFC 9457 problems.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::error::Error;

/// An error as it is answered: `application/problem+json`.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// A URI that names the kind of problem: `tag:portcullis,2026:` and the code.
    r#type: String,
    title: &'static str,
    status: u16,
    detail: String,
    code: &'static str,
}

impl Problem {
    /// The problem with a stable code and a sentence that says what to do.
    pub fn new(status: StatusCode, code: &'static str, detail: impl std::fmt::Display) -> Self {
        Self {
            r#type: format!("tag:portcullis,2026:{code}"),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.to_string(),
            code,
        }
    }

    fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let status = status_of(&error);
        if status.is_server_error() {
            tracing::error!(code = error.code(), "{}", error.chain());
            let detail = "the issuer could not do this; its log says why";
            return Self::new(status, error.code(), detail);
        }
        Self::new(status, error.code(), &error)
    }
}

fn status_of(error: &Error) -> StatusCode {
    match error {
        Error::Invalid { .. } => StatusCode::BAD_REQUEST,
        Error::NotFound | Error::NoWebhook => StatusCode::NOT_FOUND,
        Error::AlreadyRevoked
        | Error::JobTaken
        | Error::NotEarlier
        | Error::Expired
        | Error::Suspended
        | Error::NoSigner
        | Error::Rotation(_) => StatusCode::CONFLICT,
        Error::Scope { .. } => StatusCode::FORBIDDEN,
        Error::ShardFull
        | Error::DatabaseBusy
        | Error::DatabaseUnreachable(_)
        | Error::ClockWentBack { .. }
        | Error::ValidFor { .. }
        | Error::NoList
        | Error::List(_) => StatusCode::SERVICE_UNAVAILABLE,
        Error::NotInitialised { .. }
        | Error::AlreadyInitialised { .. }
        | Error::RootExists { .. }
        | Error::Permissions { .. }
        | Error::Io { .. }
        | Error::Keystore { .. }
        | Error::Sealed { .. }
        | Error::RootMissing { .. }
        | Error::RootWrong { .. }
        | Error::Backup { .. }
        | Error::DatabaseMissing { .. }
        | Error::DatabaseCorrupt(_)
        | Error::DatabaseForeign
        | Error::DatabaseTaken
        | Error::SchemaMissing
        | Error::DatabaseVersion(_)
        | Error::Database(_)
        | Error::Random
        | Error::HttpClient(_)
        | Error::SelfCheck
        | Error::Keyring(_)
        | Error::Wire(_)
        | Error::PublicKey(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status(), Json(&self)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}
