//! One policy: what it restricts, what it grants, and its rate class.
//!
//! ```text
//! 1  which lists follow, a set of bits; a list that doesn't follow is empty
//! then each of them: 2 bytes of length (not 0), and that many bytes of items, strictly ascending:
//!   bit 0  IPv4 networks    5 bytes each: address, bits
//!   bit 1  IPv6 networks   17 bytes each: address, bits
//!   bit 2  origins          texts, each behind its length in 1 byte
//!   bit 3  methods          texts
//!   bit 4  paths            texts
//!   bit 5  scopes           texts
//!   bit 6  sales channels   texts
//!   bit 7  rate class       one text
//! ```

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::policy::{Network, path, scope};
use crate::wire::{Reader, WireError};

/// The longest policy: with its number it fits a body of its own.
pub(crate) const MAX_POLICY_LEN: usize = 8000;

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

    const fn name(self) -> &'static str {
        match self {
            Self::Ipv4 | Self::Ipv6 => "networks",
            Self::Origins => "origins",
            Self::Methods => "methods",
            Self::Paths => "paths",
            Self::Scopes => "scopes",
            Self::SalesChannels => "sales channels",
            Self::RateClass => "rate class",
        }
    }

    /// Whether `text` may stand in this list.
    fn admits(self, text: &[u8]) -> bool {
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

    /// Refuses whatever is not the one spelling of this list.
    fn check(self, list: &[u8]) -> Result<(), WireError> {
        let refused = WireError::NotCanonical(self.name());
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
                // An empty text does not ascend above the empty one that this starts from.
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

/// Whether fixed items fill a list, ascend strictly, and are each of their kind.
fn ascends<const N: usize>(
    (items, rest): (&[[u8; N]], &[u8]),
    is_item: impl Fn(&[u8; N]) -> bool,
) -> bool {
    rest.is_empty()
        && items.iter().all(is_item)
        && items.windows(2).all(|pair| matches!(pair, [a, b] if a < b))
}

fn ipv4(&[a, b, c, d, bits]: &[u8; 5]) -> Option<Network> {
    Network::new(IpAddr::V4(Ipv4Addr::new(a, b, c, d)), bits)
}

fn ipv6([address @ .., bits]: &[u8; 17]) -> Option<Network> {
    Network::new(IpAddr::V6(Ipv6Addr::from(*address)), *bits)
}

fn is_label(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'
}

fn is_word(text: &[u8], max: usize) -> bool {
    let is_word = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    (1..=max).contains(&text.len()) && text.iter().all(is_word)
}

/// A method as the registry of RFC 9110 spells them. `get` is another method than `GET`, and only
/// ever a slip.
fn is_method(text: &[u8]) -> bool {
    is_word(text, 32) && !text.iter().any(u8::is_ascii_lowercase)
}

/// An origin as a browser would send it (RFC 6454): `scheme://host[:port]`, lower case, no port
/// where it is the scheme's own.
fn is_origin(text: &[u8]) -> bool {
    let Some(at) = text.windows(3).position(|three| three == b"://") else { return false };
    let (scheme, rest) = (text.get(..at), text.get(at + 3..));
    let (Some(scheme), Some(rest)) = (scheme, rest) else { return false };
    let Some((first, more)) = scheme.split_first() else { return false };
    let is_scheme =
        first.is_ascii_lowercase() && more.iter().all(|b| is_label(*b) || matches!(b, b'+' | b'.'));
    let (host, port) = match rest.iter().rposition(|b| *b == b':') {
        // A colon inside of brackets belongs to the address.
        Some(colon) if rest.last() != Some(&b']') => (rest.get(..colon), rest.get(colon + 1..)),
        _ => (Some(rest), None),
    };
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
    let number = text.iter().try_fold(0_u32, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0'))
    });
    text.len() <= 5
        && text.first() != Some(&b'0')
        && number.is_some_and(|n| (1..=65_535).contains(&n))
}

/// A policy inside of a body, validated from end to end.
///
/// [`Policy::NONE`] is that of a key without one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Policy<'a> {
    lists: [&'a [u8]; 8],
}

impl<'a> Policy<'a> {
    /// No policy, number 0: nothing is granted, nothing is restricted.
    pub const NONE: Self = Self { lists: [&[]; 8] };

    /// Finds the lists of a policy.
    ///
    /// # Errors
    /// [`WireError`] where they don't fill `record`; their items are not looked at.
    pub(crate) fn split(record: &'a [u8]) -> Result<Self, WireError> {
        let mut reader = Reader::new(record);
        let flags = reader.u8()?;
        let mut policy = Self::NONE;
        for (bit, list) in policy.lists.iter_mut().enumerate() {
            if flags >> bit & 1 == 1 {
                let len = reader.u16()?;
                if len == 0 {
                    return Err(WireError::NotCanonical("policy"));
                }
                *list = reader.bytes(len.into())?;
            }
        }
        reader.finish()?;
        Ok(policy)
    }

    /// Reads a policy.
    ///
    /// # Errors
    /// [`WireError`] for whatever is not the one spelling of a policy.
    pub fn decode(record: &'a [u8]) -> Result<Self, WireError> {
        if record.len() > MAX_POLICY_LEN {
            return Err(WireError::NotCanonical("policy"));
        }
        let policy = Self::split(record)?;
        for kind in List::ALL {
            let list = policy.list(kind);
            if !list.is_empty() {
                kind.check(list)?;
            }
        }
        Ok(policy)
    }

    pub(crate) fn list(&self, list: List) -> &'a [u8] {
        self.lists.get(list as usize).copied().unwrap_or_default()
    }

    pub(crate) fn items(&self, list: List) -> Items<'a> {
        Items(self.list(list))
    }

    /// The networks that a client may call from; none for anywhere.
    pub fn networks(&self) -> impl Iterator<Item = Network> + use<'a> {
        let (v4, _) = self.list(List::Ipv4).as_chunks();
        let (v6, _) = self.list(List::Ipv6).as_chunks();
        v4.iter().filter_map(ipv4).chain(v6.iter().filter_map(ipv6))
    }

    /// The origins that a page may call from; none for any, and for no page at all.
    #[must_use]
    pub fn origins(&self) -> Texts<'a> {
        Texts(self.items(List::Origins))
    }

    /// The methods that are allowed; none for all.
    #[must_use]
    pub fn methods(&self) -> Texts<'a> {
        Texts(self.items(List::Methods))
    }

    /// The patterns of the paths that are allowed; none for all.
    #[must_use]
    pub fn paths(&self) -> Texts<'a> {
        Texts(self.items(List::Paths))
    }

    /// The scopes that are granted; none for none.
    #[must_use]
    pub fn scopes(&self) -> Texts<'a> {
        Texts(self.items(List::Scopes))
    }

    /// The sales channels that are granted; none for none.
    #[must_use]
    pub fn sales_channels(&self) -> Texts<'a> {
        Texts(self.items(List::SalesChannels))
    }

    /// The rate class, a label that a gate maps to what its platform offers.
    #[must_use]
    pub fn rate_class(&self) -> Option<&'a str> {
        Texts(self.items(List::RateClass)).next()
    }
}

impl core::fmt::Debug for Policy<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Policy")
            .field("origins", &self.origins())
            .field("methods", &self.methods())
            .field("paths", &self.paths())
            .field("scopes", &self.scopes())
            .field("sales_channels", &self.sales_channels())
            .field("rate_class", &self.rate_class())
            .finish_non_exhaustive()
    }
}

/// The texts of a list as they stand there.
#[derive(Clone, Copy)]
pub(crate) struct Items<'a>(&'a [u8]);

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

/// The texts of one list of a policy, ascending.
#[derive(Clone, Copy)]
pub struct Texts<'a>(Items<'a>);

impl<'a> Iterator for Texts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<Self::Item> {
        core::str::from_utf8(self.0.next()?).ok()
    }
}

impl core::fmt::Debug for Texts<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(*self).finish()
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

    #[test]
    fn a_record_has_one_spelling() {
        let refused = |record: &[u8]| Policy::decode(record).unwrap_err();
        assert_eq!(Policy::decode(&[0]), Ok(Policy::NONE));
        assert_eq!(refused(&[]), WireError::Truncated);
        assert_eq!(refused(&[0, 0]), WireError::TrailingBytes);
        assert_eq!(refused(b"\x08\0\0"), WireError::NotCanonical("policy"));
        assert_eq!(refused(b"\x08\0\x05\x03GET"), WireError::Truncated);
        assert!(Policy::decode(b"\x08\0\x04\x03GET").is_ok());
        assert!(Policy::decode(b"\x08\0\x08\x03GET\x03PUT").is_ok());
        assert_eq!(refused(b"\x08\0\x08\x03PUT\x03GET"), WireError::NotCanonical("methods"));
        assert_eq!(refused(b"\x08\0\x08\x03GET\x03GET"), WireError::NotCanonical("methods"));
        assert_eq!(refused(b"\x08\0\x05\x03GET\0"), WireError::NotCanonical("methods"));
        assert_eq!(refused(b"\x08\0\x01\0"), WireError::NotCanonical("methods"));
        assert_eq!(refused(b"\x08\0\x04\x04GET"), WireError::NotCanonical("methods"));
        assert_eq!(refused(b"\x80\0\x04\x01a\x01b"), WireError::NotCanonical("rate class"));
        assert_eq!(Policy::decode(b"\x80\0\x02\x01a").unwrap().rate_class(), Some("a"));
        assert!(Policy::decode(b"\x01\0\x05\x0a\0\0\0\x08").is_ok());
        for record in [
            b"\x01\0\x05\x0a\0\0\x01\x08".as_slice(),
            b"\x01\0\x05\x0a\0\0\0\x21",
            b"\x01\0\x04\x0a\0\0\0",
            b"\x01\0\x0a\x0a\0\0\0\x08\x0a\0\0\0\x08",
            b"\x01\0\x0a\x0a\0\0\0\x09\x0a\0\0\0\x08",
        ] {
            assert_eq!(refused(record), WireError::NotCanonical("networks"));
        }
        let mut mapped = [0; 20];
        mapped[..3].copy_from_slice(&[2, 0, 17]);
        assert!(Policy::decode(&mapped).is_ok());
        mapped[13..15].copy_from_slice(&[0xFF, 0xFF]);
        mapped[19] = 96;
        assert_eq!(refused(&mapped), WireError::NotCanonical("networks"));
        assert_eq!(refused(&[0; MAX_POLICY_LEN + 1]), WireError::NotCanonical("policy"));
    }
}
