//! A policy directory: maps ranges of policy numbers to files.
//!
//! ```text
//! 4  magic `PCD` 1
//! 1  visibility: 1 public, 2 private
//! 1  level, 0 to 3: 0 names bodies, n names directories of level n - 1
//! 2  number of ranges, 1 to 128; then 40 bytes each, by strictly ascending first:
//!      4  first number of the range, which ends where the next one begins
//!      4  length of its file
//!     32  digest of its file
//! ```

use alloc::vec::Vec;

use crate::field::Field;
use crate::file_name::{Digest, FileName};
use crate::policy_file::{MAX_POLICY_FILE_LEN, Visibility};
use crate::wire::{FileKind, Reader, WireError};

pub(crate) const LETTER: u8 = b'D';
const HEADER_LEN: usize = 8;
const RANGE_LEN: usize = 40;

/// A directory, fully validated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyDirectory {
    visibility: Visibility,
    level: u8,
    ranges: Vec<RangeLine>,
}

/// One range of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeLine {
    /// The first policy number of the range.
    pub first: u32,
    /// The file with the policies of the range.
    pub file: FileName,
}

impl PolicyDirectory {
    /// The most ranges in a directory, which then has 5128 bytes.
    pub const MAX_RANGES: usize = 128;

    /// The highest level: at most four directories and a body lead to a policy.
    pub const MAX_LEVEL: u8 = 3;

    /// The length of the longest directory, in bytes.
    pub(crate) const MAX_LEN: usize = HEADER_LEN + Self::MAX_RANGES * RANGE_LEN;

    /// Decodes a directory.
    ///
    /// # Errors
    /// [`WireError`] for anything but the one encoding of a directory.
    pub fn decode(file: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::open(file, LETTER, FileKind::PolicyDirectory)?;
        let visibility = Visibility::read(&mut reader)?;
        let level = reader.u8()?;
        if level > Self::MAX_LEVEL {
            return Err(WireError::NotCanonical(Field::Level));
        }
        let count = usize::from(reader.u16()?);
        if !(1..=Self::MAX_RANGES).contains(&count) {
            return Err(WireError::NotCanonical(Field::RangeCount));
        }
        // Reserve no more than the file can hold, whatever the count claims.
        let held = reader.rest().len() / RANGE_LEN;
        let mut ranges: Vec<RangeLine> = Vec::with_capacity(count.min(held));
        for _ in 0..count {
            let (first, len) = (reader.u32()?, reader.u32()?);
            let line = RangeLine { first, file: FileName { digest: Digest(reader.array()?), len } };
            let ascends = ranges.last().is_none_or(|last| last.first < first);
            let in_bounds =
                usize::try_from(len).is_ok_and(|len| (1..=MAX_POLICY_FILE_LEN).contains(&len));
            if !ascends || !in_bounds {
                return Err(WireError::NotCanonical(Field::Range));
            }
            ranges.push(line);
        }
        reader.finish()?;
        Ok(Self { visibility, level, ranges })
    }

    /// Whether the directory is public.
    #[must_use]
    pub const fn visibility(&self) -> Visibility {
        self.visibility
    }

    /// 0 if the ranges name bodies; otherwise they name directories of the next lower level.
    #[must_use]
    pub const fn level(&self) -> u8 {
        self.level
    }

    /// The ranges, ascending.
    #[must_use]
    pub fn ranges(&self) -> &[RangeLine] {
        &self.ranges
    }

    /// The length of the file as received, in bytes.
    pub(crate) const fn file_len(&self) -> usize {
        HEADER_LEN + self.ranges.len() * RANGE_LEN
    }

    /// The file for the policy with this number, if there is one.
    #[must_use]
    pub fn find(&self, number: u32) -> Option<FileName> {
        let above = self.ranges.partition_point(|line| line.first <= number);
        self.ranges.get(above.checked_sub(1)?).map(|line| line.file)
    }
}
