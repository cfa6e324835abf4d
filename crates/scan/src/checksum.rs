//! The checksum of what looks like a key.

use portcullis_core::token::MalformedToken;
use portcullis_core::verify::Unverified;

/// Whether a text has a key's checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// It is a key, or was made to look like one.
    Right,
    /// It is a key with an error in it, or no key.
    Wrong,
}

impl Checksum {
    /// `right` or `wrong`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Wrong => "wrong",
        }
    }

    pub(super) fn of(text: &str) -> Self {
        match Unverified::parse(text) {
            // The parser verifies the checksum before these two, so it is a key, though not of this
            // version.
            Ok(_) | Err(MalformedToken::Version | MalformedToken::Fields) => Self::Right,
            Err(
                MalformedToken::Empty
                | MalformedToken::TooLong
                | MalformedToken::Character
                | MalformedToken::Prefix
                | MalformedToken::Length
                | MalformedToken::Overflow
                | MalformedToken::Checksum,
            ) => Self::Wrong,
        }
    }
}
