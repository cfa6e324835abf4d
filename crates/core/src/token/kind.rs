//! What a token is: its kind, its environment, and the algorithm that proves it.

/// The intended holder of a key. The two kinds are never interchangeable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `sk`: held by servers, never published.
    Secret,
    /// `pk`: published in web pages and apps.
    Publishable,
}

impl Kind {
    /// Both kinds.
    pub const ALL: [Self; 2] = [Self::Secret, Self::Publishable];

    /// `secret` or `publishable`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Publishable => "publishable",
        }
    }

    /// `sk` or `pk`.
    #[must_use]
    pub const fn short_name(self) -> &'static str {
        match self {
            Self::Secret => "sk",
            Self::Publishable => "pk",
        }
    }

    /// 1 for secret, 2 for publishable: the value in a token, and the bit in a keyring's set.
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
    /// Both environments.
    pub const ALL: [Self; 2] = [Self::Live, Self::Test];

    /// `live` or `test`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
        }
    }

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

impl Algorithm {
    /// `hmac-sha256-128` or `ed25519`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HmacSha256 => "hmac-sha256-128",
            Self::Ed25519 => "ed25519",
        }
    }
}
