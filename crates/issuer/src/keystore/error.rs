//! Why keys can't be read, opened or written.

use std::path::PathBuf;

use portcullis_core::crypto::PublicKeyError;

use super::seal::SealError;
use crate::files::FileError;
use crate::random::NoRandomness;

/// A fault in a keystore. Never quotes the file, which holds secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DocumentError {
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

/// Why a keystore, or another file of keys, can't be used. Each message names the next step.
#[derive(Debug, thiserror::Error)]
pub enum KeystoreError {
    /// The keystore is invalid, or another issuer's.
    #[error("the keystore {} can't be used and was left as it is; restore it from a backup", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// The fault.
        source: DocumentError,
    },
    /// An encrypted file, or one to encrypt, can't be used.
    #[error("{} can't be opened and was left as it is", path.display())]
    Sealed {
        /// The file.
        path: PathBuf,
        /// The fault.
        source: SealError,
    },
    /// The root key is needed and isn't at the expected path.
    #[error(
        "the root key, which signs keyrings, is not at {}; bring it, or say with --root where it is",
        path.display()
    )]
    RootMissing {
        /// The expected path.
        path: PathBuf,
    },
    /// The file is no root key, or another issuer's.
    #[error("{} is not the root key of this issuer; say with --root where that is", path.display())]
    RootWrong {
        /// The file.
        path: PathBuf,
    },
    /// The keystore holds no key.
    #[error("the keystore holds no key")]
    Empty,
    /// The file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The system provided no random bytes.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// A public key is refused.
    #[error("a public key is refused")]
    PublicKey(#[from] PublicKeyError),
}

impl KeystoreError {
    /// A stable code for programs and logs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unusable { .. } => "keystore",
            Self::Sealed { .. } => "sealed",
            Self::RootMissing { .. } => "root_missing",
            Self::RootWrong { .. } => "root_wrong",
            Self::Empty => "no_signer",
            Self::File(error) => error.code(),
            Self::Random(NoRandomness) => "random",
            Self::PublicKey(_) => "public_key",
        }
    }
}
