//! A signer of the keyring: its purpose, what it may sign, and when.

use alloc::vec::Vec;

use crate::assignment::Changes;
use crate::crypto::PublicKey;
use crate::names::named;
use crate::time::Time;
use crate::token::{Algorithm, Environment, Kind};

/// A signer in the keyring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEntry {
    /// The key id, never used for another key.
    pub kid: u16,
    /// The purpose of the key.
    pub purpose: Purpose,
    /// The environments of the keys that it may sign; empty unless the purpose is token or admin.
    pub environments: Vec<Environment>,
    /// The kinds of keys it may sign; empty unless the purpose is token or admin.
    pub kinds: Vec<Kind>,
    /// What assignments may change under a head that it signed; nothing unless the purpose is list.
    pub changes: Changes,
    /// Its state.
    pub state: State,
    /// When its signatures are valid.
    pub validity: Validity,
    /// The verification material.
    pub material: Material,
}

/// A validity period: from `not_before` up to, but not including, `not_after`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first instant.
    pub not_before: Time,
    /// The first instant after the period.
    pub not_after: Time,
}

impl Validity {
    /// No bound on either side.
    pub const ALWAYS: Self =
        Self { not_before: Time::from_millis(0), not_after: Time::from_millis(u64::MAX) };
}

/// The keyring's material for a signer's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Material {
    /// HMAC-SHA256 truncated to 128 bits. The check value identifies the secret, which is
    /// distributed separately.
    Hmac {
        /// See [`HmacKey::check_value`](crate::crypto::HmacKey::check_value).
        check: [u8; 32],
    },
    /// An Ed25519 public key.
    Ed25519(PublicKey),
}

/// The state of a signer in its life cycle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Announced, not yet used by the issuer; its signatures are valid.
    Next,
    /// Used by the issuer.
    Active,
    /// No longer used by the issuer; its signatures are valid.
    Retiring,
    /// Its signatures are invalid. The entry stays, so that its kid is never reused.
    Retired,
}

named!(
    State, "a signer's state":
    Next = "next",
    Active = "active",
    Retiring = "retiring",
    Retired = "retired",
);

impl KeyEntry {
    /// The algorithm of the signer's key.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Hmac { .. } => Algorithm::HmacSha256,
            Material::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// Whether the signer may sign keys of this kind for this environment.
    #[must_use]
    pub fn may_sign(&self, kind: Kind, environment: Environment) -> bool {
        self.kinds.contains(&kind) && self.environments.contains(&environment)
    }

    /// Whether its signatures are valid at `now`: the state isn't retired and `now` is in the
    /// validity period.
    ///
    /// Signatures of a signer in the state *next* are valid: it is announced early, so that
    /// verifiers know it before its first signature.
    #[must_use]
    pub fn counts_at(&self, now: Time) -> bool {
        let state = match self.state {
            State::Next | State::Active | State::Retiring => true,
            State::Retired => false,
        };
        state && now >= self.validity.not_before && now < self.validity.not_after
    }
}

/// The only purpose of a signer's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Signs keys that gates and verifiers accept.
    Token,
    /// Signs keys for the issuer's API and a gate's reserved path.
    Admin,
    /// Signs stamps and heads of the revocation list.
    List,
    /// Signs IETF Token Status Lists.
    StatusList,
    /// Signs the short-lived assertions of a gate for its origin.
    Assertion,
}

named!(
    Purpose, "a signer's purpose":
    Token = "token",
    Admin = "admin",
    List = "list",
    StatusList = "status-list",
    Assertion = "assertion",
);
