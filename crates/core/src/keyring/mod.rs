//! The keyring: which signers speak for an issuer, and for what. Signed by the pinned root.
//!
//! Specified in `docs/keyring.md`.

mod format;

pub(crate) use format::Content;
pub use format::{KeyEntry, Material, State, Validity};

use alloc::vec::Vec;

use subtle::ConstantTimeEq as _;

use crate::crypto::{HmacKey, IssuerId, PublicKey};
use crate::time::Time;
use crate::token::{Algorithm, Environment, Kind, Label, Prefix};
use crate::verify::message_block;
use crate::wire::WireError;

/// What a signer's key is used for, and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Signs keys that gates and verifiers accept.
    Token,
    /// Signs keys that open the issuer's API and a gate's reserved path.
    Admin,
    /// Signs stamps and heads of the revocation list.
    List,
    /// Signs IETF Token Status Lists.
    StatusList,
    /// Signs the short-lived assertions that a gate hands to its origin.
    Assertion,
}

impl Purpose {
    /// All purposes.
    pub const ALL: [Self; 5] =
        [Self::Token, Self::Admin, Self::List, Self::StatusList, Self::Assertion];

    /// The purpose's name, as the CLI and the docs write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Admin => "admin",
            Self::List => "list",
            Self::StatusList => "status-list",
            Self::Assertion => "assertion",
        }
    }
}

/// Why a keyring, or a secret for it, is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// The bytes are not a keyring.
    #[error("the keyring can't be read: {0}")]
    Wire(#[from] WireError),
    /// The signature is not the pinned root's.
    #[error("the keyring is not signed by the pinned root; check that both are of one issuer")]
    NotSignedByRoot,
    /// The keyring is of another issuer than the one that is held.
    #[error("the keyring is of another issuer")]
    ForeignIssuer,
    /// The keyring's version is lower than the one that is held.
    #[error("keyring version {offered} is older than version {held}, which is held")]
    Older {
        /// The version that is held.
        held: u32,
        /// The version that was offered.
        offered: u32,
    },
    /// Two different keyrings carry one version, or a newer one lowers the list epoch: the root
    /// signed what it must not. Report it.
    #[error("the root signed two keyrings that contradict each other; report this to the issuer")]
    Equivocation,
    /// A secret was given for a kid that the keyring does not list as an HMAC key.
    #[error("kid {0} is no HMAC key of this keyring; export the gate's keys again")]
    NoSuchSecret(u16),
    /// The secret given for a kid is not the one that the keyring's check value was made from.
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

/// A keyring whose signature has been verified.
#[derive(Clone, Debug)]
pub struct Keyring {
    /// The root that signed it.
    root: PublicKey,
    document: Vec<u8>,
    content: Content,
    secrets: Vec<(u16, HmacKey)>,
    /// The block of every prefix that the issuer uses, computed once: see [`message_block`].
    blocks: Vec<(Prefix, [u8; 64])>,
}

impl Keyring {
    /// Opens a keyring document signed by `root`.
    ///
    /// # Errors
    /// [`KeyringError::Wire`] and [`KeyringError::NotSignedByRoot`].
    pub fn open(document: &[u8], root: &PublicKey) -> Result<Self, KeyringError> {
        let content = format::open(document, root)?;
        // Loops, because the same in iterators is a kilobyte of a wasm module.
        let mut blocks = Vec::new();
        for &label in &content.labels {
            for kind in Kind::ALL {
                for environment in Environment::ALL {
                    let prefix = Prefix { label, kind, environment };
                    blocks.push((prefix, message_block(&prefix.binding(content.issuer))));
                }
            }
        }
        Ok(Self { root: *root, document: document.to_vec(), content, secrets: Vec::new(), blocks })
    }

    /// The keyring to hold once `document` has been offered: a newer one with the secrets carried
    /// over, or `None` where it is the one that is held.
    ///
    /// It is signed by the root of the held keyring, or by the successor which that one names;
    /// the successor is then the root, and the old root signs nothing any more.
    ///
    /// # Errors
    /// See [`KeyringError`]. The held keyring stays as it is.
    pub fn succeed(&self, document: &[u8]) -> Result<Option<Self>, KeyringError> {
        if document == self.document {
            return Ok(None);
        }
        let opened = match (Self::open(document, &self.root), self.content.successor) {
            (Err(KeyringError::NotSignedByRoot), Some(successor)) => {
                Self::open(document, &successor)
            }
            (opened, _) => opened,
        };
        let mut next = opened?;
        if next.issuer() != self.issuer() {
            return Err(KeyringError::ForeignIssuer);
        }
        if next.version() < self.version() {
            let (held, offered) = (self.version(), next.version());
            return Err(KeyringError::Older { held, offered });
        }
        if next.version() == self.version() || next.epoch() < self.epoch() {
            return Err(KeyringError::Equivocation);
        }
        next.secrets = self
            .secrets
            .iter()
            .filter(|(kid, key)| next.matches_check(*kid, key).is_ok())
            .cloned()
            .collect();
        Ok(Some(next))
    }

    /// Holds the secret of an HMAC key, so that its tokens can be judged here.
    ///
    /// # Errors
    /// [`KeyringError::NoSuchSecret`] and [`KeyringError::WrongSecret`].
    pub fn hold_secret(
        &mut self,
        kid: u16,
        secret: &[u8; HmacKey::SECRET_LEN],
    ) -> Result<(), KeyringError> {
        let key = HmacKey::new(secret);
        self.matches_check(kid, &key)?;
        self.secrets.retain(|(held, _)| *held != kid);
        self.secrets.push((kid, key));
        Ok(())
    }

    fn matches_check(&self, kid: u16, key: &HmacKey) -> Result<(), KeyringError> {
        match self.entry(kid).map(|entry| entry.material) {
            Some(Material::Hmac { check }) => {
                let same: bool = key.check_value(self.issuer(), kid).ct_eq(&check).into();
                if same { Ok(()) } else { Err(KeyringError::WrongSecret(kid)) }
            }
            Some(Material::Ed25519(_)) | None => Err(KeyringError::NoSuchSecret(kid)),
        }
    }

    /// The bytes that the root signed, signature included.
    #[must_use]
    pub fn document(&self) -> &[u8] {
        &self.document
    }

    /// The issuer that the keyring speaks for.
    #[must_use]
    pub const fn issuer(&self) -> IssuerId {
        self.content.issuer
    }

    /// The version, which only grows.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.content.version
    }

    /// From this instant on nothing may be judged by this keyring.
    #[must_use]
    pub const fn not_after(&self) -> Time {
        self.content.not_after
    }

    /// The list epoch: lists of other epochs are refused.
    #[must_use]
    pub const fn epoch(&self) -> u32 {
        self.content.epoch
    }

    /// The longest time, in milliseconds, that a stamp may claim between its this update and its
    /// next update.
    #[must_use]
    pub const fn max_validity_millis(&self) -> u64 {
        self.content.max_validity_secs as u64 * 1000
    }

    /// The root that may sign the next keyring too.
    #[must_use]
    pub const fn successor(&self) -> Option<PublicKey> {
        self.content.successor
    }

    /// The labels that the issuer's tokens carry or carried.
    #[must_use]
    pub fn labels(&self) -> &[Label] {
        &self.content.labels
    }

    /// The signers, by ascending kid.
    #[must_use]
    pub fn entries(&self) -> &[KeyEntry] {
        &self.content.entries
    }

    /// The signer with this kid.
    #[must_use]
    pub fn entry(&self, kid: u16) -> Option<&KeyEntry> {
        let at = self.content.entries.binary_search_by_key(&kid, |entry| entry.kid).ok()?;
        self.content.entries.get(at)
    }

    /// The prepared secret of an HMAC key, where it is held.
    pub(crate) fn secret(&self, kid: u16) -> Option<&HmacKey> {
        self.secrets.iter().find(|(held, _)| *held == kid).map(|(_, key)| key)
    }

    /// The block that the messages of a prefix are written into, where the issuer uses it.
    pub(crate) fn block(&self, prefix: &Prefix) -> Option<&[u8; 64]> {
        self.blocks.iter().find(|(known, _)| known == prefix).map(|(_, block)| block)
    }
}

impl KeyEntry {
    /// The algorithm of the signer's material.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match self.material {
            Material::Hmac { .. } => Algorithm::HmacSha256,
            Material::Ed25519(_) => Algorithm::Ed25519,
        }
    }

    /// Whether the signer may make keys of this kind for this environment.
    #[must_use]
    pub fn may_sign(&self, kind: Kind, environment: Environment) -> bool {
        self.kinds.contains(&kind) && self.environments.contains(&environment)
    }

    /// Whether signatures count at `now`: the state is not retired and `now` is in the validity.
    ///
    /// A signer in the state *next* counts: it is announced so that verifiers know it before its
    /// first signature.
    #[must_use]
    pub fn counts_at(&self, now: Time) -> bool {
        let state = match self.state {
            State::Next | State::Active | State::Retiring => true,
            State::Retired => false,
        };
        state && now >= self.validity.not_before && now < self.validity.not_after
    }
}
