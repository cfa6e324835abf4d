//! Where the records are.

use std::fmt;
use std::path::PathBuf;

use super::server;
use crate::invalid::Invalid;
use crate::store::error::StoreError;

/// The location of an issuer's records.
#[derive(Clone, PartialEq, Eq)]
pub enum Database {
    /// A SQLite file.
    File(PathBuf),
    /// A PostgreSQL database, by URL. The tables are in its schema `portcullis`.
    Server(String),
}

impl Database {
    /// Parses `DATABASE_URL`.
    ///
    /// # Errors
    /// [`Invalid`] if it names another kind than PostgreSQL; [`StoreError::Url`] if a
    /// part is malformed or unknown.
    pub fn from_url(url: &str) -> Result<Self, StoreError> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            server::check(url)?;
            return Ok(Self::Server(url.into()));
        }
        let reason = "must begin with postgres://; leave it out to use SQLite in the home folder";
        Err(Invalid { field: "DATABASE_URL", reason }.into())
    }
}

impl fmt::Debug for Database {
    /// Omits the URL, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "File({})", path.display()),
            Self::Server(_) => f.write_str("Server(..)"),
        }
    }
}
