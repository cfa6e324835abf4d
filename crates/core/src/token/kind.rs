//! What a token is: its kind, its environment, and the algorithm that proves it.

use crate::names::named;

/// The intended holder of a key. The two kinds are never interchangeable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `sk`: held by servers, never published.
    Secret,
    /// `pk`: published in web pages and apps.
    Publishable,
}

impl Kind {
    /// `sk` or `pk`.
    #[must_use]
    pub const fn short_name(self) -> &'static str {
        match self {
            Self::Secret => "sk",
            Self::Publishable => "pk",
        }
    }

    /// 1 for secret, 2 for publishable: the value in a token, and the bit in a keyring's set. An
    /// admin key has 3 in the token, and counts as secret in the set.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Secret => 1,
            Self::Publishable => 2,
        }
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// The environment of a key. One environment's keys are refused in the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Environment {
    /// Production.
    Live,
    /// For trying things out.
    Test,
}

impl Environment {
    /// 1 for live, 2 for test: the value in a token, and the bit in a keyring's set.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Live => 1,
            Self::Test => 2,
        }
    }

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|environment| environment.code() == code)
    }
}

/// The algorithm of a signer's tokens. The keyring determines it, never the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// HMAC-SHA256 truncated to 128 bits. A verifier can also mint tokens.
    HmacSha256,
    /// Ed25519, verified strictly. A verifier can't mint tokens.
    Ed25519,
}

named!(Kind, "a kind": Secret = "secret", Publishable = "publishable");
named!(Environment, "an environment": Live = "live", Test = "test");
named!(Algorithm, "an algorithm": HmacSha256 = "hmac-sha256-128", Ed25519 = "ed25519");

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;

    #[test]
    fn a_name_is_read_back_and_another_spelling_is_refused_with_those_that_are_allowed() {
        for kind in Kind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        for text in ["", "Secret", "secret ", "sk"] {
            let refused = text.parse::<Kind>().unwrap_err();
            assert_eq!(refused.to_string(), "a kind is one of secret, publishable");
            assert_eq!(refused.allowed(), ["secret", "publishable"]);
        }
    }
}
