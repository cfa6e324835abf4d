//! A body of assignments: those of one range of serials.
//!
//! ```text
//!  4  magic `PCN` 1
//!  1  visibility: 1 public, 2 private
//! 32  salt, in private bodies only
//!  2  number of assignments, not 0; then 19 bytes each, by strictly ascending serial:
//!       6  serial
//!      13  the assignment
//! ```

use alloc::vec::Vec;

use crate::assignment::record::RECORD_LEN;
use crate::assignment::{Assignment, AssignmentTooNew};
use crate::field::Field;
use crate::policy_file::{MAX_POLICY_FILE_LEN, SALT_LEN, Visibility};
use crate::search::lower_bound;
use crate::token::Serial;
use crate::wire::{FileKind, Reader, WireError};

pub(crate) const LETTER: u8 = b'N';
const ENTRY_LEN: usize = 6 + RECORD_LEN;

/// A body of assignments, fully validated, but for those that are too new for this version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignmentBody {
    visibility: Visibility,
    file: Vec<u8>,
    /// Where the entries begin.
    start: usize,
}

impl AssignmentBody {
    /// Decodes a body.
    ///
    /// # Errors
    /// [`WireError`] for anything but the one encoding of a body.
    pub fn decode(file: &[u8]) -> Result<Self, WireError> {
        if file.len() > MAX_POLICY_FILE_LEN {
            return Err(WireError::NotCanonical(Field::Length));
        }
        let mut reader = Reader::open(file, LETTER, FileKind::AssignmentBody)?;
        let visibility = Visibility::read(&mut reader)?;
        if visibility == Visibility::Private {
            reader.bytes(SALT_LEN)?;
        }
        let count = usize::from(reader.u16()?);
        if count == 0 {
            return Err(WireError::NotCanonical(Field::AssignmentCount));
        }
        let entries = reader.bytes(count * ENTRY_LEN)?;
        reader.finish()?;
        let mut last = None;
        for entry in entries.as_chunks().0 {
            let serial = serial(entry);
            if last.is_some_and(|last| last >= serial) {
                return Err(WireError::NotCanonical(Field::Serial));
            }
            match Assignment::decode(record(entry)) {
                // An assignment that is too new refuses its key, not the other keys.
                Ok(_) | Err(WireError::TooNew(_)) => {}
                Err(error) => return Err(error),
            }
            last = Some(serial);
        }
        Ok(Self { visibility, file: file.to_vec(), start: file.len() - entries.len() })
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

    /// The assignment of the key with this serial, if the body has it.
    #[must_use]
    pub fn find(&self, wanted: Serial) -> Option<Result<Assignment, AssignmentTooNew>> {
        let (entries, wanted) = (self.entries(), wanted.get());
        let (first, last) = (serial(entries.first()?), serial(entries.last()?));
        // Serials are spread evenly, so an entry is near the place that its serial says.
        let count = u64::try_from(entries.len()).unwrap_or(0);
        let near = wanted.saturating_sub(first) * count / (last - first + 1).max(1);
        let near = usize::try_from(near).unwrap_or(usize::MAX);
        let below = |at: usize| entries.get(at).is_some_and(|entry| serial(entry) < wanted);
        let at = lower_bound(entries.len(), near, below);
        entries.get(at).filter(|entry| serial(entry) == wanted).map(assignment)
    }

    /// All assignments with their serials, ascending.
    pub fn assignments(
        &self,
    ) -> impl Iterator<Item = (Serial, Result<Assignment, AssignmentTooNew>)> {
        let entries = self.entries().iter();
        entries.filter_map(|entry| Some((Serial::new(serial(entry))?, assignment(entry))))
    }

    fn entries(&self) -> &[[u8; ENTRY_LEN]] {
        self.file.get(self.start..).unwrap_or_default().as_chunks().0
    }
}

fn serial(&[a, b, c, d, e, f, ..]: &[u8; ENTRY_LEN]) -> u64 {
    u64::from_be_bytes([0, 0, a, b, c, d, e, f])
}

fn record(entry: &[u8; ENTRY_LEN]) -> &[u8; RECORD_LEN] {
    let [_, _, _, _, _, _, record @ ..] = entry;
    record
}

fn assignment(entry: &[u8; ENTRY_LEN]) -> Result<Assignment, AssignmentTooNew> {
    // The body was validated, so a record that can't be read is too new.
    Assignment::decode(record(entry)).map_err(|_| AssignmentTooNew)
}
