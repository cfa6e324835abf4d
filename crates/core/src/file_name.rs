//! The names of content-addressed files: digest and length.

use core::cmp::Ordering;
use core::fmt;

use sha2::{Digest as _, Sha256};

/// The SHA-256 of a whole file, signature included: the name of heads, bodies and policy files.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Ord for Digest {
    /// Never inlined: each inlined copy would add half a kilobyte to a wasm module.
    #[inline(never)]
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Digest {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Digest {
    /// The digest of `file`.
    #[must_use]
    pub fn of(file: &[u8]) -> Self {
        Self(Sha256::digest(file).into())
    }
}

impl fmt::Display for Digest {
    /// 64 lowercase hexadecimal digits, as in a body's URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// The name of a content-addressed file: digest and length. All zeros mean no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileName {
    /// The SHA-256 of the file.
    pub digest: Digest,
    /// Its length in bytes: a fetch needn't read further.
    pub len: u32,
}

impl FileName {
    /// No file.
    pub const NONE: Self = Self { digest: Digest([0; 32]), len: 0 };
}
