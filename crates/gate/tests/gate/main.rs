//! The gate's requests, from arrival through refreshes to the verdict.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "in a test a panic is the verdict, in its helpers too"
)]

mod alarms;
mod assignments;
mod background;
mod caller;
mod canaries;
mod fast_path;
mod harness;
mod header_cache;
mod issuer;
mod origin;
mod policies;
mod refusals;
mod too_new;

use harness::{Bench, block_on, get, identity_member};
use issuer::{ED25519_KID, Files, Issuer, LATER_KID};
use portcullis_core::list::ListError;
use portcullis_core::time::Time;
use portcullis_core::token::{Environment, Kind, MalformedToken};
use portcullis_core::verify::Refusal;
use portcullis_gate::refresh::refresh;
use portcullis_gate::request_state::{Next, RequestState};
use portcullis_gate::response::refused::{Reason, Refused};
use portcullis_gate::telemetry::log::Event;
use proptest::prelude::*;
#[test]
fn a_cold_gate_fetches_everything_once_and_then_nothing() {
    let bench = Bench::new(&[]);
    bench.publish(5, &[], 60_000);
    let good = bench.issuer.key(1, |_| {});
    let forward = bench.request(&good).unwrap();
    assert_eq!(bench.world.fetches(), 4);
    assert_eq!(bench.world.codes(), ["list"]);
    let name = forward.caller.as_ref().unwrap().name().to_string();
    assert_eq!(identity_member(&forward, "key"), Some(name));
    assert_eq!(identity_member(&forward, "owner").as_deref(), Some("77"));
    assert_eq!(identity_member(&forward, "list").as_deref(), Some("5"));
    for absent in ["policy", "scopes", "sales-channels"] {
        assert_eq!(identity_member(&forward, absent), None);
    }
    bench.request(&good).unwrap();
    assert_eq!(bench.world.fetches(), 0);
}

#[test]
fn each_refusal_has_its_reason_and_an_authentic_key_its_name() {
    let bench = Bench::new(&[]);
    bench.publish(5, &[3], 60_000);
    let key =
        |slot, change: fn(&mut portcullis_core::token::Claims)| bench.issuer.key(slot, change);
    let rows = [
        (key(3, |_| {}), Refusal::Revoked, true),
        (key(4, |c| c.lifetime.expires_at = Some(2_000)), Refusal::Expired, true),
        (key(5, |c| c.kid = 99), Refusal::UnknownKid(99), false),
        (key(5000, |_| {}), Refusal::NotCovered, true),
        (Issuer::new(8).key(1, |_| {}), Refusal::BadSignature, false),
        (
            key(6, |c| c.kind = Kind::Publishable),
            Refusal::WrongKind { needed: Kind::Secret, given: Kind::Publishable },
            true,
        ),
        (
            key(7, |c| c.environment = Environment::Test),
            Refusal::WrongEnvironment { needed: Environment::Live, given: Environment::Test },
            true,
        ),
        ("sk_live_".to_owned(), Refusal::Malformed(MalformedToken::Length), false),
        ("x".repeat(1 << 20), Refusal::Malformed(MalformedToken::TooLong), false),
    ];
    for (token, refusal, named) in rows {
        let refused = bench.request(&token).unwrap_err();
        assert_eq!((refused.reason, refused.name.is_some()), (Reason::Key(refusal), named));
        let line = Event::Refused(refused).line();
        assert!(line.contains(refusal.code()) && !line.contains(&token));
    }
}

#[test]
fn a_malformed_key_makes_a_cold_gate_fetch_nothing() {
    let bench = Bench::new(&[]);
    assert_eq!(bench.refusal("nonsense"), Refusal::Malformed(MalformedToken::Prefix));
    assert_eq!(bench.world.fetches(), 0);
}

#[test]
fn a_revocation_strikes_within_fresh_for_and_an_older_list_is_not_adopted() {
    let bench = Bench::new(&[("FRESH_FOR", "1")]);
    bench.publish(5, &[], 60_000);
    let victim = bench.issuer.key(3, |_| {});
    bench.request(&victim).unwrap();
    bench.publish(6, &[3], 60_000);
    bench.world.pass_time(1_001);
    assert_eq!(bench.refusal(&victim), Refusal::Revoked);
    bench.world.pass_time(1_001);
    bench.publish(5, &[], 60_000);
    assert_eq!(bench.refusal(&victim), Refusal::Revoked);
    assert!(bench.world.codes().contains(&"list_rollback".to_owned()));
}

#[test]
fn an_issuer_that_is_gone_is_outlived_until_next_update_and_not_a_moment_longer() {
    let bench = Bench::new(&[]);
    bench.publish(5, &[], 20_000);
    let end = bench.world.now.get() + 20_000;
    let good = bench.issuer.key(2, |claims| claims.kid = ED25519_KID);
    assert_eq!(bench.freshness(&good), "fresh");
    bench.world.down.set(true);
    let mut verdicts = Vec::new();
    while bench.world.now.get() < end - 50 {
        verdicts.push(bench.freshness(&good));
        bench.world.pass_time(50);
    }
    assert!(verdicts.contains(&"stale".to_owned()));
    assert!(bench.world.fetches() < 20, "the issuer was hammered");
    bench.world.now.set(end);
    assert_eq!(bench.refusal(&good), Refusal::List(ListError::PastNextUpdate));
    bench.world.down.set(false);
    bench.world.pass_time(5_000);
    bench.publish(5, &[], 20_000);
    assert_eq!(bench.freshness(&good), "fresh");
}

#[test]
fn a_stream_of_keys_with_unknown_signers_is_one_fetch_in_fresh_for() {
    let bench = Bench::new(&[]);
    bench.publish(5, &[], 600_000);
    let unknown = bench.issuer.key(2, |claims| claims.kid = LATER_KID);
    bench.request(&bench.issuer.key(1, |_| {})).unwrap();
    bench.world.fetches();
    for _ in 0..100 {
        assert_eq!(bench.refusal(&unknown), Refusal::UnknownKid(LATER_KID));
    }
    // The keyring and the stamp.
    assert_eq!(bench.world.fetches(), 2);
    let now = Time::from_millis(bench.world.now.get());
    bench.world.publish(&bench.issuer.list(5, 2, &[], now, 600_000));
    bench.world.pass_time(5_000);
    bench.request(&unknown).unwrap();
    bench.request(&bench.issuer.key(1, |_| {})).expect("secrets are carried over");
}

#[test]
fn a_stamp_that_names_a_newer_keyring_makes_the_gate_fetch_it() {
    let bench = Bench::new(&[]);
    bench.publish(5, &[], 60_000);
    bench.request(&bench.issuer.key(1, |_| {})).unwrap();
    bench.world.pass_time(5_001);
    let now = Time::from_millis(bench.world.now.get());
    bench.world.publish(&bench.issuer.list(6, 2, &[], now, 60_000));
    bench.request(&bench.issuer.key(2, |claims| claims.kid = LATER_KID)).unwrap();
    assert_eq!(bench.gate.borrow().verifier().unwrap().keyring().version(), 2);
}

#[test]
fn each_altered_or_foreign_file_is_refused_and_what_is_held_goes_on() {
    let bench = Bench::new(&[]);
    bench.publish(5, &[3], 600_000);
    let (good, victim) = (bench.issuer.key(1, |_| {}), bench.issuer.key(3, |_| {}));
    bench.request(&good).unwrap();
    type Change = fn(&mut Files);
    // The logged code, and the change to the files of the next list.
    let spoil: [(&str, Change); 9] = [
        ("list_bad_signature", |f| f.stamp[50] ^= 1),
        ("list_unreadable", |f| f.stamp.clear()),
        ("list_unreadable", |f| f.stamp.truncate(100)),
        ("list_unreadable", |f| f.stamp.push(0)),
        ("fetch_too_long", |f| f.stamp.resize(5_000, 0)),
        ("fetch_status", |f| f.head.push(0)),
        ("fetch_status", |f| f.body.clear()),
        ("list_foreign_issuer", |f| {
            *f = Issuer::new(8).list(6, 1, &[], Time::from_millis(0), u64::MAX);
        }),
        ("list_too_long_valid", |f| {
            *f = Issuer::new(9).list(6, 1, &[], Time::from_millis(1_700_000_000_000), 1 << 40);
        }),
    ];
    // Every changed list is refused with its code, and the held list stays in use.
    for (number, (code, change)) in (6_u64..).zip(spoil) {
        bench.world.pass_time(6_000);
        bench.world.codes();
        let now = Time::from_millis(bench.world.now.get());
        let mut files = bench.issuer.list(number, 1, &[3, 4], now, 600_000);
        change(&mut files);
        bench.world.files.borrow_mut().clear();
        bench.world.publish(&files);
        assert_eq!(bench.freshness(&good), "stale", "{code}");
        assert_eq!(bench.refusal(&victim), Refusal::Revoked);
        assert!(bench.world.codes().contains(&code.to_owned()), "{code}");
    }
}

#[test]
fn two_lists_under_one_number_are_an_alarm() {
    let bench = Bench::new(&[]);
    bench.publish(5, &[3], 600_000);
    bench.request(&bench.issuer.key(1, |_| {})).unwrap();
    bench.world.pass_time(6_000);
    bench.publish(5, &[], 600_000);
    assert_eq!(bench.refusal(&bench.issuer.key(3, |_| {})), Refusal::Revoked);
    assert!(bench.world.codes().contains(&"list_equivocation".to_owned()));
}

#[test]
fn a_keyring_of_another_root_leaves_a_cold_gate_closed() {
    let bench = Bench::new(&[]);
    let now = Time::from_millis(bench.world.now.get());
    let foreign = Issuer::new(8);
    bench.world.publish(&foreign.list(5, 1, &[], now, 60_000));
    assert_eq!(bench.refusal(&foreign.key(1, |_| {})), Refusal::List(ListError::Missing));
    assert_eq!(bench.world.codes(), ["keyring_not_signed_by_root"]);
}

#[test]
fn secrets_that_do_not_fit_leave_their_keys_refused() {
    let issuer = Issuer::new(9);
    let foreign = Issuer::new(8).hmac_keys();
    let wrong = issuer.hmac_keys().replace("DAwM", "AAAA");
    let unlisted = issuer.hmac_keys().replace(r#""kid":2"#, r#""kid":77"#);
    let rows = [
        (foreign.as_str(), "secrets_foreign_issuer"),
        (&wrong, "secret_wrong"),
        (&unlisted, "secret_without_kid"),
    ];
    for (keys, code) in rows {
        let bench = Bench::new(&[("HMAC_KEYS", keys)]);
        bench.publish(5, &[], 60_000);
        assert_eq!(bench.refusal(&issuer.key(1, |_| {})), Refusal::SecretNotHeld(2));
        assert_eq!(bench.world.codes(), [code, "list"]);
        bench.request(&issuer.key(1, |claims| claims.kid = ED25519_KID)).unwrap();
    }
    let bench = Bench::new(&[("HMAC_KEYS", "")]);
    bench.publish(5, &[], 60_000);
    assert_eq!(bench.refusal(&issuer.key(1, |_| {})), Refusal::SecretNotHeld(2));
}

#[test]
fn nobody_waits_longer_than_the_deadline_for_a_refresh_that_hangs() {
    let bench = Bench::new(&[]);
    bench.publish(5, &[], 60_000);
    let good = bench.issuer.key(1, |_| {});
    bench.request(&good).unwrap();
    bench.world.pass_time(6_000);
    // The leader takes a job and never reports back.
    let mut request_state = RequestState::new();
    let step = bench.next_step(&get(&good), &mut request_state);
    assert!(step.refresh.is_some());
    let arrived = bench.world.now.get();
    assert_eq!(bench.freshness(&good), "stale");
    assert_eq!(bench.world.now.get() - arrived, 300);
    bench.world.pass_time(2_500);
    bench.publish(6, &[], 60_000);
    assert_eq!(bench.freshness(&good), "fresh", "the lease has run out and another leads");
}

#[test]
fn whoever_waits_as_the_list_runs_out_waits_on_like_a_cold_one() {
    let bench = Bench::new(&[]);
    bench.publish(5, &[], 6_000);
    let good = bench.issuer.key(1, |_| {});
    bench.request(&good).unwrap();
    let start = bench.world.now.get();
    bench.world.pass_time(5_900);
    let mut request_state = RequestState::new();
    let mut out = None;
    let next = loop {
        let step = bench.next_step(&get(&good), &mut request_state);
        assert!(step.refresh.is_none() || out.is_none(), "one refresh is out");
        out = out.or(step.refresh);
        match step.next {
            Next::Sleep(millis) => bench.world.pass_time(millis),
            next => break next,
        }
        // The refresh takes longer than the deadline, and the list expires in between.
        if bench.world.now.get() - start >= 6_500
            && let Some(job) = out
        {
            bench.publish(6, &[], 6_000);
            block_on(refresh(&bench.gate, &&bench.world, job));
        }
    };
    assert!(matches!(next, Next::Forward(_)), "{next:?}");

    // If no list arrives, the request is refused, no later than a cold request is.
    bench.world.pass_time(5_900);
    let (arrived, mut request_state) = (bench.world.now.get(), RequestState::new());
    loop {
        match bench.next_step(&get(&good), &mut request_state).next {
            Next::Sleep(millis) => bench.world.pass_time(millis),
            next => break assert!(matches!(next, Next::Refuse(_)), "{next:?}"),
        }
    }
    assert!(bench.world.now.get() - arrived <= 3_000);
}

#[test]
fn a_cold_gate_takes_nothing_older_than_what_its_neighbour_kept() {
    let bench = Bench::new(&[]);
    bench.publish(7, &[3], 60_000);
    bench.request(&bench.issuer.key(1, |_| {})).unwrap();
    let kept = bench.world.kept.borrow().clone().unwrap();

    let cold = Bench::new(&[]);
    *cold.world.kept.borrow_mut() = Some(kept);
    cold.publish(6, &[], 60_000);
    let reason = cold.request(&cold.issuer.key(3, |_| {})).unwrap_err().reason;
    assert_eq!(reason.code(), "list_missing");
    assert!(cold.world.codes().contains(&"list_rollback".to_owned()));
    cold.world.pass_time(5_000);
    cold.publish(7, &[3], 60_000);
    assert_eq!(cold.refusal(&cold.issuer.key(3, |_| {})), Refusal::Revoked);

    // Cached files are verified like any others.
    for junk in [vec![], b"PCZ".to_vec(), vec![0; 1 << 20]] {
        let cold = Bench::new(&[]);
        *cold.world.kept.borrow_mut() = Some(junk);
        cold.publish(6, &[], 60_000);
        cold.request(&cold.issuer.key(3, |_| {})).unwrap();
        assert_eq!(cold.world.codes(), ["list_unreadable", "list"]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the issuer and the clock do, every accepted request was covered by a list in force
    /// that does not revoke its key, and no wait exceeded its deadline.
    #[test]
    fn nothing_passes_past_next_update(
        steps in prop::collection::vec((0..4_u8, 0..4_000_u64), 1..60),
    ) {
        let bench = Bench::new(&[("FRESH_FOR", "2")]);
        let good = bench.issuer.key(1, |_| {});
        let mut number = 1;
        for (what, millis) in steps {
            match what {
                0 => bench.world.pass_time(millis),
                1 => {
                    number += 1;
                    bench.publish(number, &[3], 6_000);
                }
                2 => bench.world.down.set(millis % 2 == 0),
                _ => {
                    let arrived = bench.world.now.get();
                    let verdict = bench.request(&good);
                    let now = Time::from_millis(bench.world.now.get());
                    let gate = bench.gate.borrow();
                    let list = gate.verifier().and_then(|verifier| verifier.list());
                    match verdict {
                        Ok(_) => prop_assert!(now < list.unwrap().list_version().next_update),
                        Err(Refused { reason: Reason::Key(refusal), .. }) => {
                            prop_assert!(refusal.is_unavailable());
                        }
                        Err(refused) => prop_assert!(false, "{refused:?}"),
                    }
                    prop_assert!(bench.world.now.get() - arrived <= 3_000);
                }
            }
        }
    }
}
