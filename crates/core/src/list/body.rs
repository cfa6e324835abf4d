//! The body of one shard: its slots that are revoked, suspended, or revoked from a later time on.
//!
//! ```text
//! 4  magic `PCB` 1
//! 4  capacity: slots of the shard that are covered, 1 to 2^20; the highest 4 bits say which
//!    further sets follow: bit 28 the assigned slots; this version knows no other
//! 4  revoked: how many, then their coded set
//! 4  suspended: how many, then their coded set
//! 4  assigned, if bit 28 is set: how many, not 0, then their coded set
//! 4  timed: how many, then 8 bytes each: slot, from (seconds), ascending by slot
//! ```
//!
//! A body names neither issuer nor shard; the head does, next to the body's digest. So all empty
//! shards share one body.

use alloc::vec::Vec;

use crate::field::Field;
use crate::list::SlotSet;
use crate::time::Time;
use crate::token::Serial;
use crate::wire::{FileKind, Reader, WireError};

pub(crate) const LETTER: u8 = b'B';
/// Bits of the capacity. Each bit above them announces a further set.
const CAPACITY_BITS: u32 = 28;
/// The bit that announces the assigned slots.
pub(crate) const ASSIGNED: u32 = 1 << CAPACITY_BITS;

/// A shard's body, fully validated.
#[derive(Clone, Debug)]
pub struct Body {
    capacity: u32,
    revoked: SlotSet,
    suspended: SlotSet,
    /// `None` if there are none.
    assigned: Option<SlotSet>,
    timed: Vec<TimedSlot>,
}

/// A slot with a timed revocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimedSlot {
    /// The slot.
    pub slot: u32,
    /// The first second, since the epoch, at which the slot is revoked.
    pub from: u32,
}

/// The numbers of slots in a body's sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Slots revoked now.
    pub revoked: u32,
    /// Suspended slots.
    pub suspended: u32,
    /// Slots with an assignment.
    pub assigned: u32,
    /// Slots with a timed revocation.
    pub timed: u32,
}

/// The state of one slot at one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotState {
    /// No entry applies.
    Good,
    /// Revoked, by an entry without a time or by a timed one that is due.
    Revoked,
    /// Suspended.
    Suspended,
    /// The slot is at or above the capacity.
    NotCovered,
}

impl Body {
    /// The most slots that a shard can cover.
    pub const MAX_CAPACITY: u32 = 1 << Serial::SLOT_BITS;

    /// Decodes a body.
    ///
    /// # Errors
    /// [`WireError`] for anything but the one encoding of a body.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader::open(bytes, LETTER, FileKind::ListBody)?;
        let word = reader.u32()?;
        if word >> CAPACITY_BITS > ASSIGNED >> CAPACITY_BITS {
            return Err(WireError::TooNew(Field::FurtherSets));
        }
        let capacity = word & !ASSIGNED;
        if !(1..=Self::MAX_CAPACITY).contains(&capacity) {
            return Err(WireError::NotCanonical(Field::Capacity));
        }
        // Decode the sets, then the timed entries.
        let revoked = decode_set(&mut reader, capacity)?;
        let suspended = decode_set(&mut reader, capacity)?;
        let assigned = if word == capacity {
            None
        } else {
            let set = decode_set(&mut reader, capacity)?;
            // An empty set isn't announced, so that a body has one spelling.
            if set.count() == 0 {
                return Err(WireError::NotCanonical(Field::Assigned));
            }
            Some(set)
        };
        let count = reader.len(8)?;
        let mut timed: Vec<TimedSlot> = Vec::with_capacity(count);
        for _ in 0..count {
            let entry = TimedSlot { slot: reader.u32()?, from: reader.u32()? };
            let ascends = timed.last().is_none_or(|last| last.slot < entry.slot);
            if !ascends || entry.slot >= capacity || revoked.contains(entry.slot) {
                return Err(WireError::NotCanonical(Field::Timed));
            }
            timed.push(entry);
        }
        reader.finish()?;
        // Check that the sets share no slot by iterating over the smaller one, which has at most
        // half of the shard's slots if the sets are disjoint. A set of all slots takes hardly any
        // bytes, so this bounds the work.
        let (few, many) = if suspended.count() <= revoked.count() {
            (&suspended, &revoked)
        } else {
            (&revoked, &suspended)
        };
        let mut contradicts = few.count() > capacity - many.count();
        if !contradicts {
            few.each(&mut |slot| contradicts |= many.contains(slot));
        }
        if contradicts {
            return Err(WireError::NotCanonical(Field::Suspended));
        }
        Ok(Self { capacity, revoked, suspended, assigned, timed })
    }

    /// The sizes of the sets.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            revoked: self.revoked.count(),
            suspended: self.suspended.count(),
            assigned: self.assigned.as_ref().map_or(0, SlotSet::count),
            timed: u32::try_from(self.timed.len()).unwrap_or(u32::MAX),
        }
    }

    /// How many slots are covered.
    #[must_use]
    pub const fn capacity(&self) -> u32 {
        self.capacity
    }

    /// The slots that are revoked now.
    #[must_use]
    pub const fn revoked(&self) -> &SlotSet {
        &self.revoked
    }

    /// The slots that are suspended.
    #[must_use]
    pub const fn suspended(&self) -> &SlotSet {
        &self.suspended
    }

    /// The slots with an assignment; `None` if there are none.
    #[must_use]
    pub const fn assigned(&self) -> Option<&SlotSet> {
        self.assigned.as_ref()
    }

    /// Whether the key of `slot` has an assignment.
    #[must_use]
    pub fn is_assigned(&self, slot: u32) -> bool {
        self.assigned.as_ref().is_some_and(|assigned| assigned.contains(slot))
    }

    /// The slots with a timed revocation, ascending.
    #[must_use]
    pub fn timed(&self) -> &[TimedSlot] {
        &self.timed
    }

    /// The state of `slot` at `now`. A timed revocation takes effect with the first instant of its
    /// second.
    #[must_use]
    pub fn state(&self, slot: u32, now: Time) -> SlotState {
        if slot >= self.capacity {
            return SlotState::NotCovered;
        }
        let timed = self.timed.binary_search_by_key(&slot, |entry| entry.slot).ok();
        let struck = timed
            .and_then(|at| self.timed.get(at))
            .is_some_and(|entry| now >= Time::from_secs(entry.from));
        if struck || self.revoked.contains(slot) {
            SlotState::Revoked
        } else if self.suspended.contains(slot) {
            SlotState::Suspended
        } else {
            SlotState::Good
        }
    }
}

fn decode_set(reader: &mut Reader<'_>, capacity: u32) -> Result<SlotSet, WireError> {
    let count = reader.u32()?;
    let (set, used) = SlotSet::decode(capacity, count, reader.rest())?;
    reader.bytes(used)?;
    Ok(set)
}
