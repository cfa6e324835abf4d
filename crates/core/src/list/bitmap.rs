//! Large sets in memory: a bit for each slot.

use alloc::vec;
use alloc::vec::Vec;

/// A set of slots.
#[derive(Clone, Debug)]
pub(crate) struct Bitmap {
    words: Vec<u64>,
}

impl Bitmap {
    /// An empty set with room for slots below `capacity`.
    pub(crate) fn new(capacity: u32) -> Self {
        Self { words: vec![0; (capacity / 64 + 1) as usize] }
    }

    /// Adds a slot below the capacity.
    pub(crate) fn insert(&mut self, slot: u32) {
        if let Some(word) = self.words.get_mut((slot / 64) as usize) {
            *word |= 1 << (slot % 64);
        }
    }

    /// Whether the set holds `slot`.
    pub(crate) fn contains(&self, slot: u32) -> bool {
        self.words.get((slot / 64) as usize).is_some_and(|word| word >> (slot % 64) & 1 == 1)
    }

    /// Calls `see` with each slot, ascending.
    pub(crate) fn each(&self, see: &mut dyn FnMut(u32)) {
        for (base, word) in (0..).step_by(64).zip(&self.words) {
            let mut rest = *word;
            while rest != 0 {
                see(base + rest.trailing_zeros());
                rest &= rest - 1;
            }
        }
    }
}
