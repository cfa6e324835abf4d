//! Sparse sets: Golomb-coded gaps (Golomb 1966; Gallager and van Voorhis 1975).
//!
//! The modulus is a function of capacity and count, so that a set has exactly one encoding and
//! no parameter travels. On loading one pass checks every code and builds a directory in memory,
//! which is never shipped.

use alloc::vec::Vec;

use crate::wire::WireError;

/// The coded slots, kept as they came, with a directory for look-ups.
#[derive(Clone, Debug)]
pub(crate) struct Gaps {
    code: Code,
    stream: Vec<u8>,
    /// Slots are looked up in runs of `1 << run_bits`; each run knows where to start decoding.
    run_bits: u32,
    runs: Vec<Run>,
}

/// Where the first coded slot of a run starts.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// The place in the stream, in bits.
    bit: u32,
    /// The smallest slot that the code there can name.
    base: u32,
}

/// Coded slots to a run, on average: look-ups decode half of that.
const CODES_PER_RUN: u32 = 8;

/// The parameters that capacity and count determine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Code {
    capacity: u32,
    /// How many slots are coded.
    coded: u32,
    modulus: u32,
    /// The bits of every remainder; remainders from `cutoff` on take one more.
    short_bits: u32,
    cutoff: u32,
}

impl Code {
    fn new(capacity: u32, coded: u32) -> Self {
        let modulus = modulus(capacity, coded);
        let width = u32::BITS - (modulus - 1).leading_zeros();
        let short_bits = width.saturating_sub(1);
        let cutoff = if width == 0 { 1 } else { (1 << width) - modulus };
        Self { capacity, coded, modulus, short_bits, cutoff }
    }
}

/// `max(1, ceil(ln 2 * capacity / coded - (1 + ln 2) / 2))`, which is the optimal modulus for gaps
/// of random sets, in integers of 32 fractional bits so that every implementation agrees.
fn modulus(capacity: u32, coded: u32) -> u32 {
    const LN_2: u64 = 0xB172_17F8;
    const HALF_OF_ONE_AND_LN_2: u64 = 0xD8B9_0BFC;
    let Some(scaled) = (LN_2 * u64::from(capacity)).checked_div(u64::from(coded)) else {
        return 1;
    };
    let above = scaled.saturating_sub(HALF_OF_ONE_AND_LN_2).div_ceil(1 << 32);
    u32::try_from(above).unwrap_or(u32::MAX).max(1)
}

impl Gaps {
    /// Reads `coded` slots below `capacity` from the front of `bytes` and says how many bytes they
    /// take.
    ///
    /// # Errors
    /// [`WireError`] for whatever is not the one encoding of a set.
    pub(crate) fn decode(
        capacity: u32,
        coded: u32,
        bytes: &[u8],
    ) -> Result<(Self, usize), WireError> {
        // Every code takes at least a bit: a count that the bytes can't hold is refused before
        // memory is asked for.
        if u64::from(coded) > bytes.len() as u64 * 8 {
            return Err(WireError::Truncated);
        }
        let code = Code::new(capacity, coded);
        let run_bits = (capacity / coded.max(1) * CODES_PER_RUN).max(1).ilog2().min(20);
        let run_count = (capacity >> run_bits) + 1;
        let mut runs = Vec::with_capacity(usize::try_from(run_count).unwrap_or(0));
        let mut bits = Bits::at(bytes, 0);
        let mut base = 0_u32;
        for _ in 0..coded {
            let bit = bits.place()?;
            let slot = bits.gap(&code).and_then(|gap| base.checked_add(gap));
            let slot =
                slot.filter(|&slot| slot < capacity).ok_or(WireError::NotCanonical("gap"))?;
            while runs.len() <= (slot >> run_bits) as usize {
                runs.push(Run { bit, base });
            }
            base = slot + 1;
        }
        let end = bits.finish()?;
        let stream = bytes.get(..end).ok_or(WireError::Truncated)?.to_vec();
        Ok((Self { code, stream, run_bits, runs }, end))
    }

    pub(crate) fn contains(&self, slot: u32) -> bool {
        // A slot in a run after the last coded one is not coded.
        let Some(run) = self.runs.get((slot >> self.run_bits) as usize) else { return false };
        let mut bits = Bits::at(&self.stream, run.bit);
        let mut base = run.base;
        while base <= slot {
            match bits.gap(&self.code) {
                Some(gap) if base + gap == slot => return true,
                Some(gap) => base += gap + 1,
                None => return false,
            }
        }
        false
    }

    /// The coded slots, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let mut bits = Bits::at(&self.stream, 0);
        let mut base = 0;
        (0..self.code.coded).map_while(move |_| {
            let slot = base + bits.gap(&self.code)?;
            base = slot + 1;
            Some(slot)
        })
    }
}

/// A reader of bits, least significant first.
#[derive(Clone)]
struct Bits<'a> {
    rest: &'a [u8],
    window: u64,
    held: u32,
    /// Bits consumed since the start of the stream.
    place: u64,
}

impl<'a> Bits<'a> {
    fn at(stream: &'a [u8], bit: u32) -> Self {
        let rest = stream.get((bit / 8) as usize..).unwrap_or_default();
        let mut bits = Self { rest, window: 0, held: 0, place: u64::from(bit - bit % 8) };
        bits.take(bit % 8);
        bits
    }

    /// At least 57 bits are held afterwards, or all that are left; those behind are zeros.
    #[inline]
    fn fill(&mut self) {
        if let Some((word, _)) = self.rest.split_first_chunk::<8>() {
            self.window |= u64::from_le_bytes(*word) << self.held;
            let bytes = (63 - self.held) / 8;
            self.rest = self.rest.get(bytes as usize..).unwrap_or_default();
            self.held += bytes * 8;
        } else {
            while let (true, Some((byte, rest))) = (self.held <= 56, self.rest.split_first()) {
                self.window |= u64::from(*byte) << self.held;
                self.rest = rest;
                self.held += 8;
            }
        }
        // The word may have put bits above those that count as held; they come again.
        self.window &= u64::MAX >> (64 - self.held).min(63);
    }

    /// The next `count` bits, at most 32, or `None` where fewer are left.
    fn take(&mut self, count: u32) -> Option<u32> {
        if self.held < count {
            self.fill();
            if self.held < count {
                return None;
            }
        }
        let low = self.window & ((1 << count) - 1);
        self.drop_bits(count);
        u32::try_from(low).ok()
    }

    fn drop_bits(&mut self, count: u32) {
        self.window = self.window.checked_shr(count).unwrap_or(0);
        self.held -= count;
        self.place += u64::from(count);
    }

    /// Zeros up to the next one, which is consumed; `None` where no one follows or the zeros
    /// exceed what a gap below 2^20 can need.
    fn unary(&mut self) -> Option<u32> {
        let mut zeros = 0;
        loop {
            if self.window != 0 {
                let run = self.window.trailing_zeros();
                self.drop_bits(run + 1);
                return Some(zeros + run);
            }
            zeros += self.held;
            self.drop_bits(self.held);
            self.fill();
            if self.held == 0 || zeros > 1 << 20 {
                return None;
            }
        }
    }

    /// The next gap: how many slots are skipped.
    fn gap(&mut self, code: &Code) -> Option<u32> {
        if self.held < 57 {
            self.fill();
        }
        // Nearly every code lies whole in the window, so that one look at it is enough.
        let quotient = self.window.trailing_zeros();
        let longest = quotient + 1 + code.short_bits + 1;
        if longest > self.held {
            return self.long_gap(code);
        }
        let behind = self.window >> (quotient + 1);
        let short = u32::try_from(behind & ((1 << code.short_bits) - 1)).ok()?;
        let remainder = if short < code.cutoff {
            self.drop_bits(longest - 1);
            short
        } else {
            self.drop_bits(longest);
            let last = u32::try_from(behind >> code.short_bits & 1).ok()?;
            (short << 1 | last) - code.cutoff
        };
        quotient.checked_mul(code.modulus)?.checked_add(remainder)
    }

    /// The same, bit by bit: for codes that the window does not hold, and at the end.
    #[cold]
    fn long_gap(&mut self, code: &Code) -> Option<u32> {
        let quotient = self.unary()?;
        let short = self.take(code.short_bits)?;
        let remainder =
            if short < code.cutoff { short } else { (short << 1 | self.take(1)?) - code.cutoff };
        quotient.checked_mul(code.modulus)?.checked_add(remainder)
    }

    /// The place in the stream, for the directory.
    fn place(&self) -> Result<u32, WireError> {
        u32::try_from(self.place).map_err(|_| WireError::NotCanonical("stream"))
    }

    /// Checks that the last byte is filled with zeros and says how many bytes were used.
    fn finish(mut self) -> Result<usize, WireError> {
        let padding = u32::try_from(self.place.wrapping_neg() % 8).unwrap_or(0);
        match self.take(padding) {
            Some(0) => usize::try_from(self.place / 8).map_err(|_| WireError::Truncated),
            Some(_) => Err(WireError::NotCanonical("padding")),
            None => Err(WireError::Truncated),
        }
    }
}

/// Appends the one encoding of `coded` slots, which ascend and lie below `capacity`.
#[cfg(feature = "issue")]
pub(crate) fn encode(
    capacity: u32,
    coded: u32,
    slots: impl Iterator<Item = u32>,
    out: &mut Vec<u8>,
) {
    let mut writer = BitWriter { out, window: 0, held: 0 };
    let code = Code::new(capacity, coded);
    let mut base = 0;
    for slot in slots {
        writer.put_gap(slot - base, &code);
        base = slot + 1;
    }
    writer.finish();
}

#[cfg(feature = "issue")]
struct BitWriter<'a> {
    out: &'a mut Vec<u8>,
    window: u64,
    held: u32,
}

#[cfg(feature = "issue")]
impl BitWriter<'_> {
    /// Appends the low `count` bits of `bits`, at most 32.
    fn put(&mut self, bits: u32, count: u32) {
        self.window |= u64::from(bits) << self.held;
        self.held += count;
        while self.held >= 8 {
            let [low, ..] = self.window.to_le_bytes();
            self.out.push(low);
            self.window >>= 8;
            self.held -= 8;
        }
    }

    fn put_gap(&mut self, gap: u32, code: &Code) {
        let (mut quotient, remainder) = (gap / code.modulus, gap % code.modulus);
        while quotient >= 32 {
            self.put(0, 32);
            quotient -= 32;
        }
        self.put(0, quotient);
        self.put(1, 1);
        if remainder < code.cutoff {
            self.put(remainder, code.short_bits);
        } else {
            let long = remainder + code.cutoff;
            self.put(long >> 1, code.short_bits);
            self.put(long & 1, 1);
        }
    }

    fn finish(mut self) {
        if self.held > 0 {
            self.put(0, 8 - self.held);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
