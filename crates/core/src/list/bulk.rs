//! Bulk entries: the revocation or suspension of many keys at once.

use core::num::NonZeroU32;

use crate::token::{Claims, Environment, Serial};

/// A revocation or suspension of many keys at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BulkEntry {
    /// Which keys.
    pub scope: BulkScope,
    /// Revoked or suspended.
    pub state: BulkState,
    /// Only keys that were issued in this interval.
    pub issued: IssuedAt,
}

/// The keys of a bulk entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BulkScope {
    /// All keys of one owner; of those without an owner, if the number is 0.
    Owner(u32),
    /// All keys of one signer.
    Kid(u16),
    /// All keys of one environment.
    Environment(Environment),
    /// All serials from `first` to `last`, both included.
    Serials {
        /// The first.
        first: Serial,
        /// The last.
        last: Serial,
    },
}

/// The effect of a bulk entry. If several apply, the stronger one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BulkState {
    /// Suspended.
    Suspended,
    /// Revoked.
    Revoked,
}

/// An interval of `issued_at`, in seconds: from `from` up to, but not including, `before`.
/// `u32::MAX` as `before` means no bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IssuedAt {
    /// The first second.
    pub from: u32,
    /// The first second after the interval.
    pub before: u32,
}

impl IssuedAt {
    /// Any time.
    pub const ANY: Self = Self { from: 0, before: u32::MAX };

    fn contains(self, issued_at: u32) -> bool {
        issued_at >= self.from && (issued_at < self.before || self.before == u32::MAX)
    }
}

impl BulkEntry {
    /// Whether the entry applies to the key with these claims.
    #[must_use]
    pub fn applies_to(&self, claims: &Claims) -> bool {
        let in_scope = match self.scope {
            BulkScope::Owner(owner) => claims.owner.map_or(0, NonZeroU32::get) == owner,
            BulkScope::Kid(kid) => claims.kid == kid,
            BulkScope::Environment(environment) => claims.environment == environment,
            BulkScope::Serials { first, last } => (first..=last).contains(&claims.serial),
        };
        in_scope && self.issued.contains(claims.lifetime.issued_at)
    }
}
