//! The addresses that webhooks may be sent to: over TLS, and on the public Internet. Otherwise a
//! creator of webhooks could make the issuer send requests inside its own network (SSRF).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

use crate::error::Error;

/// What is allowed in addition to https to public addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Plain http to any host. To loopback addresses, `private` alone permits it too.
    pub http: bool,
    /// Loopback and private addresses.
    pub private: bool,
}

impl Reach {
    /// Checks the URL itself. The addresses that a host name resolves to are checked at each
    /// connection.
    ///
    /// # Errors
    /// [`Error::Invalid`].
    pub fn check_url(self, text: &str) -> Result<Url, Error> {
        let invalid = |reason| Error::Invalid { field: "url", reason };
        let url = Url::parse(text)
            .map_err(|_| invalid("must be a URL such as https://example.com/hook"))?;
        if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
            return Err(invalid("must have neither user, password nor fragment"));
        }
        if text.len() > 2000 {
            return Err(invalid("must be at most 2000 characters"));
        }
        let (address, local_name) = match url.host() {
            None => return Err(invalid("must name a host")),
            Some(Host::Domain(name)) => (None, is_local_name(name)),
            Some(Host::Ipv4(address)) => (Some(IpAddr::V4(address)), false),
            Some(Host::Ipv6(address)) => (Some(IpAddr::V6(address)), false),
        };
        let loopback =
            local_name || address.is_some_and(|address| address.to_canonical().is_loopback());
        match url.scheme() {
            "https" => {}
            "http" if self.http || (loopback && self.private) => {}
            _ => return Err(invalid("must begin with https://")),
        }
        if !self.private && (local_name || address.is_some_and(|address| !is_public(address))) {
            return Err(invalid(
                "must not lead to a loopback or private address; the issuer's operator may allow \
                 them with --webhooks-allow-private",
            ));
        }
        Ok(url)
    }
}

fn is_local_name(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name.eq_ignore_ascii_case("localhost") || name.to_ascii_lowercase().ends_with(".localhost")
}

/// Resolves names with the system's resolver and drops addresses out of reach. The client connects
/// only to the addresses returned here, so a second resolution can't bypass the check.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resolver(pub(super) Reach);

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let reach = self.0;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed = found.filter(|found| reach.private || is_public(found.ip()));
            let allowed: Vec<_> = allowed.collect();
            if allowed.is_empty() {
                return Err("the host has no public address".into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

/// Whether an address is on the public Internet, according to the special-purpose registries (RFC
/// 6890 and its successors).
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_documentation()
        || address.is_multicast()
        || a == 0
        || a >= 240
        || (a == 100 && (64..128).contains(&b))
        || (a == 192 && b == 0 && c == 0)
        || (a == 192 && b == 88 && c == 99)
        || (a == 198 && (b == 18 || b == 19));
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    let [a, b, c, _, _, _, y, z] = address.segments();
    let [(p, q), (r, s)] = [y, z].map(|part| {
        let [high, low] = part.to_be_bytes();
        (high, low)
    });
    let embedded = Ipv4Addr::new(p, q, r, s);
    match (a, b) {
        // An IPv4 address behind a NAT64 translator.
        (0x64, 0xff9b) => c == 0 && is_public_v4(embedded),
        // 6to4, Teredo and other protocol assignments, documentation.
        (0x2002, _) | (0x2001, 0..=0x01ff) | (0x2001, 0x0db8) | (0x3fff, 0..=0x0fff) => false,
        // All other public addresses are global unicast.
        (0x2000..=0x3fff, _) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTHING: Reach = Reach { http: false, private: false };
    const PRIVATE: Reach = Reach { http: false, private: true };
    const HTTP: Reach = Reach { http: true, private: false };

    #[test]
    fn public_https_is_in_reach_and_the_rest_must_be_allowed() {
        for (url, nothing, private, http) in [
            ("https://example.com/hook?a=b", true, true, true),
            ("https://93.184.216.34/", true, true, true),
            ("https://[2606:4700::1]/", true, true, true),
            ("http://example.com/", false, false, true),
            ("http://127.0.0.1:9/", false, true, false),
            ("http://localhost:9/", false, true, false),
            ("https://localhost/", false, true, false),
            ("https://127.1/", false, true, false),
            ("https://2130706433/", false, true, false),
            ("https://[::1]/", false, true, false),
            ("https://[::ffff:10.0.0.1]/", false, true, false),
            ("https://169.254.169.254/latest", false, true, false),
            ("http://10.0.0.1/", false, false, false),
            ("ftp://example.com/", false, false, false),
            ("https://a:b@example.com/", false, false, false),
            ("https://example.com/#x", false, false, false),
            ("nonsense", false, false, false),
        ] {
            assert_eq!(NOTHING.check_url(url).is_ok(), nothing, "{url}");
            assert_eq!(PRIVATE.check_url(url).is_ok(), private, "{url}");
            assert_eq!(HTTP.check_url(url).is_ok(), http, "{url}");
        }
    }

    #[test]
    fn special_addresses_are_not_public() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.1.1",
            "172.16.0.1",
            "192.0.0.8",
            "192.168.0.1",
            "198.18.0.1",
            "203.0.113.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd12::1",
            "ff02::1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001:db8::1",
            "::ffff:192.168.0.1",
        ] {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in
            ["1.1.1.1", "100.63.0.1", "172.32.0.1", "2606:4700::1111", "64:ff9b::101:101"]
        {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }
}
