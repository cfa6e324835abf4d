//! The folders of the files to fetch.

use portcullis_core::list::FileName;
use portcullis_core::token::Kind;

/// The folder of a file, below the source's folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `heads/`
    Heads = 0,
    /// `bodies/`
    Bodies = 1,
    /// `policies/`: of publishable keys.
    Policies = 2,
    /// `private/`: policies of secret keys.
    Private = 3,
}

impl Place {
    /// The folder of a kind's policy files.
    pub(crate) const fn of(kind: Kind) -> Self {
        match kind {
            Kind::Publishable => Self::Policies,
            Kind::Secret => Self::Private,
        }
    }
}

/// A file to fetch, and its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The folder.
    pub place: Place,
    /// Digest and length.
    pub name: FileName,
}
