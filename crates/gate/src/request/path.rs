//! Paths: which may be forwarded, and which an origin may fold into another.

use crate::request::malformed::MalformedRequest;

/// Checks that every host forwards the path unchanged. It must be visible ASCII, without the
/// characters that the URL standard encodes or converts in a path. It must not have dot segments,
/// encoded or not: hosts resolve them before they send.
///
/// # Errors
/// [`MalformedRequest::Target`] and [`MalformedRequest::AmbiguousPath`].
pub(crate) fn check(path: &str) -> Result<(), MalformedRequest> {
    // A single pass, since every request is checked.
    let mut may_have_dots = false;
    for byte in path.bytes() {
        match byte {
            b'.' | b'%' => may_have_dots = true,
            b'"' | b'#' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'}' => {
                return Err(MalformedRequest::Target);
            }
            0x21..=0x7E => {}
            _ => return Err(MalformedRequest::Target),
        }
    }
    if !path.starts_with('/') {
        Err(MalformedRequest::Target)
    } else if may_have_dots && path.split('/').any(is_dots) {
        Err(MalformedRequest::AmbiguousPath)
    } else {
        Ok(())
    }
}

fn is_dots(segment: &str) -> bool {
    let mut signs = Folded::of(segment, Case::Apart);
    matches!(
        (signs.next(), signs.next(), signs.next()),
        (Some('.'), None, None) | (Some('.'), Some('.'), None)
    )
}

/// How an origin interprets paths: `ORIGIN_PATHS`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OriginPaths {
    /// It may ignore case, a final slash, blanks and dots at the end, and a suffix such as `.json`.
    #[default]
    Loose,
    /// It distinguishes all of them. Every origin decodes percent-escapes.
    Exact,
}

/// Whether an origin may take `path` for one that `pattern` matches.
pub(crate) fn may_match(pattern: &str, path: &str, origin: OriginPaths) -> bool {
    let loose = origin == OriginPaths::Loose;
    // A final slash is an empty last segment, which a loose origin ignores.
    let path = if loose { path.strip_suffix('/').unwrap_or(path) } else { path };
    let pattern = if loose { pattern.strip_suffix('/').unwrap_or(pattern) } else { pattern };
    let mut given = path.split('/').skip(1).peekable();
    for wanted in pattern.split('/').skip(1) {
        if wanted == "**" {
            return true;
        }
        let Some(segment) = given.next() else { return false };
        let is_last = given.peek().is_none();
        let matched = match wanted {
            "*" => !segment.is_empty(),
            literal => may_be(literal, segment, loose, is_last),
        };
        if !matched {
            return false;
        }
    }
    given.next().is_none()
}

/// Whether a loose origin may trim a whole segment away, and so skip it.
pub(crate) fn has_vanishing_segments(path: &str, origin: OriginPaths) -> bool {
    let vanishes = |segment: &str| {
        !segment.is_empty()
            && Folded::of(segment, Case::Apart).all(|sign| matches!(sign, ' ' | '.'))
    };
    origin == OriginPaths::Loose && path.contains(['.', '%']) && path.split('/').any(vanishes)
}

/// Whether an origin may take the path's segment for the pattern's.
fn may_be(wanted: &str, given: &str, loose: bool, is_last: bool) -> bool {
    let case = if loose { Case::Folded } else { Case::Apart };
    if same(wanted, given, case) {
        return true;
    }
    if !loose {
        return false;
    }
    // Servers on Windows trim blanks and dots; frameworks strip a suffix.
    let cut = |text| Folded::of(text, case).collect::<String>();
    let (wanted, given) = (cut(wanted), cut(given));
    let trimmed = given.trim_start_matches(' ').trim_end_matches([' ', '.']);
    if alike(&wanted, trimmed) {
        return true;
    }
    let mut dots = trimmed.match_indices('.').filter(|(at, _)| *at > 0);
    is_last && dots.any(|(at, _)| trimmed.get(..at).is_some_and(|stem| alike(&wanted, stem)))
}

fn same(wanted: &str, given: &str, case: Case) -> bool {
    Folded::of(wanted, case).eq(Folded::of(given, case))
}

/// Whether the texts are equal, or differ only in letters beyond ASCII, whose case folding is
/// unknown.
fn alike(wanted: &str, given: &str) -> bool {
    let mut given = given.chars();
    let pairs = wanted
        .chars()
        .all(|a| given.next().is_some_and(|b| a == b || (!a.is_ascii() && !b.is_ascii())));
    pairs && given.next().is_none()
}

/// Whether upper and lower case are distinguished.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    Apart,
    Folded,
}

/// A segment's characters, percent-decoded. With [`Case::Folded`] letters are in lower case, and a
/// character beyond ASCII that some server folds to ASCII is replaced by that letter.
struct Folded<'a> {
    bytes: core::str::Bytes<'a>,
    case: Case,
}

impl<'a> Folded<'a> {
    fn of(segment: &'a str, case: Case) -> Self {
        Self { bytes: segment.bytes(), case }
    }

    fn byte(&mut self) -> Option<u8> {
        let byte = self.bytes.next()?;
        if byte != b'%' {
            return Some(byte);
        }
        let mut ahead = self.bytes.clone();
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (high, low) = (digit(ahead.next()), digit(ahead.next()));
        let value = high.zip(low).and_then(|(high, low)| u8::try_from(high << 4 | low).ok());
        let Some(value) = value else { return Some(b'%') };
        self.bytes = ahead;
        Some(value)
    }
}

impl Iterator for Folded<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let first = self.byte()?;
        let more = match first {
            0..=0x7F => 0,
            0xC0..=0xDF => 1,
            0xE0..=0xEF => 2,
            0x80..=0xBF | 0xF0..=0xFF => 3,
        };
        let mut text = [first, 0, 0, 0];
        for place in text.iter_mut().skip(1).take(more) {
            *place = self.byte().unwrap_or(0);
        }
        let text = text.get(..=more).unwrap_or_default();
        let decoded = core::str::from_utf8(text).ok().and_then(|text| text.chars().next());
        let sign = decoded.unwrap_or(char::REPLACEMENT_CHARACTER);
        Some(if self.case == Case::Folded { folded(sign) } else { sign })
    }
}

fn folded(sign: char) -> char {
    match sign {
        '\u{130}' | '\u{131}' => 'i',
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        // Full-width forms of ASCII.
        '\u{ff01}'..='\u{ff5e}' => {
            let ascii = u32::from(sign) - 0xFEE0;
            char::from_u32(ascii).unwrap_or(sign).to_ascii_lowercase()
        }
        other => other.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use OriginPaths::{Exact, Loose};

    #[test]
    fn what_a_host_would_change_is_not_sent() {
        for path in ["/", "/a/b", "/a;b=c", "/%zz", "/a[1]|b", "/'x'", "//a"] {
            assert_eq!(check(path), Ok(()), "{path}");
        }
        for path in [
            "",
            "*",
            "a",
            "http://a/b",
            "/a\\b",
            "/\u{fffd}",
            "/a b",
            "/{a}",
            "/^",
            "/`",
            "/\"",
            "/<",
            "/>",
            "/#",
        ] {
            assert_eq!(check(path), Err(MalformedRequest::Target), "{path}");
        }
    }

    #[test]
    fn dot_segments_in_every_spelling() {
        for path in ["/.", "/..", "/a/../b", "/a/./b", "/%2e", "/%2E%2e/b", "/a/.%2e", "/%2e."] {
            assert_eq!(check(path), Err(MalformedRequest::AmbiguousPath), "{path}");
        }
        for path in ["/", "/...", "/a.b", "/.a", "/a..", "/%2ea", "/%252e", "/.%2e."] {
            assert_eq!(check(path), Ok(()), "{path}");
        }
    }

    #[test]
    fn a_segment_that_a_loose_origin_cuts_off_altogether_is_seen() {
        for path in ["/pub/%20", "/pub/...", "/%20./a", "/a/%20%2E%20"] {
            assert!(has_vanishing_segments(path, Loose), "{path}");
            assert!(!has_vanishing_segments(path, Exact), "{path}");
        }
        for path in ["/", "/a/", "/.a", "/a.b", "/a%20b", "/%20a"] {
            assert!(!has_vanishing_segments(path, Loose), "{path}");
        }
    }

    #[test]
    fn an_origin_may_fold_a_path_into_a_pattern() {
        for (pattern, path, loose, exact) in [
            ("/admin/**", "/admin/users", true, true),
            ("/admin/**", "/%61dmin/users", true, true),
            ("/admin/**", "/ADMIN/users", true, false),
            ("/admin/**", "/%41dmin", true, false),
            ("/admin/**", "/admin.json", true, false),
            ("/admin/**", "/admin.json/users", false, false),
            ("/admin/**", "/admin./users", true, false),
            ("/admin/**", "/admin%20/users", true, false),
            ("/admin/**", "/administrators", false, false),
            ("/admin/**", "/store/admin", false, false),
            ("/admin/**", "/adm%C4%B1n", true, false),
            ("/admin/**", "/%EF%BD%81dmin", true, false),
            ("/admin/**", "/%E4%B8%AD%E6%96%87", false, false),
            ("/kiosk", "/%E2%84%AAiosk", true, false),
            ("/reports", "/reports/", true, false),
            ("/reports/", "/reports", true, false),
            ("/reports", "/reports//", false, false),
            ("/reports", "/reports.csv", true, false),
            ("/reports", "/reports.csv/", true, false),
            ("/reports", "/reports.csv.gz", true, false),
            ("/reports", "/.csv", false, false),
            ("/data.json", "/data.json.JSON", true, false),
            ("/data.json", "/data.xml", false, false),
            ("/v1.0", "/v1.0", true, true),
            ("/v1", "/v1.0", true, false),
            ("/*/items", "/A/ITEMS", true, false),
            ("/*", "/", false, false),
            ("/", "/", true, true),
            ("/", "/a", false, false),
            ("/caf%C3%A9", "/caf%C3%89", true, false),
            ("/caf%C3%A9", "/caf%c3%a9", true, true),
        ] {
            assert_eq!(may_match(pattern, path, Loose), loose, "{pattern} {path}");
            assert_eq!(may_match(pattern, path, Exact), exact, "{pattern} {path}");
        }
    }
}
