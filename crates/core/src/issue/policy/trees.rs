//! The trees of policies and of assignments.

use alloc::vec::Vec;

use crate::assignment::Assignment;
use crate::field::Field;
use crate::issue::PolicyDraft;
use crate::issue::policy::tree::{PolicyFiles, RecordTree, SaltKey};
use crate::policy::Holds;
use crate::token::Serial;
use crate::wire::WireError;

/// All policies of one visibility, and the files of the last write.
#[derive(Clone, Debug)]
pub struct PolicyTree(RecordTree);

impl PolicyTree {
    /// An empty tree, for publishable keys' policies.
    #[must_use]
    pub const fn public() -> Self {
        Self(RecordTree::new(Holds::Policies, None))
    }

    /// An empty tree, for secret keys' policies.
    #[must_use]
    pub const fn private(salt_key: SaltKey) -> Self {
        Self(RecordTree::new(Holds::Policies, Some(salt_key)))
    }

    /// The number of policies.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no policies.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds or replaces the policy with this number.
    ///
    /// # Errors
    /// See [`PolicyDraft::encode`]. 0 isn't a valid number.
    pub fn set(&mut self, number: u32, policy: &PolicyDraft) -> Result<(), WireError> {
        if number == 0 {
            return Err(WireError::NotCanonical(Field::PolicyNumber));
        }
        self.0.set(number.into(), policy.encode()?);
        Ok(())
    }

    /// Removes the policy with this number; returns whether it existed.
    pub fn remove(&mut self, number: u32) -> bool {
        self.0.remove(number.into())
    }

    /// Writes what has changed since the last write. The work is that of the changed bodies and of
    /// all directories, which take about half a byte per policy.
    ///
    /// # Errors
    /// [`WireError`] if a file can't be decoded again.
    pub fn write(&mut self) -> Result<PolicyFiles, WireError> {
        self.0.write()
    }
}

/// All assignments of one visibility, and the files of the last write.
#[derive(Clone, Debug)]
pub struct AssignmentTree(RecordTree);

impl AssignmentTree {
    /// An empty tree, for publishable keys.
    #[must_use]
    pub const fn public() -> Self {
        Self(RecordTree::new(Holds::Assignments, None))
    }

    /// An empty tree, for secret keys.
    #[must_use]
    pub const fn private(salt_key: SaltKey) -> Self {
        Self(RecordTree::new(Holds::Assignments, Some(salt_key)))
    }

    /// The number of assignments.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are no assignments.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds or replaces the assignment of the key with this serial.
    ///
    /// # Errors
    /// [`WireError::NotCanonical`] for one that assigns nothing.
    pub fn set(&mut self, serial: Serial, assignment: &Assignment) -> Result<(), WireError> {
        let record = assignment.encode();
        Assignment::decode(&record)?;
        self.0.set(serial.get(), Vec::from(record));
        Ok(())
    }

    /// Removes the assignment of the key with this serial; returns whether it existed.
    pub fn remove(&mut self, serial: Serial) -> bool {
        self.0.remove(serial.get())
    }

    /// Writes what has changed since the last write: see [`PolicyTree::write`].
    ///
    /// # Errors
    /// [`WireError`] if a file can't be decoded again.
    pub fn write(&mut self) -> Result<PolicyFiles, WireError> {
        self.0.write()
    }
}
