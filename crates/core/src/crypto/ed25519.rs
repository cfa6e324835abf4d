//! Ed25519 (RFC 8032), verified strictly.

use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, VerifyingKey};

use crate::crypto::Context;

/// Why 32 bytes or a text aren't an acceptable public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    /// The text is not 43 characters of unpadded base64url (RFC 4648, section 5).
    #[error("a public key is 43 characters of base64url, as `portcullis init` prints it")]
    Text,
    /// The bytes are not the canonical encoding of a point on the curve.
    #[error("the bytes are not the canonical encoding of an Ed25519 public key")]
    NotCanonical,
    /// The point has small order, so signatures under it prove nothing.
    #[error("the public key has small order and proves nothing")]
    SmallOrder,
}

impl PublicKeyError {
    /// A stable code for logs. The pinned root is the only public key that is read from text.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Text => "root_unreadable",
            Self::NotCanonical => "root_not_canonical",
            Self::SmallOrder => "root_small_order",
        }
    }
}

/// An Ed25519 public key (RFC 8032), decompressed once, verified strictly.
///
/// Strict means: the encodings of A and R are canonical, neither has small order, S < L, and the
/// equation is the cofactorless `[S]B = R + [k]A`. All of this is checked here, so that every
/// implementation gives the same verdict, whatever its library accepts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// The key with this encoding.
    ///
    /// # Errors
    /// [`PublicKeyError::NotCanonical`] and [`PublicKeyError::SmallOrder`].
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, PublicKeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| PublicKeyError::NotCanonical)?;
        // dalek decompresses y >= p as y - p; re-encoding the point reveals that.
        if key.to_edwards().compress().as_bytes() != bytes {
            return Err(PublicKeyError::NotCanonical);
        }
        if key.is_weak() { Err(PublicKeyError::SmallOrder) } else { Ok(Self(key)) }
    }

    /// Parses 43 characters of unpadded base64url, as in a JWK's `x`.
    ///
    /// # Errors
    /// See [`PublicKeyError`].
    pub fn from_text(text: &str) -> Result<Self, PublicKeyError> {
        let mut bytes = [0; 32];
        match URL_SAFE_NO_PAD.decode_slice(text, &mut bytes) {
            Ok(32) => Self::from_bytes(&bytes),
            _ => Err(PublicKeyError::Text),
        }
    }

    /// The encoding.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }

    /// Whether `signature` is this key's signature over `body`, the start of an audit trail.
    /// Needs the feature `issue`.
    #[cfg(feature = "issue")]
    #[must_use]
    pub fn verify_trail(&self, body: &[u8], signature: &[u8; 64]) -> bool {
        self.verify(Context::TRAIL, body, signature)
    }

    /// Whether `signature` is this key's signature over `context || body`.
    #[must_use]
    pub(crate) fn verify(&self, context: Context, body: &[u8], signature: &[u8; 64]) -> bool {
        self.verify_message(&context.message(body), signature)
    }

    /// Whether `signature` is this key's signature over the signing input of a JWS.
    #[must_use]
    pub fn verify_jws(&self, signing_input: &JwsInput<'_>, signature: &[u8; 64]) -> bool {
        self.verify_message(signing_input.text().as_bytes(), signature)
    }

    /// Whether `signature` is this key's signature over `message`, its context included.
    #[must_use]
    pub(crate) fn verify_message(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

/// The signing input of a JWS: header and payload in base64url, separated by a dot.
///
/// The header is a JSON object, so the input starts with `ey`, which no context does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JwsInput<'a>(&'a str);

impl<'a> JwsInput<'a> {
    /// The signing input; `None` if the text can't be one.
    #[must_use]
    pub fn new(text: &'a str) -> Option<Self> {
        let is_input = text.starts_with("ey") && text.bytes().filter(|b| *b == b'.').count() == 1;
        is_input.then_some(Self(text))
    }

    pub(crate) const fn text(&self) -> &'a str {
        self.0
    }
}

/// Whether a signature's R and S are acceptable: S is below the group order, and R is canonically
/// encoded and isn't one of the eight points of small order.
///
/// This check precedes every library's own verification, so that all give the same verdict. Whether
/// R is a point at all is decided by the equation, if it is cofactorless.
#[must_use]
pub(crate) fn is_strict(signature: &[u8; 64]) -> bool {
    /// 2^252 + 27742317777372353535851937790883648493, little-endian.
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    /// 2^255 - 19, little-endian.
    const FIELD: [u8; 32] = {
        let mut field = [0xFF; 32];
        field[0] = 0xED;
        field[31] = 0x7F;
        field
    };
    /// The y coordinates of the points of order 8. There are two.
    const ORDER_8: [[u8; 32]; 2] = [
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef,
            0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88,
            0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10,
            0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77,
            0x92, 0xac, 0x03, 0x7a,
        ],
    ];
    let below = |a: &[u8; 32], b: &[u8; 32]| a.iter().rev().lt(b.iter().rev());
    let ([r, s], []) = signature.as_chunks() else { return false };
    let mut y: [u8; 32] = *r;
    if let Some(high) = y.last_mut() {
        *high &= 0x7F;
    }
    let mut minus_one = FIELD;
    minus_one[0] -= 1;
    let small = |low: u8| {
        y.split_first()
            .is_some_and(|(first, rest)| *first == low && rest.iter().all(|byte| *byte == 0))
    };
    // y of 0, 1 and -1 belong to the points of order 4, 1 and 2. With x = 0 the sign bit gives a
    // second encoding, which is refused as well.
    let is_small_order = small(0) || small(1) || y == minus_one || ORDER_8.contains(&y);
    below(&y, &FIELD) && !is_small_order && below(s, &ORDER)
}

impl fmt::Display for PublicKey {
    /// 43 characters of unpadded base64url.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.to_bytes()))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032, section 7.1, test 2, whose message is the single byte 0x72.
    #[test]
    fn ed25519_is_the_one_of_the_rfc() {
        let key = PublicKey::from_bytes(&hex(
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        ))
        .unwrap();
        let signature = hex(
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
        );
        assert!(key.verify_message(&[0x72], &signature));
        assert!(!key.verify_message(&[0x73], &signature));
    }

    #[test]
    fn strict_is_what_the_library_refuses_before_its_equation() {
        use curve25519_dalek::constants::EIGHT_TORSION;
        let mut signature = [0; 64];
        let mut verify = |r: [u8; 32], s: [u8; 32]| {
            signature[..32].copy_from_slice(&r);
            signature[32..].copy_from_slice(&s);
            is_strict(&signature)
        };
        for point in EIGHT_TORSION {
            let mut r = point.compress().to_bytes();
            assert!(!verify(r, [0; 32]));
            r[31] ^= 0x80;
            assert!(!verify(r, [0; 32]), "the other sign");
        }
        let mut r = [0; 32];
        r[0] = 9;
        assert!(verify(r, [0; 32]));
        for low in 0xED..=0xFF_u8 {
            let mut second = [0xFF; 32];
            second[0] = low;
            assert!(!verify(second, [0; 32]));
            second[31] = 0x7F;
            assert!(!verify(second, [0; 32]));
        }
        let order: [u8; 32] =
            hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
        let mut below = order;
        below[0] -= 1;
        assert!(verify(r, below));
        assert!(!verify(r, order));
        assert!(!verify(r, [0xFF; 32]));
    }

    #[test]
    fn weak_and_second_spellings_of_public_keys_are_refused() {
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(PublicKey::from_bytes(&identity), Err(PublicKeyError::SmallOrder));
        // y = p + 3 is a second encoding of y = 3, if both are points.
        for low in 0..19_u8 {
            let mut second = [0xFF; 32];
            second[0] = 0xED + low;
            second[31] = 0x7F;
            assert!(PublicKey::from_bytes(&second).is_err());
        }
        assert_eq!(PublicKey::from_text("short"), Err(PublicKeyError::Text));
    }

    #[test]
    fn no_context_can_open_what_is_signed_as_a_jws() {
        assert!(JwsInput::new("eyJ9.e30").is_some());
        for bad in ["portc1/stmp.x", "eyJ9", "eyJ9.e30.AA", "", "ex.y"] {
            assert!(JwsInput::new(bad).is_none(), "{bad}");
        }
    }

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        core::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
    }
}
