//! The files that a verifier asks its host for, and the folders that they are in.

use portcullis_core::crypto::Digest;
use portcullis_core::list::FileName;
use portcullis_core::policy::Visibility;

/// The folder of a file, below the source's folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Folder {
    /// `heads/`
    Heads = 0,
    /// `bodies/`
    Bodies = 1,
    /// `policies/`: policies and assignments of publishable keys.
    Policies = 2,
    /// `private/`: those of secret keys.
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

/// The folder of the files of policies and assignments of this visibility.
pub(crate) const fn folder_of(visibility: Visibility) -> Folder {
    match visibility {
        Visibility::Public => Folder::Policies,
        Visibility::Private => Folder::Private,
    }
}
