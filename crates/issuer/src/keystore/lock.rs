//! What opens an encrypted file.

use zeroize::Zeroizing;

/// The kind of secret that opens a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lock {
    /// A passphrase that a person knows.
    Passphrase,
    /// A key file.
    KeyFile,
}

impl Lock {
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Passphrase => 1,
            Self::KeyFile => 2,
        }
    }

    pub(super) const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Passphrase),
            2 => Some(Self::KeyFile),
            _ => None,
        }
    }

    /// `passphrase` or `key file`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Passphrase => "passphrase",
            Self::KeyFile => "key file",
        }
    }

    pub(super) const fn how(self) -> &'static str {
        match self {
            Self::Passphrase => {
                "its passphrase: name a file that holds it in PORTCULLIS_PASSPHRASE_FILE, or run \
                 this on a terminal"
            }
            Self::KeyFile => "its key file: name it in PORTCULLIS_KEY_FILE",
        }
    }
}

/// A passphrase or the bytes of a key file. Wiped when dropped.
pub(crate) struct Secret {
    pub(crate) lock: Lock,
    pub(crate) bytes: Zeroizing<Vec<u8>>,
}
