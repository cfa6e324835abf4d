//! The gate's own answers: few and fixed problems (RFC 9457), whatever the internal reason.

use portcullis_core::assignment::NoAssignment;
use portcullis_core::policy::{Denial, NoPolicy};
use portcullis_core::verify::Refusal;

use crate::limits::Allowance;
use crate::request::credential::CredentialError;
use crate::request::malformed::MalformedRequest;
use crate::response::headers::rate_headers;
use crate::response::refused::{Rate, Reason, Refused};
use crate::settings::rates::{RateClass, RateClasses};

const REALM: &str = r#"Bearer realm="portcullis""#;

/// An answer that the gate gives instead of the origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// No key was sent.
    NoKey,
    /// The key could not be read from the request.
    InvalidRequest(CredentialError),
    /// The key is refused; the answer doesn't say why.
    InvalidKey,
    /// The key lacks a scope.
    InsufficientScope {
        /// The scopes that the request needs.
        scopes: String,
    },
    /// The key's policy does not allow such a request.
    NotAllowed,
    /// The request has no normal form.
    Malformed(MalformedRequest),
    /// No route has this method and path.
    NoRoute,
    /// The key has made too many requests.
    RateLimited {
        /// The key's rate class.
        class: RateClass,
        /// The allowance left, if this isolate counted.
        allowance: Option<Allowance>,
    },
    /// Keys can't be verified now.
    Unavailable {
        /// Seconds until the client should retry.
        retry_after: u32,
    },
    /// The gate's own settings are invalid; its log names the field.
    Misconfigured,
    /// The request was accepted, and the origin could not be reached.
    OriginUnreachable,
}

impl Problem {
    /// The answer to a refused request. Only the log holds the precise reason, except for what the
    /// rightful holder of a key needs to know.
    ///
    /// A key used from a wrong address gets the answer of an invalid key: a thief must not learn
    /// that it works elsewhere.
    #[must_use]
    pub fn of(refused: &Refused, rates: &RateClasses) -> Self {
        let retry_after = refused.retry_after;
        match refused.reason {
            Reason::Credential(error) => Self::of_credential(error),
            Reason::Key(refusal) => Self::of_refusal(refusal, retry_after),
            // The gate lacks something, not the key: a newer list, a file, or an update.
            Reason::Stale | Reason::Policy(NoPolicy::Unavailable(_) | NoPolicy::TooNew(_)) => {
                Self::Unavailable { retry_after }
            }
            Reason::AdminKey | Reason::Denied(Denial::Address) | Reason::AddressUnknown => {
                Self::InvalidKey
            }
            Reason::UnknownRateClass => Self::Unavailable { retry_after },
            Reason::Malformed(malformed) => Self::Malformed(malformed),
            Reason::Denied(Denial::Scope) => {
                Self::InsufficientScope { scopes: refused.scopes.clone().unwrap_or_default() }
            }
            Reason::Policy(NoPolicy::Missing)
            | Reason::PolicyRequired
            | Reason::Denied(
                Denial::Origin | Denial::Method | Denial::Path | Denial::SalesChannel,
            ) => Self::NotAllowed,
            Reason::NoRoute => Self::NoRoute,
            Reason::RateLimited(Rate { class, allowance }) => match rates.get(class) {
                Some(class) => Self::RateLimited { class: class.clone(), allowance },
                None => Self::Unavailable { retry_after },
            },
        }
    }

    const fn of_refusal(refusal: Refusal, retry_after: u32) -> Self {
        match refusal {
            Refusal::List(_)
            | Refusal::Assignment(NoAssignment::Unavailable(_) | NoAssignment::TooNew(_)) => {
                Self::Unavailable { retry_after }
            }
            Refusal::Malformed(_)
            | Refusal::ForeignLabel
            | Refusal::UnknownKid(_)
            | Refusal::SignerNotAllowed(_)
            | Refusal::SecretNotHeld(_)
            | Refusal::BadSignature
            | Refusal::ForeignList
            | Refusal::NotCovered
            | Refusal::Revoked
            | Refusal::Suspended
            | Refusal::Assignment(NoAssignment::Missing | NoAssignment::NotAllowed)
            | Refusal::Expired
            | Refusal::WrongKind { .. }
            | Refusal::WrongEnvironment { .. } => Self::InvalidKey,
        }
    }

    const fn of_credential(error: CredentialError) -> Self {
        match error {
            CredentialError::Missing => Self::NoKey,
            CredentialError::BearerForm | CredentialError::Empty | CredentialError::Conflict => {
                Self::InvalidRequest(error)
            }
            CredentialError::Parameter(malformed) => Self::Malformed(malformed),
        }
    }

    /// The HTTP status.
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::NoKey | Self::InvalidKey => 401,
            Self::Malformed(MalformedRequest::AmbiguousPath) => 404,
            Self::InvalidRequest(_) | Self::Malformed(_) => 400,
            Self::InsufficientScope { .. } | Self::NotAllowed => 403,
            Self::NoRoute => 404,
            Self::RateLimited { .. } => 429,
            Self::Unavailable { .. } | Self::Misconfigured => 503,
            Self::OriginUnreachable => 502,
        }
    }

    /// The problem's type: a tag URI (RFC 4151), as the issuer and the npm package have it. No host
    /// needs to serve it.
    #[must_use]
    pub const fn type_uri(&self) -> &'static str {
        match self {
            Self::NoKey => "tag:portcullis,2026:no_key",
            Self::InvalidRequest(_) => "tag:portcullis,2026:invalid_request",
            Self::InvalidKey => "tag:portcullis,2026:invalid_key",
            Self::InsufficientScope { .. } => "tag:portcullis,2026:insufficient_scope",
            Self::NotAllowed => "tag:portcullis,2026:not_allowed",
            Self::Malformed(MalformedRequest::AmbiguousPath) => {
                "tag:portcullis,2026:ambiguous_path"
            }
            Self::Malformed(_) => "tag:portcullis,2026:malformed_request",
            Self::NoRoute => "tag:portcullis,2026:no_route",
            Self::RateLimited { .. } => "tag:portcullis,2026:rate_limited",
            Self::Unavailable { .. } => "tag:portcullis,2026:unavailable",
            Self::Misconfigured => "tag:portcullis,2026:misconfigured",
            Self::OriginUnreachable => "tag:portcullis,2026:origin_unreachable",
        }
    }

    const fn title(&self) -> &'static str {
        match self {
            Self::NoKey => "An API key is needed",
            Self::InvalidRequest(_) => "The API key can't be read from the request",
            Self::InvalidKey => "The API key is not accepted",
            Self::InsufficientScope { .. } => "The API key lacks a scope",
            Self::NotAllowed => "The API key does not allow this request",
            Self::Malformed(MalformedRequest::AmbiguousPath) => "The path can be read in two ways",
            Self::Malformed(_) => "The request can be read in two ways",
            Self::NoRoute => "There is nothing at this address",
            Self::RateLimited { .. } => "The API key has made too many requests",
            Self::Unavailable { .. } => "API keys can't be verified at the moment",
            Self::Misconfigured => "The gate is not configured",
            Self::OriginUnreachable => "The origin can't be reached",
        }
    }

    fn detail(&self) -> String {
        match self {
            Self::NoKey => {
                "Send your API key as `Authorization: Bearer <key>` or `X-API-Key: <key>`.".into()
            }
            Self::InvalidRequest(error) => error.to_string(),
            Self::InvalidKey => {
                "Check the key with whoever issued it; the gate's operator finds the reason in the \
                 gate's log."
                    .into()
            }
            Self::InsufficientScope { scopes } => format!("The request needs: {scopes}."),
            Self::NotAllowed => {
                "Its policy restricts method, path, origin or sales channel; ask whoever issued it."
                    .into()
            }
            Self::Malformed(malformed) => format!("This was refused: {malformed}."),
            Self::NoRoute => "No route of the gate has this method and path.".into(),
            Self::RateLimited { class, .. } => {
                format!("{} requests in {} seconds are allowed.", class.limit, class.period)
            }
            Self::Unavailable { .. } => "Try again after the seconds in Retry-After.".into(),
            Self::Misconfigured => "The gate's operator finds the field in the gate's log.".into(),
            Self::OriginUnreachable => "The request was let through. Try again later.".into(),
        }
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("content-type", "application/problem+json".to_owned()),
            ("cache-control", "no-store".to_owned()),
        ];
        let mut challenge =
            |error: &str| headers.push(("www-authenticate", format!("{REALM}{error}")));
        match self {
            // RFC 6750, section 3.1: no error code if the request carried no authentication.
            Self::NoKey => challenge(""),
            Self::InvalidRequest(_) => challenge(r#", error="invalid_request""#),
            Self::InvalidKey => challenge(r#", error="invalid_token""#),
            Self::InsufficientScope { scopes } => {
                challenge(&format!(r#", error="insufficient_scope", scope="{scopes}""#));
            }
            Self::Unavailable { retry_after } => {
                headers.push(("retry-after", (*retry_after).max(1).to_string()));
            }
            Self::RateLimited { class, allowance } => {
                let reset = allowance.map_or(class.period, |allowance| allowance.reset);
                headers.push(("retry-after", reset.max(1).to_string()));
                headers.extend(rate_headers(class, *allowance, false));
            }
            Self::NotAllowed
            | Self::Malformed(_)
            | Self::NoRoute
            | Self::Misconfigured
            | Self::OriginUnreachable => {}
        }
        headers
    }

    /// The body: a problem document.
    #[must_use]
    pub fn body(&self) -> String {
        // The code of a malformed request reveals nothing about a key.
        let code = match self {
            Self::Malformed(malformed) => Some(malformed.code()),
            Self::NoKey
            | Self::InvalidRequest(_)
            | Self::InvalidKey
            | Self::InsufficientScope { .. }
            | Self::NotAllowed
            | Self::NoRoute
            | Self::RateLimited { .. }
            | Self::Unavailable { .. }
            | Self::Misconfigured
            | Self::OriginUnreachable => None,
        };
        let mut body = serde_json::Map::new();
        body.insert("type".into(), self.type_uri().into());
        body.insert("title".into(), self.title().into());
        body.insert("status".into(), self.status().into());
        body.insert("detail".into(), self.detail().into());
        if let Some(code) = code {
            body.insert("code".into(), code.into());
        }
        serde_json::Value::Object(body).to_string()
    }
}

#[cfg(test)]
mod tests;
