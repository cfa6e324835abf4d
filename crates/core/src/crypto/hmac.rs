//! HMAC-SHA256 over messages of one block.

use core::fmt;

use sha2::block_api::compress256;
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize as _, Zeroizing};

use crate::crypto::{Context, IssuerId};

/// An HMAC-SHA256 key (RFC 2104) with both key blocks compressed in advance.
///
/// Tags are truncated to their first 16 bytes (RFC 2104, section 5). A padded token message fills
/// one block, so a tag costs two more compressions. The `hmac` crate, which serves messages of any
/// length, spends as much again on its buffers. `Debug` doesn't show the key.
#[derive(Clone)]
pub struct HmacKey {
    /// The SHA-256 states after the block of key and ipad, and after the block of key and opad.
    inner: [u32; 8],
    outer: [u32; 8],
}

impl HmacKey {
    /// Bytes in a secret.
    pub const SECRET_LEN: usize = 32;
    /// Bytes in a tag.
    pub(crate) const TAG_LEN: usize = 16;
    /// Bytes in a token's message: the most that fit into one block of SHA-256 with the padding.
    pub(crate) const MESSAGE_LEN: usize = 55;

    /// Prepares a secret.
    #[must_use]
    pub fn new(secret: &[u8; Self::SECRET_LEN]) -> Self {
        // HMAC pads a key to the block length: 32 bytes followed by 32 zeros.
        let mut block = Zeroizing::new([0; 64]);
        if let Some(front) = block.first_chunk_mut() {
            *front = *secret;
        }
        let after_pad = |pad: u8| {
            let padded = Zeroizing::new(block.map(|byte| byte ^ pad));
            state_after(&SHA256_START, &padded)
        };
        Self { inner: after_pad(0x36), outer: after_pad(0x5C) }
    }

    /// Whether `tag` is this key's tag for the message in its padded `block`, compared in constant
    /// time.
    pub(crate) fn verify_block(&self, block: &[u8; 64], tag: &[u8; Self::TAG_LEN]) -> bool {
        // Compare two 64-bit words: byte by byte takes a third as long as a compression.
        let ([high, low], []) = tag.as_chunks() else { return false };
        let [a, b, c, d, ..] = self.full_tag(block);
        let same = |wide: &[u8; 8], a: u32, b: u32| u64::from_be_bytes(*wide).ct_eq(&joined(a, b));
        (same(high, a, b) & same(low, c, d)).into()
    }

    /// The tag of the message in `block`.
    #[cfg(feature = "issue")]
    pub(crate) fn tag(&self, block: &[u8; 64]) -> [u8; Self::TAG_LEN] {
        let [a, b, c, d, ..] = self.full_tag(block);
        (u128::from(joined(a, b)) << 64 | u128::from(joined(c, d))).to_be_bytes()
    }

    pub(super) fn full_tag(&self, block: &[u8; 64]) -> [u32; 8] {
        let inner = state_after(&self.inner, block);
        state_after(&self.outer, &last_block(&bytes_of(inner), 64 + 32))
    }

    /// The check value of the secret in the keyring. It lets a gate verify that its secret is the
    /// right one, and reveals nothing else.
    #[must_use]
    pub fn check_value(&self, issuer: IssuerId, kid: u16) -> [u8; 32] {
        let mut message = [0; Context::LEN + 16 + 2];
        let (front, rest) = message.split_at_mut(Context::LEN);
        let (middle, end) = rest.split_at_mut(16);
        front.copy_from_slice(Context::CHECK.bytes());
        middle.copy_from_slice(&issuer.0);
        end.copy_from_slice(&kid.to_be_bytes());
        bytes_of(self.full_tag(&last_block(&message, 64 + message.len())))
    }
}

fn state_after(start: &[u32; 8], block: &[u8; 64]) -> [u32; 8] {
    let mut state = *start;
    #[cfg(test)]
    counted::add();
    compress256(&mut state, core::slice::from_ref(block));
    state
}

fn joined(high: u32, low: u32) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}

/// The digest's bytes.
pub(super) fn bytes_of(state: [u32; 8]) -> [u8; 32] {
    let mut digest = [0; 32];
    for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    digest
}

/// The initial state of SHA-256 (FIPS 180-4, section 5.3.3).
const SHA256_START: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// The last block of a message of `whole` bytes; `tail`, at most 55 bytes, is its end.
pub(crate) fn last_block<const N: usize>(tail: &[u8; N], whole: usize) -> [u8; 64] {
    const { assert!(N <= HmacKey::MESSAGE_LEN) };
    let mut block = [0; 64];
    let (front, rest) = block.split_at_mut(N);
    front.copy_from_slice(tail);
    if let Some(end) = rest.first_mut() {
        *end = 0x80;
    }
    if let Some(bits) = rest.last_chunk_mut() {
        *bits = (whole as u64 * 8).to_be_bytes();
    }
    block
}

impl Drop for HmacKey {
    fn drop(&mut self) {
        self.inner.zeroize();
        self.outer.zeroize();
    }
}

impl fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HmacKey(..)")
    }
}

/// How many blocks of HMAC this thread has compressed: the cost of a tag, without a clock.
#[cfg(test)]
pub(crate) mod counted {
    extern crate std;

    use core::cell::Cell;

    std::thread_local!(static BLOCKS: Cell<u64> = const { Cell::new(0) });

    pub(super) fn add() {
        BLOCKS.set(BLOCKS.get() + 1);
    }

    /// The blocks that `work` compresses, and its result.
    pub(crate) fn blocks<T>(work: impl FnOnce() -> T) -> (u64, T) {
        let before = BLOCKS.get();
        let result = work();
        (BLOCKS.get() - before, result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    proptest::proptest! {
        #[test]
        fn a_tag_is_the_hmac_of_the_library(secret: [u8; 32], message: [[u8; 11]; 5]) {
            use hmac::{Hmac, KeyInit as _, Mac as _};
            use sha2::Sha256;
            let message: [u8; 55] = message.concat().try_into().unwrap();
            let library = Hmac::<Sha256>::new_from_slice(&secret).unwrap().chain_update(message);
            let tag = HmacKey::new(&secret).full_tag(&last_block(&message, 64 + 55));
            proptest::prop_assert_eq!(&bytes_of(tag)[..], &library.finalize().into_bytes()[..]);
        }
    }

    /// RFC 4231, test case 2, with the key padded by zeros to 32 bytes, as HMAC itself pads it.
    #[test]
    fn hmac_is_the_one_of_the_rfc() {
        let mut secret = [0; 32];
        secret[..4].copy_from_slice(b"Jefe");
        let tag =
            HmacKey::new(&secret).full_tag(&last_block(b"what do ya want for nothing?", 64 + 28));
        assert_eq!(tag[..2], [0x5bdc_c146, 0xbf60_754e]);
    }

    #[test]
    fn nothing_secret_is_shown() {
        assert_eq!(format!("{:?}", HmacKey::new(&[7; 32])), "HmacKey(..)");
    }
}
