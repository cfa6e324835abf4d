//! Reading and writing fixed big-endian layouts.

use alloc::vec::Vec;

use crate::field::Field;
use crate::names::worded;

worded! {
    /// A kind of file.
    FileKind:
    /// A keyring.
    Keyring = "keyring",
    /// The stamp of a list.
    Stamp = "stamp",
    /// The head of a list.
    ListHead = "list head",
    /// The body of one of a list's shards.
    ListBody = "list body",
    /// A bundle, or what is deployed with a gate.
    Bundle = "bundle",
    /// A directory of policies.
    PolicyDirectory = "policy directory",
    /// A body of policies.
    PolicyBody = "policy body",
    /// A directory of assignments.
    AssignmentDirectory = "assignment directory",
    /// A body of assignments.
    AssignmentBody = "assignment body",
    /// An assertion.
    Assertion = "assertion",
}

/// Why the bytes of a keyring, stamp, head, body or bundle can't be decoded.
///
/// Every format has exactly one encoding of each content; any other is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The file ends before its layout does.
    #[error("the file is truncated; fetch it again")]
    Truncated,
    /// Bytes follow the end of the layout.
    #[error("bytes follow the end of the file; it was altered or joined with another")]
    TrailingBytes,
    /// The first three bytes belong to another kind of file.
    #[error("this is not a {expected}; check the address that it came from")]
    WrongFile {
        /// The expected kind of file.
        expected: FileKind,
    },
    /// The version byte is unknown to this verifier.
    #[error("format version {0} is not known here; update the verifier")]
    UnknownVersion(u8),
    /// A field holds a value outside its definition, or a second encoding of a value.
    #[error("the field `{0}` is out of range or not in its canonical form")]
    NotCanonical(Field),
    /// A field announces something that only later versions know. What it says may restrict a key,
    /// so nothing of what holds the field may be used.
    #[error("the field `{0}` is newer than this version knows; update the verifier")]
    TooNew(Field),
}

/// The first four bytes of every signed or content-addressed file: `PC`, a letter, a version.
pub(crate) const VERSION: u8 = 1;

/// The file is shorter than its layout. Zero-sized, so `?` moves nothing on the hot path.
pub(crate) struct Truncated;

impl From<Truncated> for WireError {
    fn from(_: Truncated) -> Self {
        Self::Truncated
    }
}

/// A cursor that can't read past the end.
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Opens a file with the magic `PC` and `letter`, in the one known version.
    pub(crate) fn open(bytes: &'a [u8], letter: u8, expected: FileKind) -> Result<Self, WireError> {
        let mut reader = Self::new(bytes);
        if reader.array::<3>()? != [b'P', b'C', letter] {
            return Err(WireError::WrongFile { expected });
        }
        match reader.u8()? {
            VERSION => Ok(reader),
            other => Err(WireError::UnknownVersion(other)),
        }
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Truncated> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or(Truncated)?;
        self.rest = rest;
        Ok(*head)
    }

    pub(crate) fn bytes(&mut self, len: usize) -> Result<&'a [u8], Truncated> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or(Truncated)?;
        self.rest = rest;
        Ok(head)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Truncated> {
        self.array().map(u8::from_be_bytes)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Truncated> {
        self.array().map(u16::from_be_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Truncated> {
        self.array().map(u32::from_be_bytes)
    }

    pub(crate) fn u48(&mut self) -> Result<u64, Truncated> {
        let [a, b, c, d, e, f] = self.array::<6>()?;
        Ok(u64::from_be_bytes([0, 0, a, b, c, d, e, f]))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Truncated> {
        self.array().map(u64::from_be_bytes)
    }

    /// A count of items of `bytes_each` bytes, read as 32 bits. Checked against the remaining
    /// bytes, so that nothing is allocated for a count that the file can't hold.
    pub(crate) fn len(&mut self, bytes_each: usize) -> Result<usize, Truncated> {
        let count = self.u32()?;
        self.fits(count, bytes_each)
    }

    /// A count that was read before: see [`len`](Self::len).
    pub(crate) fn fits(&self, count: u32, bytes_each: usize) -> Result<usize, Truncated> {
        let count = usize::try_from(count).map_err(|_| Truncated)?;
        match count.checked_mul(bytes_each) {
            Some(bytes) if bytes <= self.rest.len() => Ok(count),
            _ => Err(Truncated),
        }
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn finish(self) -> Result<(), WireError> {
        if self.rest.is_empty() { Ok(()) } else { Err(WireError::TrailingBytes) }
    }
}

/// Splits a signed file into the signed bytes and the last 64 bytes.
pub(crate) fn split_signature(file: &[u8]) -> Result<(&[u8], &[u8; 64]), WireError> {
    file.split_last_chunk::<64>().ok_or(WireError::Truncated)
}

/// Appends big-endian fields to a growing file.
#[cfg_attr(
    not(feature = "issue"),
    expect(
        dead_code,
        reason = "a verifier writes bundles and assertions alone, which need some of these"
    )
)]
pub(crate) trait Put {
    fn put(&mut self, bytes: &[u8]) -> &mut Self;

    fn put_u8(&mut self, value: u8) -> &mut Self {
        self.put(&[value])
    }
    fn put_u16(&mut self, value: u16) -> &mut Self {
        self.put(&value.to_be_bytes())
    }
    fn put_u32(&mut self, value: u32) -> &mut Self {
        self.put(&value.to_be_bytes())
    }
    fn put_u64(&mut self, value: u64) -> &mut Self {
        self.put(&value.to_be_bytes())
    }
    /// The low 48 bits of `value`.
    fn put_u48(&mut self, value: u64) -> &mut Self {
        let [_, _, low @ ..] = value.to_be_bytes();
        self.put(&low)
    }
    fn put_magic(&mut self, letter: u8) -> &mut Self {
        self.put(&[b'P', b'C', letter, VERSION])
    }
}

impl Put for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) -> &mut Self {
        self.extend_from_slice(bytes);
        self
    }
}
