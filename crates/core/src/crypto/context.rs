//! What a signature, tag or digest is for.

#![cfg_attr(
    not(feature = "primitives"),
    expect(unreachable_pub, reason = "public for the tests and benchmarks of this crate alone")
)]

use alloc::vec::Vec;

use sha2::{Digest as _, Sha256};

/// The purpose of a signature, tag or derived value: 11 bytes before the signed or hashed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Context(&'static [u8; Context::LEN]);

impl Context {
    /// Bytes in every context.
    pub const LEN: usize = 11;
    /// A token's tag or signature.
    pub const TOKEN: Self = Self(b"portc1/tokn");
    /// A canary's tag: it is made like a token's, and never verifies as one.
    pub const CANARY: Self = Self(b"portc1/cnry");
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
