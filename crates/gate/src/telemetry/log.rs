//! The gate's log: one JSON object per line, never a token.

use core::net::IpAddr;

use portcullis_core::keyring::KeyringError;
use portcullis_core::token::{Name, Serial};
use portcullis_core::verifier::AdoptError;
use serde_json::{Value, json};

use crate::refresh::source::{FetchError, RefreshError};
use crate::response::refused::{Reason, Refused};
use crate::settings::error::SettingsError;
use crate::telemetry::usage_report::MessageError;

/// An event for the operator.
#[derive(Clone, Debug)]
pub enum Event {
    /// A request was refused, or could not be decided on.
    Refused(Refused),
    /// A setting is missing or invalid: every request is refused.
    Settings(SettingsError),
    /// A list was adopted.
    List {
        /// Its number.
        number: u64,
        /// The version of the keyring that its stamp names.
        keyring: u32,
    },
    /// A source served no valid list; the held one stays in use.
    Refresh {
        /// The source.
        source: &'static str,
        /// Why.
        error: RefreshError,
    },
    /// The keyring could not be renewed, and the refresh continued without a newer one.
    Keyring(RefreshError),
    /// A policy could not be fetched: keys that carry it are refused.
    Policy {
        /// Its number.
        number: u32,
        /// Why.
        error: RefreshError,
    },
    /// The assignment of a key could not be fetched: the key is refused.
    Assignment {
        /// The key's serial.
        serial: Serial,
        /// Why.
        error: RefreshError,
    },
    /// A restored file, deployed with the gate or stored by another isolate, was refused.
    Floor(AdoptError),
    /// Even the quickest source serves stamps older than `fresh_for`.
    SourcesTooSlow {
        /// That source.
        source: &'static str,
        /// The age of its stamps on arrival, in milliseconds.
        lag: u64,
    },
    /// A secret in `HMAC_KEYS` was refused: so are keys of its kid.
    Secret(KeyringError),
    /// `HMAC_KEYS` belongs to another issuer: HMAC keys are refused.
    ForeignSecrets,
    /// An assertion could not be signed: the origin gets none.
    Assertion,
    /// A report of uses did not arrive; it is sent again.
    Usage(FetchError),
    /// A message on the queue isn't a report of uses, and was dropped.
    Message(MessageError),
    /// Somebody sent canaries, which nothing but a thief's hand does. The requests were refused as
    /// forgeries.
    Canary {
        /// The canary.
        key: Name,
        /// How many requests carried it since the last such line.
        uses: u32,
        /// Where the last one came from, if `CLIENT_ADDRESS` says how that is known.
        address: Option<IpAddr>,
    },
    /// The dataset bound for analytics takes no data points.
    Analytics,
    /// A rate-limit binding did not answer; the request was let through.
    RateLimiter {
        /// The class.
        class: String,
    },
    /// An accepted request did not reach the origin.
    Origin {
        /// The accepted key, if the route needs one.
        key: Option<Name>,
        /// The runtime's error text.
        reason: String,
    },
}

impl Event {
    /// The line.
    #[must_use]
    pub fn line(&self) -> String {
        // No line contains a key or a secret.
        let object = match self {
            Self::Refused(refused) => refused_object(refused),
            Self::Settings(error) => json!({
                "event": "settings", "field": error.field, "message": error.to_string(),
            }),
            Self::List { number, keyring } => json!({
                "event": "list", "list": number, "keyring": keyring,
            }),
            Self::Refresh { source, error } => json!({
                "event": "refresh_failed", "source": source, "code": error.code(),
                "message": error.to_string(),
            }),
            Self::Keyring(error) => json!({
                "event": "keyring_failed", "code": error.code(), "message": error.to_string(),
            }),
            Self::Policy { number, error } => json!({
                "event": "policy_failed", "policy": number, "code": error.code(),
                "message": error.to_string(),
            }),
            Self::Assignment { serial, error } => json!({
                "event": "assignment_failed", "serial": serial.to_string(), "code": error.code(),
                "message": error.to_string(),
            }),
            Self::Floor(error) => json!({
                "event": "floor_refused", "code": error.code(), "message": error.to_string(),
            }),
            Self::SourcesTooSlow { source, lag } => json!({
                "event": "outpaced", "source": source, "lag_ms": lag,
                "message": "FRESH_FOR is less than the age of stamps when they come: requests wait \
                            in vain; raise it, or add a quicker source",
            }),
            Self::Secret(error) => json!({
                "event": "settings", "field": "HMAC_KEYS", "code": error.code(),
                "message": error.to_string(),
            }),
            Self::ForeignSecrets => json!({
                "event": "settings", "field": "HMAC_KEYS", "code": "secrets_foreign_issuer",
                "message": "HMAC_KEYS is of another issuer than the keyring that ROOT signed",
            }),
            Self::Assertion => json!({
                "event": "assertion_failed",
                "message": "the runtime could not sign; the origin was told by headers alone",
            }),
            Self::Usage(error) => json!({
                "event": "usage_failed", "code": error.code(), "message": error.to_string(),
            }),
            Self::Message(error) => json!({
                "event": "message_dropped", "code": error.code(), "message": error.to_string(),
            }),
            Self::Canary { key, uses, address } => json!({
                "event": "canary", "key": key.to_string(), "uses": uses, "address": address,
            }),
            Self::Analytics => json!({
                "event": "analytics_failed",
                "message": "ANALYTICS takes no data points; bind a dataset of Analytics Engine",
            }),
            Self::RateLimiter { class } => json!({
                "event": "rate_limiter_failed", "class": class,
            }),
            Self::Origin { key, reason } => json!({
                "event": "origin_unreachable", "key": key.map(|key| key.to_string()),
                "message": reason,
            }),
        };
        object.to_string()
    }

    /// Whether the event is an alarm: the issuer contradicts itself, a setting or secret of the gate
    /// doesn't work, a client has an admin key, which no client of the origin should have, or a
    /// canary was used.
    #[must_use]
    pub const fn is_alarm(&self) -> bool {
        match self {
            Self::Refresh { error, .. }
            | Self::Keyring(error)
            | Self::Policy { error, .. }
            | Self::Assignment { error, .. } => error.is_equivocation(),
            Self::Settings(_) | Self::Secret(_) | Self::ForeignSecrets | Self::Assertion => true,
            Self::Canary { .. } => true,
            Self::Refused(refused) => matches!(refused.reason, Reason::AdminKey),
            Self::List { .. }
            | Self::Floor(_)
            | Self::SourcesTooSlow { .. }
            | Self::Usage(_)
            | Self::Message(_)
            | Self::Analytics
            | Self::RateLimiter { .. }
            | Self::Origin { .. } => false,
        }
    }
}

fn refused_object(refused: &Refused) -> Value {
    json!({
        "event": "refused",
        "code": refused.reason.code(),
        "key": refused.name.map(|name| name.to_string()),
        "list": refused.list.map(|list| list.number),
        "age_ms": refused.list.map(|list| list.age_millis),
        "freshness": refused.list.map(|list| list.freshness.name()),
    })
}
