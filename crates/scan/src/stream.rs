//! Finds texts with a key's shape in a stream of any length, using a fixed buffer.
//!
//! Searches for `k_live_` and `k_test_`, plain and in base64, and examines the bytes around each
//! hit.

use std::io::{self, Read};

use memchr::memmem::Finder;
use memchr::{memchr, memchr_iter, memrchr};
use zeroize::Zeroizing;

use super::base64::{self, Base64};
use super::candidate::{Candidate, Form};
use super::checksum::Checksum;
use super::encoding::{Encoding, fill};
use super::shape::{self, ANCHOR, BACK, FRONT};

/// The bytes needed before a searched position, and from it on.
const BEFORE: usize = max(FRONT, base64::BEFORE);
const AFTER: usize = max(BACK + 1, base64::AFTER);
/// Fits a core's second-level cache, so that the repeated searches are fast.
const BUFFER: usize = 256 * 1024;
/// A file with a zero byte among this many first bytes is binary, as in git.
const LOOKED_AT: usize = 8000;

/// Whether a stream was scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Looked {
    /// Scanned to its end.
    Through,
    /// Skipped because it looks binary.
    Binary,
}

/// Scans streams one after another, with one buffer.
pub struct Scanner {
    buffer: Zeroizing<Vec<u8>>,
    anchors: [Finder<'static>; 2],
    base64: Base64,
    hits: Vec<Hit>,
}

/// A hit in the current buffer.
struct Hit {
    start: usize,
    form: Form,
    checksum: Checksum,
    text: Zeroizing<String>,
}

impl Hit {
    fn plain(bytes: &[u8], anchor: usize) -> Option<Self> {
        let (range, checksum) = match shape::key(bytes, anchor) {
            Some(range) => (range, Checksum::Right),
            None => (shape::lookalike(bytes, anchor)?, Checksum::Wrong),
        };
        let start = range.start;
        let text = str::from_utf8(bytes.get(range)?).ok()?;
        Some(Self { start, form: Form::Plain, checksum, text: Zeroizing::new(text.to_owned()) })
    }
}

impl Default for Scanner {
    fn default() -> Self {
        Self::with_buffer(BUFFER)
    }
}

impl Scanner {
    /// `len` must leave room for progress beside the bytes carried over, in UTF-16 too.
    pub(super) fn with_buffer(len: usize) -> Self {
        let len = len.max(4 * (BEFORE + AFTER));
        Self {
            buffer: Zeroizing::new(vec![0; len]),
            anchors: [Finder::new(b"k_live_"), Finder::new(b"k_test_")],
            base64: Base64::default(),
            hits: Vec::new(),
        }
    }

    #[cfg(test)]
    pub(super) fn buffer_len(&self) -> usize {
        self.buffer.len()
    }

    /// Passes each candidate in `source` to `found`, in order.
    ///
    /// # Errors
    /// Those of `source`. Candidates found before remain valid.
    pub fn scan(
        &mut self,
        source: &mut impl Read,
        skip_binary: bool,
        mut found: impl FnMut(Candidate<'_>),
    ) -> io::Result<Looked> {
        let Self { buffer, anchors, base64, hits } = self;
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
            // Texts from here on may be incomplete in this buffer.
            let limit = if ended { held } else { held.saturating_sub(AFTER).max(searched) };
            let end = limit.saturating_add(ANCHOR - 1).min(held);
            let window = bytes.get(searched..end).unwrap_or_default();
            for anchor in &*anchors {
                let plain = anchor.find_iter(window);
                hits.extend(plain.filter_map(|at| Hit::plain(bytes, searched + at)));
            }
            base64.search(bytes, (searched, limit), |base64::Decoded { start, text }| {
                hits.push(Hit { start, form: Form::Base64, checksum: Checksum::Right, text });
            });
            hits.sort_unstable_by_key(|hit| hit.start);
            for Hit { start, form, checksum, text } in hits.drain(..) {
                lines.count_to(bytes, start);
                let (line, column) = (lines.line, lines.column(start));
                found(Candidate { line, column, form, checksum, text: &text });
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

const fn max(one: usize, other: usize) -> usize {
    if one > other { one } else { other }
}

/// Counts lines only up to hits, and in bytes that leave the buffer.
struct Lines {
    /// The number of bytes in the buffer already counted.
    counted: usize,
    line: u64,
    /// The start of the line, relative to the buffer's start; negative if before it.
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

    /// The published expression.
    static PUBLISHED: LazyLock<Regex> = LazyLock::new(|| {
        let spec = include_str!("../../../docs/token.md");
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

    /// Returns its content in pieces, as a pipe may.
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

    /// Parts of keys, whole keys, and text between them.
    fn fragment() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            4 => "([a-z][a-z0-9]{0,16}_)?[aps]k_(live|test)_([0-9A-Za-z]{66}|[0-9A-Za-z]{132})",
            1 => "[aps]?k_(live|test)_[0-9A-Za-z]{64,68}",
            1 => "(pk|sk|ak|k|live|test|_|live_|sk_){1,4}",
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
            // Avoid a byte order mark at the start, which would select another encoding.
            let bytes = [&b" "[..], &fragments.concat()].concat();
            prop_assert_eq!(by_the_scanner(&bytes, buffer, piece), by_the_expression(&bytes));
        }

        #[test]
        fn a_key_among_any_bytes_is_found_once_and_in_its_place(
            before in proptest::collection::vec(any::<u8>(), 0..3000),
            key in "([a-z][a-z0-9]{0,15}_)?[aps]k_(live|test)_([0-9A-Za-z]{66}|[0-9A-Za-z]{132})",
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
            key in "[aps]k_(live|test)_[0-9A-Za-z]{66}",
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
        for at in 0..4000 {
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
