//! A key's public name.

use core::fmt;
use core::str::FromStr;

use crate::base62;
use crate::crypto::{Context, IssuerId};
use crate::names::InvalidId;
use crate::token::Serial;

/// A key's public name, for logs and support: `apk_` and 22 characters.
///
/// The first 16 bytes of SHA-256 over context, issuer and serial. It identifies the key and proves
/// nothing. It isn't the key id (`kid`), which is the signer's.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Name([u8; 16]);

impl Name {
    /// The name of the key with `serial`, issued by `issuer`.
    #[must_use]
    pub fn derive(issuer: IssuerId, serial: Serial) -> Self {
        let digest = Context::NAME.digest(&[&issuer.0, &serial.get().to_be_bytes()]);
        let [name @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = digest;
        Self(name)
    }

    /// The name with these 16 bytes, as in an assertion.
    pub(crate) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Characters in the text.
    pub const TEXT_LEN: usize = base62::NAMED_LEN;

    /// The text: `apk_` and 22 characters. For programs that link no formatting code.
    #[must_use]
    pub fn to_text(&self) -> [u8; Self::TEXT_LEN] {
        base62::named(b"apk_", &self.0)
    }

    /// The 16 bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(core::str::from_utf8(&self.to_text()).unwrap_or_default())
    }
}

impl FromStr for Name {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        base62::read_named("apk_", text).map(Self).ok_or(InvalidId::Name)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Name({self})")
    }
}
