//! The keystore's file: JSON, which may be encrypted.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_core::crypto::PublicKey;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Keystore;
use super::error::{DocumentError, KeystoreError};
use super::stored_key::{StoredKey, secret_text};
use super::vault::Vault;
use crate::files::FileError;
use crate::names;

const VERSION: u32 = 1;

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

impl Keystore {
    /// Reads a keystore file.
    ///
    /// # Errors
    /// As [`Vault::read`], and [`KeystoreError::Unusable`] for an invalid file.
    pub fn read(vault: &Vault) -> Result<Self, KeystoreError> {
        let path = || vault.path().to_owned();
        decode(&vault.read()?).map_err(|source| KeystoreError::Unusable { path: path(), source })
    }

    /// Writes the keystore file atomically, encrypted if it was.
    ///
    /// # Errors
    /// [`FileError::Io`], and as [`Vault::rewrite`].
    pub fn write(&self, vault: &Vault) -> Result<(), KeystoreError> {
        let bytes = self.encode(vault.path())?;
        if vault.path().exists() { vault.rewrite(&bytes) } else { Ok(vault.write_plain(&bytes)?) }
    }

    /// The file's bytes.
    ///
    /// # Errors
    /// [`FileError::Io`], for `path`.
    pub(crate) fn encode(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
        encode(self).map_err(|error| FileError::Io { path: path.to_owned(), source: error.into() })
    }
}

fn decode(bytes: &[u8]) -> Result<Keystore, DocumentError> {
    // serde_json's message may quote a secret value, so only the position is kept.
    let document: Document = serde_json::from_slice(bytes)
        .map_err(|error| DocumentError::Json { line: error.line(), column: error.column() })?;
    if document.version != VERSION {
        return Err(DocumentError::Version(document.version));
    }
    let issuer = document.issuer.parse().map_err(|_| DocumentError::Field("issuer"))?;
    let root = PublicKey::from_text(&document.root).map_err(|_| DocumentError::Field("root"))?;
    let mut keys: Vec<StoredKey> = Vec::with_capacity(document.keys.len());
    for key in &document.keys {
        if keys.last().is_some_and(|last| last.kid >= key.kid) {
            return Err(DocumentError::Field("kid"));
        }
        keys.push(decode_key(key)?);
    }
    let salt = document.policy_salt.as_ref().map(|text| decode_secret(text, "policy_salt"));
    Ok(Keystore { issuer, root, keys, salt: salt.transpose()? })
}

fn decode_secret(text: &str, field: &'static str) -> Result<Zeroizing<[u8; 32]>, DocumentError> {
    let mut secret = Zeroizing::new([0; 32]);
    match URL_SAFE_NO_PAD.decode_slice(text.as_bytes(), secret.as_mut_slice()) {
        Ok(32) => Ok(secret),
        Ok(_) | Err(_) => Err(DocumentError::Field(field)),
    }
}

fn decode_key(key: &KeyDocument) -> Result<StoredKey, DocumentError> {
    let field = DocumentError::Field;
    let secret = decode_secret(&key.secret, "secret")?;
    let environments = key.environments.iter().map(|name| name.parse());
    let kinds = key.kinds.iter().map(|name| name.parse());
    Ok(StoredKey {
        kid: key.kid,
        algorithm: names::algorithm(&key.algorithm).ok_or(field("algorithm"))?,
        purpose: key.purpose.parse().map_err(|_| field("purpose"))?,
        environments: environments.collect::<Result<_, _>>().map_err(|_| field("environments"))?,
        kinds: kinds.collect::<Result<_, _>>().map_err(|_| field("kinds"))?,
        state: key.state.parse().map_err(|_| field("state"))?,
        secret,
    })
}

fn encode(keystore: &Keystore) -> serde_json::Result<Zeroizing<Vec<u8>>> {
    let document = Document {
        version: VERSION,
        issuer: keystore.issuer.to_string(),
        root: keystore.root.to_string(),
        keys: keystore.keys.iter().map(KeyDocument::from).collect(),
        policy_salt: keystore.salt.as_ref().map(|salt| secret_text(salt)),
    };
    // Allocate enough at once: a growing buffer would leave copies of secrets in memory.
    let mut out = Zeroizing::new(Vec::with_capacity(1024 + 512 * keystore.keys.len()));
    serde_json::to_writer_pretty(&mut *out, &document)?;
    out.push(b'\n');
    Ok(out)
}
