//! The files that a verifier asks its host for, and the folders that they are in.

use portcullis_core::crypto::Digest;
use portcullis_core::list::FileName;
use portcullis_core::token::Kind;

/// The folder of a file, below the source's folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folder {
    /// `heads/`
    Heads = 0,
    /// `bodies/`
    Bodies = 1,
    /// `policies/`: of publishable keys.
    Policies = 2,
    /// `private/`: policies of secret keys.
    Private = 3,
}

impl Folder {
    /// Every folder.
    pub const ALL: [Self; 4] = [Self::Heads, Self::Bodies, Self::Policies, Self::Private];

    /// The folder's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Heads => "heads",
            Self::Bodies => "bodies",
            Self::Policies => "policies",
            Self::Private => "private",
        }
    }
}

/// A file to fetch, and its folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The folder.
    pub folder: Folder,
    /// Digest and length.
    pub name: FileName,
}

/// The length of a [`Wanted`] in a reply: the folder in one byte, the digest, and the file's length
/// in four bytes.
pub const WANTED_LEN: usize = 1 + size_of::<Digest>() + 4;

/// The folder of a kind's policy files.
pub(crate) const fn folder_of(kind: Kind) -> Folder {
    match kind {
        Kind::Publishable => Folder::Policies,
        Kind::Secret => Folder::Private,
    }
}
