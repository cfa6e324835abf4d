//! Errors as RFC 9457 problems.

use axum::http::StatusCode;
use portcullis_issuer::actor::NoActor;
use portcullis_issuer::error::Error;
use portcullis_issuer::files::FileError;
use portcullis_issuer::invalid::Invalid;
use portcullis_issuer::keystore::KeystoreError;
use portcullis_issuer::random::NoRandomness;
use portcullis_issuer::store::StoreError;
use serde::Serialize;

/// An error response: `application/problem+json` (RFC 9457).
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Problem {
    /// A URI that names the kind of problem: `tag:portcullis,2026:` and the code.
    r#type: String,
    title: &'static str,
    status: u16,
    detail: String,
    code: &'static str,
    /// The coarse kind of the error, in the vocabulary of shop back ends.
    kind: &'static str,
    /// The keys that prevented the operation, if the request named several. Nothing was changed.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    keys: Box<[String]>,
}

impl Problem {
    /// A problem with a stable code and a sentence that says what to do.
    pub fn new(status: StatusCode, code: &'static str, detail: impl std::fmt::Display) -> Self {
        Self {
            r#type: format!("tag:portcullis,2026:{code}"),
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.to_string(),
            code,
            kind: kind_of(status),
            keys: Box::default(),
        }
    }

    /// As `from`, for an error about one key: if there is no such key, the problem names it.
    pub(crate) fn about(id: &str, error: Error) -> Self {
        let missing = matches!(error, Error::NotFound);
        let mut problem = Self::from(error);
        if missing {
            problem.detail = format!("API Key with id: {id} was not found");
        }
        problem
    }

    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// Logs an error that is the issuer's fault and not the caller's.
pub(crate) fn log(error: &Error) {
    if status_of(error).is_server_error() {
        tracing::error!(code = error.code(), "{}", error.chain());
    }
}

impl From<Error> for Problem {
    /// The problem; an error of the issuer is logged.
    fn from(error: Error) -> Self {
        log(&error);
        Self::of(&error)
    }
}

impl Problem {
    /// The problem, without a line in the log.
    #[must_use]
    pub fn of(error: &Error) -> Self {
        let status = status_of(error);
        if status.is_server_error() {
            // Instructions for the operator are no secret. Texts from other systems may contain
            // secrets.
            let is_ours = is_for_operators(error);
            if is_ours {
                return Self::new(status, error.code(), error);
            }
            let detail = "the issuer could not do this; its log says why";
            return Self::new(status, error.code(), detail);
        }
        let mut problem = Self::new(status, error.code(), error);
        if let Error::NoSuchKeys(ids)
        | Error::NotRevoked(ids)
        | Error::SomeNotEarlier(ids)
        | Error::SomeAlreadyRevoked { ids, .. } = error
        {
            problem.keys = ids.as_slice().into();
        }
        if matches!(error, Error::NotRevoked(_)) {
            problem.kind = "not_allowed";
        } else if matches!(error, Error::AlreadyRevoked | Error::SomeAlreadyRevoked { .. }) {
            problem.kind = "invalid_data";
        }
        problem
    }
}

/// Answers what a layer below refuses as the domain's error.
macro_rules! problem_from {
    ($($layer:ty),*) => {
        $(impl From<$layer> for Problem {
            fn from(error: $layer) -> Self {
                Error::from(error).into()
            }
        })*
    };
}

problem_from!(FileError, Invalid, KeystoreError, NoActor, NoRandomness, StoreError);

const fn kind_of(status: StatusCode) -> &'static str {
    match status.as_u16() {
        400 | 408 | 413 | 415 => "invalid_data",
        401 => "unauthorized",
        403 => "forbidden",
        404 | 410 => "not_found",
        405 => "not_allowed",
        409 => "conflict",
        422 => "duplicate_error",
        503 => "unexpected_state",
        _ => "unknown_error",
    }
}

fn status_of(error: &Error) -> StatusCode {
    match error {
        Error::Store(error) => status_of_store(error),
        Error::Invalid { .. }
        | Error::NothingSelected
        | Error::Fixed { .. }
        | Error::NotRevoked(_)
        | Error::Canary
        | Error::NotPublishable
        | Error::SharedPolicy
        | Error::LabelNotListed { .. }
        | Error::LifetimeTooLong { .. }
        | Error::ExpiryRequired { .. }
        | Error::OwnerRequired { .. } => StatusCode::BAD_REQUEST,
        Error::NotAuthentic => StatusCode::UNAUTHORIZED,
        Error::PublicText => StatusCode::FORBIDDEN,
        Error::NotFound | Error::NoSuchKeys(_) | Error::Unknown { .. } | Error::NoWebhook => {
            StatusCode::NOT_FOUND
        }
        Error::EventsRemoved { .. } => StatusCode::GONE,
        Error::IdempotencyMismatch => StatusCode::UNPROCESSABLE_ENTITY,
        Error::InUse { .. }
        | Error::SettingsChanged { .. }
        | Error::BulkRevoked
        | Error::AlreadyRevoked
        | Error::SomeAlreadyRevoked { .. }
        | Error::SomeNotEarlier(_)
        | Error::LastAdmin { .. }
        | Error::NotTheCount { .. }
        | Error::NotConfirmed { .. }
        | Error::NotSuspended
        | Error::JobTaken
        | Error::ClockNotBehind
        | Error::NotEarlier
        | Error::Expired
        | Error::Suspended
        | Error::NoSigner
        | Error::NoStatusSigner
        | Error::Rotation(_) => StatusCode::CONFLICT,
        Error::Scope { .. } | Error::OutlivesMaker { .. } => StatusCode::FORBIDDEN,
        Error::ShardFull
        | Error::Target { .. }
        | Error::TargetFull { .. }
        | Error::ListTooNew(_)
        | Error::ClockWentBack { .. }
        | Error::ValidFor { .. }
        | Error::List(_) => StatusCode::SERVICE_UNAVAILABLE,
        Error::NotInitialised { .. }
        | Error::KeystoreLost { .. }
        | Error::AlreadyInitialised { .. }
        | Error::RootExists { .. }
        | Error::Backup { .. }
        | Error::Move(_)
        | Error::Descriptors { .. }
        | Error::NoActor(_)
        | Error::TrailBroken { .. }
        | Error::PolicyTooNew(_)
        | Error::Random(_)
        | Error::Keystore(_)
        | Error::File(_)
        | Error::HttpClient(_)
        | Error::SelfCheck
        | Error::Keyring(_)
        | Error::Wire(_)
        | Error::PublicKey(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

const fn status_of_store(error: &StoreError) -> StatusCode {
    match error {
        StoreError::ReasonRequired | StoreError::Invalid(_) => StatusCode::BAD_REQUEST,
        StoreError::Restored { .. }
        | StoreError::Missing { .. }
        | StoreError::Replaced { .. }
        | StoreError::Busy
        | StoreError::Unreachable(_)
        | StoreError::Tls(_)
        | StoreError::Interrupted(_)
        | StoreError::Full(_)
        | StoreError::Moved { .. }
        | StoreError::Moving { .. }
        | StoreError::HalfMoved
        | StoreError::ClockImplausible { .. }
        | StoreError::NoList => StatusCode::SERVICE_UNAVAILABLE,
        StoreError::Corrupt(_)
        | StoreError::Foreign
        | StoreError::Taken
        | StoreError::Pooled
        | StoreError::SchemaMissing
        | StoreError::Url { .. }
        | StoreError::Version(_)
        | StoreError::Database(_)
        | StoreError::Encoding
        | StoreError::NoActor(_)
        | StoreError::File(_)
        | StoreError::Random(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// Whether an error of the server says what the operator has to do, and nothing else.
const fn is_for_operators(error: &Error) -> bool {
    let Error::Store(error) = error else {
        return matches!(error, Error::ClockWentBack { .. } | Error::ShardFull);
    };
    match error {
        StoreError::Full(_)
        | StoreError::ClockImplausible { .. }
        | StoreError::Missing { .. }
        | StoreError::Replaced { .. }
        | StoreError::Busy
        | StoreError::Interrupted(_) => true,
        // Their texts may contain messages of other systems.
        StoreError::Corrupt(_)
        | StoreError::Foreign
        | StoreError::Version(_)
        | StoreError::Taken
        | StoreError::SchemaMissing
        | StoreError::Url { .. }
        | StoreError::Moved { .. }
        | StoreError::Moving { .. }
        | StoreError::HalfMoved
        | StoreError::Unreachable(_)
        | StoreError::Tls(_)
        | StoreError::Pooled
        | StoreError::Database(_)
        | StoreError::Restored { .. }
        | StoreError::NoList
        | StoreError::ReasonRequired
        | StoreError::Encoding
        | StoreError::Invalid(_)
        | StoreError::NoActor(_)
        | StoreError::File(_)
        | StoreError::Random(_) => false,
    }
}
