//! The reasons for refusing a key.

use crate::assignment::NoAssignment;
use crate::list::ListError;
use crate::token::{Environment, Kind, MalformedToken};

/// Why a key is refused.
///
/// The codes are for logs. A client gets a coarser answer: see `docs/token.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The text isn't a key.
    #[error(transparent)]
    Malformed(#[from] MalformedToken),
    /// The issuer doesn't use the prefix's label.
    #[error("the key's label is not one of this issuer's")]
    ForeignLabel,
    /// The keyring lists no such signer: the keyring is older than the key, or the key belongs to
    /// another issuer.
    #[error("the keyring lists no signer with kid {0}; fetch the keyring, or ask whose key it is")]
    UnknownKid(u16),
    /// The signer is listed for another purpose, kind or environment, is retired, or is outside
    /// its validity.
    #[error("kid {0} may not sign such keys now")]
    SignerNotAllowed(u16),
    /// The key has an HMAC tag whose secret is not held here: only its issuer's gates can verify
    /// it.
    #[error(
        "this key can be verified only by its issuer's gates, which hold the secret of kid {0}"
    )]
    SecretNotHeld(u16),
    /// The tag or signature is wrong: the key is altered, forged, or another issuer's.
    #[error("the key is not authentic")]
    BadSignature,
    /// The list belongs to another issuer than the key.
    #[error("the list is of another issuer than the key")]
    ForeignList,
    /// No valid list is held.
    #[error("no key can be verified now: {0}")]
    List(#[from] ListError),
    /// The list does not cover the key's serial: it is older than the key.
    #[error("the list does not cover this key yet; fetch a newer one")]
    NotCovered,
    /// The key is revoked.
    #[error("the key is revoked")]
    Revoked,
    /// The key is suspended.
    #[error("the key is suspended")]
    Suspended,
    /// The key has an assignment, which can't be had or isn't allowed.
    #[error(transparent)]
    Assignment(#[from] NoAssignment),
    /// The key has expired.
    #[error("the key has expired")]
    Expired,
    /// A secret key if a publishable one is required, or the reverse.
    #[error("a {} key is needed here, this one is {}", needed.name(), given.name())]
    WrongKind {
        /// The required kind.
        needed: Kind,
        /// The key's kind.
        given: Kind,
    },
    /// A key of the other environment.
    #[error("a {} key is needed here, this one is for {}", needed.name(), given.name())]
    WrongEnvironment {
        /// The required environment.
        needed: Environment,
        /// The key's environment.
        given: Environment,
    },
}

impl Refusal {
    /// A stable code, for logs and for programs on either side.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Malformed(reason) => reason.code(),
            Self::ForeignLabel => "foreign_label",
            Self::UnknownKid(_) => "unknown_kid",
            Self::SignerNotAllowed(_) => "signer_not_allowed",
            Self::SecretNotHeld(_) => "secret_not_held",
            Self::BadSignature => "bad_signature",
            Self::ForeignList => "foreign_list",
            Self::List(error) => error.code(),
            Self::NotCovered => "not_covered",
            Self::Revoked => "revoked",
            Self::Suspended => "suspended",
            Self::Assignment(reason) => reason.code(),
            Self::Expired => "expired",
            Self::WrongKind { .. } => "wrong_kind",
            Self::WrongEnvironment { .. } => "wrong_environment",
        }
    }

    /// Whether the verifier lacks a valid list, a file that the list names, or an update of itself:
    /// the refusal is no statement about the key, which may pass once it has them.
    #[must_use]
    pub const fn is_unavailable(self) -> bool {
        match self {
            Self::List(_)
            | Self::Assignment(NoAssignment::Unavailable(_) | NoAssignment::TooNew(_)) => true,
            Self::Malformed(_)
            | Self::ForeignLabel
            | Self::UnknownKid(_)
            | Self::SignerNotAllowed(_)
            | Self::SecretNotHeld(_)
            | Self::BadSignature
            | Self::ForeignList
            | Self::NotCovered
            | Self::Revoked
            | Self::Suspended
            | Self::Assignment(NoAssignment::Missing | NoAssignment::NotAllowed)
            | Self::Expired
            | Self::WrongKind { .. }
            | Self::WrongEnvironment { .. } => false,
        }
    }
}
