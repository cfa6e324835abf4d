//! What is wrong with a setting.

use portcullis_core::crypto::PublicKeyError;

/// A setting that is missing or invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {fault}")]
pub struct SettingsError {
    /// The variable or secret, and the place in it: `ROUTES[2].path`.
    pub field: String,
    /// What is wrong with it.
    pub fault: Fault,
}

impl SettingsError {
    pub(super) fn new(field: impl Into<String>, fault: Fault) -> Self {
        Self { field: field.into(), fault }
    }
}

/// What is wrong with a setting. Values are never repeated: a value may be a secret in the wrong
/// place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It is missing or empty.
    #[error("is not set")]
    Missing,
    /// It isn't a base URL.
    #[error("must be like https://host, https://host:port or https://host/path")]
    Url,
    /// It isn't a public key.
    #[error("is not a root's public key: {0}")]
    Root(PublicKeyError),
    /// It isn't one of the allowed words.
    #[error("must be {0}")]
    Word(&'static str),
    /// It isn't a number in its range.
    #[error("must be a number of {unit} from {min} to {max}")]
    Number {
        /// Seconds or milliseconds.
        unit: &'static str,
        /// The smallest value.
        min: u32,
        /// The largest value.
        max: u32,
    },
    /// It is not the JSON that the issuer exports for gates.
    #[error("is not what `portcullis keyring export --gate` prints")]
    SecretsForm,
    /// A secret in it is not 32 bytes of base64url.
    #[error("holds a secret for kid {0} that is not 32 bytes in base64url")]
    Secret(u16),
    /// An object has an unknown field.
    #[error("is no field that there is; remove it, or look for a slip in its name")]
    Unknown,
    /// It isn't a list of networks.
    #[error("must be networks such as `10.0.0.0/8`, with blanks between, one at least")]
    Networks,
    /// It is set, and the setting that it belongs to isn't.
    #[error("is set, and CLIENT_ADDRESS is not `forwarded`; set that, or remove this")]
    NotForwarded,
    /// A class names a binding that the Worker doesn't have.
    #[error("names a binding that is not there; add it to wrangler.toml, or leave this out")]
    NotBound,
}
