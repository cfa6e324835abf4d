//! Base62 in chunks of 8 bytes and 11 characters, with one spelling per value.
//!
//! The digits are `0-9A-Za-z` in ASCII order, most significant first, so that texts sort like their
//! bytes. 62^11 exceeds 2^64, so a chunk can spell a number that 8 bytes can't hold. Such a chunk
//! is refused, so that no two texts mean the same key.

#![cfg_attr(
    not(feature = "primitives"),
    expect(unreachable_pub, reason = "public for the tests and benchmarks of this crate alone")
)]

/// Characters per chunk.
pub const CHUNK_CHARS: usize = 11;
/// Bytes per chunk.
pub const CHUNK_BYTES: usize = 8;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Why a text is not base62 in chunks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Base62Error {
    /// The text's length is not 11 characters for every 8 bytes expected.
    #[error("the length is wrong")]
    Length,
    /// A character is not one of `0-9A-Za-z`.
    #[error("a character is not one of 0-9, A-Z, a-z")]
    Character,
    /// A chunk spells 2^64 or more.
    #[error("a chunk of 11 characters spells 2^64 or more")]
    Overflow,
}

/// Decodes `text` into `out`, which must hold 8 bytes for every 11 characters.
///
/// # Errors
/// See [`Base62Error`]; the contents of `out` are then unspecified.
pub fn decode(text: &[u8], out: &mut [u8]) -> Result<(), Base62Error> {
    let (chunks, tail) = text.as_chunks::<CHUNK_CHARS>();
    let (slots, rest) = out.as_chunks_mut::<CHUNK_BYTES>();
    if !tail.is_empty() || !rest.is_empty() || chunks.len() != slots.len() {
        return Err(Base62Error::Length);
    }
    // Six chunks at a time, as many as an HMAC token has. The array's length is fixed, so the
    // compiler vectorizes over sixteen characters per step.
    let (sixes, rest) = chunks.as_chunks::<6>();
    let (six_slots, rest_slots) = slots.as_chunks_mut::<6>();
    for (six, slots) in sixes.iter().zip(six_slots) {
        decode_chunks(six, slots)?;
    }
    for (one, slot) in rest.iter().zip(rest_slots) {
        decode_chunks(&[*one], core::array::from_mut(slot))?;
    }
    Ok(())
}

fn decode_chunks<const N: usize>(
    chunks: &[[u8; CHUNK_CHARS]; N],
    slots: &mut [[u8; CHUNK_BYTES]; N],
) -> Result<(), Base62Error> {
    let mut digits = *chunks;
    let mut wrong = 0;
    for digit in digits.as_flattened_mut() {
        let character = *digit;
        let (upper, lower) = (u8::from(character >= b'A'), u8::from(character >= b'a'));
        // The three runs of digits are 7 and 6 characters apart. A character between them, or
        // before the first, maps above the last digit of its run.
        *digit = character.wrapping_sub(b'0' + 7 * upper + 6 * lower);
        wrong |= u8::from(*digit > 9 + 26 * (upper + lower));
    }
    if wrong != 0 {
        return Err(Base62Error::Character);
    }
    for (digits, slot) in digits.iter().zip(slots) {
        *slot = number(*digits).ok_or(Base62Error::Overflow)?.to_be_bytes();
    }
    Ok(())
}

/// The number that eleven digits spell; `None` for 2^64 or more.
fn number([a, b, c, low @ ..]: [u8; CHUNK_CHARS]) -> Option<u64> {
    let high = (u64::from(a) * 62 + u64::from(b)) * 62 + u64::from(c);
    // Join neighbours pairwise, each time half as many and twice as wide: bytes to pairs below
    // 62^2, pairs to fours below 62^4, fours to one. No lane overflows into the next.
    let bytes = u64::from_le_bytes(low);
    let pairs = (bytes & 0x00FF_00FF_00FF_00FF) * 62 + (bytes >> 8 & 0x00FF_00FF_00FF_00FF);
    let fours =
        (pairs & 0x0000_FFFF_0000_FFFF) * 62_u64.pow(2) + (pairs >> 16 & 0x0000_FFFF_0000_FFFF);
    let low = (fours & 0xFFFF_FFFF) * 62_u64.pow(4) + (fours >> 32);
    const UNIT: u64 = 62_u64.pow(8);
    // A native multiplication detects overflow; WebAssembly would multiply in 128 bits.
    let high = if cfg!(target_family = "wasm") {
        (high <= u64::MAX / UNIT).then(|| high * UNIT)
    } else {
        high.checked_mul(UNIT)
    };
    high?.checked_add(low)
}

/// Encodes 8 bytes as 11 characters.
#[must_use]
pub fn encode_chunk(bytes: [u8; CHUNK_BYTES]) -> [u8; CHUNK_CHARS] {
    let mut value = u64::from_be_bytes(bytes);
    let mut chunk = [b'0'; CHUNK_CHARS];
    for slot in chunk.iter_mut().rev() {
        #[expect(clippy::indexing_slicing, reason = "a remainder of 62 is below 62")]
        let digit = DIGITS[(value % 62) as usize];
        *slot = digit;
        value /= 62;
    }
    chunk
}

/// Bytes in the text of an identifier.
pub(crate) const NAMED_LEN: usize = 26;

/// The text of an identifier of 16 bytes: a prefix, then two chunks.
pub(crate) fn named(prefix: &[u8; 4], bytes: &[u8; 16]) -> [u8; NAMED_LEN] {
    let mut text = [0; NAMED_LEN];
    let (front, rest) = text.split_at_mut(prefix.len());
    front.copy_from_slice(prefix);
    let chunks = bytes.as_chunks().0;
    for (place, chunk) in rest.as_chunks_mut().0.iter_mut().zip(chunks) {
        *place = encode_chunk(*chunk);
    }
    text
}

/// The 16 bytes of an identifier; `None` for a text that isn't one with this prefix.
pub(crate) fn read_named(prefix: &str, text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    decode(text.strip_prefix(prefix)?.as_bytes(), &mut bytes).ok()?;
    Some(bytes)
}

/// Appends `bytes` to `text`. Their number must be a multiple of 8.
///
/// A remainder of fewer than 8 bytes is omitted; callers encode fixed layouts.
#[cfg(any(feature = "issue", feature = "primitives", test))]
pub fn encode_into(bytes: &[u8], text: &mut alloc::string::String) {
    let (chunks, _) = bytes.as_chunks::<CHUNK_BYTES>();
    for chunk in chunks {
        text.extend(encode_chunk(*chunk).map(char::from));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{string::String, vec, vec::Vec};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn round_trips(words in prop::collection::vec(any::<u64>(), 0..13)) {
            let bytes: Vec<u8> = words.iter().flat_map(|w| w.to_be_bytes()).collect();
            let mut text = String::new();
            encode_into(&bytes, &mut text);
            let mut back = vec![0; bytes.len()];
            prop_assert_eq!(decode(text.as_bytes(), &mut back), Ok(()));
            prop_assert_eq!(back, bytes);
        }

        #[test]
        fn every_accepted_text_is_the_canonical_one(text in "[0-9A-Za-z]{11}") {
            let mut bytes = [0; 8];
            if decode(text.as_bytes(), &mut bytes).is_ok() {
                prop_assert_eq!(&encode_chunk(bytes)[..], text.as_bytes());
            }
        }

        #[test]
        fn texts_sort_as_their_bytes(a: u64, b: u64) {
            let (x, y) = (encode_chunk(a.to_be_bytes()), encode_chunk(b.to_be_bytes()));
            prop_assert_eq!(a.cmp(&b), x.cmp(&y));
        }
    }

    #[test]
    fn each_length_that_does_not_fit_is_refused() {
        // Not 11 characters for every 8 bytes, each off in one place only.
        for (chars, bytes) in [(0, 1), (0, 8), (1, 0), (11, 0), (11, 7), (11, 9), (11, 16), (12, 8)]
        {
            let read = decode(&vec![b'0'; chars], &mut vec![0; bytes]);
            assert_eq!(read, Err(Base62Error::Length), "{chars} characters, {bytes} bytes");
        }
    }

    #[test]
    fn the_largest_chunk_and_the_first_that_overflows() {
        let mut bytes = [0; 8];
        assert_eq!(decode(b"LygHa16AHYF", &mut bytes), Ok(()));
        assert_eq!(bytes, [0xFF; 8]);
        assert_eq!(decode(b"LygHa16AHYG", &mut bytes), Err(Base62Error::Overflow));
        assert_eq!(decode(b"zzzzzzzzzzz", &mut bytes), Err(Base62Error::Overflow));
    }

    #[test]
    fn only_letters_and_digits() {
        let mut bytes = [0; 8];
        for wrong in [b'_', b'-', b' ', b'@', b'[', b'`', b'{', b'/', b':', 0, 0x80, 0xFF] {
            for place in 0..11 {
                let mut text = *b"00000000000";
                text[place] = wrong;
                assert_eq!(decode(&text, &mut bytes), Err(Base62Error::Character));
            }
        }
        assert_eq!(decode(b"0000000000", &mut bytes), Err(Base62Error::Length));
    }
}
