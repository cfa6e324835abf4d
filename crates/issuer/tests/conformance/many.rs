//! Revoking and suspending many keys at once.

use portcullis_core::list::{BulkScope, BulkState};
use portcullis_core::time::Time;
use portcullis_core::token::{Environment, Kind};
use portcullis_core::verify::Refusal;
use portcullis_issuer::Error;
use portcullis_issuer::actions::*;
use portcullis_issuer::record::KeyState;
use portcullis_test_support::{Bench, START};

conformance! {
    an_owners_keys_are_revoked_by_one_entry,
    a_suspension_of_many_is_lifted_and_a_revocation_is_not,
    issued_before_leaves_out_its_own_second,
    an_environment_is_revoked_as_it_stands,
    nobody_in_particular_is_never_everybody,
}

fn all_of(whose: BulkSelection, state: BulkState) -> BulkRevocation {
    BulkRevocation { whose, state, issued_from: None, issued_before: None, by: Some("me".into()) }
}

async fn key(bench: &Bench, owner: u32, environment: Environment) -> Minted {
    let new = NewKey { owner, environment, ..NewKey::titled("x") };
    bench.issuer.keys().create(&new).await.unwrap()
}

async fn state(bench: &Bench, minted: &Minted) -> KeyState {
    bench.issuer.keys().show(&minted.record.id).await.unwrap().state(bench.issuer.now())
}

pub(crate) async fn an_owners_keys_are_revoked_by_one_entry(bench: Bench) {
    let (acme, other) = (bench.owner("Acme").await, bench.owner("Other").await);
    let mut acmes = Vec::new();
    for _ in 0..3 {
        acmes.push(key(&bench, acme, Environment::Live).await);
    }
    let kept = key(&bench, other, Environment::Live).await;
    let before = bench.issuer.list().overview().await.unwrap().1[0].line;
    let what = all_of(BulkSelection::Owner(acme), BulkState::Revoked);
    let done = bench.issuer.bulk().revoke(&what).await.unwrap();
    done.published().unwrap();
    assert_eq!(
        bench.issuer.list().overview().await.unwrap().1[0].line,
        before,
        "no body was written"
    );
    for minted in &acmes {
        assert_eq!(bench.verify(&minted.token).await, Err(Refusal::Revoked));
        assert_eq!(state(&bench, minted).await, KeyState::Revoked);
        let shown = bench.issuer.keys().show(&minted.record.id).await.unwrap();
        assert_eq!(shown.revoked_by.as_deref(), Some("me"));
        let again = bench.issuer.keys().roll(&minted.record.id, &Roll::default()).await;
        assert!(matches!(again, Err(Error::AlreadyRevoked)));
        let again = bench.revoke(&minted.record.id, When::Now).await;
        assert!(matches!(again, Err(Error::AlreadyRevoked)));
        let suspended = bench.issuer.keys().suspend(&minted.record.id, None).await;
        assert!(matches!(suspended, Err(Error::AlreadyRevoked)));
        let strict =
            bench.issuer.keys().authenticate(&minted.token, Kind::Secret, None).await.unwrap();
        assert_eq!(strict.result.unwrap_err().code(), "revoked");
    }
    bench.verify(&kept.token).await.unwrap();
    assert_eq!(state(&bench, &kept).await, KeyState::Active);
    let new = NewKey { owner: acme, ..NewKey::titled("late") };
    assert!(matches!(bench.issuer.keys().create(&new).await, Err(Error::BulkRevoked)));
    let mut gate = bench.gate().await;
    gate.adopt_bundle(&bench.issuer.list().bundle().await.unwrap(), bench.issuer.now()).unwrap();
    assert_eq!(gate.list().unwrap().head().bulk().len(), 1);
}

pub(crate) async fn a_suspension_of_many_is_lifted_and_a_revocation_is_not(bench: Bench) {
    let owner = bench.owner("Acme").await;
    let minted = key(&bench, owner, Environment::Live).await;
    let what = all_of(BulkSelection::Owner(owner), BulkState::Suspended);
    let done = bench.issuer.bulk().revoke(&what).await.unwrap();
    assert_eq!(bench.verify(&minted.token).await, Err(Refusal::Suspended));
    assert_eq!(state(&bench, &minted).await, KeyState::Suspended);
    let key = &minted.record.id;
    assert!(matches!(bench.issuer.keys().resume(key, None).await, Err(Error::NotSuspended)));
    bench.issuer.keys().suspend(key, Some("you")).await.unwrap();
    let resumed = bench.issuer.keys().resume(key, Some("you")).await.unwrap().value;
    assert_eq!(resumed.suspended_by.as_deref(), Some("me"), "the other suspension goes on");
    let id = done.value.id;
    bench.issuer.bulk().lift(id, Some("me")).await.unwrap().published().unwrap();
    bench.verify(&minted.token).await.unwrap();
    assert_eq!(state(&bench, &minted).await, KeyState::Active);
    assert!(matches!(
        bench.issuer.bulk().lift(id, None).await,
        Err(Error::Invalid { field: "id", .. })
    ));
    assert!(matches!(bench.issuer.bulk().lift(id + 1, None).await, Err(Error::Unknown { .. })));
    let what = all_of(BulkSelection::Owner(owner), BulkState::Revoked);
    let done = bench.issuer.bulk().revoke(&what).await.unwrap();
    let lifted = bench.issuer.bulk().lift(done.value.id, None).await;
    assert!(matches!(lifted, Err(Error::Invalid { field: "id", .. })));
    assert_eq!(bench.verify(&minted.token).await, Err(Refusal::Revoked));
}

pub(crate) async fn issued_before_leaves_out_its_own_second(bench: Bench) {
    let owner = bench.owner("Acme").await;
    let mut minted = Vec::new();
    for _ in 0..3 {
        minted.push(key(&bench, owner, Environment::Live).await);
        bench.clock.advance(1_000);
    }
    let second = Time::from_secs(START.secs() + 1);
    let what = BulkRevocation {
        issued_before: Some(second),
        ..all_of(BulkSelection::Everybody, BulkState::Revoked)
    };
    bench.issuer.bulk().revoke(&what).await.unwrap().published().unwrap();
    assert_eq!(bench.verify(&minted[0].token).await, Err(Refusal::Revoked));
    bench.verify(&minted[1].token).await.unwrap();
    let what = BulkRevocation {
        issued_from: Some(Time::from_secs(START.secs() + 2)),
        ..all_of(BulkSelection::Owner(owner), BulkState::Suspended)
    };
    bench.issuer.bulk().revoke(&what).await.unwrap().published().unwrap();
    bench.verify(&minted[1].token).await.unwrap();
    assert_eq!(bench.verify(&minted[2].token).await, Err(Refusal::Suspended));
}

pub(crate) async fn an_environment_is_revoked_as_it_stands(bench: Bench) {
    let old = key(&bench, 0, Environment::Test).await;
    let live = key(&bench, 0, Environment::Live).await;
    let what = all_of(BulkSelection::Environment(Environment::Test), BulkState::Revoked);
    let entry = bench.issuer.bulk().revoke(&what).await.unwrap().value;
    assert_eq!(entry.entry.scope, BulkScope::Environment(Environment::Test));
    assert_eq!(bench.verify(&old.token).await, Err(Refusal::Revoked));
    bench.verify(&live.token).await.unwrap();
    bench.clock.advance(1_000);
    let new = key(&bench, 0, Environment::Test).await;
    bench.verify(&new.token).await.unwrap();
}

pub(crate) async fn nobody_in_particular_is_never_everybody(bench: Bench) {
    for whose in [
        BulkSelection::Everybody,
        BulkSelection::Owner(0),
        BulkSelection::Kid(999),
        BulkSelection::Kid(5),
    ] {
        let refused = bench.issuer.bulk().revoke(&all_of(whose, BulkState::Revoked)).await;
        assert!(matches!(refused, Err(Error::Invalid { .. })), "{whose:?}");
    }
    assert_eq!(bench.issuer.bulk().list().await.unwrap(), []);
    // A signer's keys, whatever issue time they claim.
    let minted = key(&bench, 0, Environment::Live).await;
    let what = all_of(BulkSelection::Kid(minted.record.kid), BulkState::Revoked);
    bench.issuer.bulk().revoke(&what).await.unwrap().published().unwrap();
    assert_eq!(bench.verify(&minted.token).await, Err(Refusal::Revoked));
    assert!(matches!(
        bench.issuer.keys().create(&NewKey::titled("x")).await,
        Err(Error::BulkRevoked)
    ));
}
