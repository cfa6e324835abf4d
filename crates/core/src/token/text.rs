//! From text to bytes: everything that can be known of a token without any key.

use crc::{CRC_32_ISO_HDLC, Crc, Table};

use crate::base62;
use crate::token::layout::{Claims, SignedPart, VERSION};
use crate::token::{Algorithm, Environment, Kind, Label, Prefix};

/// The checksum by sixteen tables, which take a third of the time of one.
#[cfg(not(target_family = "wasm"))]
fn crc() -> &'static Crc<u32, Table<16>> {
    static TABLES: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);
    &TABLES
}

/// The same, made when the first token comes: 16 kB that nobody has to download.
#[cfg(target_family = "wasm")]
fn crc() -> &'static Crc<u32, Table<16>> {
    static TABLES: once_cell::race::OnceBox<Crc<u32, Table<16>>> = once_cell::race::OnceBox::new();
    TABLES.get_or_init(|| alloc::boxed::Box::new(Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC)))
}

/// 28 signed bytes, a tag of 16, a checksum of 4, in base62.
const HMAC_CHARS: usize = 66;
/// 28 signed bytes, a signature of 64, a checksum of 4, in base62.
const ED25519_CHARS: usize = 132;
/// Bytes in the longest token.
const MAX_BYTES: usize = 96;
/// Room for the longest prefix.
const FRONT: usize = 32;

/// Why a text is no token, found with no key at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Malformed {
    /// There is no text.
    #[error("there is no key")]
    Empty,
    /// The text is longer than any token.
    #[error("the text is longer than any key")]
    TooLong,
    /// A character is not one of `0-9A-Za-z_`.
    #[error("a key holds only letters, digits and underscores; check for spaces and quotes")]
    Character,
    /// The front is not `sk_live_`, `pk_live_`, `sk_test_` or `pk_test_`, with or without a label.
    #[error("a key starts with sk_live_, sk_test_, pk_live_ or pk_test_, or a label before that")]
    Prefix,
    /// What follows the prefix is not 66 or 132 characters long.
    #[error("the key's length is wrong; it may have been cut when it was copied")]
    Length,
    /// A group of 11 characters spells 2^64 or more.
    #[error("a part of the key spells a number that is too large")]
    Overflow,
    /// The checksum does not match: a typing or copying mistake.
    #[error("the key's checksum is wrong; it was mistyped or cut")]
    Checksum,
    /// The version byte is not 1.
    #[error("the key's version is not known here; update the verifier")]
    Version,
    /// A field holds a value that the layout excludes, or the prefix and the bytes disagree.
    #[error("the key's fields contradict each other")]
    Fields,
}

impl Malformed {
    /// A stable code for logs: `malformed_` and the reason.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "malformed_empty",
            Self::TooLong => "malformed_too_long",
            Self::Character => "malformed_character",
            Self::Prefix => "malformed_prefix",
            Self::Length => "malformed_length",
            Self::Overflow => "malformed_overflow",
            Self::Checksum => "malformed_checksum",
            Self::Version => "malformed_version",
            Self::Fields => "malformed_fields",
        }
    }
}

/// A well-formed token text: its checksum is right and its fields make sense. It may still be
/// forged; nothing is known of who made it.
pub struct Text {
    prefix: Prefix,
    claims: Claims,
    /// The prefix, which ends at [`FRONT`], and behind it the bytes: what the checksum covers, in
    /// one run.
    run: [u8; FRONT + MAX_BYTES],
    algorithm: Algorithm,
}

/// The tag or signature that a token carries.
pub(crate) enum Proof<'t> {
    Tag(&'t [u8; 16]),
    Signature(&'t [u8; 64]),
}

impl Text {
    /// Characters in the longest token.
    pub const MAX_LEN: usize = Prefix::MAX_LEN + ED25519_CHARS;

    /// Reads a token's text.
    ///
    /// # Errors
    /// See [`Malformed`]; the first reason in its order is reported.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let mut place = Self::BLANK;
        place.read(text)?;
        Ok(place)
    }

    /// A place for a text to be read into: what is handed from function to function by value is
    /// copied each time, and a text is long.
    pub(crate) const BLANK: Self = Self {
        prefix: Prefix { label: Label::NONE, kind: Kind::Secret, environment: Environment::Live },
        claims: Claims::BLANK,
        run: [0; FRONT + MAX_BYTES],
        algorithm: Algorithm::HmacSha256,
    };

    /// Reads a token's text in the place of the one before. After an error what stands here means
    /// nothing.
    pub(crate) fn read(&mut self, text: &str) -> Result<(), Malformed> {
        let Some((algorithm, front, body)) = split(text) else {
            return Err(reason(text));
        };
        let Some(prefix) = Prefix::parse(front) else {
            return Err(reason(text));
        };
        let run = &mut self.run;
        let end = FRONT + body.len() / base62::CHUNK_CHARS * base62::CHUNK_BYTES;
        let used = run.get_mut(FRONT..end).ok_or(Malformed::Length)?;
        if base62::decode(body, used).is_err() {
            return Err(reason(text));
        }
        let (before, _) = run.split_first_chunk_mut::<FRONT>().ok_or(Malformed::Length)?;
        put_front(before, front);
        let covered = run.get(FRONT - front.len()..end).and_then(<[u8]>::split_last_chunk::<4>);
        let (covered, checksum) = covered.ok_or(Malformed::Length)?;
        if crc().checksum(covered) != u32::from_be_bytes(*checksum) {
            return Err(Malformed::Checksum);
        }
        let (_, bytes) = run.split_first_chunk::<FRONT>().ok_or(Malformed::Length)?;
        let signed: &SignedPart = bytes.first_chunk().ok_or(Malformed::Length)?;
        if signed.first() != Some(&VERSION) {
            return Err(Malformed::Version);
        }
        let claims = Claims::decode(signed).ok_or(Malformed::Fields)?;
        if claims.kind != prefix.kind || claims.environment != prefix.environment {
            return Err(Malformed::Fields);
        }
        (self.prefix, self.claims, self.algorithm) = (prefix, claims, algorithm);
        Ok(())
    }

    /// The prefix, unproved.
    #[must_use]
    pub const fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// The algorithm that a token of this length would be of.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The signer that the token names, unproved: it serves to look a key up and nothing else.
    #[must_use]
    pub const fn kid(&self) -> u16 {
        self.claims.kid
    }

    /// What the token says, unproved.
    pub(crate) const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The bytes that were received and that the proof must cover.
    pub(crate) fn signed(&self) -> Option<&SignedPart> {
        let (_, bytes) = self.run.split_first_chunk::<FRONT>()?;
        bytes.first_chunk()
    }

    pub(crate) fn proof(&self) -> Option<Proof<'_>> {
        let (_, behind) = self.run.split_first_chunk::<{ FRONT + 28 }>()?;
        match self.algorithm {
            Algorithm::HmacSha256 => behind.first_chunk().map(Proof::Tag),
            Algorithm::Ed25519 => behind.first_chunk().map(Proof::Signature),
        }
    }
}

impl Drop for Text {
    fn drop(&mut self) {
        // One write of all, which the barrier keeps from being left out: a third of the cost
        // of wiping byte by byte.
        self.run = [0; FRONT + MAX_BYTES];
        zeroize::optimization_barrier(&self.run);
    }
}

impl core::fmt::Debug for Text {
    /// The prefix alone: the rest is a credential.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Text({}***)", self.prefix)
    }
}

/// Algorithm, prefix and body, of which the length alone tells where each ends.
fn split(text: &str) -> Option<(Algorithm, &[u8], &[u8])> {
    let (algorithm, body) = match text.len().checked_sub(ED25519_CHARS) {
        Some(_) => (Algorithm::Ed25519, ED25519_CHARS),
        None => (Algorithm::HmacSha256, HMAC_CHARS),
    };
    let front = text.len().checked_sub(body).filter(|front| *front <= Prefix::MAX_LEN)?;
    let (front, body) = text.as_bytes().split_at_checked(front)?;
    Some((algorithm, front, body))
}

/// Puts a prefix at the end of `place`.
fn put_front(place: &mut [u8; FRONT], front: &[u8]) {
    let (Some((label, list_version)), Some((before, end))) =
        (front.split_last_chunk::<8>(), place.split_last_chunk_mut::<8>())
    else {
        return;
    };
    *end = *list_version;
    // A copy of a length that is not known is a call, which most prefixes have no use for.
    if !label.is_empty() {
        before.iter_mut().rev().zip(label.iter().rev()).for_each(|(slot, byte)| *slot = *byte);
    }
}

/// Why a text that could not be taken apart is no token: the first reason in the spec's order.
#[cold]
fn reason(text: &str) -> Malformed {
    if text.is_empty() {
        return Malformed::Empty;
    }
    if text.len() > Text::MAX_LEN {
        return Malformed::TooLong;
    }
    if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Malformed::Character;
    }
    let body_at = text.rfind('_').map_or(0, |underscore| underscore + 1);
    let (front, body) = text.split_at_checked(body_at).unwrap_or_default();
    if Prefix::parse(front.as_bytes()).is_none() {
        Malformed::Prefix
    } else if body.len() == HMAC_CHARS || body.len() == ED25519_CHARS {
        Malformed::Overflow
    } else {
        Malformed::Length
    }
}

/// CRC-32 of the prefix's ASCII text and the bytes before the checksum.
#[cfg(feature = "issue")]
pub(crate) fn checksum(prefix: &[u8], covered: &[u8]) -> u32 {
    let mut digest = crc().digest();
    digest.update(prefix);
    digest.update(covered);
    digest.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, string::String};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_text_panics(text: String) {
            let _ = Text::parse(&text);
        }

        #[test]
        fn texts_that_look_like_tokens_do_not_pass_by_luck(
            front in "(acme_)?(sk|pk)_(live|test)_", body in "[0-9A-Za-z]{66}|[0-9A-Za-z]{132}",
        ) {
            let text = front + &body;
            prop_assert!(Text::parse(&text).is_err());
        }
    }

    #[test]
    fn each_mistake_has_its_own_reason() {
        let zeros = "0".repeat(66);
        for (text, reason) in [
            (String::new(), Malformed::Empty),
            ("x".repeat(1 << 20), Malformed::TooLong),
            (format!("sk_live_{zeros} "), Malformed::Character),
            (format!("sk_live_\u{141}{zeros}"), Malformed::Character),
            (format!("sk-live_{zeros}"), Malformed::Character),
            (zeros.clone(), Malformed::Prefix),
            (format!("sk_prod_{zeros}"), Malformed::Prefix),
            (format!("sk_live_{zeros}0"), Malformed::Length),
            ("sk_live_".into(), Malformed::Length),
            (format!("sk_live_{}", "z".repeat(66)), Malformed::Overflow),
            (format!("sk_live_{zeros}"), Malformed::Checksum),
        ] {
            assert_eq!(Text::parse(&text).err(), Some(reason));
        }
    }
}
