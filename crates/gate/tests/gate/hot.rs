//! The short way never says what the long one would not: every request of these tests goes both.

use std::rc::Rc;

use portcullis_core::time::Time;
use portcullis_core::token::Kind;
use portcullis_gate::assertions::Asserted;
use portcullis_gate::hot::ASSERTION;
use portcullis_gate::request::Incoming;
use portcullis_gate::told::Onward;
use portcullis_gate::turn::{Judged, Next};

use crate::bench::{Bench, get, said};
use crate::issuer::ED25519_KID;

/// What passed at a glance passes when it is judged, as the same, with nothing else to be done.
pub(crate) fn assert_same(onward: &Onward, judged: &Judged) {
    let Next::Pass(passage) = &judged.next else { panic!("{:?}", judged.next) };
    assert!(judged.refresh.is_none() && judged.policy.is_none());
    // A report may have become due by this very request.
    let more = (&passage.query, &passage.max_connection_age, &passage.debug, &passage.rate);
    assert!(matches!(more, (None, None, None, None)));
    let taken: Vec<&str> = passage.taken.headers().collect();
    assert_eq!(onward.taken().collect::<Vec<_>>(), taken);
    let mut told: Vec<(&str, &str)> = passage.caller.as_ref().unwrap().identity.headers().collect();
    match &passage.assertion {
        None => {}
        Some(Asserted::Signed(text)) => told.push((ASSERTION, text)),
        Some(Asserted::Unsigned(..)) => panic!("an assertion is to be signed"),
    }
    assert_eq!(onward.headers().collect::<Vec<_>>(), told);
}

impl Bench {
    fn glance(&self, request: &Incoming<'_>) -> Option<Rc<Onward>> {
        let now = Time::from_millis(self.world.now.get());
        let passed = self.gate.borrow_mut().glance(request, now)?;
        assert_eq!(passed.rate, None);
        Some(passed.onward)
    }
}

#[test]
fn a_good_key_passes_at_a_glance_once_there_is_a_list() {
    let bench = Bench::new(&[]);
    bench.publish(5, &[3], 60_000);
    let good = bench.issuer.key(1, |_| {});
    assert_eq!(bench.glance(&get(&good)), None);
    bench.request(&good).unwrap();
    let onward = bench.glance(&get(&good)).unwrap();
    assert_eq!(onward.taken().collect::<Vec<_>>(), ["x-api-key"]);
    assert!(said(onward.headers(), "owner").as_deref() == Some("77"));
    let bearer = format!("Bearer {good}");
    let twice = Incoming { authorization: Some(&bearer), ..get(&good) };
    let taken = bench.glance(&twice).unwrap();
    assert_eq!(taken.taken().collect::<Vec<_>>(), ["authorization", "x-api-key"]);
    for bad in [bench.issuer.key(3, |_| {}), bench.issuer.key(4, |c| c.kind = Kind::Publishable)] {
        assert_eq!(bench.glance(&get(&bad)), None);
    }
    for other in [
        Incoming { path: "/.portcullis/status", ..get(&good) },
        Incoming { debug: true, ..get(&good) },
        Incoming { x_api_key: None, ..get(&good) },
    ] {
        assert_eq!(bench.glance(&other), None, "{other:?}");
    }
    // From half of the soft bound on somebody has to send out a refresh.
    bench.world.pass_time(2_500);
    assert_eq!(bench.glance(&get(&good)), None);
}

#[test]
fn a_signature_that_is_new_is_for_the_runtime_and_one_that_is_known_passes() {
    let bench = Bench::new(&[]);
    bench.publish(5, &[], 60_000);
    bench.request(&bench.issuer.key(1, |_| {})).unwrap();
    let key = bench.issuer.key(2, |claims| claims.kid = ED25519_KID);
    assert_eq!(bench.glance(&get(&key)), None);
    let signature = bench.gate.borrow().signature_to_check(&get(&key)).unwrap();
    bench.gate.borrow_mut().remember(signature);
    assert!(bench.glance(&get(&key)).is_some());
    assert_eq!(bench.gate.borrow().signature_to_check(&get(&key)), None);
}

#[test]
fn what_the_origin_is_told_is_written_anew_when_anything_of_it_changes() {
    let bench = Bench::new(&[]);
    bench.publish(5, &[], 60_000);
    let key = |owner| bench.issuer.key(1, |claims| claims.owner = owner);
    let (one, other) = (key(77), key(78));
    let told = |token: &str, name: &str| {
        bench.request(token).unwrap();
        let onward = bench.glance(&get(token)).unwrap();
        said(onward.headers(), name).unwrap()
    };
    // The same serial, and so the same place.
    for _ in 0..2 {
        assert_eq!(told(&one, "owner"), "77");
        assert_eq!(told(&other, "owner"), "78");
    }
    let first = bench.glance(&get(&one)).unwrap();
    assert!(Rc::ptr_eq(&first, &bench.glance(&get(&one)).unwrap()));
    let bearer = format!("Bearer {one}");
    let elsewhere = Incoming { authorization: Some(&bearer), x_api_key: None, ..get(&one) };
    let taken = bench.glance(&elsewhere).unwrap();
    assert_eq!(taken.taken().collect::<Vec<_>>(), ["authorization"]);
    bench.world.pass_time(5_001);
    bench.publish(6, &[], 60_000);
    assert_eq!(told(&one, "list"), "6");
}
