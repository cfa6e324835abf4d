//! The lists of a policy, and the valid items of each.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::field::Field;
use crate::policy::{Network, path, scope};
use crate::wire::WireError;

/// The lists of a policy, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    Ipv4,
    Ipv6,
    Origins,
    Methods,
    Paths,
    Scopes,
    SalesChannels,
    RateClass,
}

impl List {
    pub(crate) const ALL: [Self; 8] = [
        Self::Ipv4,
        Self::Ipv6,
        Self::Origins,
        Self::Methods,
        Self::Paths,
        Self::Scopes,
        Self::SalesChannels,
        Self::RateClass,
    ];

    const fn field(self) -> Field {
        match self {
            Self::Ipv4 | Self::Ipv6 => Field::Networks,
            Self::Origins => Field::Origins,
            Self::Methods => Field::Methods,
            Self::Paths => Field::Paths,
            Self::Scopes => Field::Scopes,
            Self::SalesChannels => Field::SalesChannels,
            Self::RateClass => Field::RateClass,
        }
    }

    /// Whether `text` is a valid item of this list.
    pub(crate) fn admits(self, text: &[u8]) -> bool {
        match self {
            Self::Ipv4 | Self::Ipv6 => false,
            Self::Origins => is_origin(text),
            Self::Methods => is_method(text),
            Self::Paths => path::is_pattern(text),
            Self::Scopes => scope::is_scope(text, true),
            Self::SalesChannels => is_word(text, 64),
            Self::RateClass => is_word(text, 32) && text.iter().all(|b| is_label(*b)),
        }
    }

    /// Refuses anything but the one encoding of this list.
    pub(crate) fn check(self, list: &[u8]) -> Result<(), WireError> {
        let refused = WireError::NotCanonical(self.field());
        let canonical = match self {
            Self::Ipv4 => ascends(list.as_chunks::<5>(), |item| ipv4(item).is_some()),
            Self::Ipv6 => ascends(list.as_chunks::<17>(), |item| ipv6(item).is_some()),
            Self::Origins
            | Self::Methods
            | Self::Paths
            | Self::Scopes
            | Self::SalesChannels
            | Self::RateClass => {
                let mut texts = Items(list);
                let mut last: &[u8] = &[];
                let mut canonical = true;
                // Starting from the empty text also refuses empty items.
                for text in &mut texts {
                    canonical &= last < text && self.admits(text);
                    last = text;
                }
                let is_one = list.len() == 1 + last.len();
                canonical && texts.is_empty() && (is_one || self != Self::RateClass)
            }
        };
        if canonical { Ok(()) } else { Err(refused) }
    }
}

/// Whether fixed-size items fill a list, ascend strictly and are all valid.
fn ascends<const N: usize>(
    (items, rest): (&[[u8; N]], &[u8]),
    is_item: impl Fn(&[u8; N]) -> bool,
) -> bool {
    rest.is_empty()
        && items.iter().all(is_item)
        && items.windows(2).all(|pair| matches!(pair, [a, b] if a < b))
}

pub(crate) fn ipv4(&[a, b, c, d, bits]: &[u8; 5]) -> Option<Network> {
    Network::new(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), bits)
}

pub(crate) fn ipv6([address @ .., bits]: &[u8; 17]) -> Option<Network> {
    Network::new(IpAddr::V6(Ipv6Addr::from(*address)), *bits)
}

fn is_label(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

fn is_word(text: &[u8], max: usize) -> bool {
    let is_word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    (1..=max).contains(&text.len()) && text.iter().all(is_word)
}

/// A method as RFC 9110's registry spells it. `get` is another method than `GET`, and always a
/// mistake.
fn is_method(text: &[u8]) -> bool {
    is_word(text, 32) && !text.iter().any(u8::is_ascii_lowercase)
}

/// An origin as a browser sends it (RFC 6454): `scheme://host[:port]`, in lower case, without the
/// scheme's default port.
fn is_origin(text: &[u8]) -> bool {
    let Some(at) = text.windows(3).position(|three| three == b"://") else { return false };
    let (scheme, rest) = (text.get(..at), text.get(at + 3..));
    let (Some(scheme), Some(rest)) = (scheme, rest) else { return false };
    let Some((first, more)) = scheme.split_first() else { return false };
    let is_scheme =
        first.is_ascii_lowercase() && more.iter().all(|b| is_label(*b) || matches!(b, b'+' | b'.'));
    let (host, port) = match rest.iter().rposition(|b| *b == b':') {
        // A colon inside brackets belongs to the address.
        Some(colon) if rest.last() != Some(&b']') => (rest.get(..colon), rest.get(colon + 1..)),
        _ => (Some(rest), None),
    };
    // The host: an IPv6 address in brackets, or a name.
    let is_host = match host {
        Some([b'[', address @ .., b']']) => {
            address.contains(&b':')
                && address.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b':'))
        }
        Some(name) => {
            !name.is_empty() && name.iter().all(|b| is_label(*b) || matches!(b, b'.' | b'_'))
        }
        None => false,
    };
    let is_port = match (scheme, port) {
        (_, None) => true,
        (b"http", Some(b"80")) | (b"https", Some(b"443")) => false,
        (_, Some(port)) => is_port(port),
    };
    is_scheme && is_host && is_port
}

/// A number of 1 to 65535 without leading zeros.
fn is_port(text: &[u8]) -> bool {
    let number = text.iter().try_fold(0_u16, |number, digit| {
        let digit = digit.is_ascii_digit().then(|| digit - b'0')?;
        number.checked_mul(10)?.checked_add(digit.into())
    });
    text.first() != Some(&b'0') && number.is_some_and(|number| number > 0)
}

/// The texts of a list, in order.
#[derive(Clone, Copy)]
pub(crate) struct Items<'a>(pub(crate) &'a [u8]);

impl Items<'_> {
    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<'a> Iterator for Items<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        let (len, rest) = self.0.split_first()?;
        let (text, rest) = rest.split_at_checked(usize::from(*len))?;
        self.0 = rest;
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_as_a_browser_sends_them() {
        for text in [
            "https://shop.example",
            "http://localhost:3000",
            "https://a.b-c_d.example:8443",
            "http://[::1]:8080",
            "https://[2001:db8::1]",
            "capacitor://localhost",
            "http://a:443",
            "chrome-extension://abcdefgh",
            "http://127.0.0.1",
            "https://a:65535",
        ] {
            assert!(is_origin(text.as_bytes()), "{text}");
        }
        for text in [
            "",
            "null",
            "*",
            "https://",
            "://a",
            "https://*.shop.example",
            "https://Shop.example",
            "HTTPS://shop.example",
            "https://shop.example/",
            "https://shop.example:443",
            "http://a:80",
            "https://a:",
            "https://a:0",
            "https://a:065",
            "https://a:65536",
            "https://a:100000",
            "https://a:99999999999999999999",
            "https://a:b",
            "https://u@a",
            "https://a:1:2",
            "https://[::1",
            "https://::1",
            "https://[]",
            "https://[a]",
            "1http://a",
            "https:/a",
            "https://a b",
            "https://shop.example?x",
        ] {
            assert!(!is_origin(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn methods_and_words() {
        for text in ["GET", "M-SEARCH", "VERSION_2", "X"] {
            assert!(is_method(text.as_bytes()), "{text}");
        }
        for text in ["", "get", "Get", "GET ", "*", "A\u{c9}"] {
            assert!(!is_method(text.as_bytes()), "{text}");
        }
        assert!(is_word(&[b'a'; 64], 64) && !is_word(&[b'a'; 65], 64));
        assert!(List::RateClass.admits(b"gold-2") && !List::RateClass.admits(b"Gold"));
        assert!(!List::RateClass.admits(&[b'a'; 33]) && !List::RateClass.admits(b""));
    }
}
