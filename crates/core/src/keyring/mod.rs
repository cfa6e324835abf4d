//! The keyring: the signers of an issuer and their purposes. Signed by the pinned root.
//!
//! Specified in `docs/keyring.md`.
//!
//! ```
//! # let bundle: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/files/list.bundle"));
//! # let root = portcullis_core::PublicKey::from_text("Ed9_Cgn9aUMnM8oyYyIf2YRyr50V8TzLtzhO1S2nPGg")?;
//! # let now = portcullis_core::Time::from_millis(1767225600000);
//! use portcullis_core::Purpose;
//! use portcullis_core::keyring::Keyring;
//! use portcullis_core::list::Bundle;
//!
//! let keyring = Keyring::open(Bundle::decode(bundle)?.keyring, &root)?;
//! assert_eq!(keyring.issuer().to_string(), "iss_05LJlJD9WPB05LJlJD9WPB");
//!
//! // The signers of the revocation list.
//! let signers = keyring.entries().iter().filter(|entry| entry.purpose == Purpose::List);
//! assert_eq!(signers.map(|entry| entry.kid).collect::<Vec<_>>(), [5]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod entry;
mod error;
mod format;

pub use entry::{KeyEntry, Material, Purpose, State, Validity};
pub use error::KeyringError;
pub(crate) use format::Content;

use alloc::vec::Vec;

use subtle::ConstantTimeEq as _;

use crate::crypto::{HmacKey, IssuerId, PublicKey};
use crate::time::Time;
use crate::token::{Environment, Kind, Label, Prefix, message_block};

/// A keyring with a verified signature.
#[derive(Clone, Debug)]
pub struct Keyring {
    /// The root that signed it.
    root: PublicKey,
    document: Vec<u8>,
    content: Content,
    secrets: Vec<(u16, HmacKey)>,
    /// The message block of every prefix of the issuer, computed once: see [`message_block`].
    blocks: Vec<(Prefix, [u8; 64])>,
}

impl Keyring {
    /// Opens a keyring document signed by `root`.
    ///
    /// # Errors
    /// [`KeyringError::Wire`] and [`KeyringError::NotSignedByRoot`].
    pub fn open(document: &[u8], root: &PublicKey) -> Result<Self, KeyringError> {
        let content = format::open(document, root)?;
        // Loops, because iterators would add a kilobyte to a wasm module.
        let mut blocks = Vec::new();
        // Those of admin keys last: gates look for others.
        for (kind, is_admin) in
            [(Kind::Secret, false), (Kind::Publishable, false), (Kind::Secret, true)]
        {
            for &label in &content.labels {
                for environment in Environment::ALL {
                    let prefix = Prefix { label, kind, is_admin, environment };
                    blocks.push((prefix, message_block(&prefix.binding(content.issuer))));
                }
            }
        }
        Ok(Self { root: *root, document: document.to_vec(), content, secrets: Vec::new(), blocks })
    }

    /// The keyring to hold after `document` was offered: a newer one that inherits the secrets, or
    /// `None` if it is the held one.
    ///
    /// It must be signed by the root of the held keyring, or by the successor that the held keyring
    /// names. The successor then becomes the root, and the old root's signatures are no longer
    /// accepted.
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
        // Same issuer, newer version, no lower epoch.
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
        // Keep the secrets that the new keyring lists with the same check value.
        next.secrets = self
            .secrets
            .iter()
            .filter(|(kid, key)| next.matches_check(*kid, key).is_ok())
            .cloned()
            .collect();
        Ok(Some(next))
    }

    /// Adds the secret of an HMAC key, so that its tokens can be verified here.
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

    /// The document that the root signed, signature included.
    #[must_use]
    pub fn document(&self) -> &[u8] {
        &self.document
    }

    /// The issuer of the keyring.
    #[must_use]
    pub const fn issuer(&self) -> IssuerId {
        self.content.issuer
    }

    /// The version, which only increases.
    #[must_use]
    pub const fn version(&self) -> u32 {
        self.content.version
    }

    /// From this instant on the keyring verifies nothing.
    #[must_use]
    pub const fn not_after(&self) -> Time {
        self.content.not_after
    }

    /// The list epoch: lists of other epochs are refused.
    #[must_use]
    pub const fn epoch(&self) -> u32 {
        self.content.epoch
    }

    /// The longest time, in milliseconds, between a stamp's `this_update` and its `next_update`.
    #[must_use]
    pub const fn max_validity_millis(&self) -> u64 {
        self.content.max_validity_secs as u64 * 1000
    }

    /// The root that may sign the next keyring as well.
    #[must_use]
    pub const fn successor(&self) -> Option<PublicKey> {
        self.content.successor
    }

    /// The labels that the issuer's tokens have or had.
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

    /// The prepared secret of an HMAC key, if it is held.
    pub(crate) fn secret(&self, kid: u16) -> Option<&HmacKey> {
        self.secrets.iter().find(|(held, _)| *held == kid).map(|(_, key)| key)
    }

    /// The message block of a prefix; `None` if the issuer doesn't use the prefix.
    pub(crate) fn block(&self, prefix: &Prefix) -> Option<&[u8; 64]> {
        self.blocks.iter().find(|(known, _)| known == prefix).map(|(_, block)| block)
    }
}
