//! The mask over the 28 signed bytes as a text carries them.
//!
//! Without it, all keys of an issuer would begin alike, and unused fields would show as runs of
//! zeros. It hides nothing: its seed is in the text. It is an involution, so that each token has
//! still exactly one text.

use crate::token::SignedPart;

/// The step of the seed from word to word: 2^32 divided by the golden ratio.
const STEP: u32 = 0x9E37_79B9;

/// The part of the proof that is the seed. The proof follows the signed bytes.
const SEED: core::ops::Range<usize> = 12..16;

/// Masks the signed bytes, at the start of `bytes`, or removes their mask: word `i`, from 0, is
/// XORed with `fmix32(seed + (i + 1) * STEP)`. Returns them; `None` if `bytes` ends before the seed.
#[cfg_attr(
    not(feature = "primitives"),
    expect(unreachable_pub, reason = "public for the tests and benchmarks of this crate alone")
)]
#[inline]
pub fn toggle(bytes: &mut [u8]) -> Option<&SignedPart> {
    let (signed, proof) = bytes.split_first_chunk_mut::<{ size_of::<SignedPart>() }>()?;
    let mut state = u32::from_be_bytes(*proof.get(SEED)?.first_chunk()?);
    // Eight at once, though the last is not used: the compiler computes them side by side.
    let masks = [(); 8].map(|()| {
        state = state.wrapping_add(STEP);
        mix(state)
    });
    let (words, _) = signed.as_chunks_mut::<4>();
    for (word, mask) in words.iter_mut().zip(masks) {
        *word = (u32::from_be_bytes(*word) ^ mask).to_be_bytes();
    }
    Some(signed)
}

/// The finalizer of MurmurHash3 for 32 bits (fmix32): every bit of the state changes half of the
/// bits of the result.
const fn mix(state: u32) -> u32 {
    let state = (state ^ state >> 16).wrapping_mul(0x85EB_CA6B);
    let state = (state ^ state >> 13).wrapping_mul(0xC2B2_AE35);
    state ^ state >> 16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The mask of zeros is the mask itself. The values were computed from the specification by
    /// other means.
    #[test]
    fn the_mask_is_that_of_the_specification() {
        let mask = |seed: u32| {
            let mut bytes = [0; 44];
            bytes[40..].copy_from_slice(&seed.to_be_bytes());
            *toggle(&mut bytes).unwrap()
        };
        let hex = |bytes: SignedPart| {
            let bytes = bytes.map(|byte| alloc::format!("{byte:02x}"));
            bytes.concat()
        };
        assert_eq!(hex(mask(0)), "92ca2f0e3cd6e3f31b147dcc4c081dbf487981abdb408c9d78bc1b8f");
        assert_eq!(hex(mask(u32::MAX)), "36deb503fc2fb9b62994c1b56a06e13410b80437596d3e7f49eab86c");
    }

    proptest! {
        #[test]
        fn a_mask_that_is_put_on_twice_is_gone(bytes: [u8; 44]) {
            let mut masked = bytes;
            prop_assert_ne!(toggle(&mut masked).unwrap(), &bytes[..28]);
            prop_assert_eq!(&masked[28..], &bytes[28..]);
            prop_assert_eq!(toggle(&mut masked).unwrap(), &bytes[..28]);
        }

        #[test]
        fn a_text_without_a_seed_is_left_as_it_is(mut bytes in prop::collection::vec(any::<u8>(), 0..44)) {
            let before = bytes.clone();
            prop_assert_eq!(toggle(&mut bytes), None);
            prop_assert_eq!(bytes, before);
        }
    }
}
