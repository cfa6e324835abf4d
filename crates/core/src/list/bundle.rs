//! The bundle: keyring, stamp, head and bodies as one file, for small issuers and cold starts.
//!
//! ```text
//! 4  magic `PCZ` 1
//! then, each after its length in 4 bytes: the keyring, the stamp, the head
//! 4  number of bodies, then each after its length in 4 bytes, in the order in which the head
//!    first names them
//! ```
//!
//! A bundle isn't signed; its parts are.

use alloc::vec::Vec;

use crate::wire::{FileKind, Reader, Truncated, WireError};

pub(crate) const LETTER: u8 = b'Z';

/// The maximal length of a bundle that a verifier should fetch, in bytes.
pub const MAX_BUNDLE_LEN: usize = 32 << 20;

/// The parts of a bundle, not decoded yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle<'a> {
    /// The keyring document.
    pub keyring: &'a [u8],
    /// The stamp.
    pub stamp: &'a [u8],
    /// The head.
    pub head: &'a [u8],
    /// The bodies.
    pub bodies: Vec<&'a [u8]>,
}

impl<'a> Bundle<'a> {
    /// Splits a bundle into its parts.
    ///
    /// # Errors
    /// [`WireError`] if the lengths don't match the file.
    pub fn decode(file: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::open(file, LETTER, FileKind::Bundle)?;
        let keyring = part(&mut reader)?;
        let stamp = part(&mut reader)?;
        let head = part(&mut reader)?;
        let count = reader.len(4)?;
        let bodies = (0..count).map(|_| part(&mut reader)).collect::<Result<_, _>>()?;
        reader.finish()?;
        Ok(Self { keyring, stamp, head, bodies })
    }

    /// Joins the parts.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        use crate::wire::Put as _;
        let len = |part: &[u8]| u32::try_from(part.len()).unwrap_or(u32::MAX);
        let mut out = Vec::new();
        out.put_magic(LETTER);
        for part in [self.keyring, self.stamp, self.head] {
            out.put_u32(len(part)).put(part);
        }
        out.put_u32(u32::try_from(self.bodies.len()).unwrap_or(u32::MAX));
        for body in &self.bodies {
            out.put_u32(len(body)).put(body);
        }
        out
    }
}

pub(crate) fn part<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Truncated> {
    let len = reader.len(1)?;
    reader.bytes(len)
}
