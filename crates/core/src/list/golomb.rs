//! A set of slots as canonical Golomb-coded gaps (Golomb 1966; Gallager and van Voorhis 1975).
//!
//! The modulus is a function of capacity and count, so that a set has exactly one encoding and
//! no parameter travels. A set that holds more than half of the slots is coded by its complement.
//! On loading one pass checks every code and builds a directory in memory, which is never shipped.

use alloc::vec::Vec;

use crate::wire::WireError;

/// A set of slots below a capacity, kept as it came, with a directory for look-ups.
#[derive(Clone, Debug)]
pub struct SlotSet {
    count: u32,
    inverted: bool,
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
    /// How many slots are coded: those of the set, or of its complement.
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

/// Whether the complement is what is coded, and how many slots that leaves to code.
fn coded_form(capacity: u32, count: u32) -> (bool, u32) {
    let rest = capacity - count;
    if count > rest { (true, rest) } else { (false, count) }
}

impl SlotSet {
    /// Reads the encoding of a set of `count` slots below `capacity` from the front of `bytes` and
    /// says how many bytes it takes.
    ///
    /// # Errors
    /// [`WireError`] for whatever is not the one encoding of a set.
    pub(crate) fn decode(
        capacity: u32,
        count: u32,
        bytes: &[u8],
    ) -> Result<(Self, usize), WireError> {
        if count > capacity {
            return Err(WireError::NotCanonical("count"));
        }
        let (inverted, coded) = coded_form(capacity, count);
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
        Ok((Self { count, inverted, code, stream, run_bits, runs }, end))
    }

    /// How many slots the set holds.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Whether the set holds `slot`; false for slots at or above the capacity.
    #[must_use]
    pub fn contains(&self, slot: u32) -> bool {
        slot < self.code.capacity && self.is_coded(slot) != self.inverted
    }

    fn is_coded(&self, slot: u32) -> bool {
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

    /// The slots of the set, ascending.
    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        let mut bits = Bits::at(&self.stream, 0);
        let mut base = 0;
        let mut next_coded = move || {
            let slot = base + bits.gap(&self.code)?;
            base = slot + 1;
            Some(slot)
        };
        let mut left = self.code.coded;
        let mut coded = core::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            next_coded()
        })
        .peekable();
        let inverted = self.inverted;
        (0..self.code.capacity).filter(move |slot| coded.next_if_eq(slot).is_some() != inverted)
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

/// Appends the one encoding of `slots`, which ascend and lie below `capacity`.
#[cfg(feature = "issue")]
pub(crate) fn encode_set(capacity: u32, slots: &[u32], out: &mut Vec<u8>) {
    let count = u32::try_from(slots.len()).unwrap_or(u32::MAX).min(capacity);
    let (inverted, coded) = coded_form(capacity, count);
    let mut writer = BitWriter { out, window: 0, held: 0 };
    let code = Code::new(capacity, coded);
    let mut base = 0;
    let mut put = |slot: u32| {
        writer.put_gap(slot - base, &code);
        base = slot + 1;
    };
    if inverted {
        let mut members = slots.iter().copied().peekable();
        (0..capacity).filter(|slot| members.next_if_eq(slot).is_none()).for_each(&mut put);
    } else {
        slots.iter().copied().for_each(&mut put);
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

#[cfg(all(test, feature = "issue"))]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    fn encoded(capacity: u32, slots: &[u32]) -> Vec<u8> {
        let mut out = Vec::new();
        encode_set(capacity, slots, &mut out);
        out
    }

    #[test]
    fn the_modulus_is_the_optimal_one() {
        // ceil(ln(2 - p) / -ln(1 - p)) at p = 0.1, 1, 10, 25, 50 %.
        for (coded, best) in [(1_000, 693), (10_000, 69), (100_000, 7), (250_000, 2), (500_000, 1)]
        {
            assert_eq!(modulus(1_000_000, coded), best);
        }
        assert_eq!(modulus(1, 1), 1);
        assert_eq!(modulus(1 << 20, 0), 1);
    }

    /// Every set of up to 9 slots: it round-trips, and every other string of up to 2 bytes that is
    /// accepted would be a second spelling, so none may be.
    #[test]
    fn small_sets_have_one_spelling_each() {
        for capacity in 1..=9_u32 {
            let mut spellings = alloc::collections::BTreeSet::new();
            for members in 0..1_u32 << capacity {
                let slots: Vec<u32> = (0..capacity).filter(|s| members >> s & 1 == 1).collect();
                let bytes = encoded(capacity, &slots);
                let count = members.count_ones();
                let (set, used) = SlotSet::decode(capacity, count, &bytes).unwrap();
                assert_eq!(used, bytes.len());
                assert!((0..capacity).all(|s| set.contains(s) == (members >> s & 1 == 1)));
                assert_eq!(set.iter().collect::<Vec<_>>(), slots);
                assert!(spellings.insert((count, bytes)));
            }
            for count in 0..=capacity {
                for value in 0..=u16::MAX {
                    let bytes = value.to_le_bytes();
                    if let Ok((_, used)) = SlotSet::decode(capacity, count, &bytes) {
                        assert!(spellings.contains(&(count, bytes[..used].to_vec())));
                    }
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_set_round_trips(
            capacity in 1..200_000_u32, density in 0..=1000_u32, seed: u64,
        ) {
            let mut state = seed | 1;
            let slots: Vec<u32> = (0..capacity).filter(|_| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                ((state >> 33) % 1000) < u64::from(density)
            }).collect();
            let mut bytes = encoded(capacity, &slots);
            let len = bytes.len();
            bytes.extend([0xA5; 9]);
            let (set, used) = SlotSet::decode(capacity, u32::try_from(slots.len()).unwrap(), &bytes).unwrap();
            prop_assert_eq!(used, len);
            let mut members = slots.iter().copied().peekable();
            for slot in 0..capacity {
                prop_assert_eq!(set.contains(slot), members.next_if_eq(&slot).is_some());
            }
            prop_assert!(!set.contains(capacity));
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), slots);
        }

        #[test]
        fn hostile_bytes_are_refused_or_read_as_a_set(
            capacity in 1..5_000_u32, count: u32, bytes in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            if let Ok((set, used)) = SlotSet::decode(capacity, count % 6_000, &bytes) {
                let slots: Vec<u32> = set.iter().collect();
                prop_assert_eq!(slots.len(), set.count() as usize);
                prop_assert_eq!(encoded(capacity, &slots), &bytes[..used]);
            }
        }
    }

    #[test]
    fn padding_and_overruns_are_refused() {
        let refused = |count, bytes: &[u8]| SlotSet::decode(100, count, bytes).unwrap_err();
        let bytes = encoded(100, &[5]);
        assert_eq!(refused(1, &[bytes[0] | 0x80]), WireError::NotCanonical("padding"));
        assert_eq!(refused(1, &[0]), WireError::NotCanonical("gap"));
        assert_eq!(refused(101, &bytes), WireError::NotCanonical("count"));
        assert_eq!(refused(50, &[0xFF; 6]), WireError::Truncated);
        assert!(SlotSet::decode(1 << 20, 1, &vec![0; 1 << 18]).is_err());
    }
}
