//! The caller's identity, for a Worker that verifies keys itself.

use std::num::NonZeroU32;

use portcullis_core::issue::PolicyDraft;
use portcullis_core::policy::Denial;
use portcullis_core::time::Time;
use portcullis_core::token::{Environment, Kind};
use portcullis_gate::refresh::schedule::Freshness;
use portcullis_gate::request::credential::CredentialError;
use portcullis_gate::response::problem::Problem;
use portcullis_gate::response::refused::Reason;
use portcullis_gate::settings::rates::RateClasses;

use crate::harness::{Bench, Incoming, get, identity_member};
use crate::policies::{SECRET, texts};

fn now(bench: &Bench) -> Time {
    Time::from_millis(bench.world.now.get())
}

#[test]
fn a_caller_is_the_one_that_the_origin_is_told_of() {
    let bench = Bench::new(SECRET);
    let draft = PolicyDraft {
        scopes: texts(&["orders:*", "users:read"]),
        sales_channels: texts(&["sc_1", "sc_2"]),
        ..PolicyDraft::default()
    };
    bench.publish_policies(5, &[(Kind::Secret, 9, draft)]);
    let owned = bench
        .issuer
        .key(1, |claims| (claims.policy, claims.owner) = (NonZeroU32::new(9), NonZeroU32::new(77)));
    let forward = bench.request(&owned).unwrap();
    let caller = forward.caller.as_ref().unwrap();
    let is_told =
        |name: &str, value: &str| assert_eq!(identity_member(&forward, name).unwrap(), value);
    is_told("key", &caller.name().to_string());
    is_told("list", &caller.list().to_string());
    assert_eq!((caller.kind(), caller.environment()), (Kind::Secret, Environment::Live));
    assert_eq!((caller.owner(), caller.policy()), (Some(77), Some(9)));
    assert_eq!((caller.list(), caller.freshness()), (5, Freshness::Fresh));
    assert_eq!(caller.scopes().collect::<Vec<_>>(), ["orders:*", "users:read"]);
    assert_eq!(caller.sales_channels().collect::<Vec<_>>(), ["sc_1", "sc_2"]);

    let nobody = bench.issuer.key(1, |claims| (claims.policy, claims.owner) = (None, None));
    let plain = bench.request(&nobody).unwrap();
    let caller = plain.caller.as_ref().unwrap();
    assert_eq!((caller.owner(), caller.policy()), (None, None));
    assert_eq!((caller.scopes().count(), caller.sales_channels().count()), (0, 0));
}

#[test]
fn a_scope_is_granted_as_on_a_route_and_lacking_one_is_a_refusal_like_any_other() {
    let bench = Bench::new(SECRET);
    let draft = PolicyDraft { scopes: texts(&["orders:*"]), ..PolicyDraft::default() };
    bench.publish_policies(5, &[(Kind::Secret, 9, draft)]);
    let forward = bench.request(&bench.with_policy(9)).unwrap();
    let caller = forward.caller.as_ref().unwrap();
    for (scope, granted) in [
        ("orders:read", true),
        ("orders:read:own", true),
        ("orders", false),
        ("users:read", false),
        ("orders:*", false),
        ("*", false),
        ("", false),
    ] {
        assert_eq!(caller.may(scope), granted, "{scope:?}");
    }
    assert_eq!(forward.lacks(&["orders:read", "orders:write"], now(&bench)), None);
    let refused = forward.lacks(&["orders:read", "users:read"], now(&bench)).unwrap();
    assert_eq!(refused.reason, Reason::Denied(Denial::Scope));
    assert_eq!(refused.name, Some(caller.name()));
    assert_eq!(refused.list.unwrap().number, 5);
    let scopes = "orders:read users:read".to_owned();
    let problem = Problem::of(&refused, &RateClasses::default());
    assert_eq!(problem, Problem::InsufficientScope { scopes });
}

#[test]
fn without_a_key_no_scope_is_granted_not_even_none() {
    let bench = Bench::new(&[("ROUTES", r#"[{"path": "/**", "open": true}]"#)]);
    let key = bench.with_policy(0);
    for request in [get(&key), Incoming { method: "GET", path: "/", ..Incoming::default() }] {
        let forward = bench.ask(&request).unwrap();
        assert!(forward.caller.is_none());
        for scopes in [&["orders:read"][..], &[]] {
            let refused = forward.lacks(scopes, now(&bench)).unwrap();
            assert_eq!(refused.reason, Reason::Credential(CredentialError::Missing));
        }
    }
}
