//! Crowded sets in memory: a bit for each slot.

use alloc::vec;
use alloc::vec::Vec;

#[derive(Clone, Debug)]
pub(crate) struct Bitmap {
    words: Vec<u64>,
}

impl Bitmap {
    /// Holds the slots whose bits are set, 64 to a word, the lowest first.
    pub(crate) const fn of(words: Vec<u64>) -> Self {
        Self { words }
    }

    /// Holds `slots`, which lie below `capacity`.
    pub(crate) fn new(capacity: u32, slots: impl Iterator<Item = u32>) -> Self {
        let mut words = vec![0; (capacity / 64 + 1) as usize];
        for slot in slots {
            if let Some(word) = words.get_mut((slot / 64) as usize) {
                *word |= 1 << (slot % 64);
            }
        }
        Self { words }
    }

    #[inline]
    pub(crate) fn contains(&self, slot: u32) -> bool {
        self.words.get((slot / 64) as usize).is_some_and(|word| word >> (slot % 64) & 1 == 1)
    }

    /// The slots, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0..).step_by(64).zip(&self.words).flat_map(|(base, word)| {
            let mut rest = *word;
            core::iter::from_fn(move || {
                let bit = rest.trailing_zeros();
                rest &= rest.wrapping_sub(1);
                (bit < 64).then_some(base + bit)
            })
        })
    }
}
