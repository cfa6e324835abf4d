//! From text to bytes: the checks of a token that need no key.

use crc::{CRC_32_ISO_HDLC, Crc, Table};

use crate::base62;
use crate::token::layout::{Claims, SignedPart, VERSION};
use crate::token::mask;
use crate::token::{Algorithm, Environment, Kind, Label, Prefix};

/// CRC-32 with sixteen tables, three times as fast as with one.
#[cfg(not(target_family = "wasm"))]
fn crc() -> &'static Crc<u32, Table<16>> {
    static TABLES: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISO_HDLC);
    &TABLES
}

/// CRC-32, its tables computed at the first token: that saves 16 kB of download.
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
/// The last version that a checksum can announce.
const LAST_VERSION: u8 = 15;
/// Room for the longest prefix.
const FRONT: usize = 32;

/// Why a text isn't a token, found without any key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum MalformedToken {
    /// There is no text.
    #[error("there is no key")]
    Empty,
    /// The text is longer than any token.
    #[error("the text is longer than any key")]
    TooLong,
    /// A character is not one of `0-9A-Za-z_`.
    #[error("a key holds only letters, digits and underscores; check for spaces and quotes")]
    Character,
    /// The prefix isn't `sk_`, `pk_` or `ak_` and `live_` or `test_`, with or without a label.
    #[error(
        "a key starts with sk_live_, sk_test_, pk_live_ or pk_test_, an admin key with ak_live_, or \
         with a label before that"
    )]
    Prefix,
    /// What follows the prefix is not 66 or 132 characters long; 132 in an admin key.
    #[error("the key's length is wrong; it may have been cut when it was copied")]
    Length,
    /// A group of 11 characters spells 2^64 or more.
    #[error("a part of the key spells a number that is too large")]
    Overflow,
    /// The checksum does not match: a typing or copying mistake.
    #[error("the key's checksum is wrong; it was mistyped or cut")]
    Checksum,
    /// The checksum is right under a version that isn't 1.
    #[error("the key's version is not known here; update the verifier")]
    Version,
    /// A field holds a value that the layout excludes, or the prefix and the bytes disagree.
    #[error("the key's fields contradict each other")]
    Fields,
}

impl MalformedToken {
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

/// A well-formed token text: its checksum is right and its fields are consistent. It may still be
/// forged: its issuer isn't verified.
pub struct TokenText {
    prefix: Prefix,
    claims: Claims,
    /// The prefix, which ends at [`FRONT`], and after it the bytes: all that the checksum covers is
    /// contiguous. The signed bytes are without their mask.
    run: [u8; FRONT + MAX_BYTES],
    algorithm: Algorithm,
}

/// The tag or signature that a token carries.
pub(crate) enum Proof<'t> {
    Tag(&'t [u8; 16]),
    Signature(&'t [u8; 64]),
}

impl TokenText {
    /// Characters in the longest token.
    pub const MAX_LEN: usize = Prefix::MAX_LEN + ED25519_CHARS;

    /// Reads a token's text.
    ///
    /// # Errors
    /// See [`MalformedToken`]; the first reason in its order is reported.
    pub fn parse(text: &str) -> Result<Self, MalformedToken> {
        let mut place = Self::BLANK;
        place.read(text)?;
        Ok(place)
    }

    /// A buffer to read a text into. Passing a `TokenText` by value copies it each time, and it is
    /// long.
    pub(crate) const BLANK: Self = Self {
        prefix: Prefix {
            label: Label::NONE,
            kind: Kind::Secret,
            is_admin: false,
            environment: Environment::Live,
        },
        claims: Claims::BLANK,
        run: [0; FRONT + MAX_BYTES],
        algorithm: Algorithm::HmacSha256,
    };

    /// Reads a token's text into this buffer. After an error the contents are unspecified.
    pub(crate) fn read(&mut self, text: &str) -> Result<(), MalformedToken> {
        // Split the text by its length, and decode prefix and body.
        let Some((algorithm, front, body)) = split(text) else {
            return Err(reason(text));
        };
        let prefix = Prefix::parse(front).filter(|prefix| prefix.fits(body.len()));
        let Some(prefix) = prefix else {
            return Err(reason(text));
        };
        let run = &mut self.run;
        let end = FRONT + body.len() / base62::CHUNK_CHARS * base62::CHUNK_BYTES;
        let used = run.get_mut(FRONT..end).ok_or(MalformedToken::Length)?;
        if base62::decode(body, used).is_err() {
            return Err(reason(text));
        }
        let (before, _) = run.split_first_chunk_mut::<FRONT>().ok_or(MalformedToken::Length)?;
        put_front(before, front);
        // Check the CRC over prefix and bytes as they were sent.
        check_sum(run.get_mut(FRONT - front.len()..end).ok_or(MalformedToken::Length)?)?;
        // Remove the mask, and check the fields.
        let (_, bytes) = run.split_first_chunk_mut::<FRONT>().ok_or(MalformedToken::Length)?;
        let signed = mask::toggle(bytes).ok_or(MalformedToken::Length)?;
        let claims = Claims::decode(signed).ok_or(MalformedToken::Fields)?;
        if (claims.kind, claims.is_admin, claims.environment)
            != (prefix.kind, prefix.is_admin, prefix.environment)
        {
            return Err(MalformedToken::Fields);
        }
        (self.prefix, self.claims, self.algorithm) = (prefix, claims, algorithm);
        Ok(())
    }

    /// The prefix, unverified.
    #[must_use]
    pub const fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// The algorithm of a token of this length.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The kid in the token, unverified: use it only to look up the signer.
    #[must_use]
    pub const fn kid(&self) -> u16 {
        self.claims.kid
    }

    /// The claims, unverified.
    pub(crate) const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The received bytes that the tag or signature must cover.
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

impl Drop for TokenText {
    fn drop(&mut self) {
        // One write of the whole buffer, which the barrier keeps from being optimized away: a third
        // of the cost of wiping byte by byte.
        self.run = [0; FRONT + MAX_BYTES];
        zeroize::optimization_barrier(&self.run);
    }
}

impl core::fmt::Debug for TokenText {
    /// Shows the prefix only: the rest is a credential.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "TokenText({}***)", self.prefix)
    }
}

/// Algorithm, prefix and body. The length alone determines where each ends.
fn split(text: &str) -> Option<(Algorithm, &[u8], &[u8])> {
    let (algorithm, body) = match text.len().checked_sub(ED25519_CHARS) {
        Some(_) => (Algorithm::Ed25519, ED25519_CHARS),
        None => (Algorithm::HmacSha256, HMAC_CHARS),
    };
    let front = text.len().checked_sub(body).filter(|front| *front <= Prefix::MAX_LEN)?;
    let (front, body) = text.as_bytes().split_at_checked(front)?;
    Some((algorithm, front, body))
}

/// Copies a prefix to the end of `place`.
fn put_front(place: &mut [u8; FRONT], front: &[u8]) {
    let (Some((label, underscore)), Some((before, end))) =
        (front.split_last_chunk::<8>(), place.split_last_chunk_mut::<8>())
    else {
        return;
    };
    *end = *underscore;
    // A copy of variable length is a call, which prefixes without a label avoid.
    if !label.is_empty() {
        before.iter_mut().rev().zip(label.iter().rev()).for_each(|(slot, byte)| *slot = *byte);
    }
}

/// Why a text that can't be split is malformed: the first reason in the order of the specification.
#[cold]
fn reason(text: &str) -> MalformedToken {
    if text.is_empty() {
        return MalformedToken::Empty;
    }
    if text.len() > TokenText::MAX_LEN {
        return MalformedToken::TooLong;
    }
    if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return MalformedToken::Character;
    }
    let body_at = text.rfind('_').map_or(0, |underscore| underscore + 1);
    let (front, body) = text.split_at_checked(body_at).unwrap_or_default();
    match Prefix::parse(front.as_bytes()) {
        None => MalformedToken::Prefix,
        Some(prefix) if prefix.fits(body.len()) => MalformedToken::Overflow,
        Some(_) => MalformedToken::Length,
    }
}

impl Prefix {
    /// Whether tokens with this prefix have bodies of this length. A shared secret doesn't identify
    /// its user, so admin keys have signatures.
    pub(crate) const fn fits(&self, body: usize) -> bool {
        body == ED25519_CHARS || (body == HMAC_CHARS && !self.is_admin)
    }
}

/// Checks a checksum, the last 4 bytes of `run`, which covers the bytes before it.
fn check_sum(run: &mut [u8]) -> Result<(), MalformedToken> {
    let sent = *run.last_chunk::<4>().ok_or(MalformedToken::Length)?;
    let covered = run.split_last_chunk_mut::<3>().ok_or(MalformedToken::Length)?.0;
    if sum_under(VERSION, covered) == sent { Ok(()) } else { Err(mismatch(covered, sent)) }
}

/// CRC-32 over the bytes before the last one of `covered`, and a version in its place. The version
/// isn't sent.
fn sum_under(version: u8, covered: &mut [u8]) -> [u8; 4] {
    if let Some(last) = covered.last_mut() {
        *last = version;
    }
    crc().checksum(covered).to_be_bytes()
}

/// Why a checksum isn't that of this version: it may be that of a later one.
#[cold]
fn mismatch(covered: &mut [u8], sent: [u8; 4]) -> MalformedToken {
    let is_later = (VERSION + 1..=LAST_VERSION).any(|later| sum_under(later, covered) == sent);
    if is_later { MalformedToken::Version } else { MalformedToken::Checksum }
}

/// The checksum of a token of this version: see `check_sum`.
#[cfg(feature = "issue")]
pub(crate) fn checksum(prefix: &[u8], sent: &[u8]) -> [u8; 4] {
    let mut digest = crc().digest();
    digest.update(prefix);
    digest.update(sent);
    digest.update(&[VERSION]);
    digest.finalize().to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, string::String};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_text_panics(text: String) {
            let _ = TokenText::parse(&text);
        }

        #[test]
        fn texts_that_look_like_tokens_do_not_pass_by_luck(
            front in "(acme_)?(sk|pk|ak)_(live|test)_", body in "[0-9A-Za-z]{66}|[0-9A-Za-z]{132}",
        ) {
            let text = front + &body;
            prop_assert!(TokenText::parse(&text).is_err());
        }
    }

    #[test]
    fn each_mistake_has_its_own_reason() {
        let zeros = "0".repeat(66);
        for (text, reason) in [
            (String::new(), MalformedToken::Empty),
            ("x".repeat(1 << 20), MalformedToken::TooLong),
            (format!("sk_live_{zeros} "), MalformedToken::Character),
            (format!("sk_live_\u{141}{zeros}"), MalformedToken::Character),
            (format!("sk-live_{zeros}"), MalformedToken::Character),
            (zeros.clone(), MalformedToken::Prefix),
            (format!("sk_prod_{zeros}"), MalformedToken::Prefix),
            (format!("sk_live_{zeros}0"), MalformedToken::Length),
            ("sk_live_".into(), MalformedToken::Length),
            (format!("ak_live_{zeros}"), MalformedToken::Length),
            (format!("ak_live_{zeros}{zeros}"), MalformedToken::Checksum),
            (format!("sk_live_{}", "z".repeat(66)), MalformedToken::Overflow),
            (format!("sk_live_{zeros}"), MalformedToken::Checksum),
        ] {
            assert_eq!(TokenText::parse(&text).err(), Some(reason));
        }
    }
}
