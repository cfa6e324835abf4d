//! Query parameters, in the one spelling that every origin reads alike.
//!
//! Servers fold names: PHP turns dots and blanks into `_`, qs reads `[name]` as `name`, and others
//! end a pair at a semicolon or ignore case. A parameter is refused if a server may take it for one
//! that the gate reads and the gate would not.

use core::fmt::Write as _;
use std::borrow::Cow;

use crate::request::malformed::MalformedRequest;

/// The query for the origin. Percent-encodes what the URL standard encodes in a query: four ASCII
/// characters and everything beyond ASCII. Hosts that follow the standard would do the same.
///
/// # Errors
/// [`MalformedRequest::Target`] for a character that can't be sent, or that a host could not
/// decode.
pub(crate) fn as_sent(query: &str) -> Result<Cow<'_, str>, MalformedRequest> {
    let is_encoded = |byte: u8| matches!(byte, b'"' | b'\'' | b'<' | b'>' | 0x80..);
    // A single pass, since every request is checked.
    let mut changes = false;
    for byte in query.bytes() {
        if !matches!(byte, 0x21 | 0x22 | 0x24..=0x7E | 0x80..) {
            return Err(MalformedRequest::Target);
        }
        changes |= is_encoded(byte);
    }
    if !changes {
        return Ok(Cow::Borrowed(query));
    }
    if query.contains(char::REPLACEMENT_CHARACTER) {
        return Err(MalformedRequest::Target);
    }
    let mut text = String::with_capacity(query.len() + 16);
    for byte in query.bytes() {
        if is_encoded(byte) {
            // Writing to a `String` can't fail.
            let _ = write!(text, "%{byte:02X}");
        } else {
            text.push(char::from(byte));
        }
    }
    Ok(Cow::Owned(text))
}

/// The values of the parameter `name`: of each pair whose percent-decoded name is `name`, `name[]`
/// or `name[7]`. Values are not decoded.
///
/// # Errors
/// [`MalformedRequest::AmbiguousParameter`], as for [`check`].
pub(crate) fn values<'q>(
    query: &'q str,
    name: &'q str,
) -> Result<impl Iterator<Item = &'q str>, MalformedRequest> {
    check(query, name)?;
    let pairs = query.split('&').filter(move |pair| Name::of(pair).is(name));
    Ok(pairs.map(|pair| pair.split_once('=').map_or("", |(_, value)| value)))
}

/// Refuses a query in which a server may find the parameter `name` and the gate would not.
///
/// # Errors
/// [`MalformedRequest::AmbiguousParameter`].
pub(crate) fn check(query: &str, name: &str) -> Result<(), MalformedRequest> {
    let is_one_way = |pair: &str| {
        let (whole, mut parts) = (Name::of(pair), pair.split(';'));
        // A server that splits at semicolons reads the same name from the first part.
        parts.next();
        (whole.is(name) || !whole.may_be(name)) && !parts.any(|part| Name::of(part).may_be(name))
    };
    if query.is_empty() || query.split('&').all(is_one_way) {
        Ok(())
    } else {
        Err(MalformedRequest::AmbiguousParameter)
    }
}

/// `query` without the pairs of `name` whose value `is_taken` selects.
pub(crate) fn without(query: &str, name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let is_kept = |pair: &&str| {
        let value = pair.split_once('=').map_or("", |(_, value)| value);
        !(Name::of(pair).is(name) && is_taken(value))
    };
    query.split('&').filter(is_kept).collect::<Vec<_>>().join("&")
}

/// Whether a parameter overrides the method, as in some frameworks: `_method`, or a name that a
/// server may take for it.
pub(crate) fn asks_for_a_method(query: &str) -> bool {
    let asks = |name: Name<'_>| {
        let text = name.0.trim_ascii();
        let text = text.strip_prefix(b"[").unwrap_or(text).trim_ascii_start();
        let begins = text.first().is_some_and(|byte| !byte.is_ascii_alphanumeric());
        begins && name.may_be("_method")
    };
    !query.is_empty() && query.split(['&', ';']).map(Name::of).any(asks)
}

/// A value as an origin decodes it.
pub(crate) fn value(text: &str) -> Cow<'_, str> {
    match decoded(text.as_bytes()) {
        Cow::Borrowed(_) => Cow::Borrowed(text),
        Cow::Owned(bytes) => String::from_utf8_lossy(&bytes).into_owned().into(),
    }
}

/// A pair's name, percent-decoded once.
struct Name<'q>(Cow<'q, [u8]>);

impl<'q> Name<'q> {
    fn of(pair: &'q str) -> Self {
        let name = pair.split_once('=').map_or(pair, |(name, _)| name);
        Self(decoded(name.as_bytes()))
    }

    /// Whether this is `name`, alone or as a list.
    fn is(&self, name: &str) -> bool {
        let Some(rest) = self.0.strip_prefix(name.as_bytes()) else { return false };
        match rest {
            [] | b"[]" => true,
            [b'[', number @ .., b']'] => number.iter().all(u8::is_ascii_digit),
            _ => false,
        }
    }

    /// Whether a server may take this for `name`. Only the words count: of the whole name, of the
    /// part before the first bracket, dot or NUL, or of the first part that isn't empty. A name
    /// that is encoded twice, or in overlong UTF-8, may be anything.
    fn may_be(&self, name: &str) -> bool {
        if may_be_encoded(&self.0) {
            return true;
        }
        let same = |text: &[u8]| {
            let (mut ours, mut theirs) = (words(name.as_bytes()), words(text));
            ours.by_ref().all(|word| theirs.next().is_some_and(|it| it.eq_ignore_ascii_case(word)))
                && theirs.next().is_none()
        };
        let until = |stop: &[u8]| {
            let end = self.0.iter().position(|byte| stop.contains(byte));
            self.0.get(..end.unwrap_or(self.0.len())).unwrap_or_default()
        };
        let mut parts = self.0.split(|byte| matches!(byte, b'[' | b']' | b'.' | 0));
        let first = parts.find(|part| words(part).next().is_some()).unwrap_or_default();
        same(&self.0) || same(until(b"[")) || same(until(b".")) || same(until(&[0])) || same(first)
    }
}

/// Runs of letters and digits: what every fold keeps, apart from case.
fn words(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| !byte.is_ascii_alphanumeric()).filter(|word| !word.is_empty())
}

/// Whether another decoding would change the text: it has an escape left, or the start of an
/// overlong form of ASCII.
fn may_be_encoded(name: &[u8]) -> bool {
    let escape = |three: &[u8]| matches!(three, [b'%', high, low] if is_hex(*high) && is_hex(*low));
    let overlong =
        |two: &[u8]| matches!(two, [0xC0 | 0xC1, _] | [0xE0, 0x80..=0x9F] | [0xF0, 0x80..=0x8F]);
    name.windows(3).any(escape) || name.windows(2).any(overlong)
}

const fn is_hex(byte: u8) -> bool {
    byte.is_ascii_hexdigit()
}

/// Decodes form encoding.
fn decoded(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    loop {
        rest = match rest {
            [] => return Cow::Owned(bytes),
            // An incomplete escape stays as it is.
            [b'%', high, low, rest @ ..] if is_hex(*high) && is_hex(*low) => {
                let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0);
                let value = digit(*high) << 4 | digit(*low);
                bytes.push(u8::try_from(value).unwrap_or(b'%'));
                rest
            }
            [b'+', rest @ ..] => {
                bytes.push(b' ');
                rest
            }
            [byte, rest @ ..] => {
                bytes.push(*byte);
                rest
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn found(query: &str) -> Result<Vec<&str>, MalformedRequest> {
        values(query, "channel_id").map(Iterator::collect)
    }

    #[test]
    fn a_parameter_is_found_in_its_documented_spellings() {
        for (query, expected) in [
            ("", &[] as &[&str]),
            ("channel_id=a&x=b", &["a"]),
            ("channel_id[]=a&channel_id%5B%5D=b&channel%5fid[0]=c", &["a", "b", "c"]),
            ("channel_id&%63hannel_id=", &["", ""]),
            ("channelid=a&channel_ids=a&my_channel_id=b&x=channel_id=d&x[channel_id]=e", &[]),
            ("channel_id=a;b&x=1;y=2&x=%3Bchannel_id", &["a;b"]),
            ("filter[a.b][c]=d&%7E=e&channel%zid=c", &[]),
        ] {
            assert_eq!(found(query).as_deref(), Ok(expected), "{query}");
        }
    }

    #[test]
    fn every_other_spelling_is_refused() {
        for query in [
            "[channel_id]=a",
            "%5Bchannel_id%5D=a",
            "[][channel_id]=a",
            "channel_id[$ne]=a",
            "channel_id[0][x]=a",
            "channel_id[a]=a",
            "channel_id[=a",
            "channel_id]=a",
            "channel_id.x=a",
            "channel.id=a",
            "channel id=a",
            "channel+id=a",
            "channel%20id=a",
            "+channel_id=a",
            "channel[id=a",
            "channel.id[x]=a",
            "channel_id%00=a",
            "channel_id%00x=a",
            "Channel_Id=a",
            "channel__id=a",
            "_channel_id_=a",
            "channel-id=a",
            "channel%255fid=a",
            "channel%C1%9Fid=a",
            "x=1;channel_id=a",
            "x;channel_id=a",
            "x=1;%63hannel_id[]=a",
            "a=1&amp;channel_id=a",
        ] {
            assert_eq!(found(query), Err(MalformedRequest::AmbiguousParameter), "{query}");
        }
    }

    #[test]
    fn a_parameter_is_taken_out_by_its_value() {
        let query = "a=1&key=x&b=2&k%65y=y&key[]=x";
        assert_eq!(without(query, "key", |value| value == "x"), "a=1&b=2&k%65y=y");
        assert_eq!(without("key=x", "key", |_| true), "");
    }

    #[test]
    fn a_method_that_is_asked_for_is_found() {
        for query in
            ["_method=DELETE", "a=b&_METHOD=put", "%5fmethod=x", "a;_method=x", "+_method=x"]
        {
            assert!(asks_for_a_method(query), "{query}");
        }
        for query in ["", "method=card", "[method]=card", "a=_method", "x_method=1", "_methods=1"] {
            assert!(!asks_for_a_method(query), "{query}");
        }
    }

    #[test]
    fn signs_are_encoded_as_hosts_would() {
        assert_eq!(as_sent(r#"q="a"&b='<>'"#).unwrap(), "q=%22a%22&b=%27%3C%3E%27");
        assert_eq!(as_sent("q=\u{fc}").unwrap(), "q=%C3%BC");
        assert!(matches!(as_sent("q=[1]{2}|^`!~"), Ok(Cow::Borrowed(_))));
        for query in ["q=\u{fffd}", "a b", "a#b", "a\n", "\u{7f}"] {
            assert_eq!(as_sent(query), Err(MalformedRequest::Target), "{query}");
        }
    }

    proptest! {
        #[test]
        fn what_is_taken_out_is_not_found_again(query in "[ -~]{0,40}", name in "[a-z]{1,4}") {
            let kept = without(&query, &name, |_| true);
            prop_assert!(!kept.split('&').any(|pair| Name::of(pair).is(&name)));
            // Any query is read without a panic.
            let _ = values(&query, &name).map(Iterator::count);
        }
    }
}
