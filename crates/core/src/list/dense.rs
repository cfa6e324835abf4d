//! Dense sets: the exact arithmetic code of a set of known size (Witten, Neal and Cleary 1987;
//! Cover 1973).
//!
//! The probability that a slot belongs to the set is the number of members left divided by the
//! number of slots left. This encodes each set in log2 C(capacity, count) bits and 8 bytes more.
//! Golomb codes, whose lengths are whole bits, exceed that by up to 4 %.

#[cfg(feature = "issue")]
use alloc::vec::Vec;

use crate::field::Field;
use crate::list::bitmap::Bitmap;
use crate::wire::{Reader, WireError};

/// Ranges stay at or above this, so that a range divided by 2^20 slots keeps 36 bits.
const LOWEST_RANGE: u64 = 1 << 56;

/// The split of the range: the lower part belongs to members of the set.
fn split(range: u64, members_left: u32, slots_left: u32) -> u64 {
    range / u64::from(slots_left.max(1)) * u64::from(members_left)
}

/// Decodes `count` slots below `capacity` from the front of `bytes`. Returns the set and the number
/// of bytes used.
///
/// # Errors
/// [`WireError`] for anything but the one encoding of a set.
pub(crate) fn decode(
    capacity: u32,
    count: u32,
    bytes: &[u8],
) -> Result<(Bitmap, usize), WireError> {
    // A dense set has a quarter to three quarters of the slots and takes at least 0.81 bits per
    // slot. Refuse fewer than half a bit per slot before memory is allocated.
    if u64::from(capacity) > bytes.len() as u64 * 16 {
        return Err(WireError::Truncated);
    }
    let mut reader = Reader::new(bytes);
    // The encoded number, relative to the bottom of the range.
    let mut above = reader.u64()?;
    let mut range = u64::MAX;
    // From here on the number is within the range, so that no shift loses a bit of it.
    if above == range {
        return Err(WireError::NotCanonical(Field::DenseSet));
    }
    let mut members_left = count;
    let mut set = Bitmap::new(capacity);
    // Narrow the range by each slot, and read a byte whenever the range gets small.
    for slot in 0..capacity {
        let slots_left = capacity - slot;
        let split = split(range, members_left, slots_left);
        if above < split {
            range = split;
            members_left -= 1;
            set.insert(slot);
        } else if members_left == slots_left {
            return Err(WireError::NotCanonical(Field::DenseSet));
        } else {
            above -= split;
            range -= split;
        }
        while range < LOWEST_RANGE {
            above = above << 8 | u64::from(reader.u8()?);
            range <<= 8;
        }
    }
    // The encoder writes the bottom of the last range. Any other number in it is a second encoding
    // of the set.
    if above != 0 {
        return Err(WireError::NotCanonical(Field::DenseSet));
    }
    Ok((set, bytes.len() - reader.rest().len()))
}

/// Appends the one encoding of `count` slots, ascending and below `capacity`.
#[cfg(feature = "issue")]
pub(crate) fn encode(capacity: u32, count: u32, slots: &[u32], out: &mut Vec<u8>) {
    let start = out.len();
    let (mut bottom, mut range) = (0_u64, u64::MAX);
    let mut members_left = count;
    let mut members = slots.iter().copied().peekable();
    // Narrow the interval [bottom, bottom + range) by each slot in turn.
    for slot in 0..capacity {
        let split = split(range, members_left, capacity - slot);
        if members.next_if_eq(&slot).is_some() {
            range = split;
            members_left -= 1;
        } else {
            let (sum, carry) = bottom.overflowing_add(split);
            bottom = sum;
            range -= split;
            if carry {
                carry_into(out, start);
            }
        }
        // Write the leading byte once the interval is small, to keep the range's precision.
        while range < LOWEST_RANGE {
            let [high, ..] = bottom.to_be_bytes();
            out.push(high);
            bottom <<= 8;
            range <<= 8;
        }
    }
    out.extend_from_slice(&bottom.to_be_bytes());
}

/// Adds one to the number in the bytes from `start` on.
#[cfg(feature = "issue")]
fn carry_into(out: &mut [u8], start: usize) {
    for byte in out.iter_mut().skip(start).rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            return;
        }
    }
}

#[cfg(all(test, feature = "issue"))]
mod tests {
    use super::*;

    /// A number above the range would wrap around to a second encoding of 230 to 379 of 400.
    #[test]
    fn a_number_above_the_range_is_refused() {
        let slots: Vec<u32> = (230..380).collect();
        let mut canonical = Vec::new();
        encode(400, 150, &slots, &mut canonical);
        let tail = [0xEC, 0xD3, 0x81, 0x7F, 0x88, 0x00, 0xBA, 0xB0];
        let second: Vec<u8> = core::iter::repeat_n(0xFF, 36).chain(tail).collect();
        assert!(canonical.starts_with(&[0xFF; 7]));
        assert!(decode(400, 150, &canonical).is_ok());
        let padded = [second, [0; 16].to_vec()].concat();
        assert_eq!(
            decode(400, 150, &padded).unwrap_err(),
            WireError::NotCanonical(Field::DenseSet)
        );
    }
}
