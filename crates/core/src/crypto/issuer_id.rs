//! An issuer's permanent identity.

use core::fmt;
use core::str::FromStr;

use crate::base62;
use crate::names::InvalidId;

/// Sixteen random bytes that identify an issuer permanently, even if its root changes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IssuerId(pub [u8; 16]);

impl IssuerId {
    /// Characters in the text.
    pub const TEXT_LEN: usize = base62::NAMED_LEN;

    /// The text: `iss_` and 22 characters. For programs that link no formatting code.
    #[must_use]
    pub fn to_text(&self) -> [u8; Self::TEXT_LEN] {
        base62::named(b"iss_", &self.0)
    }
}

impl fmt::Display for IssuerId {
    /// `iss_` and 22 characters of base62 in chunks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(core::str::from_utf8(&self.to_text()).unwrap_or_default())
    }
}

impl FromStr for IssuerId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        base62::read_named("iss_", text).map(Self).ok_or(InvalidId::Issuer)
    }
}

impl fmt::Debug for IssuerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IssuerId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;

    #[test]
    fn an_issuer_has_a_name() {
        assert_eq!(IssuerId([0; 16]).to_string(), "iss_0000000000000000000000");
        let id = IssuerId([200; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        for text in
            ["", "iss_", "iss_0", "apk_0000000000000000000000", "iss_zzzzzzzzzzzzzzzzzzzzzz"]
        {
            assert_eq!(text.parse::<IssuerId>(), Err(InvalidId::Issuer), "{text}");
        }
    }
}
