//! Policies: what a key may do. Found by the policy number in the token.
//!
//! ```text
//! directory   maps ranges of policy numbers to bodies, or to directories of narrower ranges
//! bodies      the policies of one range; private ones begin with a salt
//! ```
//!
//! The list's head names two directories by digest and length: one for publishable keys, whose
//! policies are public, and one for secret keys. [`Policies`] holds the fetched files and finds a
//! [`Policy`] under a head; [`decide`] checks a request against it.
//!
//! Specified in `docs/policy.md`.

mod body;
mod decide;
mod directory;
mod held;
mod item;
mod network;
mod path;
mod record;
pub mod scope;

pub use body::PolicyBody;
pub use decide::{Denial, Grant, RequestFacts, decide};
pub use directory::{PolicyDirectory, RangeLine};
pub use held::{CapacityExceeded, NoPolicy, Policies};
pub use network::Network;
pub use path::{PlainPath, is_pattern as is_path_pattern};
pub use record::{Policy, Texts};

#[cfg(feature = "issue")]
pub(crate) use body::{HEADER_LEN, INDEX_LEN, LETTER as BODY_LETTER};
#[cfg(feature = "issue")]
pub(crate) use directory::LETTER as DIRECTORY_LETTER;
#[cfg(feature = "issue")]
pub(crate) use record::MAX_POLICY_LEN;

use crate::wire::{Reader, WireError};

/// Whether `text` is a scope that a request may need: segments without wildcards.
#[must_use]
pub fn is_scope(text: &str) -> bool {
    scope::is_scope(text.as_bytes(), false)
}

/// Whether `text` is a method that a policy may name.
#[must_use]
pub fn is_method(text: &str) -> bool {
    item::List::Methods.admits(text.as_bytes())
}

/// Whether `text` is a rate class.
#[must_use]
pub fn is_rate_class(text: &str) -> bool {
    item::List::RateClass.admits(text.as_bytes())
}

/// The maximal length of a policy file: after an edit a verifier fetches a few of them.
pub(crate) const MAX_FILE_LEN: usize = 8192;

/// Bytes of the salt of a private body.
pub(crate) const SALT_LEN: usize = 32;

/// Who may read a directory and its bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Visibility {
    /// Policies of publishable keys: for everyone.
    Public,
    /// Policies of secret keys: for gates with a credential.
    Private,
}

impl Visibility {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Public, Self::Private];

    /// The visibility of the policies of keys of this kind.
    #[must_use]
    pub const fn of(kind: crate::token::Kind) -> Self {
        match kind {
            crate::token::Kind::Publishable => Self::Public,
            crate::token::Kind::Secret => Self::Private,
        }
    }

    #[cfg(feature = "issue")]
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Public => 1,
            Self::Private => 2,
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        match reader.u8()? {
            1 => Ok(Self::Public),
            2 => Ok(Self::Private),
            _ => Err(WireError::NotCanonical("visibility")),
        }
    }
}
