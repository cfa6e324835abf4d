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
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

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

/// An HMAC-SHA256 key with its two compressions of set-up already done.
///
/// Tags are cut to their first 16 bytes (RFC 2104, section 5). Neither the key nor its state is
/// shown by `Debug`.
#[derive(Clone)]
pub struct HmacKey {
    state: Hmac<Sha256>,
}

impl HmacKey {
    /// Bytes in a secret.
    pub const SECRET_LEN: usize = 32;
    /// Bytes in a tag.
    pub const TAG_LEN: usize = 16;

    /// Prepares a secret.
    #[must_use]
    pub fn new(secret: &[u8; Self::SECRET_LEN]) -> Self {
        // HMAC pads a key to the hash's block; 32 bytes become a block of 64 with zeros behind.
        let mut block = zeroize::Zeroizing::new([0; 64]);
        if let Some(front) = block.first_chunk_mut() {
            *front = *secret;
        }
        Self { state: Hmac::new(&(*block).into()) }
    }

    /// Whether `tag` is this key's tag of `message`, compared in constant time.
    #[must_use]
    pub fn verify(&self, message: &[u8], tag: &[u8; Self::TAG_LEN]) -> bool {
        self.tag(message).ct_eq(tag).into()
    }

    /// The tag of `message`. Who can verify an HMAC can also make one: hence this is not behind
    /// the feature `issue`.
    pub(crate) fn tag(&self, message: &[u8]) -> [u8; Self::TAG_LEN] {
        let full: [u8; 32] = self.full_tag(message);
        let [tag @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = full;
        tag
    }

    fn full_tag(&self, message: &[u8]) -> [u8; 32] {
        self.state.clone().chain_update(message).finalize().into_bytes().into()
    }

    /// What stands in the keyring in the secret's place: it tells a gate whether it was given the
    /// right secret and tells nobody anything else.
    #[must_use]
    pub fn check_value(&self, issuer: IssuerId, kid: u16) -> [u8; 32] {
        let message = [&issuer.0[..], &kid.to_be_bytes()].concat();
        self.full_tag(&Context::CHECK.message(&message))
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

    /// RFC 4231, test case 2, with the key padded by zeros to 32 bytes, as HMAC itself pads it.
    #[test]
    fn hmac_is_the_one_of_the_rfc() {
        let mut secret = [0; 32];
        secret[..4].copy_from_slice(b"Jefe");
        let tag = HmacKey::new(&secret).tag(b"what do ya want for nothing?");
        assert_eq!(
            tag,
            [
                0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26, 0x08, 0x95,
                0x75, 0xc7
            ]
        );
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
