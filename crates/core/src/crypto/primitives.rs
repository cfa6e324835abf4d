//! Access to the functions that verify a token, for messages that no token has.
//!
//! Public test vectors have messages of any length; a token's message has 55 bytes. The feature
//! `primitives` enables this module; a test of the workspace checks that no shipped crate enables
//! it. The module adds no checks of its own: each result is that of the function that verifies
//! tokens.

use crate::crypto::hmac::{bytes_of, last_block};
use crate::crypto::{HmacKey, PublicKey, is_strict};

/// The signature over `context || body`, for files that an issuer would not sign.
#[cfg(feature = "issue")]
#[must_use]
pub fn sign(
    key: &crate::issue::SigningKey,
    context: crate::crypto::Context,
    body: &[u8],
) -> [u8; 64] {
    key.sign(context, body)
}

impl HmacKey {
    /// Whether `tag` is this key's tag for a token's `message`, compared in constant time.
    #[must_use]
    pub fn verify(&self, message: &[u8; 55], tag: &[u8; 16]) -> bool {
        self.verify_block(&last_block(message, 64 + message.len()), tag)
    }
}

/// The verdict of each step of a signature's verification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Signature {
    /// A keyring may list the public key.
    pub is_key: bool,
    /// R and S are strict, so a host may verify the rest.
    pub is_strict: bool,
    /// The library's verification accepts the signature, which is all that a signed file requires.
    pub is_good: bool,
}

impl Signature {
    /// Verifies a signature. If a part has a wrong length, all verdicts are `false`, as no token
    /// carries such a signature.
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

    /// Whether a token with this signature is authentic.
    #[must_use]
    pub const fn is_accepted(self) -> bool {
        self.is_key && self.is_strict && self.is_good
    }
}

/// Whether the tag is the secret's tag for the message. `None` if the message is longer than one
/// block.
#[must_use]
pub fn hmac_verifies(
    secret: &[u8; HmacKey::SECRET_LEN],
    message: &[u8],
    tag: &[u8; 16],
) -> Option<bool> {
    Some(HmacKey::new(secret).verify_block(&block(message)?, tag))
}

/// All 32 bytes of the tag, as in a keyring's check values.
#[must_use]
pub fn hmac_digest(secret: &[u8; HmacKey::SECRET_LEN], message: &[u8]) -> Option<[u8; 32]> {
    Some(bytes_of(HmacKey::new(secret).full_tag(&block(message)?)))
}

/// The padded block of a message of a length known only at run time.
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
