//! What a policy allows, and what a draft may contain.

use portcullis_core::error::{Field, WireError};
use portcullis_core::issue::{PolicyDraft, PolicyTree};
use portcullis_core::policy::{
    Denial, Policy, RequestFacts, decide, is_grant, is_method, is_path_pattern, is_rate_class,
    is_scope,
};

use crate::{backend, storefront, texts};

/// Facts that meet everything that [`backend`] restricts.
const ALLOWED: RequestFacts<'static> = RequestFacts {
    address: Some(std::net::IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 77))),
    origin: None,
    method: "GET",
    path: "/admin/orders/7",
    scopes: &["orders:read"],
    sales_channel: None,
};

fn decided(draft: &PolicyDraft, request: &RequestFacts<'_>) -> Option<&'static str> {
    let record = draft.encode().unwrap();
    decide(&Policy::decode(&record).unwrap(), request).err().map(Denial::code)
}

#[test]
fn each_restriction_denies_by_itself_and_where_the_fact_is_missing() {
    let backend = backend();
    let cases: [(RequestFacts<'_>, Option<&str>); 14] = [
        (ALLOWED, None),
        (RequestFacts { address: "::ffff:192.0.2.1".parse().ok(), ..ALLOWED }, None),
        (RequestFacts { address: "2001:db8::9".parse().ok(), ..ALLOWED }, None),
        (RequestFacts { origin: Some("https://any.example"), ..ALLOWED }, None),
        (RequestFacts { scopes: &[], path: "/admin/carts/3", ..ALLOWED }, None),
        (RequestFacts { address: None, ..ALLOWED }, Some("address_denied")),
        (RequestFacts { address: "192.0.3.1".parse().ok(), ..ALLOWED }, Some("address_denied")),
        (RequestFacts { method: "", ..ALLOWED }, Some("method_denied")),
        (RequestFacts { method: "get", ..ALLOWED }, Some("method_denied")),
        (RequestFacts { path: "", ..ALLOWED }, Some("path_denied")),
        (RequestFacts { path: "/admin/orders/../users", ..ALLOWED }, Some("path_denied")),
        (RequestFacts { scopes: &["orders:read", "users:read"], ..ALLOWED }, Some("scope_missing")),
        (RequestFacts { scopes: &["orders:*"], ..ALLOWED }, Some("scope_missing")),
        (RequestFacts { sales_channel: Some("sc_1"), ..ALLOWED }, Some("sales_channel_denied")),
    ];
    for (request, code) in cases {
        assert_eq!(decided(&backend, &request), code, "{request:?}");
    }
    let page = RequestFacts { origin: Some("https://shop.example"), ..RequestFacts::default() };
    let channel = Some("sc_01HZX4B8QK6N2M7R5T9V3W1Y0E");
    let cases = [
        (page, None),
        (RequestFacts { sales_channel: channel, ..page }, None),
        (RequestFacts { sales_channel: Some("sc_01H"), ..page }, Some("sales_channel_denied")),
        (RequestFacts { origin: None, ..page }, Some("origin_denied")),
        (RequestFacts { origin: Some("https://shop.example:444"), ..page }, Some("origin_denied")),
        (RequestFacts { origin: Some("https://SHOP.example"), ..page }, Some("origin_denied")),
        (RequestFacts { scopes: &["orders"], ..page }, Some("scope_missing")),
    ];
    for (request, code) in cases {
        assert_eq!(decided(&storefront(), &request), code, "{request:?}");
    }
}

#[test]
fn no_policy_grants_nothing_and_restricts_nothing() {
    let request = RequestFacts { method: "PUT", path: "/a//b", ..RequestFacts::default() };
    assert!(decide(&Policy::NONE, &request).is_ok());
    let scopes = RequestFacts { scopes: &["a"], ..request };
    assert_eq!(decide(&Policy::NONE, &scopes).unwrap_err(), Denial::Scope);
    let channel = RequestFacts { sales_channel: Some("a"), ..request };
    assert_eq!(decide(&Policy::NONE, &channel).unwrap_err(), Denial::SalesChannel);
    assert_eq!(PolicyDraft::default().encode().unwrap(), [0, 0]);
}

#[test]
fn a_required_scope_that_is_none_is_never_granted() {
    let all = PolicyDraft { scopes: texts(&["*", "*:*"]), ..PolicyDraft::default() };
    let needs =
        |scope| decided(&all, &RequestFacts { scopes: &[scope], ..RequestFacts::default() });
    assert_eq!(needs("orders:read"), None);
    for scope in ["", "*", "orders:", "orders:*", "Orders", "orders read", "orders::read"] {
        assert_eq!(needs(scope), Some("scope_missing"), "{scope}");
    }
}

#[test]
fn denials_come_in_a_fixed_order() {
    let everything = PolicyDraft {
        networks: vec!["192.0.2.0/24".parse().unwrap()],
        origins: texts(&["https://a"]),
        methods: texts(&["GET"]),
        paths: texts(&["/a"]),
        ..PolicyDraft::default()
    };
    let mut request =
        RequestFacts { scopes: &["a"], sales_channel: Some("a"), ..RequestFacts::default() };
    assert_eq!(decided(&everything, &request), Some("address_denied"));
    request.address = "192.0.2.1".parse().ok();
    assert_eq!(decided(&everything, &request), Some("origin_denied"));
    request.origin = Some("https://a");
    assert_eq!(decided(&everything, &request), Some("method_denied"));
    request.method = "GET";
    assert_eq!(decided(&everything, &request), Some("path_denied"));
    request.path = "/a";
    assert_eq!(decided(&everything, &request), Some("scope_missing"));
    request.scopes = &[];
    assert_eq!(decided(&everything, &request), Some("sales_channel_denied"));
    request.sales_channel = None;
    assert_eq!(decided(&everything, &request), None);
}

#[test]
fn drafts_that_no_verifier_would_accept_are_refused_by_name() {
    let refused = |draft: PolicyDraft| draft.encode().unwrap_err();
    let none = PolicyDraft::default;
    let long = "a".repeat(256);
    for (draft, list) in [
        (PolicyDraft { origins: texts(&["https://*.a"]), ..none() }, Field::Origins),
        (PolicyDraft { methods: texts(&["get"]), ..none() }, Field::Methods),
        (PolicyDraft { paths: texts(&["a/**"]), ..none() }, Field::Paths),
        (PolicyDraft { scopes: texts(&["a*"]), ..none() }, Field::Scopes),
        (PolicyDraft { sales_channels: texts(&["a b"]), ..none() }, Field::SalesChannels),
        (PolicyDraft { rate_class: Some(String::new()), ..none() }, Field::RateClass),
        (PolicyDraft { scopes: vec![long], ..none() }, Field::Policy),
        (
            PolicyDraft { scopes: (0..4000).map(|i| i.to_string()).collect(), ..none() },
            Field::Policy,
        ),
    ] {
        assert_eq!(refused(draft), WireError::NotCanonical(list));
    }
    let mut tree = PolicyTree::public();
    assert_eq!(tree.set(0, &none()), Err(WireError::NotCanonical(Field::PolicyNumber)));
}

/// The words that routes and commands require follow the same rules as those that are granted.
#[test]
fn words_that_no_policy_could_hold_are_known_as_such() {
    assert!(is_scope("orders:read") && !is_scope("orders:*") && !is_scope(""));
    assert!(is_grant("orders:*") && !is_grant("orders:r*"));
    assert!(is_method("GET") && !is_method("get") && !is_method(""));
    assert!(is_rate_class("gold-2") && !is_rate_class("Gold") && !is_rate_class(""));
    assert!(is_path_pattern(b"/orders/**") && !is_path_pattern(b"/orders/**/items"));
}
