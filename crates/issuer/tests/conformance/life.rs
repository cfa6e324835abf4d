//! The life of a key, on a manual clock.

use std::time::Duration;

use portcullis_core::list::BulkState;
use portcullis_core::policy::Visibility;
use portcullis_core::time::Time;
use portcullis_core::token::{Algorithm, Environment, Kind};
use portcullis_core::verify::Refusal;
use portcullis_issuer::Error;
use portcullis_issuer::actions::*;
use portcullis_issuer::publish::DEFAULT_VALID_FOR;
use portcullis_issuer::record::{KeyPurpose, KeyState};
use portcullis_issuer::store::state::count_by_state;
use portcullis_test_support::{Bench, START};

conformance! {
    a_new_key_is_accepted_at_once_by_the_list_that_is_out,
    kind_and_environment_choose_the_signer,
    what_can_not_be_made_is_refused_and_leaves_nothing,
    an_admin_key_opens_the_api_and_nothing_else,
    a_revocation_is_published_before_it_is_answered,
    a_revocation_moves_earlier_and_never_later,
    a_timed_revocation_strikes_at_its_second_with_no_publication,
    an_expired_key_is_refused_and_its_entry_leaves_a_day_later,
    a_rolled_key_and_its_successor_are_both_valid_in_the_overlap,
    listings_filter_by_the_state_that_records_say,
    pages_follow_each_other_without_gap,
    an_unchanged_list_only_renews_its_stamp,
    a_revocation_stays_committed_where_it_can_not_be_published,
    an_old_list_is_not_verified_by,
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) async fn a_new_key_is_accepted_at_once_by_the_list_that_is_out(bench: Bench) {
    let minted = bench.issuer.keys().create(&NewKey::titled("Billing")).await.unwrap();
    assert!(minted.token.starts_with("sk_live_"));
    assert_eq!(minted.record.token, None, "a secret key's text is not kept");
    let verdict = bench.issuer.keys().verify(&minted.token, None, None).await.unwrap();
    assert_eq!(verdict.title.as_deref(), Some("Billing"));
    assert_eq!(*verdict.result.unwrap().claims(), minted.record.claims());
    assert_eq!(verdict.list.unwrap().number, 1, "no publication was needed");
    assert_eq!(bench.events(&minted.record.id).await, ["api-key.created"]);
    assert_eq!(bench.issuer.keys().show(&minted.record.id).await.unwrap(), minted.record);
}

pub(crate) async fn kind_and_environment_choose_the_signer(bench: Bench) {
    for (kind, environment, algorithm, kid, chars) in [
        (Kind::Secret, Environment::Live, None, 1, 66),
        (Kind::Secret, Environment::Test, None, 2, 66),
        (Kind::Publishable, Environment::Live, None, 3, 132),
        (Kind::Secret, Environment::Test, Some(Algorithm::Ed25519), 3, 132),
    ] {
        let new = NewKey { kind, environment, algorithm, ..NewKey::titled("x") };
        let minted = bench.issuer.keys().create(&new).await.unwrap();
        assert_eq!(minted.record.kid, kid);
        assert_eq!(minted.token.rsplit('_').next().unwrap().len(), chars);
        assert_eq!(minted.record.token.is_some(), kind == Kind::Publishable);
        bench.verify(&minted.token).await.unwrap();
    }
    let algorithm = Some(Algorithm::HmacSha256);
    let new = NewKey { kind: Kind::Publishable, algorithm, ..NewKey::titled("x") };
    assert!(matches!(bench.issuer.keys().create(&new).await, Err(Error::NoSigner)));
}

pub(crate) async fn what_can_not_be_made_is_refused_and_leaves_nothing(bench: Bench) {
    let long = "x".repeat(256);
    for title in ["", "  ", "a\nb", long.as_str()] {
        let error = bench.issuer.keys().create(&NewKey::titled(title)).await.unwrap_err();
        assert!(matches!(error, Error::Invalid { field: "title", .. }), "{title}");
    }
    for end in [
        When::Now,
        When::In(secs(0)),
        When::At(START),
        When::In(secs(u64::MAX)),
        When::At(Time::from_millis(u64::from(u32::MAX) * 1000)),
    ] {
        let new = NewKey { expires: Some(end).into(), ..NewKey::titled("x") };
        let error = bench.issuer.keys().create(&new).await.unwrap_err();
        assert!(matches!(error, Error::Invalid { field: "expires_at", .. }), "{end:?}");
    }
    let page = bench.issuer.keys().list(&Query::default()).await.unwrap();
    assert_eq!(page.keys.len(), 1, "only the first admin key");
    bench.issuer.keys().create(&NewKey::titled(&"é".repeat(255))).await.unwrap();
}

pub(crate) async fn an_admin_key_opens_the_api_and_nothing_else(bench: Bench) {
    let new = NewKey {
        purpose: KeyPurpose::Admin,
        admin_scopes: vec!["*".into()],
        ..NewKey::titled("Ops")
    };
    let admin = bench.issuer.keys().create(&new).await.unwrap();
    let token = bench.issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    assert_eq!(
        bench.issuer.admins().find(&admin.token).await.unwrap().unwrap().id,
        admin.record.id
    );
    assert_eq!(bench.verify(&admin.token).await, Err(Refusal::SignerNotAllowed(4)));
    assert_eq!(
        bench.issuer.admins().find(&token.token).await.unwrap().unwrap_err(),
        NotAdmin::Refused(Refusal::SignerNotAllowed(1))
    );
    bench.revoke(&admin.record.id, When::Now).await.unwrap();
    let refused = bench.issuer.admins().find(&admin.token).await.unwrap().unwrap_err();
    assert_eq!(refused, NotAdmin::Refused(Refusal::Revoked));
}

pub(crate) async fn a_revocation_is_published_before_it_is_answered(bench: Bench) {
    let minted = bench.issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    let revoked = bench.revoke(&minted.record.id, When::Now).await.unwrap();
    assert_eq!(revoked.value.revoked_by.as_deref(), Some("me"));
    assert_eq!(revoked.published().unwrap().unwrap().number, 2);
    assert_eq!(bench.verify(&minted.token).await, Err(Refusal::Revoked));
    let again = bench.revoke(&minted.record.id, When::Now).await;
    assert!(matches!(again, Err(Error::AlreadyRevoked)));
    assert!(matches!(bench.revoke("apk_x", When::Now).await, Err(Error::NotFound)));
    let events = bench.events(&minted.record.id).await;
    assert_eq!(events, ["api-key.created", "api-key.revoked"]);
}

pub(crate) async fn a_revocation_moves_earlier_and_never_later(bench: Bench) {
    let minted = bench.issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    let id = &minted.record.id;
    let at = bench.revoke(id, When::In(secs(100))).await.unwrap().value.revoked_at;
    assert_eq!(at, Some(START.secs() + 100));
    for later in [When::In(secs(100)), When::In(secs(101)), When::At(START.plus_millis(200_000))] {
        assert!(matches!(bench.revoke(id, later).await, Err(Error::NotEarlier)));
    }
    assert_eq!(bench.issuer.keys().show(id).await.unwrap().revoked_at, at);
    let at = bench.revoke(id, When::At(START.plus_millis(50_900))).await.unwrap();
    assert_eq!(at.value.revoked_at, Some(START.secs() + 50), "rounded down, never later");
    let at = bench.revoke(id, When::At(Time::from_secs(1))).await.unwrap();
    assert_eq!(at.value.revoked_at, Some(START.secs()), "the past means now");
    assert_eq!(bench.verify(&minted.token).await, Err(Refusal::Revoked));
}

pub(crate) async fn a_timed_revocation_strikes_at_its_second_with_no_publication(bench: Bench) {
    let minted = bench.issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    let revoked = bench.revoke(&minted.record.id, When::In(secs(60))).await.unwrap();
    assert_eq!(revoked.value.state(START), KeyState::Scheduled);
    let before = revoked.published().unwrap().unwrap();
    bench.clock.advance(59_999);
    bench.verify(&minted.token).await.unwrap();
    bench.clock.advance(1);
    assert_eq!(bench.verify(&minted.token).await, Err(Refusal::Revoked));
    // The next publication includes it as revoked, under a new number.
    let after = bench.issuer.list().publish().await.unwrap();
    assert_eq!(after.number, before.number + 1);
    let (_, shards) = bench.issuer.list().overview().await.unwrap();
    let counts = shards[0].counts;
    assert_eq!((counts.revoked, counts.timed), (1, 0));
    assert_eq!(bench.verify(&minted.token).await, Err(Refusal::Revoked));
}

pub(crate) async fn an_expired_key_is_refused_and_its_entry_leaves_a_day_later(bench: Bench) {
    let new = NewKey { expires: Some(When::In(secs(100))).into(), ..NewKey::titled("x") };
    let minted = bench.issuer.keys().create(&new).await.unwrap();
    bench.revoke(&minted.record.id, When::Now).await.unwrap();
    let revoked = async || bench.issuer.list().overview().await.unwrap().1[0].counts.revoked;
    let day = u64::from(portcullis_issuer::publish::RETENTION_SECS) * 1000;
    bench.clock.advance(100_000 + day - 1);
    bench.issuer.list().publish().await.unwrap();
    assert_eq!(revoked().await, 1);
    bench.clock.advance(1);
    bench.issuer.list().publish().await.unwrap();
    assert_eq!(revoked().await, 0);
    assert_eq!(bench.verify(&minted.token).await, Err(Refusal::Expired));
}

pub(crate) async fn a_rolled_key_and_its_successor_are_both_valid_in_the_overlap(bench: Bench) {
    let owner = bench.owner("Acme").await;
    let policy = bench.policy("Shop", Visibility::Public, PolicyRules::default()).await;
    let new = NewKey {
        kind: Kind::Publishable,
        environment: Environment::Test,
        owner,
        policy,
        expires: Some(When::In(secs(1000))).into(),
        ..NewKey::titled("Shop")
    };
    let old = bench.issuer.keys().create(&new).await.unwrap();
    let roll = Roll { overlap: secs(60), by: Some("me".into()), ..Roll::default() };
    bench.clock.advance(1_000);
    let rolled = bench.issuer.keys().roll(&old.record.id, &roll).await.unwrap().value;
    let new = &rolled.minted.record;
    assert_eq!(new.rolled_from.as_deref(), Some(old.record.id.as_str()));
    assert_eq!(
        (new.kid, new.owner, new.policy, new.title.as_str(), new.expires_at),
        (old.record.kid, owner, policy, "Shop", old.record.expires_at)
    );
    bench.clock.advance(59_999);
    bench.verify(&old.token).await.unwrap();
    bench.verify(&rolled.minted.token).await.unwrap();
    bench.clock.advance(1);
    assert_eq!(bench.verify(&old.token).await, Err(Refusal::Revoked));
    bench.verify(&rolled.minted.token).await.unwrap();
    let again = bench.issuer.keys().roll(&old.record.id, &roll).await;
    assert!(matches!(again, Err(Error::AlreadyRevoked)));
    let events = bench.events(&old.record.id).await;
    assert_eq!(events, ["api-key.created", "api-key.revoked", "api-key.rolled"]);

    // Never beyond the key's own expiry, and without an overlap not at all.
    let long = Roll { overlap: secs(100_000), ..Roll::default() };
    let second = bench.issuer.keys().roll(&new.id, &long).await.unwrap().value;
    assert_eq!(second.old.revoked_at, new.expires_at);
    let none = Roll { overlap: secs(0), ..Roll::default() };
    let third = bench.issuer.keys().roll(&second.minted.record.id, &none).await.unwrap().value;
    assert_eq!(bench.verify(&second.minted.token).await, Err(Refusal::Revoked));
    bench.verify(&third.minted.token).await.unwrap();
    bench.clock.advance(1_000_000);
    bench.issuer.list().publish().await.unwrap();
    let late = bench.issuer.keys().roll(&third.minted.record.id, &none).await;
    assert!(matches!(late, Err(Error::Expired)));
}

pub(crate) async fn listings_filter_by_the_state_that_records_say(bench: Bench) {
    for (at, expires) in [
        (None, None),
        (Some(0), None),
        (Some(50), None),
        (None, Some(20)),
        (Some(50), Some(20)),
        (Some(5), Some(20)),
    ] {
        let expires = expires.map(|after| When::In(secs(after)));
        let minted = bench
            .issuer
            .keys()
            .create(&NewKey { expires: expires.into(), ..NewKey::titled("x") })
            .await
            .unwrap();
        if let Some(at) = at {
            bench.revoke(&minted.record.id, When::In(secs(at))).await.unwrap();
        }
    }
    // Keys that bulk revocations and suspensions cover, next to keys that they don't cover.
    let (dead, asleep) = (bench.owner("Dead").await, bench.owner("Asleep").await);
    for (owner, expires) in [(dead, None), (dead, Some(20)), (asleep, None), (asleep, Some(20))] {
        let expires = expires.map(|after| When::In(secs(after)));
        let new = NewKey { owner, expires: expires.into(), ..NewKey::titled("y") };
        bench.issuer.keys().create(&new).await.unwrap();
    }
    for (owner, state) in [(dead, BulkState::Revoked), (asleep, BulkState::Suspended)] {
        let whose = BulkSelection::Owner(owner);
        let (issued_from, issued_before) = (None, None);
        let many = BulkRevocation { whose, state, issued_from, issued_before, by: None };
        bench.issuer.bulk().revoke(&many).await.unwrap().published().unwrap();
    }
    for elapsed in [0, 4_999, 5_000, 19_999, 20_000, 49_999, 50_000] {
        bench.clock.set(START.plus_millis(elapsed));
        bench.issuer.list().publish().await.unwrap();
        let at = bench.issuer.list().published().await.unwrap().this_update.secs();
        let mut reading = bench.issuer.store().read().await.unwrap();
        let counts = count_by_state(&mut reading, at).await.unwrap();
        drop(reading);
        let all = bench.issuer.keys().list(&Query::default()).await.unwrap().keys;
        for state in KeyState::ALL {
            let criteria = Criteria { state: Some(state), ..Criteria::default() };
            let query = Query { criteria, count: true, ..Query::default() };
            let page = bench.issuer.keys().list(&query).await.unwrap();
            let listed = page.keys;
            assert_eq!(page.count, Some(listed.len() as u64));
            let counted = counts.get(&state).copied().unwrap_or(0);
            assert_eq!(
                u64::try_from(counted).unwrap(),
                listed.len() as u64,
                "{state:?} at {elapsed}"
            );
            // The store's clock may be milliseconds ahead after several publications.
            let now =
                bench.issuer.now().max(bench.issuer.list().published().await.unwrap().this_update);
            let expected: Vec<_> = all.iter().filter(|key| key.state(now) == state).collect();
            assert_eq!(listed.iter().collect::<Vec<_>>(), expected, "{state:?} at {elapsed}");
        }
    }
}

pub(crate) async fn pages_follow_each_other_without_gap(bench: Bench) {
    for number in 0..5 {
        bench.issuer.keys().create(&NewKey::titled(&format!("key {number}"))).await.unwrap();
    }
    let mut titles = Vec::new();
    let mut cursor = None;
    loop {
        let query = Query { limit: Some(2), cursor, ..Query::default() };
        let page = bench.issuer.keys().list(&query).await.unwrap();
        titles.extend(page.keys.into_iter().map(|key| key.title.clone()));
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(titles, ["key 4", "key 3", "key 2", "key 1", "key 0", "First admin key"]);
    for (limit, cursor) in [(0, None), (201, None), (1, Some("apk_unknown".to_owned()))] {
        let query = Query { limit: Some(limit), cursor, ..Query::default() };
        assert!(matches!(bench.issuer.keys().list(&query).await, Err(Error::Invalid { .. })));
    }
}

pub(crate) async fn an_unchanged_list_only_renews_its_stamp(bench: Bench) {
    let first = bench.issuer.list().publish().await.unwrap();
    bench.clock.advance(1_000);
    let second = bench.issuer.list().publish().await.unwrap();
    assert_eq!((first.number, first.digest), (second.number, second.digest));
    assert!(second.this_update > first.this_update && second.stamp != first.stamp);
    // Two publications in one millisecond still get different times.
    let third = bench.issuer.list().publish().await.unwrap();
    assert_eq!(third.this_update, second.this_update.plus_millis(1));
}

pub(crate) async fn a_revocation_stays_committed_where_it_can_not_be_published(bench: Bench) {
    let minted = bench.issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    bench.clock.set(Time::from_millis(START.millis() - 60_000));
    let revoked = bench.revoke(&minted.record.id, When::Now).await.unwrap();
    let unpublished = revoked.published();
    assert!(matches!(unpublished, Err(Error::ClockWentBack { behind_millis: 60_000.. })));
    let record = bench.issuer.keys().show(&minted.record.id).await.unwrap();
    assert!(record.revoked_at >= Some(START.secs()), "dated by the store's clock");
    bench.clock.set(START.plus_millis(1_000));
    bench.issuer.list().publish().await.unwrap();
    assert_eq!(bench.verify(&minted.token).await, Err(Refusal::Revoked));
}

pub(crate) async fn an_old_list_is_not_verified_by(bench: Bench) {
    let minted = bench.issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    bench.clock.advance(u64::try_from(DEFAULT_VALID_FOR.as_millis()).unwrap());
    let refusal = bench.verify(&minted.token).await.unwrap_err();
    assert_eq!(refusal.code(), "list_past_next_update");
    assert!(refusal.is_unavailable());
    bench.issuer.list().publish().await.unwrap();
    bench.verify(&minted.token).await.unwrap();
}
