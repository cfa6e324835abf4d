//! The issuer's folder.

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::keystore::{Unlock, Vault};
use crate::store::Database;

/// The files of an issuer's folder.
#[derive(Clone, Debug)]
pub struct Home {
    path: PathBuf,
    database: Option<Database>,
    unlock: Unlock,
}

impl Home {
    /// The folder at `path`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), database: None, unlock: Unlock::default() }
    }

    /// Sets a database other than the file in the folder.
    #[must_use]
    pub fn with_database(self, database: Database) -> Self {
        Self { database: Some(database), ..self }
    }

    /// Sets the secret for encrypted files.
    #[must_use]
    pub fn with_unlock(self, unlock: Unlock) -> Self {
        Self { unlock, ..self }
    }

    /// The secret for encrypted files.
    #[must_use]
    pub const fn unlock(&self) -> &Unlock {
        &self.unlock
    }

    /// The keystore's file with its secret.
    #[must_use]
    pub fn keystore_vault(&self) -> Vault {
        Vault::new(self.keystore(), self.unlock.clone())
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database: `issuer.db` in the folder, unless another was set.
    #[must_use]
    pub fn database(&self) -> Database {
        self.database.clone().unwrap_or_else(|| Database::File(self.database_file()))
    }

    /// The path of the database if it is a file in the folder.
    #[must_use]
    pub fn database_file(&self) -> PathBuf {
        self.path.join("issuer.db")
    }

    /// The keystore's path.
    #[must_use]
    pub fn keystore(&self) -> PathBuf {
        self.path.join("keystore.json")
    }

    /// The mark of a restored database that the next start has to record.
    #[must_use]
    pub(crate) fn restored_mark(&self) -> PathBuf {
        self.path.join("restored")
    }

    /// Distinguishes a folder without an issuer from one with a missing keystore.
    ///
    /// # Errors
    /// [`Error::NotInitialised`], [`Error::KeystoreLost`].
    pub fn check_keystore(&self) -> Result<(), Error> {
        let keystore = self.keystore();
        if keystore.exists() {
            return Ok(());
        }
        let beside = [self.database_file(), self.root_key()].into_iter().find(|path| path.exists());
        Err(match beside {
            Some(path) => Error::KeystoreLost { keystore, beside: path.display().to_string() },
            None => Error::NotInitialised { home: self.path.clone() },
        })
    }

    /// The default path of the root key.
    #[must_use]
    pub fn root_key(&self) -> PathBuf {
        self.path.join("root.key")
    }
}
