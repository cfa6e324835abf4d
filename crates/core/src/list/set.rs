//! A set of slots in its one encoding, which capacity and count determine.

use alloc::vec::Vec;

use crate::field::Field;
use crate::list::bitmap::Bitmap;
use crate::list::pages::Pages;
use crate::list::{dense, golomb};
use crate::wire::WireError;

/// A set of slots below a capacity, fully validated.
#[derive(Clone, Debug)]
pub struct SlotSet {
    capacity: u32,
    count: u32,
    /// Whether `held` has the slots that are not in the set.
    inverted: bool,
    held: Held,
}

/// The form in memory: the one with the faster look-up that is small enough.
#[derive(Clone, Debug)]
enum Held {
    Pages(Pages),
    Bitmap(Bitmap),
}

/// The three encodings.
enum Form {
    Members,
    Others,
    Dense,
}

/// The Golomb code is used for at most a quarter of the slots; its size is then within 1.013 of the
/// bound.
fn form(capacity: u32, count: u32) -> Form {
    let few = |slots: u32| u64::from(slots) * 4 <= u64::from(capacity);
    if few(count) {
        Form::Members
    } else if few(capacity - count) {
        Form::Others
    } else {
        Form::Dense
    }
}

impl SlotSet {
    /// Decodes a set of `count` slots below `capacity` from the front of `bytes`. Returns the set
    /// and the number of bytes used.
    ///
    /// # Errors
    /// [`WireError`] for anything but the one encoding of a set.
    pub(crate) fn decode(
        capacity: u32,
        count: u32,
        bytes: &[u8],
    ) -> Result<(Self, usize), WireError> {
        if count > capacity {
            return Err(WireError::NotCanonical(Field::Count));
        }
        // The count decides the form, so the bytes have no choice between two encodings.
        let form = form(capacity, count);
        let inverted = matches!(form, Form::Others);
        let (held, used) = match form {
            Form::Members => Held::decode(capacity, count, bytes)?,
            Form::Others => Held::decode(capacity, capacity - count, bytes)?,
            Form::Dense => {
                let (bitmap, used) = dense::decode(capacity, count, bytes)?;
                (Held::Bitmap(bitmap), used)
            }
        };
        Ok((Self { capacity, count, inverted, held }, used))
    }

    /// How many slots the set holds.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Whether the set holds `slot`; false for slots at or above the capacity.
    #[must_use]
    pub fn contains(&self, slot: u32) -> bool {
        let held = match &self.held {
            Held::Pages(pages) => pages.contains(slot),
            Held::Bitmap(bitmap) => bitmap.contains(slot),
        };
        held != self.inverted && slot < self.capacity
    }

    /// The slots of the set, ascending.
    #[must_use]
    pub fn slots(&self) -> Vec<u32> {
        let mut slots = Vec::with_capacity(self.count as usize);
        self.each(&mut |slot| slots.push(slot));
        slots
    }

    /// Calls `see` with each slot of the set, ascending.
    pub(crate) fn each(&self, see: &mut dyn FnMut(u32)) {
        if self.inverted {
            let mut base = 0;
            self.held.each(&mut |slot| {
                (base..slot).for_each(&mut *see);
                base = slot + 1;
            });
            (base..self.capacity).for_each(see);
        } else {
            self.held.each(see);
        }
    }
}

impl Held {
    fn decode(capacity: u32, coded: u32, bytes: &[u8]) -> Result<(Self, usize), WireError> {
        let (pages, used) = golomb::decode(capacity, coded, bytes)?;
        // Pages take two bytes per slot: here at most as much as a bitmap.
        if u64::from(coded) * 16 <= u64::from(capacity) {
            return Ok((Self::Pages(pages), used));
        }
        let mut bitmap = Bitmap::new(capacity);
        pages.each(&mut |slot| bitmap.insert(slot));
        Ok((Self::Bitmap(bitmap), used))
    }

    fn each(&self, see: &mut dyn FnMut(u32)) {
        match self {
            Self::Pages(pages) => pages.each(see),
            Self::Bitmap(bitmap) => bitmap.each(see),
        }
    }
}

/// Appends the one encoding of `slots`, ascending and below `capacity`.
#[cfg(feature = "issue")]
pub(crate) fn encode_set(capacity: u32, slots: &[u32], out: &mut Vec<u8>) {
    let count = u32::try_from(slots.len()).unwrap_or(u32::MAX).min(capacity);
    match form(capacity, count) {
        Form::Members => golomb::encode(capacity, slots, out),
        Form::Others => {
            let mut members = slots.iter().copied().peekable();
            let others: Vec<u32> =
                (0..capacity).filter(|slot| members.next_if_eq(slot).is_none()).collect();
            golomb::encode(capacity, &others, out);
        }
        Form::Dense => dense::encode(capacity, count, slots, out),
    }
}

#[cfg(all(test, feature = "issue"))]
mod tests {
    extern crate std;

    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    fn encoded(capacity: u32, slots: &[u32]) -> Vec<u8> {
        let mut out = Vec::new();
        encode_set(capacity, slots, &mut out);
        out
    }

    /// Every set of up to 9 slots round-trips. Any other string of up to 2 bytes that is accepted
    /// would be a second encoding, so none may be.
    #[test]
    fn small_sets_have_one_spelling_each() {
        for capacity in 1..=if cfg!(miri) { 2 } else { 9_u32 } {
            let mut spellings = alloc::collections::BTreeSet::new();
            for members in 0..1_u32 << capacity {
                let slots: Vec<u32> = (0..capacity).filter(|s| members >> s & 1 == 1).collect();
                let bytes = encoded(capacity, &slots);
                let count = members.count_ones();
                let (set, used) = SlotSet::decode(capacity, count, &bytes).unwrap();
                assert_eq!(used, bytes.len());
                assert!((0..capacity).all(|s| set.contains(s) == (members >> s & 1 == 1)));
                assert_eq!(set.slots(), slots);
                assert!(spellings.insert((count, bytes)));
            }
            for count in 0..=capacity {
                for value in (0..=u16::MAX).step_by(if cfg!(miri) { 97 } else { 1 }) {
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
            capacity in 1..if cfg!(miri) { 2_000 } else { 200_000_u32 },
            density in 0..=1000_u32,
            seed: u64,
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
            prop_assert_eq!(set.slots(), slots);
        }

        /// Gaps of very different lengths: quotients longer than the window, pages without a slot.
        #[test]
        fn sets_in_clusters_round_trip_and_a_flipped_bit_is_another_set_or_none(
            gaps in prop::collection::vec(prop_oneof![0..3_u32, 0..300_u32, 0..150_000_u32], 1..200),
            above in 0..3_000_u32,
            at: prop::sample::Index,
        ) {
            let mut slots = Vec::new();
            let mut base = 0;
            for gap in gaps {
                let slot = base + gap;
                slots.extend((slot < 1 << 20).then_some(slot));
                base = slot + 1;
            }
            let capacity = (slots.last().map_or(1, |last| last + 1) + above).min(1 << 20);
            let count = u32::try_from(slots.len()).unwrap();
            let mut bytes = encoded(capacity, &slots);
            let (set, used) = SlotSet::decode(capacity, count, &bytes).unwrap();
            prop_assert_eq!(used, bytes.len());
            prop_assert_eq!(set.slots(), slots.clone());
            for slot in &slots {
                prop_assert!(set.contains(*slot));
                let next = slot + 1;
                prop_assert_eq!(set.contains(next), slots.binary_search(&next).is_ok());
            }
            if !bytes.is_empty() {
                let bit = at.index(bytes.len() * 8);
                bytes[bit / 8] ^= 1 << (bit % 8);
                if let Ok((other, used)) = SlotSet::decode(capacity, count, &bytes) {
                    prop_assert!(other.slots() != slots);
                    prop_assert_eq!(encoded(capacity, &other.slots()), &bytes[..used]);
                }
            }
        }

        #[test]
        fn hostile_bytes_are_refused_or_read_as_a_set(
            capacity in 1..5_000_u32, count: u32, bytes in prop::collection::vec(any::<u8>(), 0..64),
        ) {
            if let Ok((set, used)) = SlotSet::decode(capacity, count % 6_000, &bytes) {
                let slots = set.slots();
                prop_assert_eq!(slots.len(), set.count() as usize);
                prop_assert_eq!(encoded(capacity, &slots), &bytes[..used]);
            }
        }
    }

    /// log2 of the number of sets of `count` slots among `capacity`: the lower bound of any code.
    fn bound_bits(capacity: u32, count: u32) -> f64 {
        let log2_factorial = |n: u32| (1..=n).map(|i| f64::from(i).log2()).sum::<f64>();
        log2_factorial(capacity) - log2_factorial(count) - log2_factorial(capacity - count)
    }

    #[test]
    #[cfg_attr(miri, ignore = "arithmetic over 2^18 slots, sixteen times")]
    fn sizes_stay_close_to_the_bound_at_every_density() {
        let capacity = 1 << 18;
        for per_mille in
            [1, 10, 50, 100, 200, 249, 251, 330, 380, 440, 500, 620, 749, 751, 900, 990]
        {
            let mut state = 1_u64;
            let slots: Vec<u32> = (0..capacity)
                .filter(|_| {
                    state =
                        state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                    (state >> 33) % 1000 < per_mille
                })
                .collect();
            let bits = bound_bits(capacity, u32::try_from(slots.len()).unwrap());
            let size = f64::from(u32::try_from(encoded(capacity, &slots).len()).unwrap()) * 8.0;
            let ratio = (size - 64.0) / bits;
            assert!(ratio <= 1.015, "{per_mille} per mille: {ratio}");
        }
    }

    #[test]
    fn padding_and_overruns_are_refused() {
        let refused = |count, bytes: &[u8]| SlotSet::decode(100, count, bytes).unwrap_err();
        let bytes = encoded(100, &[5]);
        assert_eq!(refused(1, &[bytes[0] | 0x80]), WireError::NotCanonical(Field::Padding));
        assert_eq!(refused(1, &[0]), WireError::NotCanonical(Field::Gap));
        assert_eq!(refused(101, &bytes), WireError::NotCanonical(Field::Count));
        assert_eq!(refused(25, &[0xFF; 3]), WireError::Truncated);
        assert_eq!(refused(50, &[0; 7]), WireError::Truncated);
        assert!(SlotSet::decode(1 << 20, 1, &vec![0; 1 << 18]).is_err());
    }
}
