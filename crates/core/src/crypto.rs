//! The primitives as Portcullis uses them: contexts, digests, HMAC tags, strict Ed25519.
//!
//! # Contexts
//!
//! Every signature and tag is over `context || message`, where the context is 11 bytes that name
//! the purpose, so that a signature made for one purpose is none for another even under one key.
//! The context is part of the message (plain Ed25519, not Ed25519ctx), because WebCrypto offers no
//! other form.

use alloc::vec::Vec;
use core::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, VerifyingKey};
use sha2::block_api::compress256;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize as _, Zeroizing};

/// What a signature, tag or derived value is for: 11 bytes in front of what is signed or hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context(&'static [u8; Context::LEN]);

impl Context {
    /// Bytes in every context.
    pub const LEN: usize = 11;
    /// A token's tag or signature.
    pub const TOKEN: Self = Self(b"portc1/tokn");
    /// The binding of a token to its issuer and prefix text (a digest).
    pub const BINDING: Self = Self(b"portc1/bind");
    /// A key's public name (a digest).
    pub const NAME: Self = Self(b"portc1/name");
    /// The keyring, signed by the root.
    pub const KEYRING: Self = Self(b"portc1/ring");
    /// The check value of an HMAC secret (a tag).
    pub const CHECK: Self = Self(b"portc1/chek");
    /// The list's stamp.
    pub const STAMP: Self = Self(b"portc1/stmp");
    /// The list's head.
    pub const HEAD: Self = Self(b"portc1/head");
    /// The salt of a private policy body (a tag).
    #[cfg(feature = "issue")]
    pub const SALT: Self = Self(b"portc1/salt");

    /// The bytes that go in front.
    #[must_use]
    pub const fn bytes(self) -> &'static [u8; Self::LEN] {
        self.0
    }

    /// SHA-256 over the context and `parts`.
    pub(crate) fn digest(self, parts: &[&[u8]]) -> [u8; 32] {
        let mut hasher = Sha256::new_with_prefix(self.0);
        for part in parts {
            hasher.update(part);
        }
        hasher.finalize().into()
    }

    /// The message that is signed: context, then `body`.
    pub(crate) fn message(self, body: &[u8]) -> Vec<u8> {
        [self.0.as_slice(), body].concat()
    }
}

/// The SHA-256 of a whole file, signature included: what heads and bodies are named by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// The digest of `file`.
    #[must_use]
    pub fn of(file: &[u8]) -> Self {
        Self(Sha256::digest(file).into())
    }
}

impl fmt::Display for Digest {
    /// 64 lowercase hexadecimal digits, as in a body's address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// An HMAC-SHA256 key (RFC 2104) with its two compressions of set-up already done.
///
/// Tags are cut to their first 16 bytes (RFC 2104, section 5). A token's message fills one block
/// with its padding, so that a tag costs two compressions more: the `hmac` crate, which serves
/// messages of every length, spends as much again on its buffers. Not shown by `Debug`.
#[derive(Clone)]
pub struct HmacKey {
    /// SHA-256 after the block of the key and ipad, and after that of the key and opad.
    inner: [u32; 8],
    outer: [u32; 8],
}

impl HmacKey {
    /// Bytes in a secret.
    pub const SECRET_LEN: usize = 32;
    /// Bytes in a tag.
    pub const TAG_LEN: usize = 16;
    /// Bytes in a token's message: the most that fit one block of SHA-256 with its padding.
    pub const MESSAGE_LEN: usize = 55;

    /// Prepares a secret.
    #[must_use]
    pub fn new(secret: &[u8; Self::SECRET_LEN]) -> Self {
        // HMAC pads a key to the hash's block; 32 bytes become a block of 64 with zeros behind.
        let mut block = Zeroizing::new([0; 64]);
        if let Some(front) = block.first_chunk_mut() {
            *front = *secret;
        }
        let state_after = |pad: u8| {
            let padded = Zeroizing::new(block.map(|byte| byte ^ pad));
            let mut state = SHA256_START;
            compress256(&mut state, &[*padded]);
            state
        };
        Self { inner: state_after(0x36), outer: state_after(0x5C) }
    }

    /// Whether `tag` is this key's tag of `message`, compared in constant time.
    #[must_use]
    pub fn verify(&self, message: &[u8; Self::MESSAGE_LEN], tag: &[u8; Self::TAG_LEN]) -> bool {
        self.tag(message).ct_eq(tag).into()
    }

    /// The tag of `message`. Who can verify an HMAC can also make one: hence this is not behind
    /// the feature `issue`.
    pub(crate) fn tag(&self, message: &[u8; Self::MESSAGE_LEN]) -> [u8; Self::TAG_LEN] {
        let [tag @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = self.full_tag(message);
        tag
    }

    fn full_tag<const N: usize>(&self, message: &[u8; N]) -> [u8; 32] {
        digest_after(&self.outer, &digest_after(&self.inner, message))
    }

    /// What stands in the keyring in the secret's place: it tells a gate whether it was given the
    /// right secret and tells nobody anything else.
    #[must_use]
    pub fn check_value(&self, issuer: IssuerId, kid: u16) -> [u8; 32] {
        let mut message = [0; Context::LEN + 16 + 2];
        let parts =
            Context::CHECK.bytes().iter().chain(&issuer.0).copied().chain(kid.to_be_bytes());
        message.iter_mut().zip(parts).for_each(|(slot, byte)| *slot = byte);
        self.full_tag(&message)
    }
}

/// SHA-256 of one block, after which the state is `start`, and `tail`, at most 55 bytes.
fn digest_after<const N: usize>(start: &[u32; 8], tail: &[u8; N]) -> [u8; 32] {
    let mut state = *start;
    compress256(&mut state, &[last_block(tail, 64 + N)]);
    let mut digest = [0; 32];
    for (bytes, word) in digest.as_chunks_mut().0.iter_mut().zip(state) {
        *bytes = word.to_be_bytes();
    }
    digest
}

/// The state that SHA-256 starts from (FIPS 180-4, section 5.3.3).
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

/// The last block of a message of `whole` bytes, of which `tail`, at most 55, are left.
fn last_block<const N: usize>(tail: &[u8; N], whole: usize) -> [u8; 64] {
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

/// Why 32 bytes or a text are not a public key that Portcullis accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublicKeyError {
    /// The text is not 43 characters of unpadded base64url (RFC 4648, section 5).
    #[error("a public key is 43 characters of base64url, as `portcullis init` prints it")]
    Text,
    /// The bytes are not the canonical encoding of a point on the curve.
    #[error("the bytes are not the canonical encoding of an Ed25519 public key")]
    NotCanonical,
    /// The point has small order: signatures under it prove nothing.
    #[error("the public key has small order and proves nothing")]
    SmallOrder,
}

impl PublicKeyError {
    /// A stable code for logs. The only public key that is read from text is the pinned root.
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
/// equation is the cofactorless `[S]B = R + [k]A`. These are checked here so that every
/// implementation gives the same verdict, whatever its own library would let through.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// The key with this encoding.
    ///
    /// # Errors
    /// [`PublicKeyError::NotCanonical`] and [`PublicKeyError::SmallOrder`].
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, PublicKeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| PublicKeyError::NotCanonical)?;
        // dalek decompresses y >= p as y - p; its own encoding of the point tells the two apart.
        if key.to_edwards().compress().as_bytes() != bytes {
            return Err(PublicKeyError::NotCanonical);
        }
        if key.is_weak() { Err(PublicKeyError::SmallOrder) } else { Ok(Self(key)) }
    }

    /// The key that `text` spells: 43 characters of unpadded base64url, as in a JWK's `x`.
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

    /// Whether `signature` is this key's over `context || body`.
    #[must_use]
    pub fn verify(&self, context: Context, body: &[u8], signature: &[u8; 64]) -> bool {
        self.verify_message(&context.message(body), signature)
    }

    /// Whether `signature` is this key's over `message`, its context included.
    #[must_use]
    pub(crate) fn verify_message(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.0.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }
}

/// Whether a signature's R and S are ones that may be verified at all: S is below the order of the
/// group; R is spelled canonically and is not one of the eight points of small order.
///
/// It is what every library's own verification is preceded by, so that all give one verdict.
/// Whether R is a point at all the equation itself decides, where it is cofactorless.
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
    /// The y of the points of order 8, of which there are two.
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
    let [
        r @ ..,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
        _,
    ] = *signature;
    let s: Option<&[u8; 32]> = signature.last_chunk();
    let mut y: [u8; 32] = r;
    if let Some(high) = y.last_mut() {
        *high &= 0x7F;
    }
    let mut minus_one = FIELD;
    minus_one[0] -= 1;
    let small = |low: u8| {
        y.split_first()
            .is_some_and(|(first, rest)| *first == low && rest.iter().all(|byte| *byte == 0))
    };
    // y of 0, 1 and -1 are the points of order 4, 1 and 2; with x = 0 the sign bit is a second
    // spelling, which is thereby refused as well.
    let is_small_order = small(0) || small(1) || y == minus_one || ORDER_8.contains(&y);
    below(&y, &FIELD) && !is_small_order && s.is_some_and(|s| below(s, &ORDER))
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

/// Sixteen random bytes that name an issuer for ever; the root that speaks for it may change.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IssuerId(pub [u8; 16]);

impl fmt::Display for IssuerId {
    /// `iss_` and 22 characters of base62 in chunks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_named(f, "iss_", &self.0)
    }
}

impl fmt::Debug for IssuerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IssuerId({self})")
    }
}

/// Writes a name of 16 bytes: a prefix, then two chunks of base62.
pub(crate) fn write_named(
    f: &mut fmt::Formatter<'_>,
    prefix: &str,
    bytes: &[u8; 16],
) -> fmt::Result {
    let mut text = alloc::string::String::with_capacity(26);
    text.push_str(prefix);
    crate::base62::encode_into(bytes, &mut text);
    f.write_str(&text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, string::ToString as _};

    proptest::proptest! {
        #[test]
        fn a_tag_is_the_hmac_of_the_library(secret: [u8; 32], message: [[u8; 11]; 5]) {
            use hmac::{Hmac, KeyInit as _, Mac as _};
            let message: [u8; 55] = message.concat().try_into().unwrap();
            let library = Hmac::<Sha256>::new_from_slice(&secret).unwrap().chain_update(message);
            let tag = HmacKey::new(&secret).full_tag(&message);
            proptest::prop_assert_eq!(&tag[..], &library.finalize().into_bytes()[..]);
        }
    }

    /// RFC 4231, test case 2, with the key padded by zeros to 32 bytes, as HMAC itself pads it.
    #[test]
    fn hmac_is_the_one_of_the_rfc() {
        let mut secret = [0; 32];
        secret[..4].copy_from_slice(b"Jefe");
        let tag = HmacKey::new(&secret).full_tag(b"what do ya want for nothing?");
        assert_eq!(tag[..8], [0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e]);
    }

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
        let mut judge = |r: [u8; 32], s: [u8; 32]| {
            signature[..32].copy_from_slice(&r);
            signature[32..].copy_from_slice(&s);
            is_strict(&signature)
        };
        for point in EIGHT_TORSION {
            let mut r = point.compress().to_bytes();
            assert!(!judge(r, [0; 32]));
            r[31] ^= 0x80;
            assert!(!judge(r, [0; 32]), "the other sign");
        }
        let mut r = [0; 32];
        r[0] = 9;
        assert!(judge(r, [0; 32]));
        for low in 0xED..=0xFF_u8 {
            let mut second = [0xFF; 32];
            second[0] = low;
            assert!(!judge(second, [0; 32]));
            second[31] = 0x7F;
            assert!(!judge(second, [0; 32]));
        }
        let order: [u8; 32] =
            hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
        let mut below = order;
        below[0] -= 1;
        assert!(judge(r, below));
        assert!(!judge(r, order));
        assert!(!judge(r, [0xFF; 32]));
    }

    #[test]
    fn weak_and_second_spellings_of_public_keys_are_refused() {
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(PublicKey::from_bytes(&identity), Err(PublicKeyError::SmallOrder));
        // y = p + 3 names the same point as y = 3, where both exist.
        for low in 0..19_u8 {
            let mut second = [0xFF; 32];
            second[0] = 0xED + low;
            second[31] = 0x7F;
            assert!(PublicKey::from_bytes(&second).is_err());
        }
        assert_eq!(PublicKey::from_text("short"), Err(PublicKeyError::Text));
    }

    #[test]
    fn nothing_secret_is_shown() {
        assert_eq!(format!("{:?}", HmacKey::new(&[7; 32])), "HmacKey(..)");
        assert_eq!(IssuerId([0; 16]).to_string(), "iss_0000000000000000000000");
    }

    fn hex<const N: usize>(text: &str) -> [u8; N] {
        core::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
    }
}
