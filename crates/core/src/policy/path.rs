//! Path patterns, matched against the undecoded path of the request.

use alloc::vec::Vec;

/// Whether every reader of `path` sees the same segments.
///
/// Origins differ in what they decode, merge and trim before they route. No pattern matches a path
/// that two of them could read differently.
pub(crate) fn is_plain(path: &[u8]) -> bool {
    /// The current segment so far: empty, one dot, two dots, or a name.
    const EMPTY: u8 = 0;
    const NAME: u8 = 3;
    let Some((b'/', mut rest)) = path.split_first() else { return false };
    let mut segment = EMPTY;
    loop {
        (segment, rest) = match rest {
            [] => return segment == EMPTY || segment == NAME,
            [b'/', rest @ ..] if segment == NAME => (EMPTY, rest),
            [b'.', rest @ ..] => (NAME.min(segment + 1), rest),
            [b'%', ..] => match escaped(rest) {
                Some(rest) => (NAME, rest),
                None => return false,
            },
            [byte, rest @ ..] if is_plain_byte(*byte) => (NAME, rest),
            _ => return false,
        };
    }
}

/// The text after the escapes of one character, if the character is plain.
fn escaped(text: &[u8]) -> Option<&[u8]> {
    let (first, mut rest) = escape(text)?;
    // How many bytes follow, and the range of the first of them. This excludes overlong encodings,
    // surrogates and values beyond Unicode.
    let (more, allowed) = match first {
        0..=0x7F => return is_plain_escape(first).then_some(rest),
        0xC2..=0xDF => (1, 0x80..=0xBF),
        0xE0 => (2, 0xA0..=0xBF),
        0xED => (2, 0x80..=0x9F),
        0xE1..=0xEF => (2, 0x80..=0xBF),
        0xF0 => (3, 0x90..=0xBF),
        0xF1..=0xF3 => (3, 0x80..=0xBF),
        0xF4 => (3, 0x80..=0x8F),
        0x80..=0xC1 | 0xF5..=0xFF => return None,
    };
    let mut allowed = allowed;
    for _ in 0..more {
        let (byte, behind) = escape(rest)?;
        if !allowed.contains(&byte) {
            return None;
        }
        (allowed, rest) = (0x80..=0xBF, behind);
    }
    Some(rest)
}

/// The byte of an escape, and the text after it.
fn escape(text: &[u8]) -> Option<(u8, &[u8])> {
    let [b'%', high, low, rest @ ..] = text else { return None };
    Some((nibble(*high)? << 4 | nibble(*low)?, rest))
}

/// The characters of a path in RFC 3986, except `/`, `.` and `%`, and except `;`, where some
/// servers cut a segment.
fn is_plain_byte(byte: u8) -> bool {
    matches!(
        byte,
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' | b':' | b'@' | b'!' | b'$'
            | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'='
    )
}

/// Whether an ASCII character may be escaped: not a control, not a character with a meaning in a
/// path, and nothing that starts another escape.
fn is_plain_escape(byte: u8) -> bool {
    !matches!(byte, 0..=0x1F | b'%' | b'.' | b'/' | b';' | b'\\' | 0x7F)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// Whether `text` is a pattern: a plain path with escapes in upper case, in which a segment may be
/// `*`, and the last one `**`.
#[must_use]
pub fn is_pattern(text: &[u8]) -> bool {
    let mut segments = text.split(|b| *b == b'/').peekable();
    let mut stars = true;
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        stars &= !segment.contains(&b'*') || segment == b"*" || (segment == b"**" && is_last);
    }
    let upper = text.windows(3).all(|three| match three {
        [b'%', high, low] => !high.is_ascii_lowercase() && !low.is_ascii_lowercase(),
        _ => true,
    });
    stars && upper && is_plain(text)
}

/// The segments of a plain path. Split once for all patterns: a policy may have a thousand
/// patterns, and the client chooses the path's length.
#[derive(Clone, Debug)]
pub struct PlainPath<'p>(Vec<&'p [u8]>);

impl<'p> PlainPath<'p> {
    /// One more than the longest pattern has; no pattern distinguishes further ones.
    const MAX: usize = 129;

    /// `None` if the path isn't plain.
    #[must_use]
    pub fn of(path: &'p [u8]) -> Option<Self> {
        is_plain(path).then(|| Self(split(path).take(Self::MAX).collect()))
    }

    /// Whether `pattern` matches the path. `*` matches one segment that isn't empty, `**` all
    /// remaining segments, or none.
    #[must_use]
    pub fn match_pattern(&self, pattern: &[u8]) -> bool {
        let mut segments = self.0.iter();
        for wanted in split(pattern) {
            if wanted == b"**" {
                return true;
            }
            let matched = segments.next().is_some_and(|&segment| {
                segment == wanted || (wanted == b"*" && !segment.is_empty())
            });
            if !matched {
                return false;
            }
        }
        segments.next().is_none()
    }
}

/// The text after each `/`.
fn split(path: &[u8]) -> impl Iterator<Item = &[u8]> {
    path.split(|b| *b == b'/').skip(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_by_segment() {
        let cases = [
            ("/", "/", true),
            ("/", "/a", false),
            ("/store", "/store", true),
            ("/store", "/store/", false),
            ("/store/", "/store/", true),
            ("/store", "/Store", false),
            ("/store", "/store2", false),
            ("/store/*", "/store/carts", true),
            ("/store/*", "/store/*", true),
            ("/store/*", "/store/", false),
            ("/store/*", "/store", false),
            ("/store/*", "/store/carts/1", false),
            ("/store/*/items", "/store/1/items", true),
            ("/store/*/items", "/store/1/2/items", false),
            ("/store/**", "/store", true),
            ("/store/**", "/store/", true),
            ("/store/**", "/store/a/b/c", true),
            ("/store/**", "/storefront", false),
            ("/*/**", "/", false),
            ("/*/**", "/a", true),
            ("/**", "/", true),
            ("/**", "/a/b", true),
            ("/caf%C3%A9", "/caf%C3%A9", true),
            ("/caf%C3%A9", "/caf%c3%a9", false),
            ("/store", "/%73tore", false),
        ];
        for (pattern, path, matched) in cases {
            assert!(is_pattern(pattern.as_bytes()), "{pattern}");
            let segments = PlainPath::of(path.as_bytes()).unwrap();
            assert_eq!(segments.match_pattern(pattern.as_bytes()), matched, "{pattern} {path}");
        }
    }

    #[test]
    fn the_longest_pattern_tells_how_many_segments_there_are() {
        let (closed, open) = ("/*".repeat(127) + "/", "/*".repeat(126) + "/**");
        assert!(closed.len() == 255 && is_pattern(closed.as_bytes()));
        for (path, by_closed, by_open) in [
            ("/a".repeat(125), false, false),
            ("/a".repeat(126), false, true),
            ("/a".repeat(127), false, true),
            ("/a".repeat(127) + "/", true, true),
            ("/a".repeat(128), false, true),
            ("/a".repeat(128) + "/", false, true),
        ] {
            let segments = PlainPath::of(path.as_bytes()).unwrap();
            assert_eq!(segments.match_pattern(closed.as_bytes()), by_closed, "{path}");
            assert_eq!(segments.match_pattern(open.as_bytes()), by_open, "{path}");
        }
    }

    #[test]
    fn a_path_that_reads_in_two_ways_is_not_plain() {
        for path in [
            "",
            "store",
            "*",
            "http://a/b",
            "//",
            "//a",
            "/a//b",
            "/.",
            "/..",
            "/a/../b",
            "/a/./b",
            "/a/%2e%2e/b",
            "/a/%2E/b",
            "/a.%2e/b",
            "/a%2fb",
            "/a%2Fb",
            "/a\\b",
            "/a%5cb",
            "/a%5Cb",
            "/a/..;/b",
            "/a;x=1",
            "/a%3Bx",
            "/a%00",
            "/a%0a",
            "/a%7f",
            "/a%252fb",
            "/a%c0%ae",
            "/a%C1%9C",
            "/a%e0%80%ae",
            "/a%f0%80%80%ae",
            "/a%ed%a0%80",
            "/a%f4%90%80%80",
            "/a%f5%80%80%80",
            "/a%80",
            "/a%c3",
            "/a%c3/%a9",
            "/a%c3x%a9",
            "/a%E9",
            "/a%FF",
            "/a%",
            "/a%4",
            "/a%zz",
            "/a%+1",
            "/a b",
            "/a?b",
            "/a#b",
            "/a\u{e9}",
            "/a\n",
            "/a|b",
            "/a[b]",
            "/a\u{7f}",
        ] {
            assert!(!is_plain(path.as_bytes()), "{path}");
        }
        for path in [
            "/",
            "/a/",
            "/a.b/..c/d..",
            "/...",
            "/a%20b",
            "/%E4%B8%AD%f0%9f%98%80",
            "/a:b@c!$&'()*+,=~-_",
        ] {
            assert!(is_plain(path.as_bytes()), "{path}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in [
            "", "**", "store/*", "/a*", "/*a", "/**/a", "/***", "/a/**/", "/%c3%A9", "/%C3%a9",
            "/a/../b", "/a//b", "/a%2Fb",
        ] {
            assert!(!is_pattern(text.as_bytes()), "{text}");
        }
    }
}
