//! A place in the trail that can be noted outside of it.

use portcullis_core::crypto::Digest;

/// An event's id and digest at some time: noted by an operator, or delivered by a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The event's id.
    pub id: i64,
    /// Its digest.
    pub digest: Digest,
}

impl Anchor {
    /// Parses `ID:DIGEST`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (id, digest) = text.trim().split_once(':')?;
        let id = id.parse().ok().filter(|&id: &i64| id > 0)?;
        Some(Self { id, digest: digest.parse().ok()? })
    }
}

impl std::fmt::Display for Anchor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.id, self.digest)
    }
}
