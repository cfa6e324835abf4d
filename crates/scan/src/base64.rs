//! Finds keys inside base64, whatever precedes them in the encoded text.
//!
//! Three bytes become four characters, so a key has one of three encodings, depending on its offset
//! modulo three. Each encoding contains characters that depend on the anchor only, and these are
//! searched for. They are letters and digits, so both alphabets and any padding are covered.
//!
//! A line break inside base64 is skipped, with the white space around it. So is a break escaped as
//! in JSON, `\n` or `\r\n`.

use ::base64::Engine as _;
use ::base64::engine::general_purpose::STANDARD;
use memchr::memchr2_iter;
use memchr::memmem::Finder;
use zeroize::Zeroizing;

use super::shape::{self, ANCHOR, BACK, FRONT};

/// The most bytes examined before an anchor or a line break, and from it on. The longest key has 26
/// characters before its anchor and 187 from it on; the rest allows for line breaks and
/// indentation.
pub(super) const BEFORE: usize = 192;
pub(super) const AFTER: usize = 512;
/// The number of characters that encode the bytes before an anchor.
const FRONT_CHARS: usize = (FRONT * 4).div_ceil(3) + 3;

/// An anchor in base64.
struct Anchor {
    text: Vec<u8>,
    finder: Finder<'static>,
    /// The offset of the anchor's first byte, modulo three.
    alignment: usize,
}

impl Anchor {
    fn new(plain: &[u8; ANCHOR], alignment: usize) -> Self {
        let bytes: Vec<u8> = std::iter::repeat_n(0, alignment).chain(*plain).collect();
        // The characters before and after these share bits with other bytes.
        let known = (alignment * 4).div_ceil(3)..bytes.len() * 4 / 3;
        let encoded = STANDARD.encode(bytes);
        let text = encoded.as_bytes().get(known).unwrap_or_default().to_vec();
        let finder = Finder::new(&text).into_owned();
        Self { text, finder, alignment }
    }

    /// The offset of the anchor's text, modulo four.
    const fn phase(&self) -> usize {
        (self.alignment * 4).div_ceil(3)
    }
}

/// A decoded key, and the position of its first character.
pub(super) struct Decoded {
    pub(super) start: usize,
    pub(super) text: Zeroizing<String>,
}

/// A search for the six anchors.
pub(super) struct Base64 {
    anchors: Vec<Anchor>,
    places: Vec<usize>,
    decoded: Zeroizing<Vec<u8>>,
}

impl Default for Base64 {
    fn default() -> Self {
        let anchors =
            (0..3).flat_map(|at| [b"k_live_", b"k_test_"].map(|plain| Anchor::new(plain, at)));
        // Allocate enough at once: a growing buffer would leave copies of keys in memory.
        let decoded = Zeroizing::new(Vec::with_capacity(FRONT_CHARS + BACK));
        Self { anchors: anchors.collect(), places: Vec::new(), decoded }
    }
}

impl Base64 {
    /// Passes each key to `found` if its anchor starts, or has its first line break, in
    /// `searched..limit`.
    pub(super) fn search(
        &mut self,
        bytes: &[u8],
        (searched, limit): (usize, usize),
        mut found: impl FnMut(Decoded),
    ) {
        let Self { anchors, places, decoded } = self;
        // Anchors without a line break.
        for anchor in &*anchors {
            let end = limit.saturating_add(anchor.text.len() - 1).min(bytes.len());
            let window = bytes.get(searched..end).unwrap_or_default();
            for at in anchor.finder.find_iter(window).map(|at| searched + at) {
                let around = Around::new(bytes, at);
                if let Some(key) = around.key(anchor, at, places, decoded) {
                    found(key);
                }
            }
        }
        // Anchors with a line break inside.
        let lines = bytes.get(searched..limit).unwrap_or_default();
        for at in memchr2_iter(b'\n', b'\\', lines).map(|at| searched + at) {
            let around = Around::new(bytes, at);
            around.across(anchors, at, |anchor, at| {
                if let Some(key) = around.key(anchor, at, places, decoded) {
                    found(key);
                }
            });
        }
    }
}

/// The bytes examined around an anchor or line break. Their number doesn't depend on how the stream
/// is cut into pieces, and so the result doesn't either.
#[derive(Clone, Copy)]
struct Around<'b> {
    bytes: &'b [u8],
    from: usize,
}

impl<'b> Around<'b> {
    fn new(bytes: &'b [u8], at: usize) -> Self {
        let (from, to) = (at.saturating_sub(BEFORE), at.saturating_add(AFTER).min(bytes.len()));
        Self { bytes: bytes.get(..to).unwrap_or_default(), from }
    }

    fn get(&self, at: usize) -> Option<u8> {
        if at < self.from { None } else { self.bytes.get(at).copied() }
    }

    /// The key around an anchor with text that starts at `at`.
    fn key(
        &self,
        anchor: &Anchor,
        at: usize,
        places: &mut Vec<usize>,
        decoded: &mut Zeroizing<Vec<u8>>,
    ) -> Option<Decoded> {
        places.clear();
        decoded.clear();
        let before =
            std::iter::successors(self.character_before(at), |at| self.character_before(*at));
        places.extend(before.take(FRONT_CHARS));
        places.reverse();
        // If the text begins in the middle of four characters, the missing ones count as zero.
        let missing = (anchor.phase() + 4 - places.len() % 4) % 4;
        let anchor_at = (missing + places.len() - anchor.phase()) / 4 * 3 + anchor.alignment;

        let mut bits = Bits::default();
        for _ in 0..missing {
            decoded.extend(bits.push(0));
        }
        for place in &*places {
            decoded.extend(bits.push(self.get(*place).and_then(value)?));
        }
        if !decoded.get(anchor_at.checked_sub(1)?).is_some_and(|byte| shape::is_kind(*byte)) {
            return None;
        }
        let mut next = Some(at);
        while let Some(place) = next
            && decoded.len() < anchor_at + BACK
        {
            decoded.extend(bits.push(self.get(place).and_then(value)?));
            places.push(place);
            let body = decoded.get(anchor_at + ANCHOR..).and_then(<[u8]>::last);
            if body.is_some_and(|byte| !byte.is_ascii_alphanumeric()) {
                break;
            }
            next = self.character_from(place + 1);
        }
        let key = shape::key(decoded, anchor_at)?;
        let start = places.get((key.start * 4 / 3).saturating_sub(missing)).copied()?;
        let text = str::from_utf8(decoded.get(key)?).ok()?;
        Some(Decoded { start, text: Zeroizing::new(text.to_owned()) })
    }

    /// Passes each anchor to `found` that has its first line break at `newline`, with the position
    /// of its text.
    fn across(&self, anchors: &[Anchor], newline: usize, mut found: impl FnMut(&Anchor, usize)) {
        const MOST: usize = 8;
        let Some(last) = self.first_break(newline) else { return };
        // Join the characters before and after the break, and look for anchors that span it.
        let Some(next) = self.character_from(last + 1) else { return };
        let mut joined = [0; 2 * MOST];
        let (before, after) = joined.split_at_mut(MOST);
        let mut many = 0;
        for (place, at) in before.iter_mut().rev().zip((0..=last).rev()) {
            match self.get(at) {
                Some(byte) if self.is_character(at) => *place = byte,
                _ => break,
            }
            many += 1;
        }
        let mut next = Some(next);
        for place in after {
            let Some(at) = next else { break };
            *place = self.get(at).unwrap_or(0);
            next = self.character_from(at + 1);
        }
        for anchor in anchors {
            for many in 1..=many.min(anchor.text.len() - 1) {
                if joined.get(MOST - many..).is_some_and(|text| text.starts_with(&anchor.text)) {
                    found(anchor, last + 1 - many);
                }
            }
        }
    }

    /// The last character before the line break at `newline` and its preceding white space, if no
    /// other break lies between.
    fn first_break(&self, newline: usize) -> Option<usize> {
        self.break_len(newline)?;
        let mut at = newline.checked_sub(1)?;
        loop {
            match self.get(at)? {
                b' ' | b'\t' | b'\r' => at = at.checked_sub(1)?,
                b'r' if self.is_escaped(at) => at = at.checked_sub(2)?,
                _ => return self.is_character(at).then_some(at),
            }
        }
    }

    /// The length of the line break at `at`, if there is one.
    fn break_len(&self, at: usize) -> Option<usize> {
        match (self.get(at)?, self.get(at + 1)) {
            (b'\n', _) => Some(1),
            (b'\\', Some(b'n')) => Some(2),
            _ => None,
        }
    }

    /// The position of the character at `at`, or after the line break and white space there.
    fn character_from(&self, at: usize) -> Option<usize> {
        let mut broken = self.get(at).and_then(value).is_some();
        let mut at = at;
        loop {
            if let Some(len) = self.break_len(at) {
                (at, broken) = (at + len, true);
                continue;
            }
            match (self.get(at)?, self.get(at + 1)) {
                (b' ' | b'\t' | b'\r', _) => at += 1,
                (b'\\', Some(b'r')) => at += 2,
                (byte, _) => return (broken && value(byte).is_some()).then_some(at),
            }
        }
    }

    /// The position of the character before `end`, or before the line break and white space there.
    fn character_before(&self, end: usize) -> Option<usize> {
        let mut at = end.checked_sub(1)?;
        if self.is_character(at) {
            return Some(at);
        }
        let mut broken = false;
        loop {
            match self.get(at)? {
                b' ' | b'\t' | b'\r' => at = at.checked_sub(1)?,
                b'r' if self.is_escaped(at) => at = at.checked_sub(2)?,
                b'\n' => (at, broken) = (at.checked_sub(1)?, true),
                b'n' if self.is_escaped(at) => (at, broken) = (at.checked_sub(2)?, true),
                _ => return (broken && self.is_character(at)).then_some(at),
            }
        }
    }

    /// Whether a base64 character is at `at`, excluding the letter of an escaped line break.
    fn is_character(&self, at: usize) -> bool {
        let Some(byte) = self.get(at) else { return false };
        value(byte).is_some() && !(matches!(byte, b'n' | b'r') && self.is_escaped(at))
    }

    fn is_escaped(&self, at: usize) -> bool {
        at.checked_sub(1).and_then(|before| self.get(before)) == Some(b'\\')
    }
}

/// The six bits that a character of either alphabet encodes.
const fn value(byte: u8) -> Option<u8> {
    match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' | b'-' => Some(62),
        b'/' | b'_' => Some(63),
        _ => None,
    }
}

/// A buffer of bits: six go in at a time, eight come out.
#[derive(Default)]
struct Bits {
    bits: u16,
    many: u32,
}

impl Bits {
    fn push(&mut self, six: u8) -> Option<u8> {
        (self.bits, self.many) = (self.bits << 6 | u16::from(six), self.many + 6);
        let rest = self.many.checked_sub(8)?;
        self.many = rest;
        let [_, byte] = (self.bits >> rest).to_be_bytes();
        Some(byte)
    }
}
