//! One assignment: which of a token's claims it replaces, and by what.
//!
//! ```text
//! 1  which fields are assigned: bits 1 policy, 2 owner, 4 expires at; not 0
//! 4  policy; 0 for none
//! 4  owner; 0 for none
//! 4  expires at, seconds; 0 for never
//! ```
//!
//! A field that isn't assigned is 0.

use core::num::NonZeroU32;

use crate::assignment::Changes;
use crate::field::Field;
use crate::token::Claims;
use crate::wire::{Reader, WireError};

pub(crate) const RECORD_LEN: usize = 13;

const POLICY: u8 = 1;
const OWNER: u8 = 2;
const EXPIRES_AT: u8 = 4;
/// The fields that this version knows.
const KNOWN: u8 = POLICY | OWNER | EXPIRES_AT;

/// What takes the place of a claim.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// What the token says holds.
    #[default]
    Unchanged,
    /// This holds.
    To(T),
}

impl<T> Change<T> {
    /// The effective value of what the token says.
    #[must_use]
    pub fn or(self, own: T) -> T {
        match self {
            Self::Unchanged => own,
            Self::To(value) => value,
        }
    }
}

/// An assignment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Assignment {
    /// The policy, `None` for none.
    pub policy: Change<Option<NonZeroU32>>,
    /// The owner, `None` for none.
    pub owner: Change<Option<NonZeroU32>>,
    /// The end in seconds since the epoch, `None` for never.
    pub expires_at: Change<Option<u32>>,
}

/// The assignment has a field of a later version, which may take something from the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the key's assignment is newer than this version knows; update the verifier")]
pub struct AssignmentTooNew;

impl Assignment {
    /// Decodes a record.
    ///
    /// # Errors
    /// [`WireError::TooNew`] if it has a field that isn't known, and [`WireError`] for anything but
    /// the one encoding of an assignment.
    pub(crate) fn decode(record: &[u8; RECORD_LEN]) -> Result<Self, WireError> {
        let mut reader = Reader::new(record);
        let fields = reader.u8()?;
        // Nothing else is looked at if a field isn't known.
        if fields & !KNOWN != 0 {
            return Err(WireError::TooNew(Field::Assignment));
        }
        let mut value = |field: u8| {
            let value = NonZeroU32::new(reader.u32()?);
            if fields & field != 0 {
                Ok(Change::To(value))
            } else if value.is_none() {
                Ok(Change::Unchanged)
            } else {
                Err(WireError::NotCanonical(Field::Assignment))
            }
        };
        let (policy, owner, end) = (value(POLICY)?, value(OWNER)?, value(EXPIRES_AT)?);
        let expires_at = match end {
            Change::Unchanged => Change::Unchanged,
            Change::To(end) => Change::To(end.map(NonZeroU32::get)),
        };
        // An assignment of nothing would be none.
        if fields == 0 {
            return Err(WireError::NotCanonical(Field::Assignment));
        }
        Ok(Self { policy, owner, expires_at })
    }

    /// Encodes a record. An end of 0 is written as never.
    #[cfg(feature = "issue")]
    pub(crate) fn encode(&self) -> [u8; RECORD_LEN] {
        use crate::wire::Put as _;
        let number =
            |change: Change<Option<NonZeroU32>>| change.or(None).map_or(0, NonZeroU32::get);
        let bit = |is_assigned: bool, field: u8| if is_assigned { field } else { 0 };
        let fields = bit(self.policy != Change::Unchanged, POLICY)
            | bit(self.owner != Change::Unchanged, OWNER)
            | bit(self.expires_at != Change::Unchanged, EXPIRES_AT);
        let mut out = alloc::vec::Vec::with_capacity(RECORD_LEN);
        out.put_u8(fields)
            .put_u32(number(self.policy))
            .put_u32(number(self.owner))
            .put_u32(self.expires_at.or(None).unwrap_or(0));
        out.first_chunk().copied().unwrap_or_default()
    }

    /// The claims with what is assigned in their place.
    #[must_use]
    pub fn apply(&self, own: &Claims) -> Claims {
        let mut claims = *own;
        claims.policy = self.policy.or(own.policy);
        claims.owner = self.owner.or(own.owner);
        claims.lifetime.expires_at = self.expires_at.or(own.lifetime.expires_at);
        claims
    }

    /// What it changes of the claims. A value that is the token's own is no change.
    #[must_use]
    pub fn changes(&self, own: &Claims) -> Changes {
        let new = self.apply(own);
        let when = |changed: bool, change| if changed { change } else { Changes::NONE };
        when(new.policy != own.policy, Changes::POLICY)
            .and(when(new.owner != own.owner, Changes::OWNER))
            .and(Changes::of_end(&own.lifetime, new.lifetime.expires_at))
    }
}

#[cfg(all(test, feature = "issue"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_accepted_spelling_is_the_canonical_one(mut record: [u8; RECORD_LEN], bare: u8) {
            record[0] &= 7;
            // Without this hardly any record would be accepted.
            for (at, slot) in record.iter_mut().enumerate().skip(1) {
                let is_assigned = bare & 1 << ((at - 1) / 4) == 0;
                *slot = if is_assigned { *slot } else { 0 };
            }
            if let Ok(assignment) = Assignment::decode(&record) {
                prop_assert_eq!(assignment.encode(), record);
                prop_assert_ne!(assignment, Assignment::default());
            }
        }

        #[test]
        fn a_field_that_is_not_known_makes_the_record_too_new(record: [u8; RECORD_LEN]) {
            let too_new = Assignment::decode(&record) == Err(WireError::TooNew(Field::Assignment));
            prop_assert_eq!(too_new, record[0] > 7);
        }
    }

    #[test]
    fn what_is_not_assigned_is_zero() {
        let refused = Err(WireError::NotCanonical(Field::Assignment));
        assert_eq!(Assignment::decode(&[0; RECORD_LEN]), refused);
        for at in 1..RECORD_LEN {
            let mut record = [0; RECORD_LEN];
            record[at] = 1;
            for fields in 0..8 {
                record[0] = fields;
                let is_assigned = fields & 1 << ((at - 1) / 4) != 0;
                assert_eq!(Assignment::decode(&record).is_ok(), is_assigned, "{record:?}");
            }
        }
    }
}
