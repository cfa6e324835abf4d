//! The secrets that open encrypted files: a passphrase or a key file, configured or prompted for.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use zeroize::Zeroizing;

use super::error::KeystoreError;
use super::lock::{Lock, Secret};
use super::seal::SealError;
use crate::files::{self, FileError};

/// The least characters of a passphrase, and bytes of a key file, for encryption.
const MIN_PASSPHRASE_CHARS: usize = 12;
const MIN_KEY_FILE_LEN: usize = 32;

/// Prompts a person for a passphrase. The argument is the prompt.
pub type Ask = fn(&str) -> io::Result<Zeroizing<String>>;

/// The source of the secret that opens files. Clones share it and are cheap.
#[derive(Clone, Default)]
pub struct Unlock(Source);

#[derive(Clone, Default)]
enum Source {
    #[default]
    Nothing,
    Known(Arc<Secret>),
    Ask(Ask, Arc<Mutex<Option<Arc<Secret>>>>),
}

impl Unlock {
    /// A passphrase.
    #[must_use]
    pub fn passphrase(text: &str) -> Self {
        let bytes = Zeroizing::new(text.as_bytes().to_vec());
        Self(Source::Known(Arc::new(Secret { lock: Lock::Passphrase, bytes })))
    }

    /// The passphrase in a file, without the final line break.
    ///
    /// # Errors
    /// As [`files::read_secret`].
    pub fn passphrase_file(path: &Path) -> Result<Self, FileError> {
        let bytes = files::read_secret(path)?;
        let end = bytes.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n'));
        let text = bytes.get(..end.map_or(0, |end| end + 1)).unwrap_or_default();
        let bytes = Zeroizing::new(text.to_vec());
        Ok(Self(Source::Known(Arc::new(Secret { lock: Lock::Passphrase, bytes }))))
    }

    /// A key file, used as a whole.
    ///
    /// # Errors
    /// As [`files::read_secret`].
    pub fn key_file(path: &Path) -> Result<Self, FileError> {
        let bytes = files::read_secret(path)?;
        Ok(Self(Source::Known(Arc::new(Secret { lock: Lock::KeyFile, bytes }))))
    }

    /// Prompts once, when a secret is first needed.
    #[must_use]
    pub fn ask(ask: Ask) -> Self {
        Self(Source::Ask(ask, Arc::default()))
    }

    /// Whether a secret is available.
    #[must_use]
    pub const fn is_some(&self) -> bool {
        !matches!(self.0, Source::Nothing)
    }

    /// The secret for a file with this kind of lock.
    pub(crate) fn secret(&self, lock: Lock, path: &Path) -> Result<Arc<Secret>, KeystoreError> {
        let sealed = |source| KeystoreError::Sealed { path: path.to_owned(), source };
        let secret = match &self.0 {
            Source::Nothing => return Err(sealed(SealError::Locked(lock))),
            Source::Known(secret) => Arc::clone(secret),
            Source::Ask(..) if lock == Lock::KeyFile => {
                return Err(sealed(SealError::Locked(lock)));
            }
            Source::Ask(ask, told) => {
                once(*ask, told, &format!("Passphrase for {}: ", path.display()))
                    .map_err(|source| FileError::Io { path: path.to_owned(), source })?
            }
        };
        if secret.lock == lock { Ok(secret) } else { Err(sealed(SealError::Locked(lock))) }
    }

    /// The secret for encrypting a file; it must be long enough.
    pub(crate) fn new_secret(&self, path: &Path) -> Result<Arc<Secret>, KeystoreError> {
        let sealed = |source| KeystoreError::Sealed { path: path.to_owned(), source };
        let secret = match &self.0 {
            Source::Nothing => return Err(sealed(SealError::Locked(Lock::Passphrase))),
            Source::Known(secret) => Arc::clone(secret),
            Source::Ask(ask, told) => {
                let failed = |source| FileError::Io { path: path.to_owned(), source };
                let secret = once(*ask, told, "Passphrase: ").map_err(failed)?;
                let again = ask("The same again: ").map_err(failed)?;
                if again.as_bytes() != secret.bytes.as_slice() {
                    return Err(sealed(SealError::Wrong(Lock::Passphrase)));
                }
                secret
            }
        };
        let worth = match secret.lock {
            Lock::Passphrase => std::str::from_utf8(&secret.bytes)
                .is_ok_and(|text| text.chars().count() >= MIN_PASSPHRASE_CHARS),
            Lock::KeyFile => secret.bytes.len() >= MIN_KEY_FILE_LEN,
        };
        if worth { Ok(secret) } else { Err(sealed(SealError::Weak)) }
    }
}

fn once(ask: Ask, told: &Mutex<Option<Arc<Secret>>>, what: &str) -> io::Result<Arc<Secret>> {
    let mut told = told.lock().map_err(|_| io::Error::other("asked by a thread that failed"))?;
    if let Some(secret) = told.as_ref() {
        return Ok(Arc::clone(secret));
    }
    let text = ask(what)?;
    let bytes = Zeroizing::new(text.as_bytes().to_vec());
    let secret = Arc::new(Secret { lock: Lock::Passphrase, bytes });
    *told = Some(Arc::clone(&secret));
    Ok(secret)
}

impl fmt::Debug for Unlock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Source::Nothing => "Unlock(nothing)",
            Source::Known(secret) => secret.lock.name(),
            Source::Ask(..) => "Unlock(asks)",
        })
    }
}
