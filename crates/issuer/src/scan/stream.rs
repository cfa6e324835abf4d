//! Finding texts of a key's shape in a stream of any length, in the memory of one buffer.
//!
//! The shape is the expression that `docs/token.md` gives to scanners. `k_live_` and `k_test_` are
//! searched for; what stands around a hit is looked at by hand.

use std::io::{self, Read};
use std::ops::Range;

use memchr::memmem::Finder;
use memchr::{memchr, memchr_iter, memrchr};
use portcullis_core::token::{Algorithm, Environment, Kind, Label};
use zeroize::Zeroizing;

use super::encoding::{Encoding, fill};

/// What the two searches have in common is their length.
const ANCHOR: usize = b"k_live_".len();
const HMAC_CHARS: usize = 66;
const ED25519_CHARS: usize = 132;
/// What has to be seen before an anchor: label, underscore, `s` or `p`, and the byte before them.
const BEFORE: usize = 1 + Label::MAX_LEN + 1 + 1;
/// What has to be seen from an anchor on: itself, the longest body, and the byte behind it.
const AFTER: usize = ANCHOR + ED25519_CHARS + 1;
/// Fits a core's second-level cache, so that the searches run over bytes that are near.
const BUFFER: usize = 256 * 1024;
/// A file with a zero byte in so many at its start is binary: the rule of git.
const LOOKED_AT: usize = 8000;

/// A text of a key's shape, and where it starts.
pub struct Candidate<'b> {
    /// The line, counted from 1.
    pub line: u64,
    /// The column in bytes, counted from 1; in UTF-16 in units.
    pub column: u64,
    text: &'b str,
    prefix: usize,
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
        self.text.get(..self.prefix).unwrap_or_default()
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
    pub const fn algorithm(&self) -> Algorithm {
        if self.text.len() == self.prefix + HMAC_CHARS {
            Algorithm::HmacSha256
        } else {
            Algorithm::Ed25519
        }
    }
}

/// Whether a stream was looked through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    /// To its end.
    Through,
    /// It looks binary and was left alone.
    Binary,
}

/// Looks through one stream after another, with one buffer.
pub struct Scanner {
    buffer: Zeroizing<Vec<u8>>,
    anchors: [Finder<'static>; 2],
    hits: Vec<Range<usize>>,
}

impl Default for Scanner {
    fn default() -> Self {
        Self::with_buffer(BUFFER)
    }
}

impl Scanner {
    /// `len` must leave room for progress beside what is carried over, in UTF-16 too.
    fn with_buffer(len: usize) -> Self {
        let len = len.max(4 * (BEFORE + AFTER));
        Self {
            buffer: Zeroizing::new(vec![0; len]),
            anchors: [Finder::new(b"k_live_"), Finder::new(b"k_test_")],
            hits: Vec::new(),
        }
    }

    /// Hands each candidate in `source` to `found`, in order.
    ///
    /// # Errors
    /// Those of `source`. What was found before stands.
    pub fn scan(
        &mut self,
        source: &mut impl Read,
        skip_binary: bool,
        mut found: impl FnMut(Candidate<'_>),
    ) -> io::Result<Looked> {
        let Self { buffer, anchors, hits } = self;
        let mut lines = Lines { counted: 0, line: 1, start: 0 };
        let mut encoding = None;
        let (mut held, mut searched) = (0, 0);
        loop {
            let room = buffer.get_mut(held..).unwrap_or_default();
            let (read, ended) = match encoding {
                Some(encoding) => fill(source, room, encoding)?,
                None => {
                    let (read, ended) = fill(source, room, Encoding::Bytes)?;
                    let front = room.get_mut(..read).unwrap_or_default();
                    let guess = Encoding::guess(front);
                    lines.start = guess.mark_len();
                    if guess == Encoding::Bytes && skip_binary && is_binary(front) {
                        return Ok(Looked::Binary);
                    }
                    encoding = Some(guess);
                    (guess.narrow(front), ended)
                }
            };
            held += read;
            let bytes = buffer.get(..held).unwrap_or_default();
            // Anchors from here on are not seen whole yet.
            let limit = if ended { held } else { held.saturating_sub(AFTER).max(searched) };
            hits.clear();
            let end = limit.saturating_add(ANCHOR - 1).min(held);
            let window = bytes.get(searched..end).unwrap_or_default();
            for anchor in &*anchors {
                hits.extend(anchor.find_iter(window).filter_map(|at| shape(bytes, searched + at)));
            }
            hits.sort_unstable_by_key(|hit| hit.start);
            for hit in &*hits {
                lines.count_to(bytes, hit.start);
                let text = bytes.get(hit.clone()).and_then(|text| str::from_utf8(text).ok());
                if let Some(text) = text {
                    let prefix = text.rfind('_').map_or(0, |at| at + 1);
                    found(Candidate {
                        line: lines.line,
                        column: lines.column(hit.start),
                        text,
                        prefix,
                    });
                }
            }
            if ended {
                return Ok(Looked::Through);
            }
            let gone = limit.saturating_sub(BEFORE);
            lines.count_to(bytes, gone);
            lines.forget(gone);
            buffer.copy_within(gone..held, 0);
            (held, searched) = (held - gone, limit - gone);
        }
    }
}

/// The text of a key's shape around the `k` at `anchor`.
fn shape(bytes: &[u8], anchor: usize) -> Option<Range<usize>> {
    let (before, from) = bytes.split_at_checked(anchor)?;
    let body = from.get(ANCHOR..)?;
    let len = body.iter().take(ED25519_CHARS + 1).take_while(|b| b.is_ascii_alphanumeric()).count();
    if !matches!(len, HMAC_CHARS | ED25519_CHARS) || body.get(len) == Some(&b'_') {
        return None;
    }
    let (b's' | b'p', before) = before.split_last()? else { return None };
    let word = before.iter().rev().take(BEFORE - 1).take_while(|b| is_word(**b)).count();
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

/// Lines are counted only where something was found, and in what leaves the buffer.
struct Lines {
    /// Bytes of the buffer that are counted.
    counted: usize,
    line: u64,
    /// Where the line starts, in bytes from the buffer's start: before it, where negative.
    start: i64,
}

impl Lines {
    fn count_to(&mut self, bytes: &[u8], end: usize) {
        let Some(passed) = bytes.get(self.counted..end) else { return };
        if let Some(last) = memrchr(b'\n', passed) {
            self.line += memchr_iter(b'\n', passed).count() as u64;
            self.start = signed(self.counted + last + 1);
        }
        self.counted = end;
    }

    fn column(&self, at: usize) -> u64 {
        u64::try_from(signed(at) - self.start).unwrap_or(0) + 1
    }

    fn forget(&mut self, gone: usize) {
        self.counted = self.counted.saturating_sub(gone);
        self.start = self.start.saturating_sub(signed(gone));
    }
}

fn signed(at: usize) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX)
}

fn is_binary(front: &[u8]) -> bool {
    memchr(0, front.get(..LOOKED_AT).unwrap_or(front)).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use regex::bytes::Regex;
    use std::sync::LazyLock;

    /// The expression, as it is published.
    static PUBLISHED: LazyLock<Regex> = LazyLock::new(|| {
        let spec = include_str!("../../../../docs/token.md");
        let line = spec.lines().find(|line| line.trim_start().starts_with(r"\b(")).unwrap();
        Regex::new(&format!("(?-u){}", line.trim())).unwrap()
    });

    type Hit = (u64, u64, String);

    fn by_the_expression(bytes: &[u8]) -> Vec<Hit> {
        let hit = |hit: regex::bytes::Match<'_>| {
            let before = &bytes[..hit.start()];
            let line = before.iter().filter(|b| **b == b'\n').count() as u64 + 1;
            let start = before.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
            let text = String::from_utf8(hit.as_bytes().to_vec()).unwrap();
            (line, (hit.start() - start) as u64 + 1, text)
        };
        PUBLISHED.find_iter(bytes).map(hit).collect()
    }

    /// Gives what it holds in pieces, as a pipe may.
    struct Pieces<'b>(&'b [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let len = self.1.min(buffer.len()).min(self.0.len());
            let (now, later) = self.0.split_at(len);
            buffer[..len].copy_from_slice(now);
            self.0 = later;
            Ok(len)
        }
    }

    fn by_the_scanner(bytes: &[u8], buffer: usize, piece: usize) -> Vec<Hit> {
        let mut hits = Vec::new();
        let looked = Scanner::with_buffer(buffer).scan(&mut Pieces(bytes, piece), false, |c| {
            hits.push((c.line, c.column, c.text().to_owned()));
        });
        assert_eq!(looked.unwrap(), Looked::Through);
        hits
    }

    /// Parts of keys, whole keys, and what may stand between them.
    fn fragment() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            4 => "([a-z][a-z0-9]{0,16}_)?[sp]k_(live|test)_([0-9A-Za-z]{66}|[0-9A-Za-z]{132})",
            1 => "[sp]?k_(live|test)_[0-9A-Za-z]{64,68}",
            1 => "(pk|sk|k|live|test|_|live_|sk_){1,4}",
            2 => "[ \n\"'=;:.-]{1,3}",
            1 => "[a-zA-Z0-9_]{1,3}",
            1 => "[a-z \n]{0,700}",
        ]
        .prop_map(String::into_bytes)
        .boxed()
        .prop_union(proptest::collection::vec(any::<u8>(), 0..64).boxed())
    }

    proptest! {
        #[test]
        fn it_finds_what_the_published_expression_matches(
            fragments in proptest::collection::vec(fragment(), 0..24),
            buffer in 0_usize..2000,
            piece in 1_usize..2000,
        ) {
            // A byte order mark at the front says how the rest is written: another test's matter.
            let bytes = [&b" "[..], &fragments.concat()].concat();
            prop_assert_eq!(by_the_scanner(&bytes, buffer, piece), by_the_expression(&bytes));
        }

        #[test]
        fn a_key_among_any_bytes_is_found_once_and_in_its_place(
            before in proptest::collection::vec(any::<u8>(), 0..3000),
            key in "([a-z][a-z0-9]{0,15}_)?[sp]k_(live|test)_([0-9A-Za-z]{66}|[0-9A-Za-z]{132})",
            after in proptest::collection::vec(any::<u8>(), 0..3000),
            buffer in 0_usize..4000,
        ) {
            let bytes = [&b"\""[..], &before, b"\"", key.as_bytes(), b"\"", &after].concat();
            let found = by_the_scanner(&bytes, buffer, usize::MAX);
            prop_assert_eq!(&found, &by_the_expression(&bytes));
            prop_assert_eq!(found.iter().filter(|(_, _, text)| *text == key).count(), 1);
        }

        #[test]
        fn utf_16_is_read(
            before in "\\PC{0,500}\n[a-z]{0,30} ",
            key in "[sp]k_(live|test)_[0-9A-Za-z]{66}",
            after in "( \\PC{0,500})?",
            buffer in 0_usize..2000,
            little: bool,
        ) {
            let units = format!("\u{feff}{before}{key}{after}");
            let units = units.encode_utf16();
            let bytes: Vec<u8> = if little {
                units.flat_map(u16::to_le_bytes).collect()
            } else {
                units.flat_map(u16::to_be_bytes).collect()
            };
            let column = before.len() - before.rfind('\n').unwrap();
            let found = by_the_scanner(&bytes, buffer, 999);
            prop_assert_eq!(found, [(2, column as u64, key)]);
        }
    }

    #[test]
    fn a_key_is_found_at_every_place_of_the_buffer() {
        let key = format!("acme_sk_live_{}", "a".repeat(132));
        for at in 0..2500 {
            let bytes = [&b"\n".repeat(at)[..], key.as_bytes(), &b"\n".repeat(800)].concat();
            assert_eq!(by_the_scanner(&bytes, 0, usize::MAX), [(at as u64 + 1, 1, key.clone())]);
        }
    }

    #[test]
    fn a_byte_order_mark_takes_no_column() {
        let key = format!("sk_live_{}", "a".repeat(66));
        let bytes = [b"\xEF\xBB\xBF", key.as_bytes()].concat();
        assert_eq!(by_the_scanner(&bytes, 0, 7), [(1, 1, key)]);
    }

    #[test]
    fn what_looks_binary_is_left_alone_unless_it_is_asked_for() {
        let key = format!("sk_live_{}", "a".repeat(66));
        let mut scanner = Scanner::default();
        for (bytes, looked, count) in [
            (format!("\0 {key}"), Looked::Binary, 0),
            (format!("{}\0 {key}", " ".repeat(LOOKED_AT)), Looked::Through, 1),
        ] {
            for (skip, looked, count) in [(true, looked, count), (false, Looked::Through, 1)] {
                let mut found = 0;
                let done = scanner.scan(&mut bytes.as_bytes(), skip, |_| found += 1).unwrap();
                assert_eq!((done, found), (looked, count));
            }
        }
    }
}
