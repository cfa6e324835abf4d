//! Base62 in chunks: 8 bytes to 11 characters, one spelling per value.
//!
//! The digits are `0-9A-Za-z` in ASCII order, most significant first, so that texts sort as the
//! bytes they spell. 62^11 exceeds 2^64, so a chunk can spell a number that 8 bytes can't hold:
//! such a chunk is refused, or two texts would mean the same key.

/// Characters to a chunk.
pub const CHUNK_CHARS: usize = 11;
/// Bytes to a chunk.
pub const CHUNK_BYTES: usize = 8;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// What a character is worth, 0xFF for one that is no digit.
const VALUES: [u8; 256] = {
    let mut values = [0xFF_u8; 256];
    let mut digit = 0_u8;
    #[expect(
        clippy::indexing_slicing,
        reason = "evaluated by the compiler: out of range is a build error"
    )]
    while digit < 62 {
        values[DIGITS[digit as usize] as usize] = digit;
        digit += 1;
    }
    values
};

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
/// See [`Base62Error`]; `out` then holds nothing of meaning.
pub fn decode(text: &[u8], out: &mut [u8]) -> Result<(), Base62Error> {
    let (chunks, tail) = text.as_chunks::<CHUNK_CHARS>();
    let (slots, rest) = out.as_chunks_mut::<CHUNK_BYTES>();
    if !tail.is_empty() || !rest.is_empty() || chunks.len() != slots.len() {
        return Err(Base62Error::Length);
    }
    for (chunk, slot) in chunks.iter().zip(slots) {
        *slot = decode_chunk(chunk)?.to_be_bytes();
    }
    Ok(())
}

fn decode_chunk(chunk: &[u8; CHUNK_CHARS]) -> Result<u64, Base62Error> {
    // In two halves, which the processor works on side by side.
    let (high, low) = chunk.split_at(5);
    let ((high, high_seen), (low, low_seen)) = (digits(high), digits(low));
    if (high_seen | low_seen) == 0xFF {
        return Err(Base62Error::Character);
    }
    high.checked_mul(62_u64.pow(6)).and_then(|v| v.checked_add(low)).ok_or(Base62Error::Overflow)
}

/// The number that up to ten digits spell, which is below 2^60, and all of their values ORed: 0xFF
/// where one was none.
fn digits(text: &[u8]) -> (u64, u8) {
    text.iter().fold((0, 0), |(value, seen), &character| {
        let digit = value_of(character);
        (value * 62 + u64::from(digit & 0x3F), seen | digit)
    })
}

fn value_of(character: u8) -> u8 {
    #[expect(clippy::indexing_slicing, reason = "a byte can't exceed a table of 256")]
    VALUES[character as usize]
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

/// Appends `bytes`, whose length must be a multiple of 8, to `text`.
///
/// A remainder of less than 8 bytes is left out; callers encode fixed layouts.
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
