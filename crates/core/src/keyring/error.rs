//! Why a keyring is refused.

use crate::wire::WireError;

/// Why a keyring, or a secret for it, is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// The bytes aren't a keyring.
    #[error("the keyring can't be read: {0}")]
    Wire(#[from] WireError),
    /// The signature isn't the pinned root's.
    #[error("the keyring is not signed by the pinned root; check that both are of one issuer")]
    NotSignedByRoot,
    /// The keyring belongs to another issuer than the held one.
    #[error("the keyring is of another issuer")]
    ForeignIssuer,
    /// The keyring's version is lower than the held one's.
    #[error("keyring version {offered} is older than version {held}, which is held")]
    Older {
        /// The held version.
        held: u32,
        /// The offered version.
        offered: u32,
    },
    /// Two different keyrings have one version, or a newer one lowers the list epoch: the root
    /// signed contradicting documents. Report it.
    #[error("the root signed two keyrings that contradict each other; report this to the issuer")]
    Equivocation,
    /// A secret was given for a kid that the keyring does not list as an HMAC key.
    #[error("kid {0} is no HMAC key of this keyring; export the gate's keys again")]
    NoSuchSecret(u16),
    /// The secret for a kid doesn't match the keyring's check value.
    #[error("the secret for kid {0} is not the issuer's; export the gate's keys again")]
    WrongSecret(u16),
}

impl KeyringError {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Wire(_) => "keyring_unreadable",
            Self::NotSignedByRoot => "keyring_not_signed_by_root",
            Self::ForeignIssuer => "keyring_foreign_issuer",
            Self::Older { .. } => "keyring_rollback",
            Self::Equivocation => "keyring_equivocation",
            Self::NoSuchSecret(_) => "secret_without_kid",
            Self::WrongSecret(_) => "secret_wrong",
        }
    }
}
