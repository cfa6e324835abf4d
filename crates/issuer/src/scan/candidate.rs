//! What is found in a stream: a text of a key's shape, where it starts and how it is written.

use portcullis_core::token::{Algorithm, Environment, Kind};

use super::Checksum;
use super::shape::HMAC_CHARS;

/// How a key is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// As it is.
    Plain,
    /// In base64, of either alphabet.
    Base64,
}

impl Form {
    /// `plain` or `base64`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Base64 => "base64",
        }
    }
}

/// A text of a key's shape, and where it starts.
pub struct Candidate<'b> {
    /// The line, counted from 1.
    pub line: u64,
    /// The column in bytes, counted from 1; in UTF-16 in units. In base64 it is that of the
    /// character in which the key starts.
    pub column: u64,
    /// How it is written.
    pub form: Form,
    /// Whether its checksum is right.
    pub checksum: Checksum,
    pub(super) text: &'b str,
}

impl<'b> Candidate<'b> {
    /// The text. It may be a credential: it is not to be shown or kept.
    #[must_use]
    pub const fn text(&self) -> &'b str {
        self.text
    }

    /// The prefix, its last underscore included.
    #[must_use]
    pub fn prefix(&self) -> &'b str {
        self.text.get(..self.prefix_len()).unwrap_or_default()
    }

    fn prefix_len(&self) -> usize {
        self.text.rfind('_').map_or(0, |at| at + 1)
    }

    /// The kind that the prefix says.
    #[must_use]
    pub fn kind(&self) -> Kind {
        let publishable =
            self.prefix().ends_with("pk_live_") || self.prefix().ends_with("pk_test_");
        if publishable { Kind::Publishable } else { Kind::Secret }
    }

    /// The environment that the prefix says.
    #[must_use]
    pub fn environment(&self) -> Environment {
        if self.prefix().ends_with("live_") { Environment::Live } else { Environment::Test }
    }

    /// The algorithm that a key of this length is proved by.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        if self.text.len() == self.prefix_len() + HMAC_CHARS {
            Algorithm::HmacSha256
        } else {
            Algorithm::Ed25519
        }
    }
}
