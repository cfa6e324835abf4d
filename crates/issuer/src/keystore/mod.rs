//! The keystore: the issuer's signing keys, stored outside the database.

mod column;
mod document;
mod error;
mod lock;
pub(crate) mod seal;
mod stored_key;
mod unlock;
mod vault;

use std::fmt;

use portcullis_core::crypto::{IssuerId, PublicKey};
use portcullis_core::issue::{ListSigner, SaltKey, SigningKey};
use portcullis_core::keyring::{Keyring, Purpose, State};
use portcullis_core::token::{Algorithm, Environment, Kind};
use zeroize::Zeroizing;

use crate::random::{self, NoRandomness};

pub use column::{ColumnKey, SealedText};
pub use error::{DocumentError, KeystoreError};
pub use lock::Lock;
pub use seal::{SealError, is_sealed};
pub use stored_key::StoredKey;
pub use unlock::{Ask, Unlock};
pub use vault::Vault;

/// The signing keys of one issuer. Secrets are wiped when dropped and hidden from `Debug`.
pub struct Keystore {
    issuer: IssuerId,
    root: PublicKey,
    keys: Vec<StoredKey>,
    /// The secret for the salts of private policies.
    salt: Option<Zeroizing<[u8; 32]>>,
}

impl Keystore {
    /// A keystore of these keys.
    #[must_use]
    pub const fn new(issuer: IssuerId, root: PublicKey, keys: Vec<StoredKey>) -> Self {
        Self { issuer, root, keys, salt: None }
    }

    /// Replaces the secret for the salts of private policies with a new one.
    ///
    /// # Errors
    /// [`NoRandomness`].
    pub fn with_new_salt(self) -> Result<Self, NoRandomness> {
        Ok(Self { salt: Some(random::secret()?), ..self })
    }

    /// A copy with other keys.
    #[must_use]
    pub fn with_keys(&self, keys: Vec<StoredKey>) -> Self {
        Self { issuer: self.issuer, root: self.root, keys, salt: self.salt.clone() }
    }

    /// The secret for the salts of private policies.
    #[must_use]
    pub fn salt_key(&self) -> SaltKey {
        SaltKey::new(self.salt.as_deref().unwrap_or(&[0; 32]))
    }

    /// The key that seals secrets in the database.
    ///
    /// # Errors
    /// [`KeystoreError::Empty`] for an empty keystore.
    pub fn column_key(&self) -> Result<ColumnKey, KeystoreError> {
        // Keystores older than private policies have no salt. Use their oldest key, which is never
        // removed.
        let oldest = self.keys.first().map(|key| &*key.secret);
        let secret = self.salt.as_deref().or(oldest).ok_or(KeystoreError::Empty)?;
        Ok(ColumnKey::derive(self.issuer, secret)?)
    }

    /// The issuer that the keys belong to.
    #[must_use]
    pub const fn issuer(&self) -> IssuerId {
        self.issuer
    }

    /// The root's public key, which verifiers pin.
    #[must_use]
    pub const fn root(&self) -> &PublicKey {
        &self.root
    }

    /// The keys, by ascending kid.
    #[must_use]
    pub fn keys(&self) -> &[StoredKey] {
        &self.keys
    }

    /// The active key that signs such keys; the newest if there are several.
    #[must_use]
    pub fn token_key(
        &self,
        purpose: Purpose,
        kind: Kind,
        environment: Environment,
        algorithm: Algorithm,
    ) -> Option<&StoredKey> {
        self.keys.iter().rev().find(|key| {
            key.state == State::Active
                && key.purpose == purpose
                && key.algorithm == algorithm
                && key.kinds.contains(&kind)
                && key.environments.contains(&environment)
        })
    }

    /// The active key that signs lists.
    #[must_use]
    pub fn list_signer(&self) -> Option<ListSigner> {
        let key = self
            .keys
            .iter()
            .rev()
            .find(|key| key.state == State::Active && key.purpose == Purpose::List)?;
        let signing = SigningKey::from_seed(&key.secret);
        Some(ListSigner { issuer: self.issuer, kid: key.kid, key: signing })
    }

    /// Sets each key's state from `keyring`, which is authoritative.
    ///
    /// Drops keys that the keyring doesn't list: an interrupted rotation left them, and they never
    /// signed anything.
    ///
    /// # Errors
    /// [`DocumentError::NotInKeyring`] for a key that differs from the listed one.
    pub(crate) fn under(self, keyring: &Keyring) -> Result<Self, DocumentError> {
        let Self { issuer, root, keys, salt } = self;
        let mut listed = Vec::with_capacity(keys.len());
        for mut key in keys {
            let not_listed = DocumentError::NotInKeyring(key.kid);
            if keyring.issuer() != issuer {
                return Err(not_listed);
            }
            let Some(entry) = keyring.entry(key.kid) else {
                tracing::warn!(kid = key.kid, "the keyring does not list this key; it is not used");
                continue;
            };
            let ours = key.entry(issuer).map_err(|_| DocumentError::Field("secret"))?;
            if entry.material != ours.material || entry.purpose != ours.purpose {
                return Err(not_listed);
            }
            key.state = entry.state;
            key.environments.clone_from(&entry.environments);
            key.kinds.clone_from(&entry.kinds);
            listed.push(key);
        }
        Ok(Self { issuer, root, keys: listed, salt })
    }

    /// The kids in use in `keyring` that this keystore lacks. Another machine's keystore may have
    /// them, and they must be copied from there.
    #[must_use]
    pub fn lacks(&self, keyring: &Keyring) -> Vec<u16> {
        let wanted = keyring.entries().iter().filter(|entry| entry.state != State::Retired);
        let held = |kid| self.keys.iter().any(|key| key.kid == kid);
        wanted.map(|entry| entry.kid).filter(|&kid| !held(kid)).collect()
    }

    /// Adds a key. Its kid must be higher than all others.
    pub(crate) fn push(&mut self, key: StoredKey) {
        self.keys.push(key);
    }

    /// Sets a key's state.
    pub(crate) fn set_state(&mut self, kid: u16, state: State) {
        for key in self.keys.iter_mut().filter(|key| key.kid == kid) {
            key.state = state;
        }
    }
}

impl fmt::Debug for Keystore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keystore({}, {} keys)", self.issuer, self.keys.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keystore() -> Keystore {
        let root = SigningKey::from_seed(&[9; 32]).public().unwrap();
        let key = |kid, algorithm, purpose| StoredKey {
            kid,
            algorithm,
            purpose,
            environments: vec![Environment::Live],
            kinds: vec![Kind::Secret],
            state: State::Active,
            secret: Zeroizing::new([u8::try_from(kid).unwrap(); 32]),
        };
        let keys = vec![
            key(1, Algorithm::HmacSha256, Purpose::Token),
            key(2, Algorithm::Ed25519, Purpose::Admin),
        ];
        Keystore::new(IssuerId([7; 16]), root, keys)
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keystore.json");
        let vault = Vault::new(path.clone(), Unlock::default());
        keystore().write(&vault).unwrap();
        let read = Keystore::read(&vault).unwrap();
        assert_eq!(read.encode(&path).unwrap(), keystore().encode(&path).unwrap());
        assert_eq!(read.issuer(), IssuerId([7; 16]));
        assert_eq!(read.keys()[0].secret.as_slice(), [1; 32]);
    }

    #[test]
    fn a_corrupt_keystore_is_refused_without_being_quoted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keystore.json");
        let good = keystore().encode(&path).unwrap();
        let good = std::str::from_utf8(&good).unwrap();
        let secret = keystore().keys()[0].secret_text();
        for bad in [
            String::new(),
            "{".into(),
            good[..good.len() / 2].into(),
            good.replace("\"version\": 1", "\"version\": 2"),
            good.replace("\"kid\": 1", &format!("\"kid\": \"{}\"", *secret)),
            good.replace("\"kid\": 1", "\"kid\": 3"),
            good.replace("iss_", "xxx_"),
            good.replace("hmac-sha256-128", "none"),
            good.replace(secret.as_str(), "AAAA"),
            good.replace("\"state\"", "\"status\""),
        ] {
            let vault = Vault::new(path.clone(), Unlock::default());
            vault.write_plain(bad.as_bytes()).unwrap();
            let error = Keystore::read(&vault).unwrap_err();
            assert_eq!(error.code(), "keystore", "{bad}");
            assert!(!crate::sources::chain(&error).contains(secret.as_str()));
            assert_eq!(std::fs::read(&path).unwrap(), bad.as_bytes(), "left as it is");
        }
    }

    #[test]
    fn nothing_secret_is_shown() {
        let keystore = keystore();
        let shown = format!("{keystore:?} {:?}", keystore.keys());
        assert!(!shown.contains("1, 1, 1") && !shown.contains("AQEB"), "{shown}");
    }
}
