//! What makes a call throw: misuse and refused files, never a bad key.

use portcullis_core::crypto::PublicKeyError;
use portcullis_core::keyring::KeyringError;
use portcullis_core::list::ListError;
use portcullis_core::verifier::AdoptError;

/// Why a call throws.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The pinned root is no public key.
    #[error("the pinned root is refused: {0}")]
    Root(#[from] PublicKeyError),
    /// A keyring, or a secret for it, is refused.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// A list, or a part of one, is refused.
    #[error(transparent)]
    List(#[from] ListError),
    /// A stamp was offered before any keyring.
    #[error("no keyring is held; hand one in first")]
    NoKeyring,
    /// A secret is not 32 bytes long.
    #[error("a secret is 32 bytes; export the gate's keys again")]
    SecretLength,
}

impl Fault {
    /// A stable code, one of the `ErrorCode`s in `index.d.ts`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Root(error) => error.code(),
            Self::Keyring(error) => error.code(),
            Self::List(error) => error.code(),
            Self::NoKeyring => "keyring_missing",
            Self::SecretLength => "secret_length",
        }
    }
}

impl From<AdoptError> for Fault {
    fn from(error: AdoptError) -> Self {
        match error {
            AdoptError::Keyring(error) => Self::Keyring(error),
            AdoptError::List(error) => Self::List(error),
        }
    }
}
