//! Policies and files built byte by byte, valid or not. The example `cases` shares this file.

use portcullis_core::issue::name_file;

use super::shape::{Named, unhex};

/// The lists, by their bits.
pub(crate) const IPV4: u8 = 0;
pub(crate) const IPV6: u8 = 1;
pub(crate) const ORIGINS: u8 = 2;
pub(crate) const METHODS: u8 = 3;
pub(crate) const PATHS: u8 = 4;
pub(crate) const SCOPES: u8 = 5;
pub(crate) const SALES_CHANNELS: u8 = 6;
pub(crate) const RATE_CLASS: u8 = 7;

pub(crate) const PUBLIC: u8 = 1;
pub(crate) const PRIVATE: u8 = 2;

/// A policy of these lists, which must be in the order of their bits.
pub(crate) fn policy(lists: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let bits = lists.iter().fold(0_u16, |bits, (bit, _)| bits | 1 << bit);
    let mut out = bits.to_be_bytes().to_vec();
    for (_, list) in lists {
        out.extend(u16::try_from(list.len()).unwrap().to_be_bytes());
        out.extend(list);
    }
    out
}

/// The empty policy: it says nothing.
pub(crate) const EMPTY: &[u8] = &[0, 0];

/// A policy with one list of texts, in this order.
pub(crate) fn one_list(bit: u8, items: &[&str]) -> Vec<u8> {
    policy(&[(bit, texts(items))])
}

pub(crate) fn texts(items: &[&str]) -> Vec<u8> {
    let text = |item: &&str| [&[u8::try_from(item.len()).unwrap()], item.as_bytes()].concat();
    items.iter().flat_map(text).collect()
}

/// Networks in CIDR notation; host bits are kept.
pub(crate) fn networks(items: &[&str]) -> Vec<u8> {
    let network = |item: &&str| {
        let (address, bits) = item.split_once('/').unwrap();
        let mut bytes = match address.parse().unwrap() {
            std::net::IpAddr::V4(address) => address.octets().to_vec(),
            std::net::IpAddr::V6(address) => address.octets().to_vec(),
        };
        bytes.push(bits.parse().unwrap());
        bytes
    };
    items.iter().flat_map(network).collect()
}

/// A policy of `length` bytes that grants the sales channel `x`.
pub(crate) fn of_length(length: usize) -> Vec<u8> {
    // After set, length and `x` come texts of 64 bytes, and four that share the rest.
    let mut channels: Vec<String> = (0..(length - 202) / 65).map(|i| format!("{i:064}")).collect();
    let left = length - 6 - 65 * channels.len();
    for (at, letter) in ["a", "b", "c", "d"].into_iter().enumerate() {
        let share = left * (at + 1) / 4 - left * at / 4;
        channels.push(letter.repeat(share - 1));
    }
    channels.push("x".into());
    let items: Vec<&str> = channels.iter().map(String::as_str).collect();
    let policy = one_list(SALES_CHANNELS, &items);
    assert_eq!(policy.len(), length);
    policy
}

pub(crate) fn body(visibility: u8, policies: &[(u32, &[u8])]) -> Vec<u8> {
    let mut out = [b"PCP\x01", &[visibility][..]].concat();
    if visibility == PRIVATE {
        out.extend([0x5A; 32]);
    }
    out.extend(u16::try_from(policies.len()).unwrap().to_be_bytes());
    let mut end = 0;
    for (number, policy) in policies {
        end += policy.len();
        out.extend(number.to_be_bytes());
        out.extend(u16::try_from(end).unwrap().to_be_bytes());
    }
    policies.iter().for_each(|(_, policy)| out.extend(*policy));
    out
}

/// A public directory: the first number of each range, and the file for it.
pub(crate) fn directory(level: u8, ranges: &[(u32, &[u8])]) -> Vec<u8> {
    let ranges: Vec<_> = ranges.iter().map(|(first, file)| (*first, named(file))).collect();
    directory_of(PUBLIC, level, &ranges)
}

/// A directory of files that may not exist.
pub(crate) fn directory_of(visibility: u8, level: u8, ranges: &[(u32, Named)]) -> Vec<u8> {
    let mut out = [b"PCD\x01", &[visibility, level][..]].concat();
    out.extend(u16::try_from(ranges.len()).unwrap().to_be_bytes());
    for (first, Named { digest, length }) in ranges {
        out.extend(first.to_be_bytes());
        out.extend(length.to_be_bytes());
        out.extend(unhex(digest));
    }
    out
}

pub(crate) fn named(file: &[u8]) -> Named {
    let name = name_file(file);
    Named { digest: name.digest.to_string(), length: name.len }
}

/// The name of a file that doesn't exist.
pub(crate) fn elsewhere() -> Named {
    named(b"elsewhere")
}
