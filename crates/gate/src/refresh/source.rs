//! The files of an issuer, and the errors of fetching and applying them.

use core::fmt;

use portcullis_core::keyring::KeyringError;
use portcullis_core::list::{FileName, ListError, MAX_BUNDLE_LEN};
use portcullis_core::policy::Visibility;

/// A file that an issuer publishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum File {
    /// The keyring document.
    Keyring,
    /// The stamp.
    Stamp,
    /// A head, by its digest.
    Head(FileName),
    /// A body, by its digest.
    Body(FileName),
    /// A file of policies, by its digest.
    Policy(Visibility, FileName),
}

impl File {
    /// The path under the issuer's address.
    #[must_use]
    pub fn path(self) -> String {
        format!("/.well-known/portcullis/{self}")
    }

    /// How many bytes a fetch reads at most: the length in the file's name, if it has one.
    #[must_use]
    pub fn longest(self) -> usize {
        match self {
            Self::Keyring => 256 << 10,
            Self::Stamp => 4 << 10,
            Self::Head(name) | Self::Body(name) | Self::Policy(_, name) => {
                usize::try_from(name.len).unwrap_or(usize::MAX).min(MAX_BUNDLE_LEN)
            }
        }
    }

    /// Whether only gates with a credential may fetch it.
    #[must_use]
    pub const fn is_private(self) -> bool {
        matches!(self, Self::Policy(Visibility::Private, _))
    }
}

impl fmt::Display for File {
    /// The file's name at every source.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Keyring => f.write_str("keyring"),
            Self::Stamp => f.write_str("stamp"),
            Self::Head(name) => write!(f, "heads/{}", name.digest),
            Self::Body(name) => write!(f, "bodies/{}", name.digest),
            Self::Policy(Visibility::Public, name) => write!(f, "policies/{}", name.digest),
            Self::Policy(Visibility::Private, name) => write!(f, "private/{}", name.digest),
        }
    }
}

/// Why a fetch failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// No answer, or one that broke off.
    #[error("the source can't be reached, or the answer broke off")]
    Unreachable,
    /// The answer timed out.
    #[error("the answer did not come in time")]
    Late,
    /// A status other than 200. Redirects are not followed.
    #[error("the answer has the status {0}, not 200")]
    Status(u16),
    /// The store has nothing under this name.
    #[error("nothing is there under this name")]
    Absent,
    /// It is longer than its name says, or than its kind allows.
    #[error("the answer is longer than such a file can be")]
    TooLong,
    /// The file is private, and no source is configured that serves private files to this gate.
    #[error("set the secret GATE_KEY, to an admin key with the scope gates:read, or bind LIST_KV")]
    NoCredential,
    /// No receiver of usage reports is configured.
    #[error("set ISSUER_URL, and the secret GATE_KEY to an admin key with the scope gates:report")]
    NoIssuer,
}

impl FetchError {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unreachable => "fetch_unreachable",
            Self::Late => "fetch_late",
            Self::Status(_) => "fetch_status",
            Self::Absent => "fetch_absent",
            Self::TooLong => "fetch_too_long",
            Self::NoCredential => "fetch_no_credential",
            Self::NoIssuer => "fetch_no_issuer",
        }
    }
}

/// Why a refresh failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefreshError {
    /// A file could not be fetched.
    #[error("{file}: {error}")]
    Fetch {
        /// The file.
        file: File,
        /// Why.
        error: FetchError,
    },
    /// The keyring was refused.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// The list was refused.
    #[error(transparent)]
    List(#[from] ListError),
    /// Another refresh has taken over the lease.
    #[error("the refresh took too long and was replaced")]
    Replaced,
}

impl RefreshError {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Fetch { error, .. } => error.code(),
            Self::Keyring(error) => error.code(),
            Self::List(error) => error.code(),
            Self::Replaced => "refresh_replaced",
        }
    }

    /// Whether the issuer signed documents that contradict each other.
    #[must_use]
    pub const fn is_equivocation(self) -> bool {
        matches!(
            self,
            Self::List(ListError::Equivocation(_)) | Self::Keyring(KeyringError::Equivocation)
        )
    }
}
