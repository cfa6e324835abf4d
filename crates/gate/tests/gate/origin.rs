//! What reaches the origin with a request, and which directives caches on the way receive.

use std::num::NonZeroU32;
use std::rc::Rc;

use portcullis_core::token::Kind;
use portcullis_gate::forward::{Flags, Forward};
use portcullis_gate::identity::assertion_cache::AssertionText;
use portcullis_gate::request::fields::{Rule, rule};

use crate::harness::{Bench, Incoming, get, removed_keys, set};
use crate::issuer::{ASSERTION_KID, ED25519_KID, Issuer, LIST_KID};

/// A gate configured to assert with the key of this kid.
fn asserting(kid: u16) -> Bench {
    let bench = Bench::new(&[("HMAC_KEYS", &Issuer::new(9).asserting_keys(kid))]);
    bench.publish(5, &[], 60_000);
    bench
}

fn field<'e>(edits: &'e str, name: &str) -> Option<&'e str> {
    set(edits).into_iter().find(|(known, _)| *known == name).map(|(_, value)| value)
}

#[test]
fn keys_go_on_by_no_route_not_even_one_that_looks_for_none() {
    let routes = r#"[{"path": "/query", "keys_in": ["query:api_key"]},
                     {"path": "/kept", "keep_credential": true},
                     {"path": "/store/**", "kinds": ["publishable"]},
                     {"path": "/**", "open": true}]"#;
    let bench = Bench::new(&[("ROUTES", routes)]);
    bench.publish(5, &[], 60_000);
    let key = bench.issuer.key(1, |_| {});
    let other = bench.issuer.key(2, |claims| {
        (claims.kind, claims.kid) = (Kind::Publishable, ED25519_KID);
    });
    let (bearer, query) = (format!("Bearer {key}"), format!("a=1&api_key={key}&b=2"));
    // A request with keys in every place.
    let everywhere = Incoming {
        method: "GET",
        query: &query,
        authorization: Some(&bearer),
        publishable_key: Some(&other),
        ..Incoming::default()
    };
    let went = |path, query| {
        let forward = bench.ask(&Incoming { path, query, ..everywhere }).unwrap();
        let removed_keys: Vec<String> =
            removed_keys(&forward.edits(None)).into_iter().map(str::to_owned).collect();
        (forward.target, removed_keys)
    };
    let both = vec!["authorization".to_owned(), "x-publishable-api-key".to_owned()];
    assert_eq!(went("/open", &query), ("/open?a=1&b=2".to_owned(), both.clone()));
    assert_eq!(went("/query", &query), ("/query?a=1&b=2".to_owned(), both.clone()));
    assert_eq!(went("/kept", ""), ("/kept".to_owned(), both[1..].to_vec()));
    // A preflight passes without a caller, and its keys are removed too.
    let preflight = Incoming {
        method: "OPTIONS",
        path: "/store/x",
        origin: Some("https://shop.example"),
        preflight_for: Some("GET"),
        ..everywhere
    };
    let forward = bench.ask(&preflight).unwrap();
    assert_eq!((forward.target.as_str(), forward.caller.is_none()), ("/store/x?a=1&b=2", true));
    assert_eq!(removed_keys(&forward.edits(None)), both);
}

#[test]
fn an_answer_is_for_one_key_alone_unless_its_route_says_otherwise() {
    let routes = r#"[{"path": "/shared/**", "shared_cache": true},
                     {"path": "/open", "open": true}, {"path": "/**"}]"#;
    let bench = Bench::new(&[("ROUTES", routes)]);
    bench.publish(5, &[], 60_000);
    let key = bench.issuer.key(1, |_| {});
    let bearer = format!("Bearer {key}");
    let (x_api_key, authorization) = (
        Incoming { path: "/a", ..get(&key) },
        Incoming { path: "/a", x_api_key: None, authorization: Some(&bearer), ..get(&key) },
    );
    let identity_member = |request: &Incoming<'_>| {
        let forward: Forward = bench.ask(request).unwrap();
        let dictionary_member = field(&forward.edits(None), "cache-control").map(str::to_owned);
        let Flags { uncached, private, .. } = forward.flags;
        (dictionary_member, uncached, private)
    };
    let no_store = Some("no-cache, no-store".to_owned());
    assert_eq!(identity_member(&x_api_key), (no_store.clone(), true, true));
    // A shared cache already recognises `Authorization`, so `private` stays unset.
    assert_eq!(identity_member(&authorization), (no_store, true, false));
    for path in ["/shared/a", "/open"] {
        assert_eq!(
            identity_member(&Incoming { path, ..x_api_key }),
            (None, false, false),
            "{path}"
        );
    }
}

#[test]
fn where_a_request_came_from_is_said_by_the_gate_alone() {
    let bench = Bench::new(&[]);
    bench.publish(5, &[], 60_000);
    let key = bench.issuer.key(1, |_| {});
    let lies = [("x-forwarded-for", "10.0.0.1"), ("x-forwarded-host", "evil.example")];
    let request = Incoming { address: Some("192.0.2.9"), more: &lies, ..get(&key) };
    let edits = bench.ask(&request).unwrap().edits(None);
    assert_eq!(field(&edits, "x-forwarded-for"), Some("192.0.2.9"));
    assert_eq!(field(&edits, "x-forwarded-host"), Some("api.example"));
    assert_eq!(field(&edits, "x-forwarded-proto"), Some("https"));
}

#[test]
fn an_assertion_is_handed_out_for_the_very_same_key_and_no_longer_than_half_of_its_life() {
    let bench = asserting(ASSERTION_KID);
    let key = |owner| bench.issuer.key(1, |claims| claims.owner = NonZeroU32::new(owner));
    let (one, other) = (key(77), key(78));
    let asserted = |token: &str| bench.request(token).unwrap().assertion.unwrap();
    let AssertionText::Unsigned(known, unsigned) = asserted(&one) else {
        panic!("nothing is signed")
    };
    let text: Rc<str> = unsigned.seal(&[0; 64]).into();
    bench.gate.borrow_mut().assertions_mut().keep(known, Rc::clone(&text));
    assert!(matches!(asserted(&one), AssertionText::Signed(held) if held == text));
    // The same serial, as after a restored backup, and another owner.
    assert!(matches!(asserted(&other), AssertionText::Unsigned(..)));
    bench.world.pass_time(30_000);
    bench.publish(5, &[], 60_000);
    assert!(matches!(asserted(&one), AssertionText::Unsigned(..)));
}

#[test]
fn a_gate_asserts_nothing_by_a_key_that_the_keyring_does_not_list_for_that() {
    for (kid, asserts) in [(ASSERTION_KID, true), (LIST_KID, false), (99, false)] {
        let bench = asserting(kid);
        let forward = bench.request(&bench.issuer.key(1, |_| {})).unwrap();
        assert_eq!(forward.assertion.is_some(), asserts, "{kid}");
    }
}

#[test]
fn what_ends_a_connection_later_goes_the_long_way() {
    let routes = r#"[{"path": "/live", "max_connection_age": 60}, {"path": "/**"}]"#;
    let bench = Bench::new(&[("ROUTES", routes)]);
    bench.publish(5, &[], 60_000);
    let key = bench.issuer.key(1, |_| {});
    bench.request(&key).unwrap();
    let live = Incoming { path: "/live", ..get(&key) };
    assert!(bench.try_forward(&get(&key)).is_some());
    assert!(bench.try_forward(&live).is_none());
    let forward = bench.ask(&live).unwrap();
    assert_eq!((forward.max_connection_age, forward.flags.may_be_cut), (Some(60), true));
}

#[test]
fn fields_that_lead_a_server_astray_reach_no_origin() {
    for name in [
        // The request's target, under another name.
        "x-original-url",
        "x-rewrite-url",
        "x-forwarded-prefix",
        "x-forwarded-uri",
        // The proxy for a CGI's own requests.
        "proxy",
        // The boundary between two requests.
        "transfer-encoding",
        "content-length",
        "te",
        "trailer",
        "keep-alive",
        "http2-settings",
        "expect",
        // The sender of the request.
        "x-real-ip",
        "forwarded",
        "true-client-ip",
        "portcullis",
        "portcullis-assertion",
        "portcullis-owner",
    ] {
        let found = rule(name, true);
        assert!(matches!(found, Rule::Remove | Rule::ReadAndRemove), "{name}: {found:?}");
    }
}

#[test]
fn a_key_in_the_query_goes_the_long_way_on_which_it_is_taken_out() {
    let routes = r#"[{"path": "/query", "keys_in": ["query:api_key"]}, {"path": "/**"}]"#;
    let bench = Bench::new(&[("ROUTES", routes)]);
    bench.publish(5, &[], 60_000);
    let key = bench.issuer.key(1, |_| {});
    bench.request(&key).unwrap();
    let query = format!("api_key={key}");
    for (path, x_api_key) in [("/query", None), ("/a", Some(key.as_str()))] {
        let asked = Incoming { path, x_api_key, query: &query, ..get(&key) };
        assert!(bench.try_forward(&asked).is_none(), "{path}");
        assert_eq!(bench.ask(&asked).unwrap().target, path);
        assert!(
            x_api_key.is_none() || bench.try_forward(&Incoming { query: "", ..asked }).is_some()
        );
    }
}

#[test]
fn what_a_connection_names_was_for_the_gate_alone() {
    let bench = Bench::new(&[]);
    bench.publish(5, &[], 60_000);
    let key = bench.issuer.key(1, |_| {});
    bench.request(&key).unwrap();
    let named = [("connection", "keep-alive, X-Hop"), ("x-hop", "1"), ("x-other", "1")];
    let request = Incoming { more: &named, ..get(&key) };
    assert!(bench.try_forward(&request).is_none());
    assert_eq!(removed_keys(&bench.ask(&request).unwrap().edits(None)), ["x-api-key", "x-hop"]);
}

#[test]
fn a_websocket_goes_on_without_the_key_that_it_was_asked_for_by() {
    let bench = Bench::new(&[]);
    bench.publish(5, &[], 60_000);
    let key = bench.issuer.key(1, |_| {});
    bench.request(&key).unwrap();
    let protocols = format!("portcullis, chat, portcullis-key.{key}");
    let asks = [
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-protocol", protocols.as_str()),
    ];
    let request = Incoming { x_api_key: None, more: &asks, ..get(&key) };
    assert!(bench.try_forward(&request).is_none());
    let forward = bench.ask(&request).unwrap();
    let edits = forward.edits(None);
    assert_eq!(field(&edits, "sec-websocket-protocol"), Some("chat"));
    assert_eq!(field(&edits, "upgrade"), Some("websocket"));
    assert!(!edits.contains(&key) && forward.flags.own_protocol);
    // With another method it is an ordinary request.
    let posted = Incoming { method: "POST", x_api_key: Some(&key), ..request };
    assert_eq!(field(&bench.ask(&posted).unwrap().edits(None), "upgrade"), None);
}
