//! The revocation list: a stamp, a head, and bodies. The stamp authenticates the head, and the head
//! the bodies.
//!
//! ```text
//! stamp   154 bytes, signed, renewed every few seconds: number, head digest, this and next update
//! head    signed: number, digest of the previous head, one line per shard, bulk entries
//! bodies  immutable, named by their SHA-256: the slots of one shard that are revoked,
//!         suspended, or revoked from a later time on
//! ```
//!
//! Specified in `docs/revocation-list.md`; the terms are those of RFC 5280.

mod bitmap;
mod body;
mod bundle;
mod dense;
mod deployment;
mod golomb;
pub(crate) mod head;
mod pages;
mod set;
pub(crate) mod stamp;

pub use body::{Body, Counts, SlotState, TimedSlot};
pub use bundle::{Bundle, MAX_BUNDLE_LEN};
pub use deployment::Deployment;
pub use head::{BulkEntry, BulkScope, BulkState, FileName, Head, IssuedAt, ShardLine};
pub use set::SlotSet;
pub use stamp::{ListVersion, MAX_SKEW_MILLIS, Stamp};

#[cfg(feature = "issue")]
pub(crate) use body::LETTER as BODY_LETTER;
#[cfg(feature = "issue")]
pub(crate) use set::encode_set;

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::crypto::{Digest, IssuerId};
use crate::time::Time;
use crate::token::{Claims, Serial};
use crate::wire::WireError;

/// Why a list, or a part of one, is refused or no longer valid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// The bytes of a stamp, head, body or bundle can't be read.
    #[error("the {part} can't be read: {error}")]
    Wire {
        /// `stamp`, `head`, `body` or `bundle`.
        part: &'static str,
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
    WrongDigest(&'static str),
    /// No list is held yet.
    #[error("no list is held; fetch one")]
    Missing,
}

impl ListError {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
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

    pub(crate) fn wire(part: &'static str) -> impl Fn(WireError) -> Self {
        move |error| Self::Wire { part, error }
    }
}

/// A whole list: every part is verified, every body is in memory.
#[derive(Clone, Debug)]
pub struct List {
    stamp: Stamp,
    head: Head,
    shards: Vec<(u32, Arc<Body>)>,
}

/// The state of one key at one instant.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The serial is covered and no entry applies.
    Good,
    /// A revocation is in effect.
    Revoked,
    /// A suspension is in effect.
    Suspended,
    /// The list doesn't cover the serial: the list is older than the key, or the key was never
    /// issued.
    NotCovered,
}

impl List {
    /// Assembles a list from parts that were opened and checked against each other. `shards` holds
    /// the body of each of the head's lines.
    pub(crate) const fn assemble(stamp: Stamp, head: Head, shards: Vec<(u32, Arc<Body>)>) -> Self {
        Self { stamp, head, shards }
    }

    /// The issuer.
    #[must_use]
    pub fn issuer(&self) -> IssuerId {
        self.stamp.issuer()
    }

    /// Epoch, number and times, as signed.
    #[must_use]
    pub fn list_version(&self) -> ListVersion {
        self.stamp.list_version()
    }

    /// The stamp.
    #[must_use]
    pub fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// The head.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The held bodies, with the digests that the head names.
    pub(crate) fn bodies(&self) -> impl Iterator<Item = (Digest, Arc<Body>)> {
        self.head
            .shards()
            .iter()
            .zip(&self.shards)
            .map(|(line, (_, body))| (line.body, Arc::clone(body)))
    }

    /// Replaces the stamp by a newer one for the same head.
    pub(crate) fn renew(&mut self, stamp: Stamp) {
        self.stamp = stamp;
    }

    /// The state at `now` of the key with these claims.
    pub fn status(&self, claims: &Claims, now: Time) -> Status {
        // Precedence: revoked, then not covered, then suspended.
        let serial: Serial = claims.serial;
        let shard = self.shards.binary_search_by_key(&serial.shard(), |(shard, _)| *shard);
        let body = shard.ok().and_then(|at| self.shards.get(at));
        let slot = body.map_or(SlotState::NotCovered, |(_, body)| body.state(serial.slot(), now));
        let bulk = self.head.bulk().iter().filter(|entry| entry.applies_to(claims));
        match (slot, bulk.map(|entry| entry.state).max()) {
            (SlotState::Revoked, _) | (_, Some(BulkState::Revoked)) => Status::Revoked,
            (SlotState::NotCovered, _) => Status::NotCovered,
            (SlotState::Suspended, _) | (_, Some(BulkState::Suspended)) => Status::Suspended,
            (SlotState::Good, None) => Status::Good,
        }
    }
}
