//! What the list's head and the policies both know of policy files: who may read them, and how long
//! they may be.

use crate::field::Field;
use crate::token::Kind;
use crate::wire::{Reader, WireError};

/// The maximal length of a policy file: after an edit a verifier fetches a few of them.
pub(crate) const MAX_POLICY_FILE_LEN: usize = 8192;

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
    pub const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Publishable => Self::Public,
            Kind::Secret => Self::Private,
        }
    }

    #[cfg(feature = "issue")]
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Public => 1,
            Self::Private => 2,
        }
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        match reader.u8()? {
            1 => Ok(Self::Public),
            2 => Ok(Self::Private),
            _ => Err(WireError::NotCanonical(Field::Visibility)),
        }
    }
}
