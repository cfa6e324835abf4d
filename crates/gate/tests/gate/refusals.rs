//! Requests that are refused: forged keys, keys for another route, and attempts to exploit a
//! configuration error.

use portcullis_core::issue::PolicyDraft;
use portcullis_core::keyring::Purpose;
use portcullis_core::time::Time;
use portcullis_core::token::Kind;
use portcullis_core::verify::Refusal;
use portcullis_gate::request::credential::CredentialError;
use portcullis_gate::request_state::{Next, RequestState, ReservedPage};
use portcullis_gate::response::refused::Reason;
use portcullis_gate::telemetry::log::Event;

use crate::harness::{Bench, Incoming, get, removed_keys};
use crate::issuer::{ADMIN_KID, ED25519_KID, Issuer};
use crate::policies::SECRET;

impl Bench {
    /// The outcome of a request that needs only a list and a signature.
    fn outcome(&self, request: &Incoming<'_>) -> Next {
        let mut state = RequestState::new();
        loop {
            match self.next_step(request, &mut state).next {
                Next::Verify(signature) => state.signature_is(signature, None),
                next => return next,
            }
        }
    }

    fn code(&self, request: &Incoming<'_>) -> String {
        match self.outcome(request) {
            Next::Refuse(refused) => refused.reason.code().to_owned(),
            Next::Reserved(page) => format!("{page:?}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_signature_of_another_is_refused_however_often_it_comes() {
    let bench = Bench::new(&[]);
    bench.publish(5, &[], 60_000);
    let good = bench.issuer.key(2, |claims| claims.kid = ED25519_KID);
    bench.request(&good).unwrap();
    // The other issuer has the same keys but another id, and the signature covers both.
    let forged = Issuer::new(8).key(2, |claims| claims.kid = ED25519_KID);
    for _ in 0..3 {
        assert_eq!(bench.refusal(&forged), Refusal::BadSignature);
        assert!(bench.try_forward(&get(&forged)).is_none());
    }
}

#[test]
fn the_gates_own_pages_open_to_an_admin_key_and_to_no_other() {
    let bench = Bench::new(&[("ROUTES", r#"[{"path": "/**", "open": true}]"#)]);
    bench.publish(5, &[], 60_000);
    let key = bench.issuer.key(1, |claims| claims.kid = ED25519_KID);
    let admin = bench.issuer.admin_key(2);
    let refresh = bench.next_step(&get(&key), &mut RequestState::new());
    assert!(matches!(refresh.next, Next::Forward(_)), "the route is open");
    let health = Incoming { path: "/.portcullis/health", ..get(&key) };
    let mut state = RequestState::new();
    let job = bench.next_step(&health, &mut state).refresh.unwrap();
    crate::harness::block_on(portcullis_gate::refresh::refresh(&bench.gate, &&bench.world, job));
    let status = Incoming { path: "/.portcullis/status", ..get(&key) };
    assert_eq!(bench.code(&status), "signer_not_allowed");
    assert_eq!(bench.code(&Incoming { x_api_key: None, ..status }), "no_key");
    let allowed = Incoming { x_api_key: Some(&admin), ..status };
    assert!(matches!(bench.outcome(&allowed), Next::Reserved(ReservedPage::Status)));
    let nothing = Incoming { path: "/.portcullis/elsewhere", ..get(&admin) };
    assert!(matches!(bench.outcome(&nothing), Next::Reserved(ReservedPage::Nothing)));
    // A key that opens the status pages opens no route: a signer has one purpose.
    let bench = Bench::new(&[]);
    bench.publish(5, &[], 60_000);
    assert_eq!(bench.request(&admin).unwrap_err().reason, Reason::AdminKey);
    let gate = bench.gate.borrow();
    let keyring = gate.verifier().unwrap().keyring();
    assert_eq!(keyring.entry(ADMIN_KID).unwrap().purpose, Purpose::Admin);
}

/// Everybody can make a text with the prefix and the checksum of an admin key: only one that the
/// issuer signed is an incident.
#[test]
fn an_admin_key_at_a_gate_is_told_of_only_if_it_is_proved() {
    let bench = Bench::new(&[]);
    bench.publish(5, &[7], 60_000);
    let line = |token: &str| {
        let event = Event::Refused(bench.request(token).unwrap_err());
        let line: serde_json::Value = serde_json::from_str(&event.line()).unwrap();
        (line["code"].as_str().unwrap().to_owned(), line["key"].is_string(), event.is_alarm())
    };
    // Revoked or not, the issuer made it: the name says which one it is.
    for slot in [2, 7] {
        assert_eq!(line(&bench.issuer.admin_key(slot)), ("admin_key_shown".into(), true, true));
    }
    // Of another issuer that has the same signers, and of signers that sign no admin keys.
    let forged = Issuer::new(8).admin_key(2);
    let by = |kid| bench.issuer.key(2, |claims| (claims.kid, claims.is_admin) = (kid, true));
    for (token, code) in [
        (forged.clone(), "bad_signature"),
        (forged, "bad_signature"),
        (by(ED25519_KID), "signer_not_allowed"),
        (by(99), "unknown_kid"),
        (bench.issuer.key(2, |claims| claims.kid = ADMIN_KID), "signer_not_allowed"),
    ] {
        assert_eq!(line(&token), (code.into(), false, false));
    }
    // Whoever has stolen the key of a retired signer raises no alarm either.
    let bench = Bench::new(&[]);
    let now = Time::from_millis(bench.world.now.get());
    bench.world.publish(&bench.issuer.list(5, 3, &[], now, 60_000));
    let refused = bench.request(&bench.issuer.admin_key(2)).unwrap_err();
    assert_eq!(refused.reason, Reason::Key(Refusal::SignerNotAllowed(ADMIN_KID)));
    assert_eq!(refused.name, None);
}

#[test]
fn an_admin_key_goes_on_to_no_origin_whether_or_not_it_is_proved() {
    let routes = r#"[{"path": "/open", "open": true},
        {"path": "/shop", "kinds": ["publishable"], "keep_credential": true},
        {"path": "/**", "keys_in": ["x-api-key"]}]"#;
    let bench = Bench::new(&[("ROUTES", routes)]);
    bench.publish(5, &[], 60_000);
    let good = bench.issuer.key(1, |_| {});
    let shop = bench.issuer.key(3, |claims| {
        (claims.kid, claims.kind) = (ED25519_KID, Kind::Publishable);
    });
    for admin in [bench.issuer.admin_key(2), Issuer::new(8).admin_key(2)] {
        let bearer = format!("Bearer {admin}");
        let beside = Incoming { authorization: Some(&bearer), ..Incoming::default() };
        for request in [
            // On a route without a key, in a place that the route doesn't read, and beside a key of
            // the other kind.
            Incoming { path: "/open", ..beside },
            Incoming { path: "/", x_api_key: Some(&good), ..beside },
            Incoming { path: "/shop", publishable_key: Some(&shop), ..beside },
        ] {
            let request = Incoming { method: "GET", ..request };
            let forward = bench.ask(&request).unwrap();
            assert!(
                removed_keys(&forward.edits(None)).contains(&"authorization"),
                "{}",
                request.path
            );
        }
        // Two secret keys in the places of one route: nothing goes on.
        let both = format!("{good}, {admin}");
        let refused = bench.ask(&get(&both)).unwrap_err();
        assert_eq!(refused.reason, Reason::Credential(CredentialError::Conflict));
    }
}

#[test]
fn a_rate_class_that_is_misspelt_refuses_instead_of_limiting_nothing() {
    let classes = r#"{"gold": {"limit": 2, "period": 10}}"#;
    let with = |more: &[(&str, &str)]| {
        let bench = Bench::new(&[SECRET, &[("RATE_CLASSES", classes)], more].concat());
        let slip = PolicyDraft { rate_class: Some("glod".into()), ..PolicyDraft::default() };
        bench.publish_policies(5, &[(Kind::Secret, 9, slip)]);
        bench
    };
    let bench = with(&[]);
    let refused = bench.request(&bench.with_policy(9)).unwrap_err();
    assert_eq!(refused.reason, Reason::UnknownRateClass);
    let bench = with(&[("UNKNOWN_RATE_CLASS", "pass")]);
    assert_eq!(bench.request(&bench.with_policy(9)).unwrap().rate, None);
}

#[test]
fn without_client_address_a_policy_with_networks_refuses_whatever_a_client_says() {
    let bench = Bench::new(&[SECRET, &[("CLIENT_ADDRESS", "")]].concat());
    let networks = vec!["192.0.2.0/24".parse().unwrap()];
    let draft = PolicyDraft { networks, ..PolicyDraft::default() };
    bench.publish_policies(5, &[(Kind::Secret, 9, draft)]);
    let key = bench.with_policy(9);
    let dictionary_member = [("x-forwarded-for", "192.0.2.7"), ("x-real-ip", "192.0.2.7")];
    let request = Incoming { address: Some("192.0.2.7"), more: &dictionary_member, ..get(&key) };
    assert_eq!(bench.ask(&request).unwrap_err().reason, Reason::AddressUnknown);
}

#[test]
fn what_looks_like_a_preflight_needs_a_key_if_its_route_lets_none_pass() {
    let routes = r#"[{"path": "/shop/**", "kinds": ["publishable"]}, {"path": "/**"}]"#;
    let bench = Bench::new(&[("ROUTES", routes)]);
    bench.publish(5, &[], 60_000);
    let ask = Incoming {
        method: "OPTIONS",
        path: "/orders",
        origin: Some("https://shop.example"),
        preflight_for: Some("GET"),
        ..Incoming::default()
    };
    assert_eq!(bench.code(&ask), "no_key");
    assert!(matches!(bench.outcome(&Incoming { path: "/shop/a", ..ask }), Next::Forward(_)));
}

#[test]
fn a_segment_that_the_origin_may_cut_off_leads_around_no_route() {
    let routes = r#"[{"path": "/admin", "scopes": ["admin:read"]}, {"path": "/**", "open": true}]"#;
    let code = |origin_paths, path| {
        let bench = Bench::new(&[("ROUTES", routes), ("ORIGIN_PATHS", origin_paths)]);
        let request = Incoming { method: "GET", path, ..Incoming::default() };
        match bench.outcome(&request) {
            Next::Refuse(refused) => refused.reason.code(),
            Next::Forward(_) => "passed",
            other => panic!("{other:?}"),
        }
    };
    for path in ["/admin/%20", "/admin/...", "/%20/admin"] {
        assert_eq!(code("loose", path), "ambiguous_path", "{path}");
        assert_eq!(code("exact", path), "passed", "{path}");
    }
}

#[test]
fn a_key_is_read_in_the_places_of_its_route_and_nowhere_else() {
    let routes = r#"[{"path": "/**", "keys_in": ["x-api-key"]}]"#;
    let bench = Bench::new(&[("ROUTES", routes)]);
    bench.publish(5, &[], 60_000);
    let key = bench.issuer.key(1, |_| {});
    bench.request(&key).unwrap();
    let (bearer, query) = (format!("Bearer {key}"), format!("api_key={key}"));
    let none = Incoming { x_api_key: None, ..get(&key) };
    for elsewhere in [
        Incoming { authorization: Some(&bearer), ..none },
        Incoming { publishable_key: Some(&key), ..none },
        Incoming { query: &query, ..none },
    ] {
        assert!(bench.try_forward(&elsewhere).is_none());
        assert_eq!(bench.code(&elsewhere), "no_key");
    }
}
