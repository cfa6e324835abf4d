//! The fast path never gives another answer than the slow path: every request in these tests takes
//! both.

use std::num::NonZeroU32;
use std::rc::Rc;

use portcullis_core::time::Time;
use portcullis_core::token::Kind;
use portcullis_gate::gate::fast_path::FastForward;
use portcullis_gate::header_cache::CachedEdits;
use portcullis_gate::identity::assertion_cache::AssertionText;
use portcullis_gate::request_state::{Next, RequestState, Step};

use crate::harness::{Bench, Incoming, dictionary_member, get, removed_keys, set};
use crate::issuer::ED25519_KID;

/// Checks that the slow path also forwards a request that the fast path forwarded, with the same
/// edits and no further work.
pub(crate) fn assert_same(forwarded: &FastForward, step: &Step) {
    let Next::Forward(forward) = &step.next else { panic!("{:?}", step.next) };
    assert!(step.refresh.is_none() && step.policy.is_none());
    // This request may have made a usage report due.
    let more = (&forward.max_connection_age, &forward.debug, &forward.rate);
    assert!(matches!(more, (None, None, None)));
    let assertion = match &forward.assertion {
        None => None,
        Some(AssertionText::Signed(text)) => Some(&**text),
        Some(AssertionText::Unsigned(..)) => panic!("an assertion is to be signed"),
    };
    assert_eq!(forwarded.edits.lines(), forward.edits(assertion));
    assert_eq!(forwarded.edits.flags(), forward.flags);
}

impl Bench {
    pub(crate) fn try_forward(&self, request: &Incoming<'_>) -> Option<FastForward> {
        let now = Time::from_millis(self.world.now.get());
        let settings = self.gate.borrow().shared_settings();
        request.read(&settings, |request| {
            self.gate.borrow_mut().try_forward(request.as_ref().ok()?, now)
        })
    }

    fn fast_forward(&self, request: &Incoming<'_>) -> Option<Rc<CachedEdits>> {
        let forwarded = self.try_forward(request)?;
        assert_eq!(forwarded.rate, None);
        Some(forwarded.edits)
    }
}

#[test]
fn a_good_key_takes_the_fast_path_once_there_is_a_list() {
    let bench = Bench::new(&[]);
    bench.publish(5, &[3], 60_000);
    let good = bench.issuer.key(1, |_| {});
    assert_eq!(bench.fast_forward(&get(&good)), None);
    bench.request(&good).unwrap();
    let onward = bench.fast_forward(&get(&good)).unwrap();
    assert_eq!(removed_keys(onward.lines()), ["x-api-key"]);
    assert!(dictionary_member(set(onward.lines()).into_iter(), "owner").as_deref() == Some("77"));
    let bearer = format!("Bearer {good}");
    let twice = Incoming { authorization: Some(&bearer), ..get(&good) };
    let both = bench.fast_forward(&twice).unwrap();
    assert_eq!(removed_keys(both.lines()), ["authorization", "x-api-key"]);
    for bad in [bench.issuer.key(3, |_| {}), bench.issuer.key(4, |c| c.kind = Kind::Publishable)] {
        assert_eq!(bench.fast_forward(&get(&bad)), None);
    }
    for other in [
        Incoming { path: "/.portcullis/status", ..get(&good) },
        Incoming { debug: true, ..get(&good) },
        Incoming { x_api_key: None, ..get(&good) },
    ] {
        assert_eq!(bench.fast_forward(&other), None, "{other:?}");
    }
    // From half of the soft bound on, a request must start a refresh.
    bench.world.pass_time(2_500);
    assert_eq!(bench.fast_forward(&get(&good)), None);
}

#[test]
fn a_signature_that_is_new_is_for_the_runtime_and_one_that_is_known_passes() {
    let bench = Bench::new(&[]);
    bench.publish(5, &[], 60_000);
    bench.request(&bench.issuer.key(1, |_| {})).unwrap();
    let key = bench.issuer.key(2, |claims| claims.kid = ED25519_KID);
    assert_eq!(bench.fast_forward(&get(&key)), None);
    let mut state = RequestState::new();
    let Next::Verify(signature) = bench.next_step(&get(&key), &mut state).next else { panic!() };
    bench.gate.borrow_mut().remember(signature.verified_by_host());
    assert!(bench.fast_forward(&get(&key)).is_some());
    assert!(matches!(bench.next_step(&get(&key), &mut state).next, Next::Forward(_)));
}

#[test]
fn a_signature_that_the_runtime_rejects_is_not_verified_again() {
    let bench = Bench::new(&[]);
    bench.publish(5, &[], 60_000);
    bench.request(&bench.issuer.key(1, |_| {})).unwrap();
    let good = bench.issuer.key(2, |claims| claims.kid = ED25519_KID);
    let mut state = RequestState::new();
    let Next::Verify(signature) = bench.next_step(&get(&good), &mut state).next else { panic!() };
    // If the gate verified this valid signature again, it would pass.
    state.signature_is(signature, Some(false));
    let Next::Refuse(refused) = bench.next_step(&get(&good), &mut state).next else { panic!() };
    assert_eq!(refused.reason.code(), "bad_signature");
}

#[test]
fn what_the_origin_is_told_is_written_anew_when_anything_of_it_changes() {
    let bench = Bench::new(&[]);
    bench.publish(5, &[], 60_000);
    let key = |owner| bench.issuer.key(1, |claims| claims.owner = NonZeroU32::new(owner));
    let (one, other) = (key(77), key(78));
    let identity_member = |token: &str, name: &str| {
        bench.request(token).unwrap();
        let onward = bench.fast_forward(&get(token)).unwrap();
        dictionary_member(set(onward.lines()).into_iter(), name).unwrap()
    };
    // The same serial, and so the same place in the cache.
    for _ in 0..2 {
        assert_eq!(identity_member(&one, "owner"), "77");
        assert_eq!(identity_member(&other, "owner"), "78");
    }
    let first = bench.fast_forward(&get(&one)).unwrap();
    assert!(Rc::ptr_eq(&first, &bench.fast_forward(&get(&one)).unwrap()));
    let bearer = format!("Bearer {one}");
    let elsewhere = Incoming { authorization: Some(&bearer), x_api_key: None, ..get(&one) };
    let elsewhere = bench.fast_forward(&elsewhere).unwrap();
    assert_eq!(removed_keys(elsewhere.lines()), ["authorization"]);
    bench.world.pass_time(5_001);
    bench.publish(6, &[], 60_000);
    assert_eq!(identity_member(&one, "list"), "6");
}
