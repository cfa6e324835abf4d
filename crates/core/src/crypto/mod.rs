//! The cryptographic primitives: contexts, digests, HMAC tags, strict Ed25519.
//!
//! # Contexts
//!
//! Every signature and tag covers `context || message`. The context is 11 bytes that name the
//! purpose, so that a signature made for one purpose is invalid for any other, even under the same
//! key. The context is part of the message (plain Ed25519, not Ed25519ctx), because WebCrypto
//! offers no other form.

mod ed25519;
mod hmac;
#[cfg(feature = "primitives")]
#[doc(hidden)]
pub mod primitives;

pub(crate) use ed25519::is_strict;
pub use ed25519::{JwsInput, PublicKey, PublicKeyError};
pub use hmac::HmacKey;
pub(crate) use hmac::last_block;

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::fmt;

use sha2::{Digest as _, Sha256};

/// The purpose of a signature, tag or derived value: 11 bytes before the signed or hashed message.
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
    /// A gate's assertion to its origin.
    pub const ASSERTION: Self = Self(b"portc1/asrt");
    /// The start of an issuer's audit trail, once its oldest events have been removed.
    #[cfg(feature = "issue")]
    pub const TRAIL: Self = Self(b"portc1/trai");
    /// The salt of a private policy body (a tag).
    #[cfg(feature = "issue")]
    pub const SALT: Self = Self(b"portc1/salt");

    /// The bytes of the context.
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

    /// The signed message: context, then `body`.
    pub(crate) fn message(self, body: &[u8]) -> Vec<u8> {
        [self.0.as_slice(), body].concat()
    }
}

/// The SHA-256 of a whole file, signature included: the name of heads, bodies and policy files.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl Ord for Digest {
    /// Never inlined: each inlined copy would add half a kilobyte to a wasm module.
    #[inline(never)]
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl PartialOrd for Digest {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Digest {
    /// The digest of `file`.
    #[must_use]
    pub fn of(file: &[u8]) -> Self {
        Self(Sha256::digest(file).into())
    }
}

impl fmt::Display for Digest {
    /// 64 lowercase hexadecimal digits, as in a body's URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// Sixteen random bytes that identify an issuer permanently, even if its root changes.
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

/// Writes an identifier of 16 bytes: a prefix, then two chunks of base62.
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
    use alloc::string::ToString as _;

    #[test]
    fn no_context_can_open_what_is_signed_as_a_jws() {
        assert!(JwsInput::new("eyJ9.e30").is_some());
        for bad in ["portc1/stmp.x", "eyJ9", "eyJ9.e30.AA", "", "ex.y"] {
            assert!(JwsInput::new(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn an_issuer_has_a_name() {
        assert_eq!(IssuerId([0; 16]).to_string(), "iss_0000000000000000000000");
    }
}
