//! Random list items, valid ones and almost valid ones.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::RngExt as _;
use proptest::test_runner::TestRng;

use super::build::{IPV4, IPV6, networks, policy, texts};
use crate::{chance, pick};

/// For each list, items that are allowed and items that are not.
const POOLS: [(&[&str], &[&str]); 8] = [
    (
        &["0.0.0.0/0", "10.0.0.0/8", "192.0.2.0/24", "192.0.2.128/25", "192.0.2.1/32"],
        &["10.0.0.1/8", "192.0.2.1/31", "10.0.0.0/33", "1.0.0.0/0"],
    ),
    (
        &["::/0", "2001:db8::/32", "2001:db8::/63", "::1/128", "::fffe:0:0/95", "::192.0.2.0/120"],
        &["::ffff:0:0/96", "::ffff:192.0.2.0/120", "2001:db8::1/64", "::/129", "::ffff:0:1/128"],
    ),
    (
        &[
            "https://shop.example",
            "https://shop.example:8443",
            "http://localhost:3000",
            "https://[2001:db8::1]",
            "http://[::1]:8080",
            "http://a:443",
            "app://x",
        ],
        &[
            "",
            "null",
            "*",
            "https://*.shop.example",
            "https://Shop.example",
            "https://a:443",
            "http://a:80",
            "https://a:0",
            "https://a:08",
            "https://a:65536",
            "https://[abc]",
            "https://a/",
        ],
    ),
    (&["GET", "HEAD", "M-SEARCH", "POST", "X_9"], &["", "get", "GET ", "G*", "G\u{c9}T"]),
    (
        &[
            "/",
            "/**",
            "/*",
            "/*/x",
            "/a/",
            "/a/*",
            "/a/*/b/**",
            "/store",
            "/store/**",
            "/caf%C3%A9",
            "/%2A",
        ],
        &["", "a", "/a//b", "/**/a", "/a*", "/%c3%A9", "/../a", "/a;b", "/a%2Fb", "/**/", "/***"],
    ),
    (
        &["*", "*:*", "*:read", "orders:*", "orders:*:own", "orders:read", "a.b-c_d", "a:b:c"],
        &["", "Orders", "a::b", "a*", "a:", "**", "a b"],
    ),
    (&["sc_1", "sc_2", "A-z0", "_"], &["", "sc 1", "sc.1", "*"]),
    (&["gold", "silver-2"], &["", "Gold", "gold_2"]),
];

/// The items of a policy as texts, by list.
pub(super) type Lists = [Vec<String>; 8];

/// The items of a policy, and its encoding, which may have faults.
pub(super) fn random(rng: &mut TestRng, faults: bool) -> (Lists, Vec<u8>) {
    let mut lists = Lists::default();
    let mut coded = Vec::new();
    for (bit, items) in (0_u8..).zip(&mut lists) {
        if !chance(rng, 35) {
            continue;
        }
        *items = (0..*pick(rng, &[1, 1, 2, 3])).map(|_| item(rng, bit, faults)).collect();
        if bit == 7 && !(faults && chance(rng, 10)) {
            items.truncate(1);
        }
        let mut list = encoded(bit, items, !(faults && chance(rng, 5)));
        if faults && chance(rng, 4) {
            crate::spoil::disturb(rng, &mut list);
        }
        if !list.is_empty() || faults {
            coded.push((bit, list));
        }
    }
    let mut policy = policy(&coded);
    if faults && chance(rng, 2) {
        policy.push(0);
    }
    // Sometimes a list that no version 1 reader knows.
    if chance(rng, 3) {
        policy[0] |= 1 << rng.random_range(0..8);
    }
    (lists, policy)
}

/// A policy with a single item, altered if `faults` is set, so that only this item decides the
/// case.
pub(super) fn single(rng: &mut TestRng, bit: u8, faults: bool) -> (Lists, Vec<u8>) {
    let mut lists = Lists::default();
    let mut item = item(rng, bit, faults);
    if faults && bit > IPV6 {
        item = altered(rng, &item);
    }
    lists[usize::from(bit)] = vec![item];
    let list = encoded(bit, &lists[usize::from(bit)], true);
    (lists, policy(&[(bit, list)]))
}

/// The encoding of a list, with its items sorted or in the given order.
fn encoded(bit: u8, items: &[String], sorted: bool) -> Vec<u8> {
    if bit <= IPV6 {
        let mut items: Vec<Vec<u8>> = items.iter().map(|item| networks(&[item])).collect();
        if sorted {
            items.sort();
            items.dedup();
        }
        return items.concat();
    }
    let mut items: Vec<&str> = items.iter().map(String::as_str).collect();
    if sorted {
        items.sort_unstable();
        items.dedup();
    }
    texts(&items)
}

fn item(rng: &mut TestRng, bit: u8, faults: bool) -> String {
    let (good, bad) = POOLS[usize::from(bit)];
    if bit <= IPV6 {
        if chance(rng, 40) {
            return network(rng, bit, faults);
        }
        let pool = if faults && chance(rng, 6) { bad } else { good };
        return (*pick(rng, pool)).into();
    }
    match rng.random_range(0..16) {
        0 if faults => (*pick(rng, bad)).into(),
        1 if faults => {
            let item = *pick(rng, good);
            altered(rng, item)
        }
        _ => (*pick(rng, good)).into(),
    }
}

/// A network of random bits. With faults, sometimes one bit too many is set.
fn network(rng: &mut TestRng, bit: u8, faults: bool) -> String {
    let width = if bit == IPV4 { 32 } else { 128_u32 };
    let bits = rng.random_range(0..=width);
    let mut address = rng.random::<u128>();
    if chance(rng, 30) {
        // Near the addresses that can be written as IPv4 and as IPv6.
        address = 0xFFFF << 32 | address >> 96;
    }
    let kept = u128::MAX.checked_shl(width - bits).unwrap_or(0);
    let mut address = address & kept;
    if faults && chance(rng, 10) {
        address ^= 1 << rng.random_range(0..width);
    }
    format!("{}/{bits}", text_of(bit, address))
}

/// The text of an address. An IPv4 address is in the low bits.
pub(super) fn text_of(bit: u8, address: u128) -> String {
    if bit == IPV4 {
        let [.., a, b, c, d] = address.to_be_bytes();
        IpAddr::V4(Ipv4Addr::new(a, b, c, d)).to_string()
    } else {
        IpAddr::V6(Ipv6Addr::from_bits(address)).to_string()
    }
}

/// A text with a piece inserted, removed or replaced.
pub(super) fn altered(rng: &mut TestRng, text: &str) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let at = rng.random_range(0..=letters.len());
    let end = (at + *pick(rng, &[0, 0, 1, 1, 1, 2])).min(letters.len());
    letters.splice(at..end, piece(rng).chars());
    if chance(rng, 10) {
        // As long as some list allows, or one character longer.
        let filler = *pick(rng, &['a', '0', 'A']);
        let filled = *pick(rng, &[32, 33, 64, 65, 254, 255]);
        letters.resize(letters.len().max(filled), filler);
    }
    let text: String = letters.into_iter().collect();
    if text.len() <= 255 { text } else { "a".repeat(255) }
}

/// A few characters, most of them special in some list.
fn piece(rng: &mut TestRng) -> String {
    const PIECES: [&str; 16] = [
        "*", "**", "::", "//", "/.", "/..", "%", "%2F", "%41", "%c3%a9", "%C3", ":0", ":65535",
        ":65536", "\u{e9}", "",
    ];
    match rng.random_range(0..5) {
        0 => (*pick(rng, &PIECES)).into(),
        1 => {
            let escapes = [
                0x00,
                0x1F,
                0x20,
                0x24,
                0x25,
                0x26,
                0x2D,
                0x2E,
                0x2F,
                0x30,
                0x3A,
                0x3B,
                0x3C,
                0x5B,
                0x5C,
                0x5D,
                0x61,
                0x7E,
                0x7F,
                0x80,
                0xBF,
                0xC0,
                0xC1,
                0xC2,
                0xFF,
                rng.random::<u8>(),
            ];
            let byte = *pick(rng, &escapes);
            if chance(rng, 70) { format!("%{byte:02X}") } else { format!("%{byte:02x}") }
        }
        _ => char::from(rng.random_range(0x20..0x80_u8)).into(),
    }
}
