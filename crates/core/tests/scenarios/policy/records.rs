//! A policy as a set of lists, independent of their items.

use super::shape::PolicyVector;
use super::{
    EMPTY, IPV4, IPV6, METHODS, ORIGINS, PATHS, RATE_CLASS, SALES_CHANNELS, SCOPES, networks,
    of_length, one_list, policy, refused, saying, texts,
};

pub(super) fn all() -> Vec<PolicyVector> {
    [lists(), orders(), lengths()].into_iter().flatten().collect()
}

fn lists() -> Vec<PolicyVector> {
    let every_list = policy(&[
        (IPV4, networks(&["192.0.2.0/24"])),
        (IPV6, networks(&["2001:db8::/32"])),
        (ORIGINS, texts(&["https://shop.example"])),
        (METHODS, texts(&["GET"])),
        (PATHS, texts(&["/store/**"])),
        (SCOPES, texts(&["orders:*"])),
        (SALES_CHANNELS, texts(&["sc_1"])),
        (RATE_CLASS, texts(&["gold"])),
    ]);
    let trailing = [&one_list(METHODS, &["GET"])[..], &[0]].concat();
    vec![
        saying(
            "policy-every-list",
            "All eight lists, and a request that all of them allow.",
            &every_list,
        )
        .address("2001:db8::1")
        .origin("https://shop.example")
        .method("GET")
        .path("/store/carts")
        .scopes(&["orders:read"])
        .sales_channel("sc_1")
        .rated("gold"),
        saying("policy-no-list", "A policy that says nothing restricts nothing.", EMPTY)
            .address("192.0.2.1")
            .origin("null")
            .method("get")
            .path("//;")
            .accepted(),
        refused("policy-no-bytes", "A policy without the set of its lists.", &[]),
        refused("policy-half-set", "Half of the set of its lists.", &[0]),
        refused("policy-trailing", "A byte behind the last list.", &trailing),
        refused("policy-list-empty", "A list that follows and is empty.", &[0, 1 << METHODS, 0, 0]),
        refused(
            "policy-list-missing",
            "A list that is said to follow and doesn't.",
            &[0, 1 << METHODS],
        ),
        refused("policy-list-length-cut", "Half a length.", &[0, 1 << METHODS, 0]),
        refused(
            "policy-list-cut",
            "A list that is longer than the policy.",
            b"\0\x08\0\x05\x03GET",
        ),
        refused("list-text-cut", "A text that is longer than its list.", b"\0\x08\0\x04\x04GET"),
        refused(
            "list-text-cut-after-another",
            "The same, behind a good one.",
            b"\0\x08\0\x05\x03GET\x01",
        ),
        refused(
            "list-ipv4-half",
            "Four bytes where networks have five.",
            b"\0\x01\0\x04\x0a\0\0\0",
        ),
        refused(
            "list-ipv4-half-after-another",
            "Nine bytes.",
            b"\0\x01\0\x09\x0a\0\0\0\x08\x0b\0\0\0",
        ),
        refused(
            "list-ipv6-half",
            "16 bytes where networks have 17.",
            &[&b"\0\x02\0\x10"[..], &[0; 16]].concat(),
        ),
    ]
}

/// Items are in strictly ascending byte order.
fn orders() -> Vec<PolicyVector> {
    let texts_refused =
        |name: &str, about: &str, items: &[&str]| refused(name, about, &one_list(METHODS, items));
    let networks_refused = |name: &str, about: &str, bit: u8, items: &[&str]| {
        refused(name, about, &policy(&[(bit, networks(items))]))
    };
    vec![
        texts_refused("list-text-twice", "A text that is there twice.", &["GET", "GET"]),
        texts_refused("list-text-descends", "Texts that descend.", &["PUT", "GET"]),
        texts_refused(
            "list-text-descends-at-the-end",
            "The third is out of order.",
            &["GET", "PUT", "POST"],
        ),
        texts_refused(
            "list-text-by-length",
            "Texts in the order of the byte in front.",
            &["B", "AA"],
        ),
        saying(
            "list-text-by-bytes",
            "A longer text before a shorter one.",
            &one_list(METHODS, &["AA", "B"]),
        )
        .method("B")
        .accepted(),
        texts_refused(
            "list-text-before-its-prefix",
            "A text in front of its beginning.",
            &["GETS", "GET"],
        ),
        saying(
            "list-text-after-its-prefix",
            "A text behind its beginning.",
            &one_list(METHODS, &["GET", "GETS"]),
        )
        .method("GETS")
        .accepted(),
        networks_refused(
            "list-ipv4-twice",
            "A network that is there twice.",
            IPV4,
            &["10.0.0.0/8"; 2],
        ),
        networks_refused(
            "list-ipv4-descends",
            "Networks that descend.",
            IPV4,
            &["11.0.0.0/8", "10.0.0.0/8"],
        ),
        networks_refused(
            "list-ipv4-bits-descend",
            "The narrower network of an address first.",
            IPV4,
            &["10.0.0.0/9", "10.0.0.0/8"],
        ),
        saying(
            "list-ipv4-bits-ascend",
            "The wider network of an address first.",
            &policy(&[(IPV4, networks(&["10.0.0.0/8", "10.0.0.0/9"]))]),
        )
        .address("10.200.0.1")
        .accepted(),
        networks_refused(
            "list-ipv6-twice",
            "A network that is there twice.",
            IPV6,
            &["2001:db8::/32"; 2],
        ),
        networks_refused(
            "list-ipv6-descends",
            "Networks that descend.",
            IPV6,
            &["2001:db9::/32", "2001:db8::/32"],
        ),
        refused(
            "list-rate-class-two",
            "Two rate classes.",
            &one_list(RATE_CLASS, &["gold", "silver"]),
        ),
        refused(
            "list-rate-class-twice",
            "A rate class that is there twice.",
            &one_list(RATE_CLASS, &["gold"; 2]),
        ),
    ]
}

fn lengths() -> Vec<PolicyVector> {
    vec![
        saying("policy-longest", "A policy of 8000 bytes.", &of_length(8000))
            .sales_channel("x")
            .accepted(),
        refused("policy-too-long", "A policy of 8001 bytes, in a body of 8014.", &of_length(8001)),
    ]
}
