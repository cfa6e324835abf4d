//! Doors to what proves a token, for messages that no token has.
//!
//! Other people's test vectors are of every length, and a token's message is of 55 bytes. The feature
//! `primitives` opens these doors; a test of the workspace sees to it that nothing which is shipped
//! asks for it. There is no check in here: each answer is that of the function that a token takes.

use crate::crypto::hmac::{bytes_of, last_block};
use crate::crypto::{HmacKey, PublicKey, is_strict};

/// What each step on a token's way says of a signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signature {
    /// A keyring may list the public key.
    pub is_key: bool,
    /// R and S are such that a host may be asked about the rest.
    pub is_strict: bool,
    /// The library's verification accepts it, which is all that a signed file needs.
    pub is_good: bool,
}

impl Signature {
    /// Judges a signature. One whose parts have other lengths than theirs can't be asked about, as
    /// no token carries it.
    #[must_use]
    pub fn verify(key: &[u8], message: &[u8], signature: &[u8]) -> Self {
        let (Ok(key), Ok(signature)) = (key.try_into(), signature.try_into()) else {
            return Self::default();
        };
        let key = PublicKey::from_bytes(key);
        Self {
            is_key: key.is_ok(),
            is_strict: is_strict(signature),
            is_good: key.is_ok_and(|key| key.verify_message(message, signature)),
        }
    }

    /// Whether a token with it is authentic.
    #[must_use]
    pub const fn is_accepted(self) -> bool {
        self.is_key && self.is_strict && self.is_good
    }
}

/// Whether the tag is the secret's tag of the message: `None` of a message that fills more than the
/// one block that is ever read.
#[must_use]
pub fn hmac_verifies(
    secret: &[u8; HmacKey::SECRET_LEN],
    message: &[u8],
    tag: &[u8; HmacKey::TAG_LEN],
) -> Option<bool> {
    Some(HmacKey::new(secret).verify_block(&block(message)?, tag))
}

/// All 32 bytes of the tag, as a keyring has them of its check values.
#[must_use]
pub fn hmac_digest(secret: &[u8; HmacKey::SECRET_LEN], message: &[u8]) -> Option<[u8; 32]> {
    Some(bytes_of(HmacKey::new(secret).full_tag(&block(message)?)))
}

/// The block of a message whose length the compiler does not know.
fn block(message: &[u8]) -> Option<[u8; 64]> {
    macro_rules! of_length {
        ($($length:literal)*) => {
            match message.len() {
                $($length => last_block::<$length>(message.try_into().ok()?, 64 + $length),)*
                _ => return None,
            }
        };
    }
    Some(of_length!(
        0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33
        34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55
    ))
}
