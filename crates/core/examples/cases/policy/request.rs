//! Random requests, close to what a policy allows.

use proptest::prelude::RngExt as _;
use proptest::test_runner::TestRng;

use super::build::{IPV4, IPV6, METHODS, ORIGINS, PATHS, SALES_CHANNELS, SCOPES};
use super::items::{Lists, altered, text_of};
use super::shape::Request;
use crate::{chance, pick};

pub(super) fn random(rng: &mut TestRng, lists: &Lists) -> Request {
    let mut fact = |bit: u8, others: &[&str]| {
        let known = chance(rng, 96);
        known.then(|| near(rng, &lists[usize::from(bit)], others, |_, item| item.into()))
    };
    let origin = fact(ORIGINS, &["https://shop.example", "null", ""]);
    let method = fact(METHODS, &["GET", "POST", "get"]);
    let mut sales_channel = fact(SALES_CHANNELS, &["sc_1", "sc_3"]);
    if chance(rng, 40) {
        sales_channel = None;
    }
    let paths = &lists[usize::from(PATHS)];
    let path = chance(rng, 96)
        .then(|| near(rng, paths, &["/", "/a/b", "/store/carts", "*", "/a/%2e/b"], path_of));
    let scopes = &lists[usize::from(SCOPES)];
    let scopes = (0..*pick(rng, &[0, 0, 1, 1, 2]))
        .map(|_| near(rng, scopes, &["orders:read", "a", "a:b:c", "*"], scope_of))
        .collect();
    Request { address: address(rng, lists), origin, method, path, scopes, sales_channel }
}

/// A request that has only the facts of one list; every second one is altered.
pub(super) fn single(rng: &mut TestRng, lists: &Lists, bit: u8) -> Request {
    let mut request = Request::default();
    if bit <= IPV6 {
        return Request { address: address(rng, lists), ..request };
    }
    let item = lists[usize::from(bit)][0].clone();
    let fact = match bit {
        PATHS => path_of(rng, &item),
        SCOPES => scope_of(rng, &item),
        _ => item,
    };
    let fact = if chance(rng, 50) { altered(rng, &fact) } else { fact };
    match bit {
        ORIGINS => request.origin = Some(fact),
        METHODS => request.method = Some(fact),
        PATHS => request.path = Some(fact),
        SCOPES => request.scopes = vec![fact],
        SALES_CHANNELS => request.sales_channel = Some(fact),
        _ => {}
    }
    request
}

/// A text derived from an item of a list, one of `others`, or an altered version of either.
fn near(
    rng: &mut TestRng,
    items: &[String],
    others: &[&str],
    made_from: fn(&mut TestRng, &str) -> String,
) -> String {
    let text = if items.is_empty() || chance(rng, 10) {
        (*pick(rng, others)).into()
    } else {
        let item = pick(rng, items).clone();
        made_from(rng, &item)
    };
    if chance(rng, 8) { altered(rng, &text) } else { text }
}

/// A path that usually matches the pattern.
fn path_of(rng: &mut TestRng, pattern: &str) -> String {
    const SEGMENTS: [&str; 8] = ["a", "x", "store", "carts", "*", "", "%C3%A9", "b.c"];
    let mut path = String::new();
    for segment in pattern.split('/').skip(1) {
        match segment {
            "**" => {
                for _ in 0..rng.random_range(0..4) {
                    path = path + "/" + *pick::<&str>(rng, &SEGMENTS);
                }
            }
            "*" => path = path + "/" + *pick::<&str>(rng, &SEGMENTS),
            other => path = path + "/" + other,
        }
    }
    path
}

/// A scope that the grant usually covers.
fn scope_of(rng: &mut TestRng, grant: &str) -> String {
    const SEGMENTS: [&str; 6] = ["orders", "read", "own", "a", "b", "*"];
    let mut segments: Vec<&str> = Vec::new();
    for segment in grant.split(':') {
        segments.push(if segment == "*" { *pick(rng, &SEGMENTS) } else { segment });
    }
    if grant.ends_with('*') || chance(rng, 10) {
        segments.extend((0..rng.random_range(0..3)).map(|_| *pick(rng, &SEGMENTS)));
    }
    segments.join(":")
}

/// An address in a network of the policy, or just outside one.
fn address(rng: &mut TestRng, lists: &Lists) -> Option<String> {
    if chance(rng, 4) {
        return None;
    }
    let mut bit = if chance(rng, 50) { IPV4 } else { IPV6 };
    if lists[usize::from(bit)].is_empty() {
        bit = IPV4 + IPV6 - bit;
    }
    let networks = &lists[usize::from(bit)];
    if networks.is_empty() || chance(rng, 5) {
        let others = ["192.0.2.1", "::ffff:192.0.2.1", "::192.0.2.1", "2001:db8::1", "10.255.0.1"];
        return Some((*pick(rng, &others)).into());
    }
    let (network, bits) = pick(rng, networks).split_once('/').unwrap();
    let (mut number, width) = match network.parse().unwrap() {
        std::net::IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
        std::net::IpAddr::V6(address) => (address.to_bits(), 128),
    };
    let bits = bits.parse::<u32>().unwrap().min(width);
    // Flip bits behind the prefix, which doesn't change the match, or also the prefix's last bit.
    let from = (bits + *pick(rng, &[0, 0, 1])).saturating_sub(u32::from(chance(rng, 20)));
    number ^= rng.random::<u128>() & !u128::MAX.checked_shl(width - from.min(width)).unwrap_or(0);
    if bit == IPV4 && chance(rng, 30) {
        return Some(text_of(IPV6, 0xFFFF << 32 | number));
    }
    Some(text_of(bit, number))
}
