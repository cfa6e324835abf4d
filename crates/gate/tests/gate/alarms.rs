//! The conditions that alert an operator: an issuer that contradicts itself, or an attacker who has
//! its signer.

use portcullis_core::keyring::KeyringError;
use portcullis_core::list::ListError;
use portcullis_core::time::Time;
use portcullis_core::verify::Refusal;
use portcullis_gate::refresh::source::RefreshError;
use portcullis_gate::telemetry::log::Event;

use crate::harness::Bench;
use crate::issuer::LATER_KID;

/// A gate with two sources. The first may serve false files.
fn bench() -> Bench {
    let bench = Bench::new(&[("MIRROR_URLS", "https://mirror.example")]);
    bench.publish(5, &[3], 600_000);
    bench.request(&bench.issuer.key(1, |_| {})).unwrap();
    bench.world.codes();
    bench
}

#[test]
fn contradictions_are_alarms_and_other_failures_are_none() {
    let of_list = |error| Event::Refresh { source: "http", error: RefreshError::List(error) };
    let of_keyring = |error| Event::Keyring(RefreshError::Keyring(error));
    assert!(of_list(ListError::Equivocation(5)).is_alarm());
    assert!(of_keyring(KeyringError::Equivocation).is_alarm());
    assert!(!of_list(ListError::BadSignature).is_alarm());
    assert!(!of_keyring(KeyringError::NotSignedByRoot).is_alarm());
}

#[test]
fn a_second_list_is_told_of_each_time_though_another_source_serves_the_first() {
    let bench = bench();
    for _ in 0..3 {
        bench.world.pass_time(6_000);
        let now = Time::from_millis(bench.world.now.get());
        bench.publish(5, &[3], 600_000);
        let second = bench.issuer.list(5, 1, &[], now, 600_000);
        bench.world.lies.borrow_mut().insert("stamp".into(), second.stamp);
        assert_eq!(bench.refusal(&bench.issuer.key(3, |_| {})), Refusal::Revoked);
        assert!(bench.world.codes().contains(&"list_equivocation".to_owned()));
    }
}

#[test]
fn a_second_keyring_is_told_of_though_another_source_serves_the_first() {
    let bench = bench();
    let second = bench.issuer.keyring_until(1, Time::from_millis(u64::MAX - 1));
    bench.world.lies.borrow_mut().insert("keyring".into(), second);
    // A key with an unknown kid makes the gate fetch the keyring.
    let unknown = bench.issuer.key(2, |claims| claims.kid = LATER_KID);
    assert_eq!(bench.refusal(&unknown), Refusal::UnknownKid(LATER_KID));
    assert!(bench.world.codes().contains(&"keyring_equivocation".to_owned()));
    bench.request(&bench.issuer.key(1, |_| {})).unwrap();
}
