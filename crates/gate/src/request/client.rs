//! The client's address, and the host and scheme that it asked for.

use core::net::{IpAddr, SocketAddr};

use portcullis_core::policy::Network;

use crate::request::received::Received;

/// How the client's address is determined: `CLIENT_ADDRESS`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ClientAddress {
    /// Not at all: it is unknown.
    #[default]
    Unknown,
    /// `CF-Connecting-IP`, which Cloudflare sets and a client can't override.
    Cloudflare,
    /// The connection's peer.
    Peer,
    /// The connection's peer, or the address in its `X-Forwarded-For` if the peer is one of these
    /// proxies.
    Forwarded(Vec<Network>),
}

/// The client's address, and the requested host and scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Client<'a> {
    pub(crate) address: Option<IpAddr>,
    pub(crate) host: &'a str,
    pub(crate) scheme: &'a str,
}

impl ClientAddress {
    /// Whether Cloudflare's fields can be trusted here, rather than come from a client.
    #[must_use]
    pub const fn trusts_cloudflare(&self) -> bool {
        matches!(self, Self::Cloudflare)
    }

    /// Whether the host has to know the connection's peer.
    #[must_use]
    pub const fn needs_peer(&self) -> bool {
        matches!(self, Self::Peer | Self::Forwarded(_))
    }

    pub(crate) fn locate<'a>(&self, received: &Received<'a>) -> Client<'a> {
        let Received { host, scheme, fields, .. } = *received;
        let field = |name: &str| {
            let found = fields.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| value.trim_ascii())
        };
        let peer = received.peer.and_then(read_address);
        let own = |address| Client { address, host, scheme };
        match self {
            Self::Unknown => own(None),
            Self::Cloudflare => own(field("cf-connecting-ip").and_then(read_address)),
            Self::Peer => own(peer),
            Self::Forwarded(proxies) => {
                let is_proxy = |address: IpAddr| proxies.iter().any(|one| one.contains(address));
                // The forwarding fields count only if a trusted proxy set them.
                if !peer.is_some_and(is_proxy) {
                    return own(peer);
                }
                let hops = field("x-forwarded-for").unwrap_or_default();
                let forwarded_host = field("x-forwarded-host").filter(|host| is_host(host));
                let forwarded_scheme = field("x-forwarded-proto");
                Client {
                    address: last_untrusted(peer, hops, is_proxy),
                    host: forwarded_host.unwrap_or(host),
                    scheme: match forwarded_scheme {
                        Some("https") => "https",
                        Some("http") => "http",
                        Some(_) | None => scheme,
                    },
                }
            }
        }
    }
}

/// The address that the last trusted proxy saw: the rightmost that isn't a proxy's. Addresses
/// further left can be forged. `None` if a hop isn't an address.
fn last_untrusted(
    peer: Option<IpAddr>,
    hops: &str,
    is_proxy: impl Fn(IpAddr) -> bool,
) -> Option<IpAddr> {
    let mut seen = peer;
    for hop in hops.rsplit(',').map(str::trim_ascii) {
        if hop.is_empty() && hops.trim_ascii().is_empty() {
            break;
        }
        seen = Some(read_address(hop)?);
        if !seen.is_some_and(&is_proxy) {
            break;
        }
    }
    seen
}

/// An address, possibly with a port, IPv6 possibly in brackets.
fn read_address(text: &str) -> Option<IpAddr> {
    let text = text.trim_ascii();
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse().ok();
    address.or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
}

/// Whether a text holds only characters of a host and port, so that it can't split a field.
fn is_host(text: &str) -> bool {
    let is_sign =
        |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    (1..=255).contains(&text.len()) && text.bytes().all(is_sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locate(how: &ClientAddress, peer: Option<&str>, fields: &[(&str, &str)]) -> Option<String> {
        let received =
            Received { peer, host: "api.example", scheme: "http", fields, ..Received::default() };
        how.locate(&received).address.map(|address| address.to_string())
    }

    fn proxies() -> ClientAddress {
        ClientAddress::Forwarded(vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()])
    }

    #[test]
    fn each_source_is_believed_alone() {
        let fields = [("cf-connecting-ip", "192.0.2.9"), ("x-forwarded-for", "192.0.2.8")];
        let peer = Some("127.0.0.1:4711");
        let at = |how: &ClientAddress| locate(how, peer, &fields);
        assert_eq!(at(&ClientAddress::Unknown), None);
        assert_eq!(at(&ClientAddress::Cloudflare).as_deref(), Some("192.0.2.9"));
        assert_eq!(at(&ClientAddress::Peer).as_deref(), Some("127.0.0.1"));
        assert_eq!(at(&proxies()).as_deref(), Some("127.0.0.1"), "it is no trusted proxy");
        assert_eq!(
            locate(&ClientAddress::Cloudflare, peer, &[("cf-connecting-ip", "192.0.2.9, 1.1.1.1")]),
            None
        );
        assert_eq!(
            locate(&ClientAddress::Peer, Some("[2001:db8::1]:80"), &[]).as_deref(),
            Some("2001:db8::1")
        );
    }

    #[test]
    fn trusted_proxies_are_walked_from_the_right() {
        for (peer, hops, expected) in [
            ("10.0.0.1:1", "", Some("10.0.0.1")),
            ("10.0.0.1:1", "192.0.2.9", Some("192.0.2.9")),
            ("10.0.0.1:1", "203.0.113.1, 192.0.2.9", Some("192.0.2.9")),
            ("10.0.0.1:1", "192.0.2.9, 10.0.0.2", Some("192.0.2.9")),
            ("[::1]:1", "192.0.2.9:55, 10.0.0.2", Some("192.0.2.9")),
            ("10.0.0.1:1", "[2001:db8::1]", Some("2001:db8::1")),
            ("10.0.0.1:1", "10.0.0.3, 10.0.0.2", Some("10.0.0.3")),
            ("10.0.0.1:1", "unknown", None),
            ("10.0.0.1:1", "192.0.2.9,", None),
            ("192.0.2.1:1", "10.0.0.1", Some("192.0.2.1")),
        ] {
            let found = locate(&proxies(), Some(peer), &[("x-forwarded-for", hops)]);
            assert_eq!(found.as_deref(), expected, "{peer} {hops}");
        }
        assert_eq!(locate(&proxies(), None, &[("x-forwarded-for", "192.0.2.9")]), None);
    }

    #[test]
    fn host_and_scheme_are_a_trusted_proxys_if_there_is_one() {
        let fields = [("x-forwarded-host", "shop.example"), ("x-forwarded-proto", "https")];
        let fields = fields.as_slice();
        let received =
            Received { host: "gate:8787", scheme: "http", fields, ..Received::default() };
        let trusted = Received { peer: Some("10.0.0.1"), ..received };
        let Client { host, scheme, .. } = proxies().locate(&trusted);
        assert_eq!((host, scheme), ("shop.example", "https"));
        let other = Received { peer: Some("192.0.2.1"), ..received };
        let Client { host, scheme, .. } = proxies().locate(&other);
        assert_eq!((host, scheme), ("gate:8787", "http"));
    }
}
