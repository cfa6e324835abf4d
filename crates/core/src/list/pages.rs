//! Sparse sets in memory: the low bits of the slots, ascending, and the start of each page.
//!
//! That is two bytes per slot. A look-up is a binary search within one page: it touches one place
//! in memory, and nothing has to be decoded.

use alloc::vec;
use alloc::vec::Vec;

/// A set of slots.
#[derive(Clone, Debug)]
pub(crate) struct Pages {
    /// Slots that differ only in this many low bits share a page. At most 16.
    bits: u32,
    /// The number of slots in the pages before each page, and last the number of all slots.
    starts: Vec<u32>,
    lows: Vec<u16>,
}

/// A page has this many slots on average, or down to half as many. Smaller pages would be searched
/// faster, but each page costs time when the set is decoded.
const SLOTS_PER_PAGE: u32 = 256;

impl Pages {
    /// Whether the set holds `slot`.
    #[expect(clippy::cast_possible_truncation, reason = "the page stands for what is cut off")]
    pub(crate) fn contains(&self, slot: u32) -> bool {
        self.page(slot >> self.bits).binary_search(&(slot as u16)).is_ok()
    }

    fn page(&self, page: u32) -> &[u16] {
        let bounds = self.starts.get(page as usize..).and_then(<[u32]>::first_chunk);
        let [start, end] = bounds.copied().unwrap_or_default();
        self.lows.get(start as usize..end as usize).unwrap_or_default()
    }

    /// Calls `see` with each slot, ascending.
    pub(crate) fn each(&self, see: &mut dyn FnMut(u32)) {
        let mask = (1 << self.bits) - 1;
        for (page, _) in (0..).zip(&self.starts) {
            for low in self.page(page) {
                see(page << self.bits | u32::from(*low) & mask);
            }
        }
    }
}

/// Builds the set from ascending slots.
pub(crate) struct Writer {
    pages: Pages,
    len: usize,
    /// The page of the last slot.
    page: u32,
}

impl Writer {
    /// Room for `count` slots below `capacity`, which is at most 2^20.
    pub(crate) fn new(capacity: u32, count: u32) -> Self {
        let each = capacity / count.max(1);
        let bits = (each * SLOTS_PER_PAGE).max(1).ilog2().min(u16::BITS);
        let starts = vec![0; (capacity >> bits) as usize + 2];
        let lows = vec![0; count as usize];
        Self { pages: Pages { bits, starts, lows }, len: 0, page: 0 }
    }

    /// How many slots are missing.
    pub(crate) fn missing(&self) -> usize {
        self.pages.lows.len() - self.len
    }

    /// Appends the next slot. A slot out of order makes the set wrong, but does no other harm.
    #[expect(clippy::cast_possible_truncation, reason = "the page stands for what is cut off")]
    pub(crate) fn push(&mut self, slot: u32) {
        if let Some(low) = self.pages.lows.get_mut(self.len) {
            *low = slot as u16;
            self.turn(slot);
            self.len += 1;
        }
    }

    /// Appends slots by fours, while `next` returns some and more than four are missing.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "the page stands for what is cut off")]
    pub(crate) fn push_fours(&mut self, mut next: impl FnMut() -> Option<[u32; 4]>) {
        while self.missing() > 4 {
            let Some([a, b, c, d]) = next() else { return };
            let free = self.pages.lows.get_mut(self.len..).and_then(<[u16]>::first_chunk_mut);
            let Some(lows) = free else { return };
            *lows = [a as u16, b as u16, c as u16, d as u16];
            if d >> self.pages.bits == self.page {
                self.len += 4;
            } else {
                self.turn_fours([a, b, c, d]);
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn turn_fours(&mut self, slots: [u32; 4]) {
        for slot in slots {
            self.turn(slot);
            self.len += 1;
        }
    }

    /// Records the start of every page up to this slot's.
    #[expect(clippy::cast_possible_truncation, reason = "a shard has at most 2^20 slots")]
    fn turn(&mut self, slot: u32) {
        let page = slot >> self.pages.bits;
        let new = self.pages.starts.get_mut(self.page as usize + 1..=page as usize);
        new.unwrap_or_default().fill(self.len as u32);
        self.page = page;
    }

    /// The set, once all slots have been appended.
    #[expect(clippy::cast_possible_truncation, reason = "a shard has at most 2^20 slots")]
    pub(crate) fn finish(mut self) -> Pages {
        let behind = self.pages.starts.get_mut(self.page as usize + 1..);
        behind.unwrap_or_default().fill(self.len as u32);
        self.pages
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One by one and by fours, with page starts at each position within four, and empty pages.
    #[test]
    fn every_slot_is_found_and_no_other() {
        let large = if cfg!(miri) { 6_000 } else { 1_u32 << 20 };
        for (capacity, step) in [(large, 3), (large, 70_001), (5_000, 7), (1, 1)] {
            let slots: Vec<u32> = (0..capacity)
                .step_by(step)
                .filter(|slot| slot % 100_000 < 60_000 || slot % 5 == 0)
                .collect();
            let mut writer = Writer::new(capacity, u32::try_from(slots.len()).unwrap());
            writer.push(slots[0]);
            let mut fours = slots[1..].chunks_exact(4).map(|four| four.try_into().unwrap());
            writer.push_fours(|| fours.next());
            let missing = writer.missing();
            assert!(missing > 0 || slots.len() == 1);
            slots[slots.len() - missing..].iter().for_each(|slot| writer.push(*slot));
            let pages = writer.finish();
            let mut members = slots.iter().copied().peekable();
            for slot in 0..capacity {
                assert_eq!(pages.contains(slot), members.next_if_eq(&slot).is_some());
            }
            let mut seen = Vec::new();
            pages.each(&mut |slot| seen.push(slot));
            assert_eq!(seen, slots);
        }
    }

    #[test]
    fn slots_out_of_place_do_no_harm() {
        let mut writer = Writer::new(1000, 7);
        let mut fours = [[5, u32::MAX, 3, 1 << 20]].into_iter();
        writer.push_fours(|| fours.next());
        [2, 1, 0, 9].into_iter().for_each(|slot| writer.push(slot));
        assert_eq!(writer.missing(), 0);
        let pages = writer.finish();
        assert!(!(0..1000).all(|slot| pages.contains(slot)));
    }
}
