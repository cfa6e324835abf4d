//! Canaries: no trace of them in what is published, and an alarm for each use.

use std::net::IpAddr;
use std::time::Duration;

use portcullis_core::list::{Bundle, Status};
use portcullis_core::token::{Algorithm, Kind};
use portcullis_core::verify::{Canary, Refusal, Unverified};
use portcullis_core::{Purpose, Verifier};
use portcullis_issuer::Error;
use portcullis_issuer::actions::{
    CanaryUse, Criteria, MAX_CANARIES, Minted, NewKey, Order, Page, Query, Roll, Selector, Use,
    When,
};
use portcullis_issuer::actor::Actor;
use portcullis_issuer::record::KeyPurpose;
use portcullis_issuer::store::events::{self, EventType, Filter};
use serde_json::{Value, json};

use portcullis_test_support::Bench;

conformance! {
    a_canary_is_a_forgery_everywhere_and_its_owner_is_told_what_it_is,
    nothing_that_is_published_tells_of_a_canary,
    each_use_is_an_event_at_most_once_a_minute_from_an_address,
    reports_about_anything_else_are_no_alarm,
    a_canary_is_a_secret_hmac_key_that_is_neither_rolled_nor_suspended,
    a_change_of_many_keys_takes_no_canary_by_chance,
}

fn canary() -> NewKey {
    NewKey { purpose: KeyPurpose::Canary, ..NewKey::titled("In the backup") }
}

async fn planted(bench: &Bench) -> Minted {
    bench.issuer.keys().create(&canary()).await.unwrap()
}

fn used(key: &str, address: Option<&str>, at: u32) -> CanaryUse {
    let address: Option<IpAddr> = address.map(|address| address.parse().unwrap());
    CanaryUse { key: key.into(), uses: 1, last_used_at: at, address }
}

/// The data of the alarms so far, oldest first.
async fn alarms(bench: &Bench) -> Vec<Value> {
    let types = vec![EventType::CanaryUsed];
    let filter = Filter { types, ascending: true, ..Filter::default() };
    let mut reading = bench.issuer.store().read().await.unwrap();
    let found = events::list(&mut reading, &filter, 1_000).await.unwrap();
    found.iter().map(|event| serde_json::from_str(&event.data).unwrap()).collect()
}

pub(crate) async fn a_canary_is_a_forgery_everywhere_and_its_owner_is_told_what_it_is(
    bench: Bench,
) {
    let issuer = &bench.issuer;
    let planted = planted(&bench).await;
    assert!(planted.token.starts_with("sk_live_"), "it looks like a key");
    assert_eq!(planted.record.purpose, KeyPurpose::Canary);
    // A gate with every secret refuses it as it refuses a forgery.
    let mut gate = bench.gate().await;
    gate.adopt_bundle(&issuer.list().bundle().await.unwrap(), issuer.now()).unwrap();
    let unverified = Unverified::parse(&planted.token).unwrap();
    let refused = unverified.authenticate(gate.keyring(), Purpose::Token).unwrap_err();
    assert_eq!(refused, Refusal::BadSignature);
    let found = Canary::recognise(&unverified, refused, gate.keyring()).unwrap();
    assert_eq!(found.name().to_string(), planted.record.id);
    // So does the issuer; it tells its owner which canary it is, and nobody else.
    let verdict = issuer.keys().verify(&planted.token, None, None).await.unwrap();
    assert_eq!(verdict.result.unwrap_err(), Refusal::BadSignature);
    assert_eq!(verdict.canary, Some(planted.record.id.clone()));
    let strict = issuer.keys().authenticate(&planted.token, Kind::Secret, None).await.unwrap();
    assert_eq!(strict.result.unwrap_err().code(), "bad_signature");
    let holder = issuer.keys().revoke_by_token(&planted.token).await.unwrap_err();
    assert!(matches!(holder, Error::NotAuthentic), "{holder}");
    // A key beside it is none.
    let key = issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    let verdict = issuer.keys().verify(&key.token, None, None).await.unwrap();
    assert_eq!((verdict.result.is_ok(), verdict.canary), (true, None));
}

/// The bodies of the published list, and the names of its policies.
async fn published(bench: &Bench) -> (Vec<Vec<u8>>, String) {
    let bundle = bench.issuer.list().bundle().await.unwrap();
    let mut gate: Verifier = bench.gate().await;
    gate.adopt_bundle(&bundle, bench.issuer.now()).unwrap();
    let head = gate.list().unwrap().head();
    let policies = portcullis_core::policy::Visibility::ALL.map(|seen| head.policies(seen));
    let bodies = Bundle::decode(&bundle).unwrap().bodies;
    (bodies.into_iter().map(<[u8]>::to_vec).collect(), format!("{policies:?}"))
}

pub(crate) async fn nothing_that_is_published_tells_of_a_canary(bench: Bench) {
    let issuer = &bench.issuer;
    issuer.list().publish().await.unwrap();
    let before = published(&bench).await;
    let soon = When::In(Duration::from_secs(60));
    let expiring = NewKey { expires: Some(soon).into(), ..canary() };
    let (one, other) = (planted(&bench).await, issuer.keys().create(&expiring).await.unwrap());
    issuer.list().publish().await.unwrap();
    assert_eq!(published(&bench).await, before);
    // Nor does its end: at once, scheduled, or deleted.
    bench.revoke(&one.record.id, When::Now).await.unwrap();
    bench.revoke(&other.record.id, When::In(Duration::from_secs(10))).await.unwrap();
    assert_eq!(published(&bench).await, before);
    issuer.keys().delete(std::slice::from_ref(&one.record.id), None).await.unwrap();
    bench.clock.advance(20_000);
    issuer.list().publish().await.unwrap();
    assert_eq!(published(&bench).await, before);
    // A key's end does, and the body that is made anew for it names that key alone.
    let key = issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    bench.revoke(&key.record.id, When::Now).await.unwrap();
    let mut gate = bench.gate().await;
    gate.adopt_bundle(&issuer.list().bundle().await.unwrap(), issuer.now()).unwrap();
    let list = gate.list_at(issuer.now()).unwrap();
    for (record, expected) in
        [(&key.record, Status::Revoked), (&one.record, Status::Good), (&other.record, Status::Good)]
    {
        assert_eq!(list.status(&record.claims()), expected);
    }
}

pub(crate) async fn each_use_is_an_event_at_most_once_a_minute_from_an_address(bench: Bench) {
    let issuer = &bench.issuer;
    let planted = planted(&bench).await;
    let (id, now) = (planted.record.id.as_str(), issuer.now().secs());
    let report = async |address: Option<&str>| {
        let report = [used(id, address, issuer.now().secs())];
        issuer.keys().report_canaries(&report).await.unwrap()
    };
    assert_eq!(report(Some("192.0.2.7")).await, 1);
    let first = json!({
        "title": "In the backup", "address": "192.0.2.7", "uses": 1, "used_at": now,
    });
    assert_eq!(alarms(&bench).await, [first]);
    // Another isolate reports the same, and then another address, and one that is not known.
    report(Some("192.0.2.7")).await;
    report(Some("2001:db8::1")).await;
    report(None).await;
    let addresses = async || -> Vec<Value> {
        alarms(&bench).await.iter().map(|alarm| alarm["address"].clone()).collect()
    };
    assert_eq!(addresses().await, [json!("192.0.2.7"), json!("2001:db8::1"), Value::Null]);
    bench.clock.advance(61_000);
    report(Some("192.0.2.7")).await;
    assert_eq!(addresses().await.len(), 4);
    // However many addresses there are, they don't fill the trail.
    for last in 0..30 {
        report(Some(&format!("198.51.100.{last}"))).await;
    }
    assert_eq!(addresses().await.len(), 13);
    // Nor does one gate's key silence another's.
    let stolen = issuer.acting_as(Actor::key("apk_0000000000000000000001"));
    let fakes = [used(id, Some("203.0.113.9"), issuer.now().secs())];
    stolen.keys().report_canaries(&fakes).await.unwrap();
    bench.clock.advance(61_000);
    stolen.keys().report_canaries(&fakes).await.unwrap();
    report(Some("203.0.113.9")).await;
    assert_eq!(addresses().await.len(), 16);
    // All uses are on record, and the record itself is as it was.
    let record = issuer.keys().show(id).await.unwrap();
    assert_eq!((record.uses, record.last_used_at), (38, Some(issuer.now().secs())));
    assert_eq!(record.updated, planted.record.updated);
}

pub(crate) async fn reports_about_anything_else_are_no_alarm(bench: Bench) {
    let issuer = &bench.issuer;
    let now = issuer.now().secs();
    let key = issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    let ended = planted(&bench).await;
    bench.revoke(&ended.record.id, When::Now).await.unwrap();
    let deleted = planted(&bench).await;
    bench.revoke(&deleted.record.id, When::Now).await.unwrap();
    issuer.keys().delete(std::slice::from_ref(&deleted.record.id), None).await.unwrap();
    let unknown = "apk_0000000000000000000000";
    let ids = [&key.record.id, &ended.record.id, &deleted.record.id, unknown];
    let report = ids.map(|id| used(id, None, now));
    assert_eq!(issuer.keys().report_canaries(&report).await.unwrap(), 0);
    assert_eq!(alarms(&bench).await, [] as [Value; 0]);
    assert_eq!(issuer.keys().show(&key.record.id).await.unwrap().uses, 0);
    // And a canary that is reported as a key is none.
    let armed = planted(&bench).await;
    let uses = [Use { key: armed.record.id.clone(), uses: 1, last_used_at: now }];
    assert_eq!(issuer.keys().report_usage(&uses).await.unwrap(), 0);
    assert_eq!(issuer.keys().show(&armed.record.id).await.unwrap().uses, 0);
    let many = vec![used(unknown, None, now); MAX_CANARIES + 1];
    let refused = issuer.keys().report_canaries(&many).await.unwrap_err();
    assert!(matches!(refused, Error::Invalid { field: "canaries", .. }), "{refused}");
}

pub(crate) async fn a_canary_is_a_secret_hmac_key_that_is_neither_rolled_nor_suspended(
    bench: Bench,
) {
    let issuer = &bench.issuer;
    for new in [
        NewKey { kind: Kind::Publishable, ..canary() },
        NewKey { algorithm: Some(Algorithm::Ed25519), ..canary() },
    ] {
        let refused = issuer.keys().create(&new).await.unwrap_err();
        assert!(matches!(refused, Error::Invalid { field: "canary", .. }), "{refused}");
    }
    let planted = planted(&bench).await;
    let id = planted.record.id.as_str();
    assert!(matches!(issuer.keys().roll(id, &Roll::default()).await, Err(Error::Canary)));
    assert!(matches!(issuer.keys().suspend(id, None).await, Err(Error::Canary)));
    assert!(matches!(issuer.keys().resume(id, None).await, Err(Error::Canary)));
    assert_eq!(bench.events(id).await, ["api-key.created"]);
}

pub(crate) async fn a_change_of_many_keys_takes_no_canary_by_chance(bench: Bench) {
    let issuer = &bench.issuer;
    let planted = planted(&bench).await;
    let twin = issuer.keys().create(&NewKey::titled("In the backup")).await.unwrap();
    let of =
        |purpose| Criteria { title: Some("In the backup".into()), purpose, ..Criteria::default() };
    // A listing shows both, unless it asks for one purpose.
    for (purpose, expected) in [
        (None, vec![&planted.record.id, &twin.record.id]),
        (Some(KeyPurpose::Token), vec![&twin.record.id]),
        (Some(KeyPurpose::Canary), vec![&planted.record.id]),
    ] {
        let query = Query { criteria: of(purpose), order: Order::Created, ..Query::default() };
        let page: Page = issuer.keys().list(&query).await.unwrap();
        let ids: Vec<&String> = page.keys.iter().map(|key| &key.id).collect();
        assert_eq!(ids.len(), expected.len(), "{purpose:?}");
        assert!(expected.iter().all(|id| ids.contains(id)), "{purpose:?}");
    }
    let revocation = portcullis_issuer::actions::Revocation { when: When::Now, by: None };
    let like = |purpose| Selector::Like(Box::new(of(purpose)));
    let done = issuer.keys().revoke_all(&like(None), &revocation).await.unwrap();
    assert_eq!(done.value.keys.len(), 1, "the canary goes on");
    let done = issuer.keys().revoke_all(&like(Some(KeyPurpose::Canary)), &revocation).await;
    assert_eq!(done.unwrap().value.keys[0].id, planted.record.id);
}
