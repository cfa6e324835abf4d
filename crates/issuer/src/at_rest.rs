//! Encrypts and decrypts the secret files in the issuer's folder.

use std::path::{Path, PathBuf};

use crate::home::Home;
use crate::keystore::{KeystoreError, SealError, Unlock, Vault};

/// A secret file, and whether it is encrypted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtRest {
    /// The file.
    pub path: PathBuf,
    /// Whether it is encrypted.
    pub encrypted: bool,
}

/// The secret files present: the keystore, and the root key at `root` or in the folder. Anyone who
/// obtains an unencrypted one has the keys.
///
/// # Errors
/// As [`Vault::lock`].
pub fn at_rest(home: &Home, root: Option<&Path>) -> Result<Vec<AtRest>, KeystoreError> {
    let files = vaults(home, root);
    let look = |vault: &Vault| {
        Ok(AtRest { path: vault.path().to_owned(), encrypted: vault.lock()?.is_some() })
    };
    files.iter().map(look).collect()
}

/// Encrypts the unencrypted files with the secret in `with`. Returns their paths.
///
/// # Errors
/// [`KeystoreError::Sealed`] for a secret that is too short, and as [`Vault::read`].
pub fn encrypt(
    home: &Home,
    root: Option<&Path>,
    with: &Unlock,
) -> Result<Vec<PathBuf>, KeystoreError> {
    change(home, root, with, false)
}

/// Encrypts the encrypted files again, with the new secret in `with`. Returns their paths.
///
/// # Errors
/// As [`encrypt`].
pub fn rekey(
    home: &Home,
    root: Option<&Path>,
    with: &Unlock,
) -> Result<Vec<PathBuf>, KeystoreError> {
    change(home, root, with, true)
}

fn change(
    home: &Home,
    root: Option<&Path>,
    with: &Unlock,
    sealed: bool,
) -> Result<Vec<PathBuf>, KeystoreError> {
    let files = chosen(home, root, sealed)?;
    // Read all of them before writing the first.
    let read = files.iter().map(|vault| Ok((vault, vault.read()?)));
    let read: Vec<_> = read.collect::<Result<_, KeystoreError>>()?;
    let secret = with.new_secret(&home.keystore())?;
    for (vault, bytes) in &read {
        vault.write_sealed(bytes, &secret)?;
    }
    Ok(files.iter().map(|vault| vault.path().to_owned()).collect())
}

/// Decrypts the encrypted files. Returns their paths.
///
/// # Errors
/// As [`Vault::read`].
pub fn decrypt(home: &Home, root: Option<&Path>) -> Result<Vec<PathBuf>, KeystoreError> {
    let files = chosen(home, root, true)?;
    let read = files.iter().map(|vault| Ok((vault, vault.read()?)));
    let read: Vec<_> = read.collect::<Result<_, KeystoreError>>()?;
    for (vault, bytes) in &read {
        vault.write_plain(bytes)?;
    }
    Ok(files.iter().map(|vault| vault.path().to_owned()).collect())
}

fn chosen(home: &Home, root: Option<&Path>, sealed: bool) -> Result<Vec<Vault>, KeystoreError> {
    let mut chosen = Vec::new();
    for vault in vaults(home, root) {
        if vault.lock()?.is_some() == sealed {
            chosen.push(vault);
        }
    }
    if chosen.is_empty() && sealed {
        return Err(KeystoreError::Sealed { path: home.keystore(), source: SealError::NotSealed });
    }
    Ok(chosen)
}

/// The root key first: if the process ends half-way, the issuer still starts as before.
fn vaults(home: &Home, root: Option<&Path>) -> Vec<Vault> {
    let root = root.map_or_else(|| home.root_key(), Path::to_owned);
    let root = root.exists().then(|| Vault::new(root, home.unlock().clone()));
    root.into_iter().chain([home.keystore_vault()]).collect()
}
