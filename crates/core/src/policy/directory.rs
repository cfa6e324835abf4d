//! A directory: maps ranges of policy numbers, or of serials, to files.
//!
//! ```text
//! 4  magic `PCD` 1 for policies, `PCE` 1 for assignments
//! 1  visibility: 1 public, 2 private
//! 1  level, 0 to 3: 0 names bodies, n names directories of level n - 1
//! 2  number of ranges, 1 to 128; then 40 or 42 bytes each, by strictly ascending first:
//!      4  first number of the range, which ends where the next one begins; a serial has 6 bytes
//!      4  length of its file
//!     32  digest of its file
//! ```

use alloc::vec::Vec;

use crate::field::Field;
use crate::file_name::{Digest, FileName};
use crate::policy_file::{MAX_POLICY_FILE_LEN, Visibility};
use crate::wire::{FileKind, Reader, WireError};

const HEADER_LEN: usize = 8;

/// What the directories of a tree lead to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Policies, by their numbers.
    Policies,
    /// Assignments, by serials.
    Assignments,
}

impl Holds {
    /// The letter of a directory's magic.
    pub(crate) const fn letter(self) -> u8 {
        match self {
            Self::Policies => b'D',
            Self::Assignments => b'E',
        }
    }

    /// The bits of a number.
    pub(crate) const fn bits(self) -> u32 {
        match self {
            Self::Policies => 32,
            Self::Assignments => 48,
        }
    }

    /// The largest number.
    pub(crate) const fn last(self) -> u64 {
        u64::MAX >> (u64::BITS - self.bits())
    }

    /// The bytes of a range.
    const fn range_len(self) -> usize {
        match self {
            Self::Policies => 40,
            Self::Assignments => 42,
        }
    }
}

/// A directory, fully validated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    holds: Holds,
    visibility: Visibility,
    level: u8,
    ranges: Vec<RangeLine>,
    /// The first numbers alone, for searches.
    firsts: Vec<u64>,
}

/// One range of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeLine {
    /// The first policy number or serial of the range.
    pub first: u64,
    /// The file for the range.
    pub file: FileName,
}

impl Directory {
    /// The most ranges in a directory, which then has 5128 bytes, or 5384.
    pub const MAX_RANGES: usize = 128;

    /// The highest level: at most four directories and a body lead to a policy or an assignment.
    pub const MAX_LEVEL: u8 = 3;

    /// The length of the longest directory, in bytes.
    pub(crate) const MAX_LEN: usize =
        HEADER_LEN + Self::MAX_RANGES * Holds::Assignments.range_len();

    /// Decodes a directory.
    ///
    /// # Errors
    /// [`WireError`] for anything but the one encoding of a directory.
    pub fn decode(file: &[u8]) -> Result<Self, WireError> {
        let (holds, kind) = if is_directory(file) == Some(Holds::Assignments) {
            (Holds::Assignments, FileKind::AssignmentDirectory)
        } else {
            (Holds::Policies, FileKind::PolicyDirectory)
        };
        let mut reader = Reader::open(file, holds.letter(), kind)?;
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
        let held = reader.rest().len() / holds.range_len();
        let mut ranges: Vec<RangeLine> = Vec::with_capacity(count.min(held));
        for _ in 0..count {
            let first = match holds {
                Holds::Policies => reader.u32()?.into(),
                Holds::Assignments => reader.u48()?,
            };
            let len = reader.u32()?;
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
        let firsts = ranges.iter().map(|line| line.first).collect();
        Ok(Self { holds, visibility, level, ranges, firsts })
    }

    /// What it leads to.
    #[must_use]
    pub const fn holds(&self) -> Holds {
        self.holds
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
        HEADER_LEN + self.ranges.len() * self.holds.range_len()
    }

    /// The file for this policy number or serial, if there is one.
    #[must_use]
    pub fn find(&self, number: u64) -> Option<FileName> {
        let above = self.firsts.partition_point(|first| *first <= number);
        self.ranges.get(above.checked_sub(1)?).map(|line| line.file)
    }
}

/// What the file leads to, if its magic is that of a directory.
pub(crate) fn is_directory(file: &[u8]) -> Option<Holds> {
    let letter = file.get(2)?;
    [Holds::Policies, Holds::Assignments].into_iter().find(|holds| holds.letter() == *letter)
}
