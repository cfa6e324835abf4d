//! A candidate: a text with a key's shape, its position, and its form.

use portcullis_core::token::{Algorithm, Environment, Kind};

use super::checksum::Checksum;
use super::shape::HMAC_CHARS;

/// The form in which a key is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// Plain text.
    Plain,
    /// Base64, in either alphabet.
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

/// A text with a key's shape, and its position.
pub struct Candidate<'b> {
    /// The line, counted from 1.
    pub line: u64,
    /// The column in bytes, counted from 1; for UTF-16, in code units. In base64 it is that of the
    /// character in which the key starts.
    pub column: u64,
    /// The form.
    pub form: Form,
    /// Whether its checksum is correct.
    pub checksum: Checksum,
    pub(super) text: &'b str,
}

impl<'b> Candidate<'b> {
    /// The text. It may be a credential: don't display or store it.
    #[must_use]
    pub const fn text(&self) -> &'b str {
        self.text
    }

    /// The prefix, including its last underscore.
    #[must_use]
    pub fn prefix(&self) -> &'b str {
        self.text.get(..self.prefix_len()).unwrap_or_default()
    }

    fn prefix_len(&self) -> usize {
        self.text.rfind('_').map_or(0, |at| at + 1)
    }

    /// The kind according to the prefix.
    #[must_use]
    pub fn kind(&self) -> Kind {
        let publishable =
            self.prefix().ends_with("pk_live_") || self.prefix().ends_with("pk_test_");
        if publishable { Kind::Publishable } else { Kind::Secret }
    }

    /// Whether the prefix is that of an admin key.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        self.prefix().ends_with("ak_live_") || self.prefix().ends_with("ak_test_")
    }

    /// The environment according to the prefix.
    #[must_use]
    pub fn environment(&self) -> Environment {
        if self.prefix().ends_with("live_") { Environment::Live } else { Environment::Test }
    }

    /// The signature algorithm of keys with this length.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        if self.text.len() == self.prefix_len() + HMAC_CHARS {
            Algorithm::HmacSha256
        } else {
            Algorithm::Ed25519
        }
    }
}
