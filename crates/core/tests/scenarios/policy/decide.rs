//! What a policy restricts, the order of its checks, and which facts of a request are known.

use super::shape::PolicyVector;
use super::{
    EMPTY, IPV4, IPV6, METHODS, ORIGINS, PATHS, RATE_CLASS, SALES_CHANNELS, SCOPES, networks,
    one_list, policy, saying, texts,
};

pub(super) fn all() -> Vec<PolicyVector> {
    [addresses(), restrictions(), sales_channels(), order()].into_iter().flatten().collect()
}

/// Name, description, networks by list, address, and whether the address is allowed.
type Address = (&'static str, &'static str, &'static [(u8, &'static str)], &'static str, bool);

fn addresses() -> Vec<PolicyVector> {
    let cases: [Address; 17] = [
        (
            "first",
            "The first address of a network.",
            &[(IPV4, "192.0.2.128/25")],
            "192.0.2.128",
            true,
        ),
        (
            "last",
            "The last address of a network.",
            &[(IPV4, "192.0.2.128/25")],
            "192.0.2.255",
            true,
        ),
        (
            "below",
            "The address before the first.",
            &[(IPV4, "192.0.2.128/25")],
            "192.0.2.127",
            false,
        ),
        ("above", "The address after the last.", &[(IPV4, "192.0.2.128/25")], "192.0.3.0", false),
        (
            "not-by-text",
            "10.0 is no beginning of 100.0.",
            &[(IPV4, "10.0.0.0/8")],
            "100.0.0.1",
            false,
        ),
        (
            "of-no-network",
            "An address of neither family's networks.",
            &[(IPV4, "10.0.0.0/8"), (IPV6, "2001:db8::/32")],
            "192.0.2.1",
            false,
        ),
        (
            "of-second-family",
            "IPv6 behind IPv4.",
            &[(IPV4, "10.0.0.0/8"), (IPV6, "2001:db8::/32")],
            "2001:db8::1",
            true,
        ),
        (
            "ipv4-mapped",
            "An IPv4 address that is written as IPv6.",
            &[(IPV4, "192.0.2.0/24")],
            "::ffff:192.0.2.1",
            true,
        ),
        (
            "ipv4-mapped-outside",
            "The same, of another network.",
            &[(IPV4, "192.0.2.0/24")],
            "::ffff:192.0.3.1",
            false,
        ),
        (
            "ipv4-mapped-all",
            "All of IPv6 is no IPv4.",
            &[(IPV6, "::/0")],
            "::ffff:192.0.2.1",
            false,
        ),
        (
            "ipv4-mapped-around",
            "Nor is what lies around it.",
            &[(IPV6, "::fffe:0:0/95")],
            "::ffff:192.0.2.1",
            false,
        ),
        (
            "ipv4-of-ipv6-alone",
            "IPv6 networks alone allow no IPv4.",
            &[(IPV6, "::/0")],
            "192.0.2.1",
            false,
        ),
        (
            "ipv6-of-ipv4-alone",
            "IPv4 networks alone allow no IPv6.",
            &[(IPV4, "0.0.0.0/0")],
            "2001:db8::1",
            false,
        ),
        (
            "ipv4-compatible",
            "::192.0.2.1 is no IPv4 address.",
            &[(IPV4, "192.0.2.0/24")],
            "::192.0.2.1",
            false,
        ),
        ("ipv6-last-bit", "Every bit counts.", &[(IPV6, "2001:db8::/128")], "2001:db8::1", false),
        (
            "ipv6-bit-64",
            "The bit behind the last that counts.",
            &[(IPV6, "2001:db8::/63")],
            "2001:db8:0:1::",
            true,
        ),
        (
            "ipv6-bit-63",
            "The last bit that counts.",
            &[(IPV6, "2001:db8::/64")],
            "2001:db8:0:1::",
            false,
        ),
    ];
    let mut vectors: Vec<PolicyVector> = cases
        .into_iter()
        .map(|(name, about, lists, address, allowed)| {
            let lists: Vec<_> =
                lists.iter().map(|(bit, network)| (*bit, networks(&[*network]))).collect();
            let scenario =
                saying(&format!("address-{name}"), about, &policy(&lists)).address(address);
            if allowed { scenario.accepted() } else { scenario.denied("address_denied") }
        })
        .collect();
    let all = policy(&[(IPV4, networks(&["0.0.0.0/0"])), (IPV6, networks(&["::/0"]))]);
    vectors.push(
        saying("address-unknown", "An address that is not known is of no network.", &all)
            .denied("address_denied"),
    );
    vectors
}

fn restrictions() -> Vec<PolicyVector> {
    let origin = one_list(ORIGINS, &["https://shop.example", "https://shop.example:8443"]);
    let origin = |name: &str, about: &str| saying(&format!("origin-{name}"), about, &origin);
    let method = one_list(METHODS, &["GET", "POST"]);
    let method = |name: &str, about: &str| saying(&format!("method-{name}"), about, &method);
    let anywhere = policy(&[(RATE_CLASS, texts(&["gold"]))]);
    let anywhere =
        |name: &str, about: &str| saying(&format!("unrestricted-{name}"), about, &anywhere);
    vec![
        origin("first", "The first of two.").origin("https://shop.example").accepted(),
        origin("second", "The second of two.").origin("https://shop.example:8443").accepted(),
        origin("other", "Another.").origin("https://shop.example:444").denied("origin_denied"),
        origin("beginning", "The beginning of one.")
            .origin("https://shop.exampl")
            .denied("origin_denied"),
        origin("longer", "One that begins so.")
            .origin("https://shop.example.org")
            .denied("origin_denied"),
        origin("case", "Texts are compared byte by byte.")
            .origin("https://SHOP.example")
            .denied("origin_denied"),
        origin("default-port", "A port that no browser sends.")
            .origin("https://shop.example:443")
            .denied("origin_denied"),
        origin("null", "A sandboxed frame.").origin("null").denied("origin_denied"),
        origin("empty", "A header without a value.").origin("").denied("origin_denied"),
        origin("unknown", "No header.").denied("origin_denied"),
        method("second", "The second of two.").method("POST").accepted(),
        method("other", "Another.").method("PUT").denied("method_denied"),
        method("case", "Methods are compared byte by byte.").method("get").denied("method_denied"),
        method("beginning", "The beginning of one.").method("POS").denied("method_denied"),
        method("empty", "A method of no byte.").method("").denied("method_denied"),
        method("unknown", "A method that is not known.").denied("method_denied"),
        anywhere("address", "No networks: any address.").address("192.0.2.1").rated("gold"),
        anywhere("origin", "No origins: any origin.").origin("null").rated("gold"),
        anywhere("method", "No methods: any method.").method("brew").rated("gold"),
        anywhere("path", "No paths: any path, plain or not.").path("/a/../%2e;x//").rated("gold"),
        anywhere("nothing-known", "Nothing is known, and nothing is asked.").rated("gold"),
    ]
}

fn sales_channels() -> Vec<PolicyVector> {
    let policy = one_list(SALES_CHANNELS, &["sc_1", "sc_2"]);
    let case = |name: &str, about: &str| saying(&format!("sales-channel-{name}"), about, &policy);
    let none = |name: &str, about: &str| saying(&format!("sales-channel-{name}"), about, EMPTY);
    const DENIED: &str = "sales_channel_denied";
    vec![
        case("second", "The second of two.").sales_channel("sc_2").accepted(),
        case("not-asked", "The request is about no sales channel.").accepted(),
        case("other", "Another.").sales_channel("sc_3").denied(DENIED),
        case("beginning", "The beginning of one.").sales_channel("sc_").denied(DENIED),
        case("longer", "One that begins so.").sales_channel("sc_11").denied(DENIED),
        case("case", "Texts are compared byte by byte.").sales_channel("SC_1").denied(DENIED),
        case("asked-for-empty", "A channel of no byte is another than none.")
            .sales_channel("")
            .denied(DENIED),
        none("none-granted", "An empty list grants nothing.").sales_channel("sc_1").denied(DENIED),
        none("none-granted-nor-asked", "And nothing is asked.").accepted(),
    ]
}

/// A policy that denies everything, and requests that pass one more of its checks each time.
fn order() -> Vec<PolicyVector> {
    let everything = policy(&[
        (IPV4, networks(&["192.0.2.0/24"])),
        (ORIGINS, texts(&["https://shop.example"])),
        (METHODS, texts(&["GET"])),
        (PATHS, texts(&["/a"])),
        (SCOPES, texts(&["orders:read"])),
        (SALES_CHANNELS, texts(&["sc_1"])),
    ]);
    let asked = |step: &str, about: &str| {
        saying(&format!("order-{step}"), about, &everything)
            .scopes(&["orders:read", "orders:write"])
            .sales_channel("sc_2")
    };
    vec![
        asked("1-address", "All six say no: the address is first.")
            .address("198.51.100.1")
            .denied("address_denied"),
        asked("2-origin", "Then the origin.").address("192.0.2.1").denied("origin_denied"),
        asked("3-method", "Then the method.")
            .address("192.0.2.1")
            .origin("https://shop.example")
            .denied("method_denied"),
        asked("4-path", "Then the path.")
            .address("192.0.2.1")
            .origin("https://shop.example")
            .method("GET")
            .denied("path_denied"),
        asked("5-scope", "Then the scopes, all of them.")
            .address("192.0.2.1")
            .origin("https://shop.example")
            .method("GET")
            .path("/a")
            .denied("scope_missing"),
        asked("6-sales-channel", "Then the sales channel.")
            .address("192.0.2.1")
            .origin("https://shop.example")
            .method("GET")
            .path("/a")
            .scopes(&["orders:read"])
            .denied("sales_channel_denied"),
        asked("7-accepted", "Then there is nothing left.")
            .address("192.0.2.1")
            .origin("https://shop.example")
            .method("GET")
            .path("/a")
            .scopes(&["orders:read"])
            .sales_channel("sc_1")
            .accepted(),
    ]
}
