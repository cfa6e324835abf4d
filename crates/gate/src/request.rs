//! A request as the gate sees it: plain texts, whatever runtime they came from.

use core::fmt;
use core::net::IpAddr;

/// What is known of a request. A header that is sent twice is one value with a comma in it.
#[derive(Clone, Copy, Default)]
pub struct Incoming<'a> {
    /// The method.
    pub method: &'a str,
    /// The path of the target as it will be sent on: not decoded, without the query.
    pub path: &'a str,
    /// The query, without the question mark; empty where there is none.
    pub query: &'a str,
    /// `Authorization`.
    pub authorization: Option<&'a str>,
    /// `X-API-Key`.
    pub x_api_key: Option<&'a str>,
    /// `x-publishable-api-key`.
    pub publishable_key: Option<&'a str>,
    /// `Origin`.
    pub origin: Option<&'a str>,
    /// The client's address, from the platform and never from a header that a client may set.
    pub address: Option<IpAddr>,
    /// `Access-Control-Request-Method`: with `Origin` and the method `OPTIONS` it makes a preflight.
    pub preflight_for: Option<&'a str>,
    /// Whether the client asks, with `portcullis-debug`, what was found of its key.
    pub debug: bool,
}

impl<'a> Incoming<'a> {
    /// The method that a browser asks about before it sends a request to another origin (Fetch
    /// standard, CORS-preflight request). Such a request carries no credentials.
    #[must_use]
    pub fn preflight(&self) -> Option<&'a str> {
        self.preflight_for.filter(|_| self.method == "OPTIONS" && self.origin.is_some())
    }
}

/// Splits what follows the host in a URL into path and query.
#[must_use]
pub fn path_and_query(target: &str) -> (&str, &str) {
    let target = target.split_once('#').map_or(target, |(target, _)| target);
    target.split_once('?').unwrap_or((target, ""))
}

impl fmt::Debug for Incoming<'_> {
    /// Without credentials, and without the query, which may hold one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Incoming")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("origin", &self.origin)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// The values of a query's parameter: each pair whose name reads as `name`, or as `name[…]` as
/// forms spell lists. Names are decoded first, because the origin decodes them; values are not.
pub fn parameters<'q>(query: &'q str, name: &str) -> impl Iterator<Item = &'q str> {
    query.split('&').filter(move |pair| is_named(pair, name)).map(|pair| {
        let value = pair.split_once('=').map(|(_, value)| value);
        value.unwrap_or_default()
    })
}

/// `query` without the parameter `name`.
#[must_use]
pub fn without_parameter(query: &str, name: &str) -> String {
    let kept: Vec<&str> = query.split('&').filter(|pair| !is_named(pair, name)).collect();
    kept.join("&")
}

fn is_named(pair: &str, name: &str) -> bool {
    let spelled = pair.split_once('=').map_or(pair, |(spelled, _)| spelled);
    let mut decoded = Decoded(spelled.bytes());
    let same = name.bytes().all(|byte| decoded.next() == Some(byte));
    same && matches!(decoded.next(), None | Some(b'['))
}

/// The bytes that a form's text stands for.
struct Decoded<'a>(core::str::Bytes<'a>);

impl Iterator for Decoded<'_> {
    type Item = u8;

    fn next(&mut self) -> Option<u8> {
        match self.0.next()? {
            b'+' => Some(b' '),
            b'%' => {
                let mut ahead = self.0.clone();
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                let (high, low) = (digit(ahead.next()), digit(ahead.next()));
                let Some(value) = high.zip(low).and_then(|(h, l)| u8::try_from(h << 4 | l).ok())
                else {
                    return Some(b'%');
                };
                self.0 = ahead;
                Some(value)
            }
            byte => Some(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_parameter_is_found_however_its_name_is_spelled() {
        let found = |query| parameters(query, "channel_id").collect::<Vec<_>>();
        assert_eq!(found("channel_id=a&x=b"), ["a"]);
        assert_eq!(found("channel_id[]=a&channel_id%5B%5D=b&channel%5fid[0]=c"), ["a", "b", "c"]);
        assert_eq!(found("channel_id&%63hannel_id="), ["", ""]);
        assert!(found("channel_idx=a&xchannel_id=b&channel%zid=c&x=channel_id=d").is_empty());
        assert!(found("").is_empty());
        assert_eq!(without_parameter("a=1&key=x&b=2&k%65y=y", "key"), "a=1&b=2");
        assert_eq!(without_parameter("key=x", "key"), "");
    }

    #[test]
    fn a_preflight_is_all_three_things() {
        let preflight = Incoming {
            method: "OPTIONS",
            origin: Some("https://shop.example"),
            preflight_for: Some("POST"),
            ..Incoming::default()
        };
        assert_eq!(preflight.preflight(), Some("POST"));
        assert_eq!(Incoming { method: "GET", ..preflight }.preflight(), None);
        assert_eq!(Incoming { origin: None, ..preflight }.preflight(), None);
        assert_eq!(Incoming { preflight_for: None, ..preflight }.preflight(), None);
    }

    proptest! {
        #[test]
        fn no_query_makes_it_panic(query in any::<String>(), name in "[a-z]{1,4}") {
            let kept = without_parameter(&query, &name);
            prop_assert_eq!(parameters(&kept, &name).count(), 0);
        }
    }
}
