//! The readable prefix of a token: `sk_live_`, or `acme_sk_live_` with an issuer's label.

use core::fmt;

use crate::crypto::{Context, IssuerId};
use crate::token::{Environment, Kind};

/// An issuer's label, `[a-z][a-z0-9]{0,15}`, or none.
///
/// `live`, `test`, and every letter with a `k` behind it (`sk`, `pk`, `ak`, and those of later kinds)
/// aren't labels: a prefix would be ambiguous.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Label {
    bytes: [u8; Label::MAX_LEN],
    len: u8,
}

/// Why a text isn't a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    /// The text is not `[a-z][a-z0-9]{0,15}`.
    #[error("a label is 1 to 16 of a-z and 0-9, and starts with a letter")]
    Form,
    /// The text is a reserved word of prefixes.
    #[error(
        "`live`, `test` and a letter with k behind it (`sk`) can't be labels; choose your \
         product's name"
    )]
    Reserved,
}

impl Label {
    /// Characters in the longest label.
    pub const MAX_LEN: usize = 16;
    /// No label: tokens start with `sk_` or `pk_`.
    pub const NONE: Self = Self { bytes: [0; Self::MAX_LEN], len: 0 };

    /// Parses a label; the empty text is [`Label::NONE`].
    ///
    /// # Errors
    /// See [`LabelError`].
    pub fn new(text: &str) -> Result<Self, LabelError> {
        let form = match text.as_bytes() {
            [] => true,
            [first, rest @ ..] => {
                first.is_ascii_lowercase()
                    && rest.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
            }
        };
        let mut bytes = [0; Self::MAX_LEN];
        let (true, Some(front)) = (form, bytes.get_mut(..text.len())) else {
            return Err(LabelError::Form);
        };
        front.copy_from_slice(text.as_bytes());
        match text.as_bytes() {
            b"live" | b"test" | [_, b'k'] => Err(LabelError::Reserved),
            _ => Ok(Self { bytes, len: u8::try_from(text.len()).unwrap_or(0) }),
        }
    }

    /// The label's text, empty for none.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let text = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        core::str::from_utf8(text).unwrap_or_default()
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Label({:?})", self.as_str())
    }
}

/// A whole prefix. The tag or signature covers its exact text, so no part can be exchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Prefix {
    /// The issuer's label, or [`Label::NONE`].
    pub label: Label,
    /// `sk` or `pk`. Secret for `ak`.
    pub kind: Kind,
    /// `ak`: the prefix of an admin key.
    pub is_admin: bool,
    /// `live` or `test`.
    pub environment: Environment,
}

impl Prefix {
    /// Characters in the longest prefix.
    pub const MAX_LEN: usize = Label::MAX_LEN + 1 + 8;

    /// Parses a prefix, its last underscore included.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (label, tail) = text.split_last_chunk::<8>()?;
        let (kind, environment) = match tail {
            b"sk_live_" | b"ak_live_" => (Kind::Secret, Environment::Live),
            b"sk_test_" | b"ak_test_" => (Kind::Secret, Environment::Test),
            b"pk_live_" => (Kind::Publishable, Environment::Live),
            b"pk_test_" => (Kind::Publishable, Environment::Test),
            _ => return None,
        };
        let is_admin = tail.first() == Some(&b'a');
        let label = match label {
            [] => Label::NONE,
            [word @ .., b'_'] if !word.is_empty() => {
                Label::new(core::str::from_utf8(word).ok()?).ok()?
            }
            _ => return None,
        };
        Some(Self { label, kind, is_admin, environment })
    }

    /// `sk`, `pk` or `ak`.
    const fn word(&self) -> &'static str {
        if self.is_admin { "ak" } else { self.kind.short_name() }
    }

    /// The binding of a token to its issuer and prefix text: the first 16 bytes of SHA-256 over
    /// context, issuer id and the prefix's text.
    #[must_use]
    pub fn binding(&self, issuer: IssuerId) -> [u8; 16] {
        let label = self.label.as_str();
        let after_label = if label.is_empty() { "" } else { "_" };
        let parts: [&str; 6] = [label, after_label, self.word(), "_", self.environment.name(), "_"];
        let [a, b, c, d, e, f] = parts.map(str::as_bytes);
        let digest = Context::BINDING.digest(&[&issuer.0, a, b, c, d, e, f]);
        let [binding @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = digest;
        binding
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = self.label.as_str();
        if !label.is_empty() {
            write!(f, "{label}_")?;
        }
        write!(f, "{}_{}_", self.word(), self.environment.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;

    #[test]
    fn a_prefix_has_one_spelling() {
        for text in
            ["sk_live_", "pk_test_", "ak_live_", "acme_sk_test_", "a1b2c3d4e5f6g7h8_pk_live_"]
        {
            assert_eq!(Prefix::parse(text.as_bytes()).unwrap().to_string(), text);
        }
        for text in [
            "",
            "_",
            "sk_",
            "live_",
            "sk_live",
            "sk_live__",
            "_sk_live_",
            "SK_live_",
            "sk_prod_",
            "sk_sk_live_",
            "ak_sk_live_",
            "zk_ak_live_",
            "test_sk_live_",
            "1a_sk_live_",
            "a_b_sk_live_",
            "ácme_sk_live_",
            "a1b2c3d4e5f6g7h8i_sk_live_",
            "xx_live_",
        ] {
            assert_eq!(Prefix::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn each_part_changes_the_binding() {
        let issuer = IssuerId([1; 16]);
        let of = |text: &str, issuer| Prefix::parse(text.as_bytes()).unwrap().binding(issuer);
        let base = of("acme_sk_live_", issuer);
        for other in
            ["sk_live_", "acme_pk_live_", "acme_ak_live_", "acme_sk_test_", "acmes_sk_live_"]
        {
            assert_ne!(base, of(other, issuer));
        }
        assert_ne!(base, of("acme_sk_live_", IssuerId([2; 16])));
    }
}
