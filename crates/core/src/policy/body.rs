//! A policy body: the policies of one range of numbers.
//!
//! ```text
//!  4  magic `PCP` 1
//!  1  visibility: 1 public, 2 private
//! 32  salt, in private bodies only
//!  2  number of policies, not 0; then 6 bytes each, by strictly ascending number:
//!       4  number, not 0
//!       2  the end of its record, counted from the first record on
//! ..  the records, one after the other
//! ```

use alloc::vec::Vec;

use crate::field::Field;
use crate::policy::{Policy, PolicyTooNew};
use crate::policy_file::{MAX_POLICY_FILE_LEN, SALT_LEN, Visibility};
use crate::wire::{FileKind, Reader, WireError};

pub(crate) const LETTER: u8 = b'P';
/// Bytes before the index of a public body.
#[cfg(feature = "issue")]
pub(crate) const HEADER_LEN: usize = 7;
pub(crate) const INDEX_LEN: usize = 6;

/// A body of policies, fully validated, but for the policies that are too new for this version: of
/// these only the place is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyBody {
    visibility: Visibility,
    file: Vec<u8>,
}

/// The index, with numbers and ends of records; and the records.
type Parts<'a> = (&'a [[u8; INDEX_LEN]], &'a [u8]);

impl PolicyBody {
    /// Decodes a body.
    ///
    /// # Errors
    /// [`WireError`] for anything but the one encoding of a body.
    pub fn decode(file: &[u8]) -> Result<Self, WireError> {
        if file.len() > MAX_POLICY_FILE_LEN {
            return Err(WireError::NotCanonical(Field::Length));
        }
        let (visibility, (index, records)) = split(file)?;
        // Numbers ascend, and each record begins where the one before it ends.
        let (mut last, mut start) = (0, 0);
        for entry in index {
            let (number, end) = (number(entry), end(entry));
            if number <= last {
                return Err(WireError::NotCanonical(Field::PolicyNumber));
            }
            match Policy::decode(records.get(start..end).ok_or(WireError::Truncated)?) {
                // A policy that is too new refuses its requests, not the other policies.
                Ok(_) | Err(WireError::TooNew(_)) => {}
                Err(error) => return Err(error),
            }
            (last, start) = (number, end);
        }
        // The last record ends with the file.
        if start == records.len() {
            Ok(Self { visibility, file: file.to_vec() })
        } else {
            Err(WireError::TrailingBytes)
        }
    }

    /// Whether the body is public.
    #[must_use]
    pub const fn visibility(&self) -> Visibility {
        self.visibility
    }

    /// The bytes as received.
    #[must_use]
    pub fn file(&self) -> &[u8] {
        &self.file
    }

    /// The policy with this number, if the body has it.
    #[must_use]
    pub fn find(&self, wanted: u32) -> Option<Result<Policy<'_>, PolicyTooNew>> {
        let parts = self.parts();
        let at = parts.0.binary_search_by_key(&wanted, number).ok()?;
        policy_at(parts, at)
    }

    /// All policies with their numbers, ascending.
    pub fn policies(&self) -> impl Iterator<Item = (u32, Result<Policy<'_>, PolicyTooNew>)> {
        let parts = self.parts();
        let numbers = parts.0.iter().enumerate();
        numbers.filter_map(move |(at, entry)| Some((number(entry), policy_at(parts, at)?)))
    }

    fn parts(&self) -> Parts<'_> {
        split(&self.file).map_or((&[], &[]), |(_, parts)| parts)
    }
}

fn split(file: &[u8]) -> Result<(Visibility, Parts<'_>), WireError> {
    let mut reader = Reader::open(file, LETTER, FileKind::PolicyBody)?;
    let visibility = Visibility::read(&mut reader)?;
    if visibility == Visibility::Private {
        reader.bytes(SALT_LEN)?;
    }
    let count = usize::from(reader.u16()?);
    if count == 0 {
        return Err(WireError::NotCanonical(Field::PolicyCount));
    }
    let (index, _) = reader.bytes(count * INDEX_LEN)?.as_chunks();
    Ok((visibility, (index, reader.rest())))
}

fn policy_at((index, records): Parts<'_>, at: usize) -> Option<Result<Policy<'_>, PolicyTooNew>> {
    let start = match at.checked_sub(1) {
        Some(before) => end(index.get(before)?),
        None => 0,
    };
    Some(Policy::of_valid(records.get(start..end(index.get(at)?))?))
}

fn number(&[a, b, c, d, _, _]: &[u8; INDEX_LEN]) -> u32 {
    u32::from_be_bytes([a, b, c, d])
}

fn end(&[_, _, _, _, a, b]: &[u8; INDEX_LEN]) -> usize {
    u16::from_be_bytes([a, b]).into()
}
