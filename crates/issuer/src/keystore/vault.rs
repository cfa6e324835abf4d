//! A secret file that may be encrypted: the keystore, or the root key.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_core::crypto::PublicKey;
use portcullis_core::issue::SigningKey;
use zeroize::Zeroizing;

use super::error::KeystoreError;
use super::lock::{Lock, Secret};
use super::seal::{self, SealError, Sealed};
use super::unlock::Unlock;
use crate::files::{self, FileError, Privacy};

/// A secret file and the secret that opens it.
#[derive(Clone, Debug)]
pub struct Vault {
    path: PathBuf,
    unlock: Unlock,
}

impl Vault {
    /// The file at `path`, opened with `unlock` if it is encrypted.
    #[must_use]
    pub const fn new(path: PathBuf, unlock: Unlock) -> Self {
        Self { path, unlock }
    }

    /// The file's path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The kind of lock; `None` if the file isn't encrypted.
    ///
    /// # Errors
    /// As [`files::read_secret`], and [`KeystoreError::Sealed`].
    pub fn lock(&self) -> Result<Option<Lock>, KeystoreError> {
        let bytes = files::read_secret(&self.path)?;
        if !seal::is_sealed(&bytes) {
            return Ok(None);
        }
        Ok(Some(Sealed::look(bytes.as_slice()).map_err(|source| self.sealed(source))?.lock()))
    }

    /// The content, decrypted if necessary.
    ///
    /// # Errors
    /// As [`files::read_secret`], and [`KeystoreError::Sealed`].
    pub fn read(&self) -> Result<Zeroizing<Vec<u8>>, KeystoreError> {
        let bytes = files::read_secret(&self.path)?;
        if !seal::is_sealed(&bytes) {
            return Ok(bytes);
        }
        let sealed = |source| self.sealed(source);
        let lock = Sealed::look(bytes.as_slice()).map_err(sealed)?.lock();
        let secret = self.unlock.secret(lock, &self.path)?;
        seal::open(&bytes, &secret).map_err(sealed)
    }

    /// Replaces the content, and keeps the file encrypted if it was.
    ///
    /// # Errors
    /// As [`Vault::read`], and [`FileError::Io`].
    pub fn rewrite(&self, bytes: &[u8]) -> Result<(), KeystoreError> {
        match self.lock()? {
            None => Ok(files::write_atomic(&self.path, bytes, Privacy::Secret)?),
            Some(lock) => {
                let secret = self.unlock.secret(lock, &self.path)?;
                let file = seal::seal(bytes, &secret).map_err(|source| self.io(source))?;
                Ok(files::write_atomic(&self.path, &file, Privacy::Secret)?)
            }
        }
    }

    /// Writes the file encrypted.
    pub(crate) fn write_sealed(&self, bytes: &[u8], secret: &Secret) -> Result<(), KeystoreError> {
        let file = seal::seal(bytes, secret).map_err(|source| self.io(source))?;
        // Check that it opens before it replaces a readable file.
        let read = seal::open(&file, secret).map_err(|source| self.sealed(source))?;
        if *read != *bytes {
            return Err(self.sealed(SealError::Damaged));
        }
        Ok(files::write_atomic(&self.path, &file, Privacy::Secret)?)
    }

    /// Writes the file unencrypted.
    ///
    /// # Errors
    /// [`FileError::Io`].
    pub fn write_plain(&self, bytes: &[u8]) -> Result<(), FileError> {
        files::write_atomic(&self.path, bytes, Privacy::Secret)
    }

    /// The root key in this file. It must match `public`.
    ///
    /// # Errors
    /// [`KeystoreError::RootMissing`], [`KeystoreError::RootWrong`], and as [`Vault::read`].
    pub fn root_key(&self, public: &PublicKey) -> Result<SigningKey, KeystoreError> {
        if !self.path.exists() {
            return Err(KeystoreError::RootMissing { path: self.path.clone() });
        }
        let wrong = || KeystoreError::RootWrong { path: self.path.clone() };
        let text = self.read()?;
        let mut seed = Zeroizing::new([0; 32]);
        match URL_SAFE_NO_PAD.decode_slice(text.trim_ascii(), seed.as_mut_slice()) {
            Ok(32) => {}
            Ok(_) | Err(_) => return Err(wrong()),
        }
        let key = SigningKey::from_seed(&seed);
        if key.public()? == *public { Ok(key) } else { Err(wrong()) }
    }

    fn io(&self, source: std::io::Error) -> FileError {
        FileError::Io { path: self.path.clone(), source }
    }

    fn sealed(&self, source: SealError) -> KeystoreError {
        KeystoreError::Sealed { path: self.path.clone(), source }
    }
}
