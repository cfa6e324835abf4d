//! The keystore: the issuer's signing keys, apart from the database.
//!
//! A JSON file of mode 0600:
//!
//! ```json
//! {"version":1,"issuer":"iss_…","root":"<public, base64url>","keys":[
//!   {"kid":1,"algorithm":"hmac-sha256-128","purpose":"token","environments":["live"],
//!    "kinds":["secret"],"state":"active","secret":"<32 bytes, base64url>"}]}
//! ```

use std::fmt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_core::crypto::{HmacKey, IssuerId, PublicKey};
use portcullis_core::issue::{HmacSigner, ListSigner, SaltKey, SigningKey, TokenSigner};
use portcullis_core::keyring::{KeyEntry, Keyring, Material, Purpose, State, Validity};
use portcullis_core::token::{Algorithm, Environment, Kind};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::files::{self, Privacy};
use crate::names;

const VERSION: u32 = 1;

/// What is wrong with a keystore. Never quotes the file: it holds secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeystoreError {
    /// The file is not the JSON that a keystore is.
    #[error("it is not a keystore: the mistake is at line {line}, column {column}")]
    Json {
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
    },
    /// The format's version is not known.
    #[error("its version is {0}, which this program does not know; update the program")]
    Version(u32),
    /// A field holds a value that is none.
    #[error("its field `{0}` holds a value that is none")]
    Field(&'static str),
    /// A key is not the one that the keyring lists under its kid.
    #[error("its key {0} is not the one that the keyring lists")]
    NotInKeyring(u16),
}

/// The signing keys of one issuer. Secrets are wiped when dropped and hidden from `Debug`.
pub struct Keystore {
    issuer: IssuerId,
    root: PublicKey,
    keys: Vec<StoredKey>,
    /// Private policies are salted under it.
    salt: Option<Zeroizing<[u8; 32]>>,
}

/// One signing key.
pub struct StoredKey {
    /// The key id.
    pub kid: u16,
    /// The algorithm.
    pub algorithm: Algorithm,
    /// What the key is used for.
    pub purpose: Purpose,
    /// The environments whose keys it signs.
    pub environments: Vec<Environment>,
    /// The kinds of keys that it signs.
    pub kinds: Vec<Kind>,
    /// Where it stands in its life.
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

    /// The same with a secret for the salts of private policies, which is drawn and written to
    /// the file at `path` where there is none yet.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Random`].
    pub fn with_salt(mut self, path: &Path) -> Result<Self, Error> {
        if self.salt.is_none() {
            self.salt = Some(crate::random::secret()?);
            self.write(path)?;
        }
        Ok(self)
    }

    /// The secret for the salts of private policies.
    #[must_use]
    pub fn salt_key(&self) -> SaltKey {
        SaltKey::new(self.salt.as_deref().unwrap_or(&[0; 32]))
    }

    /// Reads a keystore file.
    ///
    /// # Errors
    /// [`Error::Permissions`], [`Error::Io`], and [`Error::Keystore`] for a file that is none.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = files::read_secret(path)?;
        decode(&bytes).map_err(|source| Error::Keystore { path: path.to_owned(), source })
    }

    /// Writes the keystore file, whole or not at all.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        files::write_atomic(path, &self.encode(path)?, Privacy::Secret)
    }

    fn encode(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
        let document = Document {
            version: VERSION,
            issuer: self.issuer.to_string(),
            root: self.root.to_string(),
            keys: self.keys.iter().map(KeyDocument::from).collect(),
            policy_salt: self.salt.as_ref().map(|salt| secret_text(salt)),
        };
        // Room for any keystore: a buffer that grows would leave copies of secrets behind.
        let mut out = Zeroizing::new(Vec::with_capacity(1024 + 512 * self.keys.len()));
        serde_json::to_writer_pretty(&mut *out, &document)
            .map_err(|error| Error::Io { path: path.to_owned(), source: error.into() })?;
        out.push(b'\n');
        Ok(out)
    }

    /// The issuer that the keys are of.
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

    /// The active key that signs such keys, newest kid first.
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

    /// Checks that every key is the one that `keyring` lists under its kid.
    ///
    /// # Errors
    /// [`KeystoreError::NotInKeyring`].
    pub fn check_against(&self, keyring: &Keyring) -> Result<(), KeystoreError> {
        for key in &self.keys {
            let ours = key.entry(self.issuer).map_err(|_| KeystoreError::Field("secret"))?;
            let listed = keyring.entry(key.kid).is_some_and(|entry| {
                entry.material == ours.material && entry.purpose == ours.purpose
            });
            if !listed || keyring.issuer() != self.issuer {
                return Err(KeystoreError::NotInKeyring(key.kid));
            }
        }
        Ok(())
    }
}

impl StoredKey {
    /// The key's line in the keyring, valid without bounds.
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

    /// The signer of tokens that this key is.
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

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    issuer: String,
    root: String,
    keys: Vec<KeyDocument>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policy_salt: Option<Zeroizing<String>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyDocument {
    kid: u16,
    algorithm: String,
    purpose: String,
    environments: Vec<String>,
    kinds: Vec<String>,
    state: String,
    secret: Zeroizing<String>,
}

impl From<&StoredKey> for KeyDocument {
    fn from(key: &StoredKey) -> Self {
        Self {
            kid: key.kid,
            algorithm: key.algorithm.name().into(),
            purpose: key.purpose.name().into(),
            environments: key.environments.iter().map(|e| e.name().into()).collect(),
            kinds: key.kinds.iter().map(|k| k.name().into()).collect(),
            state: key.state.name().into(),
            secret: key.secret_text(),
        }
    }
}

fn decode(bytes: &[u8]) -> Result<Keystore, KeystoreError> {
    // serde_json's own message may quote the value that it stumbled over: only the place is kept.
    let document: Document = serde_json::from_slice(bytes)
        .map_err(|error| KeystoreError::Json { line: error.line(), column: error.column() })?;
    if document.version != VERSION {
        return Err(KeystoreError::Version(document.version));
    }
    let issuer = names::issuer(&document.issuer).ok_or(KeystoreError::Field("issuer"))?;
    let root = PublicKey::from_text(&document.root).map_err(|_| KeystoreError::Field("root"))?;
    let mut keys: Vec<StoredKey> = Vec::with_capacity(document.keys.len());
    for key in &document.keys {
        if keys.last().is_some_and(|last| last.kid >= key.kid) {
            return Err(KeystoreError::Field("kid"));
        }
        keys.push(decode_key(key)?);
    }
    let salt = document.policy_salt.as_ref().map(|text| decode_secret(text, "policy_salt"));
    Ok(Keystore { issuer, root, keys, salt: salt.transpose()? })
}

fn decode_secret(text: &str, field: &'static str) -> Result<Zeroizing<[u8; 32]>, KeystoreError> {
    let mut secret = Zeroizing::new([0; 32]);
    match URL_SAFE_NO_PAD.decode_slice(text.as_bytes(), secret.as_mut_slice()) {
        Ok(32) => Ok(secret),
        Ok(_) | Err(_) => Err(KeystoreError::Field(field)),
    }
}

fn decode_key(key: &KeyDocument) -> Result<StoredKey, KeystoreError> {
    let field = KeystoreError::Field;
    let secret = decode_secret(&key.secret, "secret")?;
    let environments = key.environments.iter().map(|name| names::environment(name));
    let kinds = key.kinds.iter().map(|name| names::kind(name));
    Ok(StoredKey {
        kid: key.kid,
        algorithm: names::algorithm(&key.algorithm).ok_or(field("algorithm"))?,
        purpose: names::purpose(&key.purpose).ok_or(field("purpose"))?,
        environments: environments.collect::<Option<_>>().ok_or(field("environments"))?,
        kinds: kinds.collect::<Option<_>>().ok_or(field("kinds"))?,
        state: names::signer_state(&key.state).ok_or(field("state"))?,
        secret,
    })
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
        keystore().write(&path).unwrap();
        let read = Keystore::read(&path).unwrap();
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
            files::write_atomic(&path, bad.as_bytes(), Privacy::Secret).unwrap();
            let error = Keystore::read(&path).unwrap_err();
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
