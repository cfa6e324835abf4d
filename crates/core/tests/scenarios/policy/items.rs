//! The valid form of each list's items, except paths and scopes.

use super::shape::PolicyVector;
use super::{
    IPV4, IPV6, METHODS, ORIGINS, RATE_CLASS, SALES_CHANNELS, networks, one_list, policy, refused,
    saying,
};

pub(super) fn all() -> Vec<PolicyVector> {
    [network_forms(), origins_refused(), origins(), names()].into_iter().flatten().collect()
}

fn network_forms() -> Vec<PolicyVector> {
    let refusals = [
        ("ipv4-host-bits", "A bit behind those that count.", IPV4, "10.0.0.1/31"),
        ("ipv4-host-bits-of-all", "A bit of an address of which none counts.", IPV4, "128.0.0.0/0"),
        ("ipv4-33-bits", "More bits than an address has.", IPV4, "10.0.0.0/33"),
        ("ipv4-255-bits", "Many more.", IPV4, "10.0.0.0/255"),
        ("ipv6-host-bits", "A bit behind those that count.", IPV6, "2001:db8::1/127"),
        ("ipv6-129-bits", "More bits than an address has.", IPV6, "2001:db8::/129"),
        ("ipv6-mapped", "All IPv4 addresses, written as IPv6.", IPV6, "::ffff:0:0/96"),
        ("ipv6-mapped-network", "An IPv4 network, written as IPv6.", IPV6, "::ffff:192.0.2.0/120"),
        ("ipv6-mapped-address", "An IPv4 address, written as IPv6.", IPV6, "::ffff:192.0.2.1/128"),
    ];
    let good = [
        ("ipv4-one-address", "A network of one address.", IPV4, "192.0.2.1/32", "192.0.2.1"),
        ("ipv4-all", "All IPv4 addresses.", IPV4, "0.0.0.0/0", "255.255.255.255"),
        ("ipv4-last-bit", "The last bit that counts is set.", IPV4, "192.0.2.2/31", "192.0.2.3"),
        ("ipv6-one-address", "A network of one address.", IPV6, "2001:db8::1/128", "2001:db8::1"),
        ("ipv6-all", "All IPv6 addresses.", IPV6, "::/0", "2001:db8::1"),
        (
            "ipv6-around-mapped",
            "One that is wider than the IPv4 addresses.",
            IPV6,
            "::fffe:0:0/95",
            "::fffe:0:1",
        ),
        (
            "ipv6-compatible",
            "An IPv4 address behind zeros is one of IPv6.",
            IPV6,
            "::192.0.2.0/120",
            "::192.0.2.1",
        ),
    ];
    let of = |bit, network| policy(&[(bit, networks(&[network]))]);
    let refusals = refusals.into_iter().map(|(name, about, bit, item)| {
        refused(&format!("network-refused-{name}"), about, &of(bit, item))
    });
    let good = good.into_iter().map(|(name, about, bit, item, address)| {
        saying(&format!("network-{name}"), about, &of(bit, item)).address(address).accepted()
    });
    refusals.chain(good).collect()
}

fn origins_refused() -> Vec<PolicyVector> {
    [
        ("null", "The origin of every sandboxed frame.", "null"),
        ("wildcard", "A wildcard for all.", "*"),
        ("wildcard-host", "A wildcard for a host's part.", "https://*.shop.example"),
        ("no-scheme", "Nothing in front of the host.", "shop.example"),
        ("scheme-empty", "A scheme of no character.", "://shop.example"),
        ("scheme-uppercase", "A scheme in capitals.", "HTTPS://shop.example"),
        ("scheme-first-uppercase", "A scheme that begins with a capital.", "Https://shop.example"),
        ("scheme-last-uppercase", "A scheme that ends with one.", "httpS://shop.example"),
        ("scheme-digit", "A scheme that begins with a digit.", "1http://shop.example"),
        ("scheme-underscore", "A character that no scheme has.", "a_b://shop.example"),
        ("one-slash", "One slash.", "https:/shop.example"),
        ("host-empty", "A host of no character.", "https://"),
        ("host-empty-port", "A port alone.", "https://:8443"),
        ("host-uppercase", "A host in capitals.", "https://Shop.example"),
        ("host-not-ascii", "A host that is not ASCII.", "https://caf\u{e9}.example"),
        ("host-userinfo", "A user in front of the host.", "https://me@shop.example"),
        ("host-space", "A space behind the host.", "https://shop.example "),
        ("path", "A path, if an empty one.", "https://shop.example/"),
        ("query", "A query.", "https://shop.example?a"),
        ("port-default-http", "The port of http.", "http://shop.example:80"),
        ("port-default-https", "The port of https.", "https://shop.example:443"),
        ("port-default-ipv6", "The port of https, behind an address.", "https://[::1]:443"),
        ("port-empty", "A colon without a port.", "https://shop.example:"),
        ("port-0", "Port 0.", "https://shop.example:0"),
        ("port-leading-zero", "A port with a leading zero.", "https://shop.example:08443"),
        ("port-65536", "A port of 17 bits.", "https://shop.example:65536"),
        ("port-6-digits", "A port of six digits.", "https://shop.example:100000"),
        ("port-20-digits", "A port of more than 64 bits.", "https://a:18446744073709551696"),
        ("port-sign", "A port with a sign.", "https://shop.example:+8443"),
        ("port-twice", "Two ports.", "https://shop.example:1:2"),
        ("ipv6-bare", "An IPv6 address without brackets.", "https://2001:db8::1"),
        ("ipv6-open", "A bracket that is not closed.", "https://[2001:db8::1"),
        ("ipv6-no-colon", "Brackets without a colon.", "https://[abc]"),
        ("ipv6-empty", "Brackets with nothing in them.", "https://[]"),
        ("ipv6-uppercase", "An address in capitals.", "https://[2001:DB8::1]"),
        (
            "ipv6-dotted",
            "An address with dots, which no browser sends.",
            "https://[::ffff:192.0.2.1]",
        ),
        ("ipv6-tail", "A text behind the brackets.", "https://[::1]a"),
    ]
    .into_iter()
    .map(|(name, about, item)| {
        refused(&format!("origin-refused-{name}"), about, &one_list(ORIGINS, &[item]))
    })
    .chain([refused("origin-refused-empty", "A text of no byte.", &one_list(ORIGINS, &[""]))])
    .collect()
}

fn origins() -> Vec<PolicyVector> {
    let longest = format!("https://{}", "a".repeat(255 - 8));
    [
        ("port", "Another port than the scheme's own.", "https://shop.example:9090"),
        ("port-80-of-https", "The port of http is none of https.", "https://shop.example:80"),
        ("port-443-of-http", "And the other way round.", "http://shop.example:443"),
        ("port-80-of-another", "Other schemes have no port of their own.", "app://shop.example:80"),
        ("port-1", "The lowest port.", "https://shop.example:1"),
        ("port-65535", "The highest port.", "https://shop.example:65535"),
        ("ipv4", "An IPv4 address.", "http://192.0.2.1:3000"),
        ("ipv6", "An IPv6 address.", "https://[0123:4567:89ab:cdef::]"),
        ("ipv6-port", "An IPv6 address with a port.", "http://[::1]:8080"),
        ("scheme", "Every kind of character of a scheme.", "a09+b-c.z://localhost"),
        ("scheme-one-letter", "The last of the letters.", "z://localhost"),
        ("host", "Every kind of character of a host.", "https://-a_09.z-.."),
        ("longest", "255 bytes.", &longest),
    ]
    .into_iter()
    .map(|(name, about, item)| {
        let policy = one_list(ORIGINS, &[item]);
        saying(&format!("origin-form-{name}"), about, &policy).origin(item).accepted()
    })
    .collect()
}

/// Methods, sales channels and rate classes.
fn names() -> Vec<PolicyVector> {
    let letters = |letter: &str, count| letter.repeat(count);
    let (methods, channels, classes) = (letters("A", 33), letters("a", 65), letters("a", 33));
    let refusals: [(&str, &str, u8, &str); 18] = [
        ("method-refused-empty", "A method of no byte.", METHODS, ""),
        ("method-refused-lowercase", "`get` is another method.", METHODS, "get"),
        ("method-refused-space", "A space.", METHODS, "GET "),
        ("method-refused-wildcard", "A wildcard.", METHODS, "*"),
        (
            "method-refused-token",
            "A character of RFC 9110 that no method in use has.",
            METHODS,
            "GET!",
        ),
        ("method-refused-colon", "A character between digits and letters.", METHODS, "GET:"),
        ("method-refused-too-long", "33 bytes.", METHODS, &methods),
        ("sales-channel-refused-empty", "A channel of no byte.", SALES_CHANNELS, ""),
        ("sales-channel-refused-dot", "A character that no channel has.", SALES_CHANNELS, "sc.1"),
        ("sales-channel-refused-wildcard", "A wildcard.", SALES_CHANNELS, "*"),
        (
            "sales-channel-refused-not-ascii",
            "A letter that is not ASCII.",
            SALES_CHANNELS,
            "\u{f6}",
        ),
        ("sales-channel-refused-colon", "The same.", SALES_CHANNELS, "sc:1"),
        ("sales-channel-refused-too-long", "65 bytes.", SALES_CHANNELS, &channels),
        ("rate-class-refused-empty", "A rate class of no byte.", RATE_CLASS, ""),
        ("rate-class-refused-uppercase", "A capital.", RATE_CLASS, "Gold"),
        (
            "rate-class-refused-underscore",
            "A character that no rate class has.",
            RATE_CLASS,
            "gold_2",
        ),
        ("rate-class-refused-not-ascii", "A letter that is not ASCII.", RATE_CLASS, "g\u{f6}ld"),
        ("rate-class-refused-too-long", "33 bytes.", RATE_CLASS, &classes),
    ];
    let mut vectors: Vec<PolicyVector> = refusals
        .into_iter()
        .map(|(name, about, bit, item)| refused(name, about, &one_list(bit, &[item])))
        .collect();
    for (name, method) in [("method-form", "AZ-_09"), ("method-longest", &methods[1..])] {
        let policy = one_list(METHODS, &[method]);
        vectors.push(
            saying(name, "A method that may stand there.", &policy).method(method).accepted(),
        );
    }
    for (name, channel) in [("form", "-_azAZ09"), ("longest", &channels[1..])] {
        let (name, policy) =
            (format!("sales-channel-{name}"), one_list(SALES_CHANNELS, &[channel]));
        let vector = saying(&name, "A channel that may stand there.", &policy);
        vectors.push(vector.sales_channel(channel).accepted());
    }
    for (name, class) in [("rate-class-form", "-az-09"), ("rate-class-longest", &classes[1..])] {
        let policy = one_list(RATE_CLASS, &[class]);
        vectors.push(saying(name, "A class that may stand there.", &policy).rated(class));
    }
    vectors
}
