//! An issuer's permanent identity.

use core::fmt;

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
    fn an_issuer_has_a_name() {
        assert_eq!(IssuerId([0; 16]).to_string(), "iss_0000000000000000000000");
    }
}
