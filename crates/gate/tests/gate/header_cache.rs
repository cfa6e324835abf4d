//! Header edits that were written for one request are never used for another: any difference in
//! their inputs separates two requests, even if these share a place in the cache.

use std::num::NonZeroU32;
use std::rc::Rc;

use portcullis_core::assertion::verify;
use portcullis_core::issue::SigningKey;
use portcullis_core::time::Time;
use portcullis_gate::header_cache::CachedEdits;
use portcullis_gate::identity::assertion_cache::AssertionText;
use portcullis_gate::request::Request;
use portcullis_gate::request::received::Received;

use crate::harness::{Bench, Incoming, get, removed_keys, set};
use crate::issuer::{ASSERTION_KID, Issuer};

impl Bench {
    /// The edits for a request that passes on the fast path.
    fn edits(&self, request: &Incoming<'_>) -> Rc<CachedEdits> {
        self.try_forward(request).expect("the fast path takes it").edits
    }

    /// The edits for a request as a host received it.
    fn edits_of(&self, received: &Received<'_>) -> Rc<CachedEdits> {
        let settings = self.gate.borrow().shared_settings();
        let request = Request::read(received, &settings).unwrap();
        let now = Time::from_millis(self.world.now.get());
        let forwarded = self.gate.borrow_mut().try_forward(&request, now);
        forwarded.expect("the fast path takes it").edits
    }
}

fn field<'e>(edits: &'e CachedEdits, name: &str) -> Option<&'e str> {
    set(edits.lines()).into_iter().find(|(known, _)| *known == name).map(|(_, value)| value)
}

#[test]
fn a_key_in_a_second_place_is_taken_out_there_too() {
    let bench = Bench::new(&[]);
    bench.publish(5, &[], 60_000);
    let key = bench.issuer.key(1, |_| {});
    bench.request(&key).unwrap();
    let bearer = format!("Bearer {key}");
    let once = Incoming { x_api_key: None, authorization: Some(&bearer), ..get(&key) };
    let twice = Incoming { x_api_key: Some(&key), ..once };
    for _ in 0..2 {
        let [first, second] = [&once, &twice].map(|request| bench.edits(request));
        assert_eq!((first.slot(), first.flags()), (second.slot(), second.flags()));
        assert_eq!(removed_keys(first.lines()), ["authorization"]);
        assert_eq!(removed_keys(second.lines()), ["authorization", "x-api-key"]);
    }
}

#[test]
fn what_caches_are_told_is_of_this_route() {
    let routes = r#"[{"path": "/shared", "shared_cache": true}, {"path": "/**"}]"#;
    let bench = Bench::new(&[("ROUTES", routes)]);
    bench.publish(5, &[], 60_000);
    let key = bench.issuer.key(1, |_| {});
    bench.request(&key).unwrap();
    for _ in 0..2 {
        let shared = bench.edits(&Incoming { path: "/shared", ..get(&key) });
        assert!(!shared.flags().uncached && !shared.flags().private);
        let own = bench.edits(&get(&key));
        assert!(own.flags().uncached && own.flags().private);
        assert_eq!(field(&own, "cache-control"), Some("no-cache, no-store"));
    }
}

#[test]
fn where_a_request_comes_from_is_of_this_request() {
    let bench = Bench::new(&[]);
    bench.publish(5, &[], 60_000);
    let key = bench.issuer.key(1, |_| {});
    bench.request(&key).unwrap();
    let from = |address: &str| bench.edits(&Incoming { address: Some(address), ..get(&key) });
    let first = from("192.0.2.1");
    assert_eq!(field(&first, "x-forwarded-for"), Some("192.0.2.1"));
    // Addresses share places in the cache; some of these share the one above.
    let mut shared = 0;
    for at in 0..8_192_u32 {
        let address = format!("10.0.{}.{}", at / 256, at % 256);
        let edits = from(&address);
        assert_eq!(field(&edits, "x-forwarded-for"), Some(address.as_str()));
        shared += u32::from(edits.slot() == first.slot());
        assert_eq!(field(&from("192.0.2.1"), "x-forwarded-for"), Some("192.0.2.1"));
    }
    assert!(shared > 0);
}

#[test]
fn what_was_asked_for_is_of_this_request() {
    let bench = Bench::new(&[]);
    bench.publish(5, &[], 60_000);
    let key = bench.issuer.key(1, |_| {});
    bench.request(&key).unwrap();
    let fields = [("x-api-key", key.as_str())];
    for (scheme, host) in [("https", "a.example"), ("https", "b.example"), ("http", "b.example")] {
        let received = Received {
            method: "GET",
            target: "/",
            scheme,
            host,
            fields: &fields,
            ..Received::default()
        };
        let edits = bench.edits_of(&received);
        let dictionary_member =
            (field(&edits, "x-forwarded-proto"), field(&edits, "x-forwarded-host"));
        assert_eq!(dictionary_member, (Some(scheme), Some(host)));
    }
}

#[test]
fn a_host_that_is_none_is_not_passed_on_for_one() {
    let settings = [("CLIENT_ADDRESS", "forwarded"), ("TRUSTED_PROXIES", "10.0.0.0/8")];
    let bench = Bench::new(&settings);
    bench.publish(5, &[], 60_000);
    let key = bench.issuer.key(1, |_| {});
    bench.request(&key).unwrap();
    for (dictionary_member, for_origin) in [
        ("shop.example", "shop.example"),
        ("[2001:db8::1]:8443", "[2001:db8::1]:8443"),
        ("shop.example, evil.example", "gate.example"),
        ("shop.example/admin", "gate.example"),
        ("user@shop.example", "gate.example"),
        ("", "gate.example"),
    ] {
        let fields = [("x-api-key", key.as_str()), ("x-forwarded-host", dictionary_member)];
        let received = Received {
            method: "GET",
            target: "/",
            scheme: "https",
            host: "gate.example",
            peer: Some("10.0.0.1"),
            fields: &fields,
            ..Received::default()
        };
        assert_eq!(field(&bench.edits_of(&received), "x-forwarded-host"), Some(for_origin));
    }
}

#[test]
fn an_assertion_is_the_newest_and_says_what_the_gate_has_found() {
    let bench = Bench::new(&[("HMAC_KEYS", &Issuer::new(9).asserting_keys(ASSERTION_KID))]);
    bench.publish(5, &[], 600_000);
    let key = bench.issuer.key(1, |_| {});
    let signer = SigningKey::from_seed(&[25; 32]);
    // Signs an assertion as the host does and gives it to the gate to keep.
    let sign = || {
        let Some(AssertionText::Unsigned(known, unsigned)) = bench.request(&key).unwrap().assertion
        else {
            panic!("one is to be signed")
        };
        let text: Rc<str> = signer.assert(unsigned).into();
        bench.gate.borrow_mut().assertions_mut().keep(known, Rc::clone(&text));
        text
    };
    let read = |text: &str, audience: &str| {
        let gate = bench.gate.borrow();
        let now = Time::from_millis(bench.world.now.get());
        let verified = verify(text, gate.verifier().unwrap().keyring(), audience, now);
        verified.map(|it| {
            let assertion = it.read().unwrap();
            (assertion.list, assertion.owner, assertion.fresh)
        })
    };
    let first = sign();
    assert_eq!(read(&first, "origin.example"), Ok((5, NonZeroU32::new(77), true)));
    assert!(read(&first, "api.example").is_err(), "it is for the gate's origin");
    assert_eq!(field(&bench.edits(&get(&key)), "portcullis-assertion"), Some(&*first));
    // A new list needs a new assertion.
    bench.world.pass_time(30_000);
    bench.publish(5, &[], 600_000);
    let second = sign();
    assert_ne!(first, second);
    assert_eq!(field(&bench.edits(&get(&key)), "portcullis-assertion"), Some(&*second));
    // If the issuer is down, the assertion says that the list is not fresh.
    bench.world.down.set(true);
    bench.world.pass_time(31_000);
    assert_eq!(read(&sign(), "origin.example"), Ok((5, NonZeroU32::new(77), false)));
}
