//! The names of content-addressed files: digest and length.

use core::cmp::Ordering;
use core::fmt;
use core::str::FromStr;

use sha2::{Digest as _, Sha256};

use crate::names::InvalidId;

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

impl FromStr for Digest {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let value = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let mut bytes = [0; 32];
        if pairs.len() != bytes.len() || !rest.is_empty() {
            return Err(InvalidId::Digest);
        }
        for (byte, &[high, low]) in bytes.iter_mut().zip(pairs) {
            let (high, low) = value(high).zip(value(low)).ok_or(InvalidId::Digest)?;
            *byte = high << 4 | low;
        }
        Ok(Self(bytes))
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

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;

    #[test]
    fn a_digest_has_one_spelling() {
        let digest = Digest::of(b"x");
        let text = digest.to_string();
        assert_eq!(text.parse(), Ok(digest));
        for text in [text.to_uppercase().as_str(), "", "00", &text[1..], &(text.clone() + "00")] {
            assert_eq!(text.parse::<Digest>(), Err(InvalidId::Digest), "{text}");
        }
    }
}
