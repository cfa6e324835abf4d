//! Why a list is refused.

use crate::names::worded;
use crate::wire::WireError;

worded! {
    /// A part of a list.
    Part:
    /// The stamp.
    Stamp = "stamp",
    /// The head.
    Head = "head",
    /// The body of a shard.
    Body = "body",
    /// The bundle.
    Bundle = "bundle",
    /// A policy directory or body.
    PolicyFile = "policy file",
}

/// Why a list, or a part of one, is refused or no longer valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// The bytes of a stamp, head, body or bundle can't be read, or announce what this version
    /// doesn't know.
    #[error("the {part} can't be read: {error}")]
    Wire {
        /// The part.
        part: Part,
        /// What is wrong with the bytes.
        error: WireError,
    },
    /// The part belongs to another issuer than the keyring.
    #[error("the list is of another issuer than the keyring")]
    ForeignIssuer,
    /// The keyring doesn't list the part's kid for lists, or its state or validity excludes it now.
    #[error("kid {0} may not sign lists; fetch the keyring again")]
    NotAListKey(u16),
    /// The signature isn't that of the key with the part's kid.
    #[error("the signature of the list is wrong; it was altered or forged")]
    BadSignature,
    /// The stamp's epoch isn't the keyring's.
    #[error("the list is of epoch {offered}, the keyring of epoch {held}")]
    WrongEpoch {
        /// The held keyring's epoch.
        held: u32,
        /// The offered epoch.
        offered: u32,
    },
    /// The stamp names a newer keyring than the held one.
    #[error("the list needs keyring version {needed}, version {held} is held; fetch the keyring")]
    KeyringBehind {
        /// The held version.
        held: u32,
        /// The version in the stamp.
        needed: u32,
    },
    /// The held keyring has expired: its `not_after` has passed.
    #[error("the keyring has expired; the issuer must sign a new one")]
    KeyringExpired,
    /// A lower number than the held one: an old list, possibly replayed on purpose.
    #[error("list number {offered} is older than number {held}, which is held")]
    Rollback {
        /// The held number.
        held: u64,
        /// The offered number.
        offered: u64,
    },
    /// Another head under a known number: the issuer signed two contradicting lists. Report it.
    #[error("two different lists carry the number {0}; report this to the issuer")]
    Equivocation(u64),
    /// The stamp's `this_update` is later than now, or its times are out of order.
    #[error("the list is dated in the future; check the clock")]
    FromTheFuture,
    /// The stamp has a longer validity than the keyring allows.
    #[error("the list claims to be valid for longer than the keyring allows")]
    TooLongValid,
    /// The time of the next update has passed.
    #[error("the list is past its next update; fetch a newer one")]
    PastNextUpdate,
    /// A head or body isn't the one that the stamp or head names.
    #[error("the {0} is not the one that was announced; fetch it again")]
    WrongDigest(Part),
    /// No list is held yet.
    #[error("no list is held; fetch one")]
    Missing,
}

impl ListError {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Wire { .. } if self.is_too_new() => "list_too_new",
            Self::Wire { .. } => "list_unreadable",
            Self::ForeignIssuer => "list_foreign_issuer",
            Self::NotAListKey(_) => "list_unknown_kid",
            Self::BadSignature => "list_bad_signature",
            Self::WrongEpoch { .. } => "list_wrong_epoch",
            Self::KeyringBehind { .. } => "keyring_behind",
            Self::KeyringExpired => "keyring_expired",
            Self::Rollback { .. } => "list_rollback",
            Self::Equivocation(_) => "list_equivocation",
            Self::FromTheFuture => "list_from_the_future",
            Self::TooLongValid => "list_too_long_valid",
            Self::PastNextUpdate => "list_past_next_update",
            Self::WrongDigest(_) => "list_wrong_digest",
            Self::Missing => "list_missing",
        }
    }

    /// Whether the list announces what this version doesn't know: the issuer is newer than this
    /// verifier, which needs an update.
    #[must_use]
    pub const fn is_too_new(self) -> bool {
        matches!(self, Self::Wire { error: WireError::TooNew(_), .. })
    }

    pub(crate) fn wire(part: Part) -> impl Fn(WireError) -> Self {
        move |error| Self::Wire { part, error }
    }
}
