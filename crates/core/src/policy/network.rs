//! Networks: an address whose host bits are zero, and a prefix length.

use core::fmt;
use core::net::{IpAddr, Ipv6Addr};

/// A network in CIDR notation, host bits zero.
///
/// Only IPv4 networks match IPv4 addresses, in any notation: every network treats
/// `::ffff:192.0.2.1` as 192.0.2.1, and a network inside `::ffff:0:0/96` is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// The network of all addresses that share the first `bits` bits of `address`. `None` if there
    /// are fewer bits, if a host bit is set, and for IPv4 written as IPv6.
    #[must_use]
    pub fn new(address: IpAddr, bits: u8) -> Option<Self> {
        let canonical = match address {
            IpAddr::V4(address) => {
                bits <= 32 && address.to_bits().checked_shl(bits.into()).unwrap_or(0) == 0
            }
            IpAddr::V6(address) => {
                bits <= 128
                    && address.to_bits().checked_shl(bits.into()).unwrap_or(0) == 0
                    && !is_mapped(address, bits)
            }
        };
        canonical.then_some(Self { address, bits })
    }

    /// The first address.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        self.address
    }

    /// The prefix length in bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.bits
    }

    /// Whether `address` is in the network.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        // `checked_shr`, because processors ignore a shift by all bits: for /0 nothing is compared.
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.checked_shr(32 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let differing = network.to_bits() ^ address.to_bits();
                differing.checked_shr(128 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

/// Whether all addresses of the network are IPv4 addresses written as IPv6.
fn is_mapped(address: Ipv6Addr, bits: u8) -> bool {
    bits >= 96 && address.to_ipv4_mapped().is_some()
}

impl fmt::Display for Network {
    /// CIDR notation.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

#[cfg(feature = "issue")]
impl core::str::FromStr for Network {
    type Err = crate::wire::WireError;

    /// Parses CIDR notation; a plain address is a network of one. Needs the feature `issue`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const FIELD: crate::wire::WireError =
            crate::wire::WireError::NotCanonical(crate::field::Field::Network);
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| FIELD)?;
        let bits = match (bits, address) {
            (Some(bits), _) => bits
                .parse()
                .ok()
                .filter(|_| bits.bytes().all(|b| b.is_ascii_digit()))
                .ok_or(FIELD)?,
            (None, IpAddr::V4(_)) => 32,
            (None, IpAddr::V6(_)) => 128,
        };
        Self::new(address, bits).ok_or(FIELD)
    }
}

#[cfg(all(test, feature = "issue"))]
mod tests {
    extern crate std;

    use super::*;
    use proptest::prelude::*;

    #[test]
    fn networks_match_by_bits_and_not_by_text() {
        let cases = [
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("10.0.0.0/8", "100.0.0.1", false),
            ("192.0.2.128/25", "192.0.2.127", false),
            ("192.0.2.128/25", "192.0.2.255", true),
            ("192.0.2.1/32", "192.0.2.1", true),
            ("192.0.2.1", "192.0.2.2", false),
            ("0.0.0.0/0", "255.255.255.255", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "1.2.3.4", false),
            ("::/0", "::ffff:1.2.3.4", false),
            ("1.2.3.0/24", "::ffff:1.2.3.4", true),
            ("1.2.3.0/24", "::1.2.3.4", false),
            ("2001:db8::/32", "2001:db8:ffff::1", true),
            ("2001:db8::/32", "2001:db9::", false),
            ("2001:db8::1", "2001:db8::1", true),
        ];
        for (text, address, inside) in cases {
            let network: Network = text.parse().unwrap();
            assert_eq!(network.contains(address.parse().unwrap()), inside, "{text} {address}");
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "/8",
            "10.0.0.0/",
            "10.0.0.0/33",
            "10.0.0.1/8",
            "10.0.0/8",
            "010.0.0.0/8",
            "10.0.0.0/+8",
            "10.0.0.0/8/8",
            "::/129",
            "2001:db8::1/64",
            "::ffff:1.2.3.0/120",
            "::ffff:0:0/96",
            " ::/0",
            "fe80::%1/64",
            "10.0.0.0/008x",
        ] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }

    /// Compares bit by bit.
    fn naive(network: &[u8], bits: u8, address: &[u8]) -> bool {
        let spread = |octets: &[u8]| -> std::vec::Vec<bool> {
            octets.iter().flat_map(|octet| (0..8).map(move |i| octet << i & 0x80 != 0)).collect()
        };
        let front = |octets| spread(octets).into_iter().take(bits.into());
        network.len() == address.len() && front(network).eq(front(address))
    }

    fn octets(address: IpAddr) -> std::vec::Vec<u8> {
        match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => match address.octets() {
                [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, v4 @ ..] => v4.to_vec(),
                octets => octets.to_vec(),
            },
        }
    }

    proptest! {
        #[test]
        fn containment_agrees_with_a_naive_model(
            base: u128, bits in 0..=128_u8, flip in 0..=128_u8, v4: bool, mapped: bool, noise: u128,
        ) {
            // An address near the network's edge: one bit may differ, and all after it.
            let tail = u128::MAX.checked_shr(u32::from(flip)).unwrap_or(0);
            let near = base ^ (noise & tail);
            let (network, address, bits) = if v4 {
                let top = |value: u128| core::net::Ipv4Addr::from_bits((value >> 96) as u32);
                let bits = bits.min(32);
                let kept = u32::MAX.checked_shl(32 - u32::from(bits)).unwrap_or(0);
                let network = core::net::Ipv4Addr::from_bits(top(base).to_bits() & kept);
                let address = top(near);
                let address = if mapped {
                    IpAddr::V6(address.to_ipv6_mapped())
                } else {
                    IpAddr::V4(address)
                };
                (IpAddr::V4(network), address, bits)
            } else {
                let kept = u128::MAX.checked_shl(128 - u32::from(bits)).unwrap_or(0);
                (IpAddr::V6((base & kept).into()), IpAddr::V6(near.into()), bits)
            };
            let held = Network::new(network, bits);
            prop_assume!(held.is_some());
            prop_assert_eq!(
                held.unwrap().contains(address),
                naive(&octets(network), bits, &octets(address))
            );
            prop_assert_eq!(std::format!("{}", held.unwrap()).parse(), Ok(held.unwrap()));
        }
    }
}
