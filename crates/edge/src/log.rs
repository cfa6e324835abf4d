//! What the gate tells its operator: one JSON object a line, never a token.

use portcullis_core::keyring::KeyringError;
use portcullis_core::list::ListError;
use portcullis_core::token::Name;
use serde_json::{Value, json};

use crate::credential::CredentialError;
use crate::gate::Refused;
use crate::refresh::RefreshError;
use crate::settings::SettingsError;

/// Something that the operator may want to know.
#[derive(Clone, Debug)]
pub enum Event {
    /// A key was refused, or could not be judged.
    Refused(Refused),
    /// No key could be read from a request.
    Unreadable(CredentialError),
    /// A setting is missing or wrong: every request is refused.
    Settings(SettingsError),
    /// A list was adopted.
    List {
        /// Its number.
        number: u64,
        /// The version of the keyring that it was made under.
        keyring: u32,
    },
    /// A refresh failed; what is held goes on counting.
    Refresh(RefreshError),
    /// The keyring could not be renewed, and the refresh went on without.
    Keyring(RefreshError),
    /// A secret in `HMAC_KEYS` was not taken: keys of that kid are refused.
    Secret(KeyringError),
    /// `HMAC_KEYS` is another issuer's: HMAC keys are refused.
    ForeignSecrets,
    /// An accepted request did not reach the origin.
    Origin {
        /// The key that was accepted.
        key: Name,
        /// What the runtime said.
        reason: String,
    },
}

impl Event {
    /// The line.
    #[must_use]
    pub fn line(&self) -> String {
        let object = match self {
            Self::Refused(refused) => refused_object(refused),
            Self::Unreadable(error) => json!({ "event": "refused", "code": error.code() }),
            Self::Settings(error) => json!({
                "event": "settings", "field": error.field, "message": error.to_string(),
            }),
            Self::List { number, keyring } => json!({
                "event": "list", "list": number, "keyring": keyring,
            }),
            Self::Refresh(error) => failure("refresh_failed", *error),
            Self::Keyring(error) => failure("keyring_failed", *error),
            Self::Secret(error) => json!({
                "event": "settings", "field": "HMAC_KEYS", "code": error.code(),
                "message": error.to_string(),
            }),
            Self::ForeignSecrets => json!({
                "event": "settings", "field": "HMAC_KEYS", "code": "secrets_foreign_issuer",
                "message": "HMAC_KEYS is of another issuer than the keyring that ROOT signed",
            }),
            Self::Origin { key, reason } => json!({
                "event": "origin_unreachable", "key": key.to_string(), "message": reason,
            }),
        };
        object.to_string()
    }

    /// Whether somebody should be woken: the issuer contradicts itself, or the gate is shut by its
    /// own settings.
    #[must_use]
    pub const fn is_alarm(&self) -> bool {
        match self {
            Self::Refresh(error) | Self::Keyring(error) => matches!(
                error,
                RefreshError::List(ListError::Equivocation(_))
                    | RefreshError::Keyring(KeyringError::Equivocation)
            ),
            Self::Settings(_) | Self::Secret(_) | Self::ForeignSecrets => true,
            Self::Refused(_) | Self::Unreadable(_) | Self::List { .. } | Self::Origin { .. } => {
                false
            }
        }
    }
}

fn refused_object(refused: &Refused) -> Value {
    json!({
        "event": "refused",
        "code": refused.refusal.code(),
        "key": refused.name.map(|name| name.to_string()),
        "list": refused.list.map(|list| list.number),
        "age_ms": refused.list.map(|list| list.age_millis),
        "standing": refused.list.map(|list| list.standing.name()),
    })
}

fn failure(event: &str, error: RefreshError) -> Value {
    json!({ "event": event, "code": error.code(), "message": error.to_string() })
}
