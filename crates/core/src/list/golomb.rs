//! The code of sparse sets: Golomb-coded gaps (Golomb 1966; Gallager and van Voorhis 1975).
//!
//! The modulus is a function of capacity and count, so a set has exactly one encoding and no
//! parameter is transmitted.

#[cfg(feature = "issue")]
use alloc::vec::Vec;
#[cfg(feature = "issue")]
use core::hint::select_unpredictable;

use crate::field::Field;
use crate::list::pages::{Pages, Writer};
use crate::wire::WireError;

/// The parameters that capacity and count determine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Code {
    modulus: u64,
    /// The bits of a short remainder; remainders from `cutoff` on take one more.
    short_bits: u32,
    cutoff: u64,
}

impl Code {
    fn new(capacity: u32, coded: u32) -> Self {
        let modulus = modulus(capacity, coded);
        let width = u64::BITS - (modulus - 1).leading_zeros();
        let short_bits = width.saturating_sub(1);
        let cutoff = if width == 0 { 1 } else { (1 << width) - modulus };
        Self { modulus, short_bits, cutoff }
    }
}

/// `max(1, ceil(ln 2 * capacity / coded - (1 + ln 2) / 2))`: the optimal modulus for gaps of random
/// sets. Computed with 32 fractional bits, so that all implementations agree.
fn modulus(capacity: u32, coded: u32) -> u64 {
    const LN_2: u64 = 0xB172_17F8;
    const HALF_OF_ONE_AND_LN_2: u64 = 0xD8B9_0BFC;
    let Some(scaled) = (LN_2 * u64::from(capacity)).checked_div(u64::from(coded)) else {
        return 1;
    };
    scaled.saturating_sub(HALF_OF_ONE_AND_LN_2).div_ceil(1 << 32).max(1)
}

/// Decodes `coded` slots below `capacity` from the front of `bytes`. Returns the slots and the
/// number of bytes used.
///
/// # Errors
/// [`WireError`] for anything but the one encoding of a set.
pub(crate) fn decode(capacity: u32, coded: u32, bytes: &[u8]) -> Result<(Pages, usize), WireError> {
    // Every code takes at least a bit: refuse a count that the bytes can't hold before memory is
    // allocated.
    if u64::from(coded) > bytes.len() as u64 * 8 {
        return Err(WireError::Truncated);
    }
    let code = Code::new(capacity, coded);
    let mut slots = Writer::new(capacity, coded);
    let mut bits = Bits { bytes, next: 0, window: 0, held: 0, base: 0 };
    if coded > 0 {
        bits.seek(&code);
    }
    while slots.missing() > 0 {
        bits.fours(&code, &mut slots);
        bits.four(&code, &mut slots);
        // Slots ascend, so checking the last one is enough.
        if bits.base > u64::from(capacity) {
            return Err(WireError::NotCanonical(Field::Gap));
        }
    }
    Ok((slots.finish(), bits.finish()?))
}

/// A reader of codes. Bits come least significant first. After the last byte the reader supplies
/// zeros, which [`finish`](Self::finish) refuses.
#[derive(Clone, Copy)]
struct Bits<'a> {
    bytes: &'a [u8],
    /// The first byte that is not wholly in the window.
    next: usize,
    /// The bits read ahead; above `held` bits are zeros, or bits that the next fill sets again.
    /// Between codes the window starts with the one that ends the quotient.
    window: u64,
    held: u32,
    /// The smallest slot that the current code can have, by what has been read of it.
    base: u64,
}

impl Bits<'_> {
    /// Refills the window to at least 56 bits.
    #[inline(always)]
    fn fill(&mut self) {
        let word = match self.bytes.get(self.next..).and_then(<[u8]>::first_chunk) {
            Some(word) => u64::from_le_bytes(*word),
            None => last_word(self.bytes, self.next),
        };
        self.window |= word << self.held;
        self.next += ((63 - self.held) / 8) as usize;
        self.held |= 56;
    }

    /// Reads four codes at a time while the window holds all four and the next quotient, which is
    /// nearly always the case.
    #[inline(never)]
    fn fours(&mut self, code: &Code, slots: &mut Writer) {
        // A local copy can stay in registers.
        let mut bits = *self;
        slots.push_fours(|| {
            let mut ahead = bits;
            ahead.fill();
            let four = [ahead.slot(code), ahead.slot(code), ahead.slot(code), ahead.slot(code)];
            // If the codes took more bits than the window held, `held` has wrapped around or is 0.
            (1..64).contains(&ahead.held).then(|| {
                bits = ahead;
                four
            })
        });
        *self = bits;
    }

    /// Reads the next four codes, or as many as are left, refilling the window for each. For codes
    /// too long for [`fours`](Self::fours).
    #[cold]
    #[inline(never)]
    fn four(&mut self, code: &Code, slots: &mut Writer) {
        for _ in 0..slots.missing().min(4) {
            self.fill();
            slots.push(self.remainder(code));
            if slots.missing() > 0 {
                self.seek(code);
            }
        }
    }

    /// Reads a code that the window holds, and the next quotient.
    #[inline(always)]
    fn slot(&mut self, code: &Code) -> u32 {
        let slot = self.remainder(code);
        let quotient = self.window.trailing_zeros();
        self.drop_bits(quotient);
        self.base += u64::from(quotient) * code.modulus;
        slot
    }

    /// Reads the one bit and the remainder, which complete a slot. Branchless, because the length of
    /// a remainder is unpredictable.
    #[inline(always)]
    #[expect(clippy::cast_possible_truncation, reason = "who reads looks at `base` in the end")]
    fn remainder(&mut self, code: &Code) -> u32 {
        let front = code.short_bits + 1;
        let with_one = self.window & !(u64::MAX << front);
        let last = self.window >> front & 1;
        let long = with_one >= (code.cutoff << 1 | 1);
        let short = with_one >> 1;
        let more = (short + last).wrapping_sub(code.cutoff) & 0_u64.wrapping_sub(u64::from(long));
        self.window >>= front;
        self.window >>= u32::from(long);
        self.held = self.held.wrapping_sub(front + u32::from(long));
        let slot = self.base + short + more;
        self.base = slot + 1;
        slot as u32
    }

    #[inline(always)]
    fn drop_bits(&mut self, count: u32) {
        self.window >>= count & 63;
        self.held = self.held.wrapping_sub(count);
    }

    /// Reads a quotient: the zeros up to the next one bit. At the end of the bytes, sets `base`
    /// above any slot.
    fn seek(&mut self, code: &Code) {
        loop {
            let zeros = self.window.trailing_zeros().min(self.held);
            let ends = zeros < self.held;
            self.base += u64::from(zeros) * code.modulus;
            self.drop_bits(zeros);
            if ends {
                return;
            }
            if self.next > self.bytes.len() + 8 {
                self.base = u64::MAX >> 1;
                return;
            }
            self.fill();
        }
    }

    /// Checks that the last byte is padded with zeros. Returns the number of bytes used.
    fn finish(self) -> Result<usize, WireError> {
        let place = self.next * 8 - self.held as usize;
        let used = place.div_ceil(8);
        let last = self.bytes.get(..used).ok_or(WireError::Truncated)?.last();
        let bits_used = place % 8;
        if bits_used > 0 && last.is_some_and(|last| last >> bits_used > 0) {
            return Err(WireError::NotCanonical(Field::Padding));
        }
        Ok(used)
    }
}

/// The remaining bytes from `next` on, fewer than 8, padded with zeros.
#[cold]
#[inline(never)]
fn last_word(bytes: &[u8], next: usize) -> u64 {
    let rest = bytes.get(next..).unwrap_or_default();
    rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// Appends the one encoding of slots, ascending and below `capacity`, which is at most 2^20.
#[cfg(feature = "issue")]
pub(crate) fn encode(capacity: u32, slots: &[u32], out: &mut Vec<u8>) {
    if slots.is_empty() {
        return;
    }
    let code = Code::new(capacity, u32::try_from(slots.len()).unwrap_or(u32::MAX));
    // Room for all codes: the quotients sum to at most capacity / modulus. A whole word is written
    // at a time, hence 8 bytes more.
    let quotients = usize::try_from(u64::from(capacity) / code.modulus).unwrap_or(0);
    let most_bits = slots.len() * (code.short_bits as usize + 2) + quotients;
    let start = out.len();
    out.resize(start + most_bits / 8 + 9, 0);
    let mut writer = BitWriter { out, next: start, window: 0, held: 0 };
    let reciprocal = reciprocal(code.modulus);
    let mut base = 0;
    for slot in slots {
        let gap = u64::from(slot - base);
        let quotient = (gap * reciprocal) >> 40;
        writer.put_code(quotient, gap - quotient * code.modulus, &code);
        base = slot + 1;
    }
    let end = writer.next + usize::from(writer.held > 0);
    out.truncate(end);
}

/// For a number below 2^20, the product with this, shifted right by 40, is the quotient. Rounding
/// up adds less than 2^20 to the product, and a quotient with a remainder is further than that
/// below the next.
#[cfg(feature = "issue")]
fn reciprocal(modulus: u64) -> u64 {
    (1_u64 << 40).div_ceil(modulus)
}

#[cfg(feature = "issue")]
struct BitWriter<'a> {
    /// Long enough to write a whole word at `next`; the excess is overwritten later.
    out: &'a mut [u8],
    /// The first byte that is not full.
    next: usize,
    /// The bits of that byte.
    window: u64,
    held: u32,
}

#[cfg(feature = "issue")]
impl BitWriter<'_> {
    /// Appends `count` bits, at most 56.
    #[inline]
    fn put(&mut self, bits: u64, count: u32) {
        self.window |= bits << self.held;
        self.held += count;
        if let Some(word) = self.out.get_mut(self.next..).and_then(<[u8]>::first_chunk_mut) {
            *word = self.window.to_le_bytes();
        }
        self.next += (self.held / 8) as usize;
        self.window >>= self.held & !7;
        self.held &= 7;
    }

    #[inline]
    fn put_code(&mut self, mut quotient: u64, remainder: u64, code: &Code) {
        while quotient > 32 {
            self.put(0, 32);
            quotient -= 32;
        }
        let zeros = u32::try_from(quotient).unwrap_or(0);
        let long = remainder >= code.cutoff;
        // The lowest bit of a long remainder comes last.
        let above = remainder + code.cutoff;
        let long_bits = above | 1 | (above & 1) << (code.short_bits + 1);
        let bits = select_unpredictable(long, long_bits, remainder << 1 | 1);
        self.put(bits << zeros, zeros + 1 + code.short_bits + u32::from(long));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For every modulus: the smallest and the largest gap of several quotients.
    #[test]
    #[cfg(feature = "issue")]
    fn the_reciprocal_divides_exactly() {
        const MOST: u64 = (1 << 20) - 1;
        for modulus in (1..=MOST).step_by(if cfg!(miri) { 9_973 } else { 1 }) {
            let few = [1, 2, 3, MOST / modulus / 2, MOST / modulus - 1, MOST / modulus];
            for edge in few.map(|quotient| quotient * modulus) {
                for gap in [edge.saturating_sub(1), edge, edge + 1, MOST] {
                    let gap = gap.min(MOST);
                    assert_eq!((gap * reciprocal(modulus)) >> 40, gap / modulus);
                }
            }
        }
    }

    #[test]
    fn the_modulus_is_the_optimal_one() {
        // ceil(ln(2 - p) / -ln(1 - p)) at p = 0.1, 1, 10, 25 %.
        for (coded, best) in [(1_000, 693), (10_000, 69), (100_000, 7), (250_000, 2)] {
            assert_eq!(modulus(1_000_000, coded), best);
        }
        assert_eq!(modulus(1, 1), 1);
        assert_eq!(modulus(1 << 20, 0), 1);
    }
}
