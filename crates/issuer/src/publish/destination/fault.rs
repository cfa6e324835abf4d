//! What goes wrong at a destination.

use std::path::Path;

use crate::error::Error;
use crate::files::{self, FileError};
use crate::sources::chain;

/// Why a destination could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    reason: String,
    /// Whether the destination is full.
    is_full: bool,
}

impl Fault {
    pub(super) fn of_io(path: &Path, error: &std::io::Error) -> Self {
        Self { reason: format!("{}: {error}", path.display()), is_full: files::is_full(error) }
    }

    /// Another publisher has changed what is to be replaced.
    pub(super) fn overtaken() -> Self {
        "another publisher has written there since".into()
    }

    /// The error for the target `name`.
    pub(crate) fn at(self, name: &str) -> Error {
        let (target, reason) = (name.to_owned(), self.reason);
        if self.is_full {
            Error::TargetFull { target, reason }
        } else {
            Error::Target { target, reason }
        }
    }
}

impl From<String> for Fault {
    fn from(reason: String) -> Self {
        Self { reason, is_full: false }
    }
}

impl From<&str> for Fault {
    fn from(reason: &str) -> Self {
        reason.to_owned().into()
    }
}

impl From<FileError> for Fault {
    fn from(error: FileError) -> Self {
        let is_full = matches!(&error, FileError::Io { source, .. } if files::is_full(source));
        Self { reason: chain(&error), is_full }
    }
}
