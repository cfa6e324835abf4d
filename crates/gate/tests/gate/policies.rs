//! Policies at the gate: what they deny, where they come from, and the response if they are
//! unavailable.

use std::num::NonZeroU32;

use portcullis_core::issue::PolicyDraft;
use portcullis_core::policy::{Denial, NoPolicy};
use portcullis_core::time::Time;
use portcullis_core::token::Kind;
use portcullis_gate::request::malformed::MalformedRequest;
use portcullis_gate::request_state::{Next, RequestState};
use portcullis_gate::response::refused::{Reason, Refused};

use crate::harness::{Bench, Incoming, get, identity_member, removed_keys};
use crate::issuer::ED25519_KID;

pub(crate) fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn backend() -> PolicyDraft {
    PolicyDraft {
        networks: vec!["192.0.2.0/24".parse().unwrap()],
        methods: texts(&["GET", "POST"]),
        paths: texts(&["/admin/**"]),
        scopes: texts(&["orders:*"]),
        ..PolicyDraft::default()
    }
}

fn storefront() -> PolicyDraft {
    PolicyDraft {
        origins: texts(&["https://shop.example"]),
        sales_channels: texts(&["sc_1", "sc_2"]),
        ..PolicyDraft::default()
    }
}

pub(crate) const SECRET: &[(&str, &str)] = &[("GATE_KEY", "sk_live_x")];

impl Bench {
    pub(crate) fn publish_policies(&self, number: u64, policies: &[(Kind, u32, PolicyDraft)]) {
        let now = Time::from_millis(self.world.now.get());
        let files = self.issuer.list_with(number, 1, (&[], policies), now, 60_000);
        self.world.publish(&files);
    }

    pub(crate) fn with_policy(&self, policy: u32) -> String {
        self.issuer.key(1, |claims| claims.policy = NonZeroU32::new(policy))
    }

    fn reason(&self, request: &Incoming<'_>) -> Reason {
        self.ask(request).unwrap_err().reason
    }
}

#[test]
fn each_rule_of_a_policy_denies_and_a_request_within_all_of_them_passes() {
    let routes = r#"[{"path": "/admin/orders", "scopes": ["orders:read"]},
                     {"path": "/admin/users", "scopes": ["orders:read", "users:read"]},
                     {"path": "/**"}]"#;
    let bench = Bench::new(&[SECRET, &[("ROUTES", routes)]].concat());
    bench.publish_policies(5, &[(Kind::Secret, 9, backend())]);
    let key = bench.with_policy(9);
    let good = Incoming { path: "/admin/orders", address: Some("192.0.2.7"), ..get(&key) };
    let forward = bench.ask(&good).unwrap();
    assert_eq!(identity_member(&forward, "scopes").as_deref(), Some(r#"("orders:*")"#));
    assert_eq!(identity_member(&forward, "policy").as_deref(), Some("9"));
    for (change, denial) in [
        (Incoming { address: Some("192.0.3.7"), ..good }, Denial::Address),
        (Incoming { method: "DELETE", ..good }, Denial::Method),
        (Incoming { path: "/store/carts", ..good }, Denial::Path),
        (Incoming { path: "/admin/users", ..good }, Denial::Scope),
    ] {
        let refused = bench.ask(&change).unwrap_err();
        assert_eq!(refused.reason, Reason::Denied(denial), "{change:?}");
        assert!(refused.name.is_some());
        let scopes = (denial == Denial::Scope).then(|| "orders:read users:read".to_owned());
        assert_eq!(refused.scopes, scopes);
    }
    let nowhere = Incoming { address: None, ..good };
    assert_eq!(bench.reason(&nowhere), Reason::AddressUnknown);
    // Two servers could interpret this path differently, so it matches no route.
    for path in
        ["/admin/%2e%2e/x", "/admin//x", "/ADMIN/orders", "/admin/orders/", "/%61dmin/orders"]
    {
        let reason = bench.reason(&Incoming { path, ..good });
        assert_eq!(reason, Reason::Malformed(MalformedRequest::AmbiguousPath), "{path}");
    }
}

#[test]
fn a_publishable_key_is_held_to_origin_and_sales_channel() {
    let routes = r#"[{"path": "/store/**", "kinds": ["publishable"],
                      "sales_channel_parameter": "sales_channel_id"}]"#;
    let bench = Bench::new(&[("ROUTES", routes)]);
    bench.publish_policies(5, &[(Kind::Publishable, 9, storefront())]);
    let key = bench.issuer.key(1, |claims| {
        (claims.kind, claims.kid, claims.policy) =
            (Kind::Publishable, ED25519_KID, NonZeroU32::new(9));
    });
    let good = Incoming {
        method: "GET",
        path: "/store/products",
        query: "sales_channel_id[]=sc_1&sales_channel_id[]=sc_2",
        publishable_key: Some(&key),
        origin: Some("https://shop.example"),
        ..Incoming::default()
    };
    let forward = bench.ask(&good).unwrap();
    assert_eq!(identity_member(&forward, "sales-channels").as_deref(), Some(r#"("sc_1" "sc_2")"#));
    assert_eq!(removed_keys(&forward.edits(None)), ["x-publishable-api-key"]);
    let elsewhere = Incoming { origin: Some("https://evil.example"), ..good };
    assert_eq!(bench.reason(&elsewhere), Reason::Denied(Denial::Origin));
    assert_eq!(bench.reason(&Incoming { origin: None, ..good }), Reason::Denied(Denial::Origin));
    for query in ["sales_channel_id=sc_3", "sales_channel_id[]=sc_1&s%61les_channel_id[]=sc_3"] {
        let reason = bench.reason(&Incoming { query, ..good });
        assert_eq!(reason, Reason::Denied(Denial::SalesChannel), "{query}");
    }
    // A browser sends a preflight first, which carries no key.
    let preflight =
        Incoming { method: "OPTIONS", publishable_key: None, preflight_for: Some("GET"), ..good };
    let forward = bench.ask(&preflight).unwrap();
    assert!(forward.caller.is_none() && removed_keys(&forward.edits(None)).is_empty());
    let plain = Incoming { preflight_for: None, ..preflight };
    assert_eq!(bench.reason(&plain).code(), "no_key");
}

#[test]
fn a_policy_that_is_edited_counts_from_the_next_list_on_without_a_wait() {
    let bench = Bench::new(&[SECRET, &[("FRESH_FOR", "1")]].concat());
    bench.publish_policies(5, &[(Kind::Secret, 9, PolicyDraft::default())]);
    let key = bench.with_policy(9);
    bench.request(&key).unwrap();
    // Keyring, stamp, head, body; directory and body of the policy.
    assert_eq!(bench.world.fetches(), 6);
    bench.request(&key).unwrap();
    assert_eq!(bench.world.fetches(), 0);
    bench.world.pass_time(1_001);
    bench.publish_policies(6, &[(Kind::Secret, 9, backend())]);
    assert_eq!(bench.reason(&get(&key)), Reason::AddressUnknown);
    // Stamp, head and both policy files came with the list.
    assert_eq!(bench.world.fetches(), 4);
    bench.world.pass_time(1_001);
    bench.publish_policies(7, &[]);
    assert_eq!(bench.reason(&get(&key)), Reason::Policy(NoPolicy::Missing));
}

#[test]
fn without_its_policy_a_key_is_refused_and_nobody_waits_for_what_can_not_be_had() {
    let bench = Bench::new(SECRET);
    bench.publish_policies(5, &[(Kind::Secret, 9, backend())]);
    bench.world.files.borrow_mut().retain(|name, _| !name.starts_with("private/"));
    let key = bench.with_policy(9);
    let unavailable = |reason| matches!(reason, Reason::Policy(NoPolicy::Unavailable(_)));
    let arrived = bench.world.now.get();
    assert!(unavailable(bench.reason(&get(&key))));
    assert!(bench.world.now.get() - arrived <= 25, "the failure ends the wait");
    assert!(bench.world.codes().contains(&"fetch_status".to_owned()));
    bench.world.fetches();
    for _ in 0..10 {
        assert!(unavailable(bench.reason(&get(&key))));
    }
    assert_eq!(bench.world.fetches(), 0, "a failure is remembered");
    // A key without a policy is not affected.
    bench.request(&bench.with_policy(0)).unwrap();
    bench.world.pass_time(1_000);
    bench.publish_policies(5, &[(Kind::Secret, 9, backend())]);
    assert_eq!(bench.reason(&get(&key)), Reason::AddressUnknown);
}

#[test]
fn a_fetch_that_hangs_is_waited_for_no_longer_than_a_cold_one() {
    let bench = Bench::new(SECRET);
    bench.publish_policies(5, &[(Kind::Secret, 9, backend())]);
    bench.request(&bench.with_policy(0)).unwrap();
    let key = bench.with_policy(9);
    let arrived = bench.world.now.get();
    let mut request_state = RequestState::new();
    loop {
        let step = bench.next_step(&get(&key), &mut request_state);
        match step.next {
            Next::Sleep(millis) => bench.world.pass_time(millis),
            Next::Refuse(Refused { reason, .. }) => {
                assert_eq!(reason.code(), "policy_unavailable");
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(bench.world.now.get() - arrived, 3_000);
}

#[test]
fn private_policies_are_asked_for_only_where_there_is_a_credential() {
    let bench = Bench::new(&[]);
    bench.publish_policies(5, &[(Kind::Secret, 9, backend())]);
    let reason = bench.reason(&get(&bench.with_policy(9)));
    assert_eq!(reason.code(), "policy_unavailable");
    assert!(bench.world.codes().contains(&"fetch_no_credential".to_owned()));
    assert!(!bench.world.fetched.borrow().iter().any(|name| name.starts_with("private/")));
}

#[test]
fn a_policy_of_one_kind_is_none_of_the_other() {
    let bench = Bench::new(SECRET);
    bench.publish_policies(5, &[(Kind::Publishable, 9, PolicyDraft::default())]);
    let reason = bench.reason(&get(&bench.with_policy(9)));
    assert_eq!(reason, Reason::Policy(NoPolicy::Missing));
}

#[test]
fn a_gate_may_ask_for_a_policy() {
    let bench = Bench::new(&[("REQUIRE_POLICY", "true")]);
    bench.publish(5, &[], 60_000);
    assert_eq!(bench.reason(&get(&bench.with_policy(0))), Reason::PolicyRequired);
}

#[test]
fn a_class_that_this_isolate_counts_is_held_to_its_limit() {
    let classes = r#"{"gold": {"limit": 2, "period": 10}}"#;
    let bench = Bench::new(&[SECRET, &[("RATE_CLASSES", classes)]].concat());
    let gold = PolicyDraft { rate_class: Some("gold".into()), ..PolicyDraft::default() };
    bench.publish_policies(5, &[(Kind::Secret, 9, gold)]);
    let key = bench.with_policy(9);
    for remaining in [1, 0] {
        let left = bench.request(&key).unwrap().rate.unwrap().allowance.unwrap();
        assert_eq!(left.remaining, remaining);
    }
    assert_eq!(bench.reason(&get(&key)).code(), "rate_limited");
    bench.world.pass_time(5_000);
    bench.request(&key).unwrap();
    bench.request(&bench.with_policy(0)).unwrap();
}

#[test]
fn a_class_counts_the_same_on_both_paths() {
    let classes = r#"{"gold": {"limit": 2, "period": 2}}"#;
    let gold = PolicyDraft { rate_class: Some("gold".into()), ..PolicyDraft::default() };
    // Two gates in the same state: one only on the fast path, the other on both.
    let [glancing, verifying] = [(); 2].map(|()| {
        let bench = Bench::new(&[SECRET, &[("RATE_CLASSES", classes)]].concat());
        bench.publish_policies(5, &[(Kind::Secret, 9, gold.clone())]);
        bench.request(&bench.with_policy(9)).unwrap();
        bench
    });
    let key = glancing.with_policy(9);
    let mut passes = 0;
    // Around the limit of 2 requests in 2 periods, both give the same answers.
    for pause in [0, 1, 400, 400, 800, 800, 1] {
        for bench in [&glancing, &verifying] {
            bench.world.pass_time(pause);
        }
        let forwarded = glancing.try_forward(&get(&key));
        match verifying.request(&key) {
            Ok(forward) => {
                let forwarded = forwarded.unwrap();
                assert_eq!(forwarded.rate, forward.rate);
                let settings = glancing.gate.borrow().shared_settings();
                let [(policy, limit), (now, left)] = &forwarded.rate_headers(&settings)[..] else {
                    panic!()
                };
                assert_eq!((*policy, *now), ("ratelimit-policy", "ratelimit"));
                assert_eq!(limit, r#""gold";q=2;w=2"#);
                assert!(left.starts_with(r#""gold";r=0;t="#), "{left}");
                passes += 1;
            }
            Err(refused) => {
                assert_eq!(forwarded, None);
                assert_eq!(glancing.reason(&get(&key)), refused.reason);
            }
        }
    }
    assert_eq!(passes, 3);
}

#[test]
fn a_strict_route_takes_no_stale_verdict() {
    let routes = r#"[{"path": "/pay", "strict": true}, {"path": "/**"}]"#;
    let bench = Bench::new(&[("ROUTES", routes)]);
    bench.publish(5, &[], 60_000);
    let key = bench.with_policy(0);
    let pay = Incoming { path: "/pay", ..get(&key) };
    bench.ask(&pay).unwrap();
    bench.world.down.set(true);
    bench.world.pass_time(5_001);
    assert_eq!(bench.reason(&pay), Reason::Stale);
    assert_eq!(bench.freshness(&key), "stale");
    bench.world.down.set(false);
    bench.world.pass_time(5_000);
    bench.publish(5, &[], 60_000);
    bench.ask(&pay).unwrap();
}

#[test]
fn what_was_found_is_told_to_whom_may_know() {
    let bench = Bench::new(SECRET);
    let debugger = PolicyDraft { scopes: texts(&["portcullis:debug"]), ..PolicyDraft::default() };
    let all = PolicyDraft { scopes: texts(&["*"]), ..PolicyDraft::default() };
    bench.publish_policies(5, &[(Kind::Secret, 8, all), (Kind::Secret, 9, debugger)]);
    let asks = |policy, debug| {
        let key = bench.with_policy(policy);
        bench.ask(&Incoming { debug, ..get(&key) }).unwrap().debug
    };
    let identity_member = asks(9, true).unwrap();
    assert!(
        identity_member.starts_with("code=accepted; key=apk_")
            && identity_member.contains("; list=5; age_ms=")
    );
    assert_eq!((asks(9, false), asks(8, true)), (None, None));
}
