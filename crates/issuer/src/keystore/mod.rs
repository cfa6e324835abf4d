//! The keystore: the issuer's signing keys, stored outside the database.

mod column;
mod document;
pub(crate) mod seal;
mod unlock;
mod vault;

use std::fmt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_core::crypto::{HmacKey, IssuerId, PublicKey};
use portcullis_core::issue::{HmacSigner, ListSigner, SaltKey, SigningKey, TokenSigner};
use portcullis_core::keyring::{KeyEntry, Keyring, Material, Purpose, State, Validity};
use portcullis_core::token::{Algorithm, Environment, Kind};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::status::token::StatusListSigner;

pub use column::{ColumnKey, SealedText};
pub use seal::{SealError, is_sealed};
pub use unlock::{Ask, Lock, Unlock};
pub use vault::Vault;

/// A fault in a keystore. Never quotes the file, which holds secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeystoreError {
    /// The file is not a keystore's JSON.
    #[error("it is not a keystore: the mistake is at line {line}, column {column}")]
    Json {
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
    },
    /// An unknown format version.
    #[error("its version is {0}, which this program does not know; update the program")]
    Version(u32),
    /// A field has an invalid value.
    #[error("its field `{0}` holds a value that is none")]
    Field(&'static str),
    /// A key differs from the one that the keyring lists under its kid.
    #[error("its key of kid {0} is not the one that the keyring lists")]
    NotInKeyring(u16),
}

/// The signing keys of one issuer. Secrets are wiped when dropped and hidden from `Debug`.
pub struct Keystore {
    issuer: IssuerId,
    root: PublicKey,
    keys: Vec<StoredKey>,
    /// The secret for the salts of private policies.
    salt: Option<Zeroizing<[u8; 32]>>,
}

/// One signing key.
pub struct StoredKey {
    /// The key id.
    pub kid: u16,
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The purpose.
    pub purpose: Purpose,
    /// The environments of the keys that it signs.
    pub environments: Vec<Environment>,
    /// The kinds of keys that it signs.
    pub kinds: Vec<Kind>,
    /// The state in its life cycle.
    pub state: State,
    /// The HMAC secret, or the Ed25519 seed.
    pub secret: Zeroizing<[u8; 32]>,
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
    /// [`Error::Random`].
    pub fn with_new_salt(self) -> Result<Self, Error> {
        Ok(Self { salt: Some(crate::random::secret()?), ..self })
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
    /// [`Error::NoSigner`] for an empty keystore.
    pub fn column_key(&self) -> Result<ColumnKey, Error> {
        // Keystores older than private policies have no salt. Use their oldest key, which is never
        // removed.
        let oldest = self.keys.first().map(|key| &*key.secret);
        let secret = self.salt.as_deref().or(oldest).ok_or(Error::NoSigner)?;
        ColumnKey::derive(self.issuer, secret)
    }

    /// Reads a keystore file.
    ///
    /// # Errors
    /// As [`Vault::read`], and [`Error::Keystore`] for an invalid file.
    pub fn read(vault: &Vault) -> Result<Self, Error> {
        let path = || vault.path().to_owned();
        document::decode(&vault.read()?).map_err(|source| Error::Keystore { path: path(), source })
    }

    /// Writes the keystore file atomically, encrypted if it was.
    ///
    /// # Errors
    /// [`Error::Io`], and as [`Vault::rewrite`].
    pub fn write(&self, vault: &Vault) -> Result<(), Error> {
        let bytes = self.encode(vault.path())?;
        if vault.path().exists() { vault.rewrite(&bytes) } else { vault.write_plain(&bytes) }
    }

    /// The file's bytes.
    ///
    /// # Errors
    /// [`Error::Io`], for `path`.
    pub(crate) fn encode(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
        document::encode(self)
            .map_err(|error| Error::Io { path: path.to_owned(), source: error.into() })
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

    /// The active key that signs status lists.
    #[must_use]
    pub fn status_list_signer(&self) -> Option<StatusListSigner> {
        let signs =
            |key: &&StoredKey| key.state == State::Active && key.purpose == Purpose::StatusList;
        let key = self.keys.iter().rev().find(signs)?;
        Some(StatusListSigner { kid: key.kid, key: SigningKey::from_seed(&key.secret) })
    }

    /// Sets each key's state from `keyring`, which is authoritative.
    ///
    /// Drops keys that the keyring doesn't list: an interrupted rotation left them, and they never
    /// signed anything.
    ///
    /// # Errors
    /// [`KeystoreError::NotInKeyring`] for a key that differs from the listed one.
    pub(crate) fn under(self, keyring: &Keyring) -> Result<Self, KeystoreError> {
        let Self { issuer, root, keys, salt } = self;
        let mut listed = Vec::with_capacity(keys.len());
        for mut key in keys {
            let not_listed = KeystoreError::NotInKeyring(key.kid);
            if keyring.issuer() != issuer {
                return Err(not_listed);
            }
            let Some(entry) = keyring.entry(key.kid) else {
                tracing::warn!(kid = key.kid, "the keyring does not list this key; it is not used");
                continue;
            };
            let ours = key.entry(issuer).map_err(|_| KeystoreError::Field("secret"))?;
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

impl StoredKey {
    /// The key's entry in the keyring, without time bounds.
    ///
    /// # Errors
    /// [`Error::PublicKey`], never for a seed drawn at random.
    pub fn entry(&self, issuer: IssuerId) -> Result<KeyEntry, Error> {
        let material = match self.algorithm {
            Algorithm::HmacSha256 => {
                Material::Hmac { check: HmacKey::new(&self.secret).check_value(issuer, self.kid) }
            }
            Algorithm::Ed25519 => Material::Ed25519(SigningKey::from_seed(&self.secret).public()?),
        };
        Ok(KeyEntry {
            kid: self.kid,
            purpose: self.purpose,
            environments: self.environments.clone(),
            kinds: self.kinds.clone(),
            state: self.state,
            validity: Validity::ALWAYS,
            material,
        })
    }

    /// The token signer for this key.
    #[must_use]
    pub fn token_signer(&self) -> TokenSigner {
        match self.algorithm {
            Algorithm::HmacSha256 => TokenSigner::Hmac(HmacSigner::new(&self.secret)),
            Algorithm::Ed25519 => TokenSigner::Ed25519(SigningKey::from_seed(&self.secret)),
        }
    }

    /// The secret as base64url, unpadded: 43 characters.
    #[must_use]
    pub fn secret_text(&self) -> Zeroizing<String> {
        secret_text(&self.secret)
    }
}

fn secret_text(secret: &[u8; 32]) -> Zeroizing<String> {
    Zeroizing::new(URL_SAFE_NO_PAD.encode(secret))
}

impl fmt::Debug for Keystore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keystore({}, {} keys)", self.issuer, self.keys.len())
    }
}

impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredKey({}, {})", self.kid, self.purpose.name())
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
            assert!(!error.chain().contains(secret.as_str()));
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
