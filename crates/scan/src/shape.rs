//! A key's shape around an anchor: its start, its length, and its checksum.
//!
//! The checksum decides, so a key needs no boundaries: it may be next to a JSON escape, a percent
//! escape, another key or any letter. Texts with a wrong checksum must match the expression with
//! boundaries in `docs/token.md`.

use std::ops::Range;

use portcullis_core::token::Label;

use super::checksum::Checksum;

/// The length of the anchors `k_live_` and `k_test_`.
pub(super) const ANCHOR: usize = b"k_live_".len();
pub(super) const HMAC_CHARS: usize = 66;
pub(super) const ED25519_CHARS: usize = 132;
/// The bytes needed before an anchor: a label, an underscore, `s`, `p` or `a`, and the byte before them.
pub(super) const FRONT: usize = 1 + Label::MAX_LEN + 1 + 1;
/// The longest text from an anchor on: the anchor and the longest body.
pub(super) const BACK: usize = ANCHOR + ED25519_CHARS;

/// Whether a byte before an anchor is the first letter of a kind: secret, publishable or admin.
pub(super) const fn is_kind(byte: u8) -> bool {
    matches!(byte, b's' | b'p' | b'a')
}

/// The text with a correct checksum around the `k` at `anchor`.
///
/// The checksum covers the label, but nothing marks the label's start. So every start is tried, the
/// longest label first and no label last.
pub(super) fn key(bytes: &[u8], anchor: usize) -> Option<Range<usize>> {
    let (before, from) = bytes.split_at_checked(anchor)?;
    let body = from.get(ANCHOR..)?;
    let run = body.iter().take(ED25519_CHARS).take_while(|b| b.is_ascii_alphanumeric()).count();
    let (kind, front) = before.split_last()?;
    if !is_kind(*kind) {
        return None;
    }
    let lens = [ED25519_CHARS, HMAC_CHARS].into_iter().filter(|len| *len <= run);
    let readings = lens.flat_map(|len| {
        let end = anchor + ANCHOR + len;
        starts(front).map(move |start| start..end)
    });
    let mut keys = readings.filter(|reading| {
        let text = bytes.get(reading.clone()).and_then(|text| str::from_utf8(text).ok());
        text.is_some_and(|text| Checksum::of(text) == Checksum::Right)
    });
    keys.next()
}

/// The possible starts of a prefix that ends after `front` with `s`, `p` or `a`, the longest first.
fn starts(front: &[u8]) -> impl Iterator<Item = usize> {
    let end = front.len();
    let label = match front {
        [label @ .., b'_'] => label.iter().rev().take(Label::MAX_LEN),
        _ => [].iter().rev().take(0),
    };
    let label = label.take_while(|b| b.is_ascii_lowercase() || b.is_ascii_digit()).count();
    let labelled = if label == 0 { end..end } else { end - 1 - label..end - 1 };
    labelled.filter(|at| front.get(*at).is_some_and(u8::is_ascii_lowercase)).chain([end])
}

/// The text around the `k` at `anchor` that the expression with boundaries matches.
pub(super) fn lookalike(bytes: &[u8], anchor: usize) -> Option<Range<usize>> {
    let (before, from) = bytes.split_at_checked(anchor)?;
    let body = from.get(ANCHOR..)?;
    let len = body.iter().take(ED25519_CHARS + 1).take_while(|b| b.is_ascii_alphanumeric()).count();
    if !matches!(len, HMAC_CHARS | ED25519_CHARS) || body.get(len) == Some(&b'_') {
        return None;
    }
    let (kind, before) = before.split_last()?;
    if !is_kind(*kind) {
        return None;
    }
    let word = before.iter().rev().take(FRONT - 1).take_while(|b| is_word(**b)).count();
    let start = before.len() - word;
    match before.get(start..)? {
        [] => {}
        [b'a'..=b'z', rest @ .., b'_']
            if rest.len() < Label::MAX_LEN
                && rest.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) => {}
        _ => return None,
    }
    Some(start..anchor + ANCHOR + len)
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}
