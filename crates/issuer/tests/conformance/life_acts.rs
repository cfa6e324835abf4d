//! Acts on keys: changing, suspending, revoking many, deleting, undoing, importing.

use std::time::Duration;

use portcullis_core::policy::Visibility;
use portcullis_core::token::{Algorithm, Environment, Kind};
use portcullis_core::verify::Refusal;
use portcullis_issuer::actions::*;
use portcullis_issuer::record::{KeyPurpose, KeyState};
use portcullis_issuer::store::bulk::EffectiveKey;
use portcullis_issuer::{Error, Publication};
use portcullis_test_support::{Bench, START};
use serde_json::json;
use sqlx::Row as _;

conformance! {
    a_title_and_metadata_change_and_what_the_token_says_does_not,
    a_publishable_key_has_a_policy_and_sales_channels_for_itself,
    a_suspended_key_is_refused_until_it_is_resumed,
    several_are_revoked_or_none,
    a_search_that_chooses_the_keys_of_an_act_looks_at_titles_alone,
    what_is_deleted_is_gone_for_all_but_the_list,
    a_create_is_undone_in_one_act,
    a_rolled_key_keeps_all_but_what_is_said,
    whoever_holds_a_secret_key_can_revoke_it,
    the_records_verify_ahead_of_every_list,
    upserts_make_and_change_in_one_act,
    an_import_goes_on_where_it_ended,
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn publishable(channels: &[&str]) -> NewKey {
    let sales_channels = channels.iter().map(ToString::to_string).collect();
    NewKey { kind: Kind::Publishable, sales_channels, ..NewKey::titled("Shop") }
}

fn object(json: serde_json::Value) -> serde_json::Map<String, serde_json::Value> {
    serde_json::from_value(json).unwrap()
}

async fn titled(bench: &Bench, title: &str) -> Minted {
    bench.issuer.keys().create(&NewKey::titled(title)).await.unwrap()
}

const NOW: Revocation = Revocation { when: When::Now, by: None };

pub(crate) async fn a_title_and_metadata_change_and_what_the_token_says_does_not(bench: Bench) {
    let minted = titled(&bench, "Old").await;
    let id = &minted.record.id;
    bench.clock.advance(5_000);
    let metadata = Some(object(json!({ "team": "a", "level": { "x": 1 } })));
    let update = Update { title: Some("New".into()), metadata, sales_channels: None };
    let changed = bench.issuer.keys().update(id, &update, Some("me")).await.unwrap();
    assert!(matches!(changed.publication, Publication::NotNeeded), "lists carry no titles");
    let record = bench.issuer.keys().show(id).await.unwrap();
    assert_eq!(record, changed.value);
    assert_eq!((record.title.as_str(), &record.metadata["team"]), ("New", &json!("a")));
    assert_eq!(record.updated, START.plus_millis(5_000));
    let metadata = Some(object(json!({ "team": null, "level": 2 })));
    let merged = Update { metadata, ..Update::default() };
    let record = bench.issuer.keys().update(id, &merged, None).await.unwrap().value;
    assert_eq!(record.metadata, object(json!({ "level": 2 })));
    bench.issuer.keys().update(id, &merged, None).await.unwrap();
    bench.issuer.keys().update(id, &Update::default(), None).await.unwrap();
    let events = bench.events(id).await;
    assert_eq!(events, ["api-key.created", "api-key.updated", "api-key.updated"]);

    let huge = Some(object(json!({ "x": "x".repeat(MAX_METADATA_LEN) })));
    let channels = Some(vec!["web".to_owned()]);
    for (bad, code) in [
        (Update { title: Some(" ".into()), ..Update::default() }, "invalid"),
        (Update { metadata: huge, ..Update::default() }, "invalid"),
        (Update { sales_channels: channels, ..Update::default() }, "not_publishable"),
    ] {
        assert_eq!(bench.issuer.keys().update(id, &bad, None).await.unwrap_err().code(), code);
    }
    assert_eq!(bench.issuer.keys().show(id).await.unwrap(), record);
    for (field, _) in FIXED_FIELDS {
        assert!(matches!(check_fixed(field), Err(Error::Fixed { .. })));
    }
    check_fixed("title").unwrap();
    bench.revoke(id, When::Now).await.unwrap();
    bench.issuer.keys().update(id, &update, None).await.unwrap();
    let missing = bench.issuer.keys().update("apk_none", &update, None).await;
    assert!(matches!(missing, Err(Error::NotFound)));
}

pub(crate) async fn a_publishable_key_has_a_policy_and_sales_channels_for_itself(bench: Bench) {
    let before = bench.issuer.list().published().await.unwrap().number;
    let one =
        bench.issuer.keys().create(&publishable(&["web", "app", "web"])).await.unwrap().record;
    let after = bench.issuer.list().published().await.unwrap().number;
    assert_eq!(after, before + 1, "gates learn of the policy at once");
    let two = bench.issuer.keys().create(&publishable(&[])).await.unwrap().record;
    assert!(one.policy != 0 && two.policy != 0 && one.policy != two.policy);
    assert_eq!(one.sales_channels, ["app", "web"]);
    let owned = async |id: &str| {
        let mut reading = bench.issuer.store().read().await.unwrap();
        let query = sqlx::query("SELECT visibility, draft FROM policies WHERE key_id = $1");
        let row = query.bind(id).fetch_one(&mut *reading).await.unwrap();
        (row.get::<String, _>(0), row.get::<String, _>(1))
    };
    assert_eq!(owned(&one.id).await, ("public".to_owned(), "{}".to_owned()));

    let change = async |id: &str, add: &[&str], remove: &[&str]| {
        let [add, remove] =
            [add, remove].map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>());
        bench.issuer.keys().change_sales_channels(id, &add, &remove, Some("me")).await
    };
    let changed = change(&one.id, &["pos", "app"], &["web", "none"]).await.unwrap();
    assert_eq!(changed.value.sales_channels, ["app", "pos"]);
    assert_eq!(bench.issuer.keys().show(&one.id).await.unwrap(), changed.value);
    changed.published().unwrap().unwrap();
    let unchanged = change(&one.id, &["app"], &[]).await.unwrap();
    assert!(matches!(unchanged.publication, Publication::NotNeeded));
    let events = bench.events(&one.id).await;
    assert_eq!(events, ["api-key.created", "api-key.updated"]);
    assert_eq!(bench.issuer.keys().show(&two.id).await.unwrap().sales_channels, [""; 0]);

    let secret = titled(&bench, "x").await.record;
    let policy = bench.policy("Shop", Visibility::Public, PolicyRules::default()).await;
    let shared = NewKey { policy, ..publishable(&[]) };
    let shared = bench.issuer.keys().create(&shared).await.unwrap().record;
    assert_eq!(shared.policy, policy);
    let message = "Sales channels can only be associated with publishable API keys";
    assert_eq!(change(&secret.id, &["web"], &[]).await.unwrap_err().to_string(), message);
    assert!(matches!(change(&shared.id, &["web"], &[]).await, Err(Error::SharedPolicy)));
    assert!(matches!(change("apk_none", &["web"], &[]).await, Err(Error::NotFound)));
    assert!(matches!(change(&one.id, &["a"], &["a"]).await, Err(Error::Invalid { .. })));
    let secret = NewKey { kind: Kind::Secret, ..publishable(&["web"]) };
    assert!(matches!(bench.issuer.keys().create(&secret).await, Err(Error::NotPublishable)));
}

pub(crate) async fn a_suspended_key_is_refused_until_it_is_resumed(bench: Bench) {
    let minted = titled(&bench, "x").await;
    let id = &minted.record.id;
    let suspended = bench.issuer.keys().suspend(id, Some("me")).await.unwrap();
    assert_eq!(suspended.value.state(START), KeyState::Suspended);
    assert_eq!(suspended.value.suspended_by.as_deref(), Some("me"));
    suspended.published().unwrap().unwrap();
    assert_eq!(bench.verify(&minted.token).await, Err(Refusal::Suspended));
    assert!(matches!(bench.issuer.keys().suspend(id, None).await, Err(Error::Suspended)));
    let resumed = bench.issuer.keys().resume(id, Some("me")).await.unwrap();
    assert_eq!(bench.issuer.keys().show(id).await.unwrap(), resumed.value);
    bench.verify(&minted.token).await.unwrap();
    assert!(matches!(bench.issuer.keys().resume(id, None).await, Err(Error::NotSuspended)));
    bench.issuer.keys().suspend(id, None).await.unwrap();
    bench.revoke(id, When::Now).await.unwrap();
    assert_eq!(bench.verify(&minted.token).await, Err(Refusal::Revoked));
    assert!(matches!(bench.issuer.keys().resume(id, None).await, Err(Error::AlreadyRevoked)));
    assert!(matches!(bench.issuer.keys().suspend("apk_none", None).await, Err(Error::NotFound)));
    let [suspended, resumed] = ["api-key.suspended", "api-key.resumed"];
    let events = ["api-key.created", suspended, resumed, suspended, "api-key.revoked"];
    assert_eq!(bench.events(id).await, events);
}

pub(crate) async fn several_are_revoked_or_none(bench: Bench) {
    let owner = bench.owner("Acme").await;
    let mut keys = Vec::new();
    for number in 0..3 {
        let new = NewKey { owner, ..NewKey::titled(&format!("key {number}")) };
        keys.push(bench.issuer.keys().create(&new).await.unwrap());
    }
    let shop = bench.issuer.keys().create(&publishable(&[])).await.unwrap();
    let ids = |which: &[usize]| {
        Selector::Ids(which.iter().map(|at| keys[*at].record.id.clone()).collect())
    };
    let like = |criteria: Criteria| Selector::Like(Box::new(criteria));
    let revoke = async |selector: &Selector| bench.issuer.keys().revoke_all(selector, &NOW).await;
    for nothing in [Selector::Ids(Vec::new()), like(Criteria::default())] {
        assert!(matches!(revoke(&nothing).await, Err(Error::NothingSelected)));
    }
    let missing = Selector::Ids(vec![keys[0].record.id.clone(), "apk_none".into()]);
    let error = revoke(&missing).await.unwrap_err();
    assert!(matches!(&error, Error::NoSuchKeys(ids) if ids == &["apk_none"]), "{error}");
    bench.verify(&keys[0].token).await.unwrap();

    let revoked = revoke(&ids(&[0])).await.unwrap();
    assert_eq!(revoked.value.keys.len(), 1);
    revoked.published().unwrap();
    let error = revoke(&ids(&[0, 1])).await.unwrap_err();
    assert_eq!(error.to_string(), "There are 1 secret keys that are already revoked.");
    bench.verify(&keys[1].token).await.unwrap();

    // A publishable key can be revoked only once, and a selector skips revoked keys.
    bench.revoke(&shop.record.id, When::Now).await.unwrap();
    bench.clock.advance(10_000);
    let later = bench.revoke(&shop.record.id, When::In(secs(3600))).await;
    assert!(matches!(later, Err(Error::AlreadyRevoked)));
    let shop = bench.issuer.keys().show(&shop.record.id).await.unwrap();
    assert_eq!(shop.revoked_at, Some(START.secs()));
    let of_owner = like(Criteria { owner: Some(owner), ..Criteria::default() });
    let in_an_hour = Revocation { when: When::In(secs(3600)), by: Some("me".into()) };
    let revoked = bench.issuer.keys().revoke_all(&of_owner, &in_an_hour).await.unwrap();
    assert_eq!(revoked.value.keys.len(), 2);
    assert_eq!(
        bench.issuer.keys().revoke_all(&of_owner, &in_an_hour).await.unwrap().value.keys.len(),
        0
    );
    assert!(matches!(
        bench.issuer.keys().revoke_all(&ids(&[1, 2]), &in_an_hour).await,
        Err(Error::SomeNotEarlier(_))
    ));
    assert_eq!(revoke(&of_owner).await.unwrap().value.keys.len(), 2);
    for key in &keys {
        assert_eq!(bench.verify(&key.token).await, Err(Refusal::Revoked));
    }
    assert_eq!(
        bench.issuer.keys().show(&keys[0].record.id).await.unwrap().revoked_at,
        Some(START.secs())
    );
    let none = like(Criteria { owner: Some(owner ^ 1), ..Criteria::default() });
    assert_eq!(revoke(&none).await.unwrap().value.keys.len(), 0);
}

pub(crate) async fn a_search_that_chooses_the_keys_of_an_act_looks_at_titles_alone(bench: Bench) {
    // This title has no character of a redacted form.
    let one = titled(&bench, "· · ·").await.record;
    let old = titled(&bench, "The OLD warehouse").await.record;
    let searched = |q: &str| Criteria { q: Some(q.into()), ..Criteria::default() };
    let like = |q: &str| Selector::Like(Box::new(searched(q)));
    let ids = |keys: &[EffectiveKey]| keys.iter().map(|key| key.id.clone()).collect::<Vec<_>>();
    let shown: Vec<char> = one.redacted.chars().collect();
    for from in 0..shown.len() {
        for to in from + 3..=shown.len() {
            let q: String = shown[from..to].iter().collect();
            if !q.chars().any(char::is_alphanumeric) {
                continue;
            }
            let query = Query { criteria: searched(&q), ..Query::default() };
            let listed = bench.issuer.keys().list(&query).await.unwrap().keys;
            assert!(ids(&listed).contains(&one.id), "{q}: listings search redacted forms");
            let chosen =
                bench.issuer.keys().preview_revoke_all(&like(&q), &NOW, IfRevoked::Skip).await;
            if (from, to) == (0, shown.len()) {
                assert!(matches!(chosen, Err(Error::Invalid { field: "q", .. })), "{q}");
            } else {
                assert!(!ids(&chosen.unwrap().0).contains(&one.id), "{q}");
            }
        }
    }
    for q in [one.redacted.clone(), format!(" {} ", one.redacted.replace("***", "•••"))] {
        let refused = bench.issuer.keys().revoke_all(&like(&q), &NOW).await;
        assert!(matches!(refused, Err(Error::Invalid { field: "q", .. })), "{q}");
    }
    let end: String = shown[shown.len() - 5..].iter().collect();
    let revoked = bench.issuer.keys().revoke_all(&like(&end), &NOW).await.unwrap().value.keys;
    assert!(!ids(&revoked).contains(&one.id), "{end}");
    let revoked = bench.issuer.keys().revoke_all(&like("old"), &NOW).await.unwrap().value.keys;
    assert_eq!(ids(&revoked), std::slice::from_ref(&old.id));
    let state = bench.issuer.keys().show(&one.id).await.unwrap().state(bench.issuer.now());
    assert_eq!(state, KeyState::Active);
}

pub(crate) async fn what_is_deleted_is_gone_for_all_but_the_list(bench: Bench) {
    let minted = bench.issuer.keys().create(&publishable(&["web"])).await.unwrap();
    let other = titled(&bench, "other").await.record;
    let id = minted.record.id.clone();
    bench.revoke(&id, When::Now).await.unwrap();
    bench.revoke(&other.id, When::In(secs(60))).await.unwrap();
    let both = [id.clone(), other.id.clone()];
    // A key that is not revoked stops the whole deletion.
    let error = bench.issuer.keys().delete(&both, None).await.unwrap_err();
    let message = format!("Cannot delete api keys that are not revoked - {}", other.id);
    assert_eq!(error.to_string(), message);
    assert_eq!(bench.issuer.keys().show(&id).await.unwrap().state(START), KeyState::Revoked);
    let gone = bench.issuer.keys().delete(&[id.clone(), "apk_none".into()], None).await;
    assert!(matches!(gone, Err(Error::NoSuchKeys(_))));
    assert!(matches!(bench.issuer.keys().delete(&[], None).await, Err(Error::NothingSelected)));

    assert_eq!(
        bench.issuer.keys().delete(std::slice::from_ref(&id), Some("me")).await.unwrap(),
        std::slice::from_ref(&id)
    );
    assert!(matches!(bench.issuer.keys().show(&id).await, Err(Error::NotFound)));
    assert!(matches!(bench.revoke(&id, When::Now).await, Err(Error::NotFound)));
    assert!(matches!(bench.issuer.keys().roll(&id, &Roll::default()).await, Err(Error::NotFound)));
    assert!(matches!(
        bench.issuer.keys().delete(std::slice::from_ref(&id), None).await,
        Err(Error::NoSuchKeys(_))
    ));
    // No listing finds the deleted key.
    for criteria in [
        Criteria::default(),
        Criteria { q: Some("Shop".into()), ..Criteria::default() },
        Criteria { token: Some(minted.token.to_string()), ..Criteria::default() },
        Criteria { ids: vec![id.clone()], ..Criteria::default() },
        Criteria { sales_channel: Some("web".into()), ..Criteria::default() },
    ] {
        let query = Query { criteria, ..Query::default() };
        let listed = bench.issuer.keys().list(&query).await.unwrap().keys;
        assert!(listed.iter().all(|key| key.id != id));
    }
    bench.issuer.list().publish().await.unwrap();
    assert_eq!(bench.verify(&minted.token).await, Err(Refusal::Revoked), "the list still tells");
    assert_eq!(bench.events(&id).await, ["api-key.created", "api-key.revoked", "api-key.deleted"]);
}

pub(crate) async fn a_create_is_undone_in_one_act(bench: Bench) {
    let name = Idempotency::new("me", "order 1");
    let new = [NewKey::titled("a"), publishable(&[])];
    let made = bench.issuer.keys().create_all(&new, Some(&name)).await.unwrap().keys;
    let ids: Vec<String> = made.iter().map(|key| key.record.id.clone()).collect();
    let partly = [ids[0].clone(), "apk_none".to_owned()];
    assert!(matches!(
        bench.issuer.keys().undo_create(&partly, None).await,
        Err(Error::NoSuchKeys(_))
    ));
    bench.verify(&made[0].token).await.unwrap();
    bench.issuer.keys().undo_create(&ids, Some("me")).await.unwrap().published().unwrap();
    for key in &made {
        assert_eq!(bench.verify(&key.token).await, Err(Refusal::Revoked));
        assert!(matches!(bench.issuer.keys().show(&key.record.id).await, Err(Error::NotFound)));
    }
    let again = bench.issuer.keys().create_all(&new, Some(&name)).await.unwrap();
    assert!(!again.repeated, "the name is free again");
    bench.verify(&again.keys[0].token).await.unwrap();
    assert!(matches!(
        bench.issuer.keys().undo_create(&[], None).await,
        Err(Error::NothingSelected)
    ));
}

pub(crate) async fn a_rolled_key_keeps_all_but_what_is_said(bench: Bench) {
    let metadata = object(json!({ "team": "a" }));
    let new = NewKey { metadata: metadata.clone(), ..publishable(&["web"]) };
    let old = bench.issuer.keys().create(&new).await.unwrap().record;
    let rolled = bench.issuer.keys().roll(&old.id, &Roll::default()).await.unwrap().value;
    let new = &rolled.minted.record;
    assert_eq!((&new.metadata, &new.sales_channels), (&metadata, &old.sales_channels));
    assert!(new.policy != 0 && new.policy != old.policy, "a policy of its own");
    assert_eq!(rolled.old.revoked_at, Some(START.secs() + 24 * 60 * 60));

    let admin = NewKey {
        purpose: KeyPurpose::Admin,
        admin_scopes: vec!["keys:read".into()],
        ..NewKey::titled("ops")
    };
    let admin = bench.issuer.keys().create(&admin).await.unwrap().record;
    let rolled =
        bench.issuer.keys().roll(&admin.id, &Roll::default()).await.unwrap().value.minted.record;
    assert_eq!(rolled.admin_scopes, ["keys:read"]);

    let secret = NewKey { expires: Some(When::In(secs(60))).into(), ..NewKey::titled("x") };
    let secret = bench.issuer.keys().create(&secret).await.unwrap().record;
    let owner = bench.owner("Acme").await;
    let policy = bench.policy("Reader", Visibility::Private, PolicyRules::default()).await;
    let roll = Roll {
        owner: Some(owner),
        policy: Some(policy),
        algorithm: Some(Algorithm::Ed25519),
        expires: Some(None),
        ..Roll::default()
    };
    let rolled = bench.issuer.keys().roll(&secret.id, &roll).await.unwrap().value;
    let new = &rolled.minted.record;
    assert_eq!((new.owner, new.policy, new.kid, new.expires_at), (owner, policy, 3, None));
    assert_eq!(rolled.old.revoked_at, secret.expires_at, "never beyond its expiry");
    bench.verify(&rolled.minted.token).await.unwrap();
}

pub(crate) async fn whoever_holds_a_secret_key_can_revoke_it(bench: Bench) {
    let secret = titled(&bench, "x").await;
    let shop = bench.issuer.keys().create(&publishable(&[])).await.unwrap();
    bench.issuer.keys().suspend(&secret.record.id, None).await.unwrap();
    let revoked = bench.issuer.keys().revoke_by_token(&secret.token).await.unwrap();
    assert_eq!(revoked.value.revoked_by, Some(secret.record.id.clone()));
    revoked.published().unwrap();
    assert_eq!(bench.verify(&secret.token).await, Err(Refusal::Revoked));
    assert!(matches!(
        bench.issuer.keys().revoke_by_token(&secret.token).await,
        Err(Error::AlreadyRevoked)
    ));
    assert!(matches!(
        bench.issuer.keys().revoke_by_token(&shop.token).await,
        Err(Error::PublicText)
    ));
    bench.verify(&shop.token).await.unwrap();
    let admin = bench.issuer.keys().revoke_by_token(&bench.made.admin_token).await.unwrap().value;
    assert_eq!(admin.id, bench.made.admin.id);
    let mut altered = secret.token.to_string();
    altered.replace_range(20..21, if &altered[20..21] == "0" { "1" } else { "0" });
    for foreign in ["", "x", altered.as_str()] {
        assert!(matches!(
            bench.issuer.keys().revoke_by_token(foreign).await,
            Err(Error::NotAuthentic)
        ));
    }
}

pub(crate) async fn the_records_verify_ahead_of_every_list(bench: Bench) {
    let secret = titled(&bench, "x").await;
    let shop = bench.issuer.keys().create(&publishable(&[])).await.unwrap();
    let verify = async |token: &str, kind, environment| {
        let strict = bench.issuer.keys().authenticate(token, kind, environment).await.unwrap();
        strict.result.map(|key| key.id.clone()).map_err(StrictRefusal::code)
    };
    let (live, test) = (Some(Environment::Live), Some(Environment::Test));
    // With a list in force, and without one.
    for elapsed in [0, 1_000_000] {
        bench.clock.advance(elapsed);
        assert_eq!(verify(&secret.token, Kind::Secret, live).await, Ok(secret.record.id.clone()));
        assert_eq!(verify(&shop.token, Kind::Publishable, None).await, Ok(shop.record.id.clone()));
        assert_eq!(verify(&shop.token, Kind::Secret, None).await, Err("wrong_kind"));
        assert_eq!(verify(&secret.token, Kind::Publishable, None).await, Err("wrong_kind"));
        assert_eq!(verify(&secret.token, Kind::Secret, test).await, Err("wrong_environment"));
        let admin = verify(&bench.made.admin_token, Kind::Secret, None).await;
        assert_eq!(admin, Err("signer_not_allowed"));
        assert!(verify("x", Kind::Secret, None).await.is_err());
    }
    // Committed, but not published.
    let mut writing = bench.issuer.store().bookkeeping().await.unwrap();
    let update = sqlx::query("UPDATE api_keys SET suspended_ms = 1 WHERE id = $1");
    update.bind(&secret.record.id).execute(&mut *writing).await.unwrap();
    writing.save().await.unwrap();
    assert_eq!(verify(&secret.token, Kind::Secret, None).await, Err("suspended"));
    bench.issuer.keys().undo_create(std::slice::from_ref(&shop.record.id), None).await.unwrap();
    assert_eq!(verify(&shop.token, Kind::Publishable, None).await, Err("revoked"));
}

pub(crate) async fn upserts_make_and_change_in_one_act(bench: Bench) {
    let old = titled(&bench, "old").await.record;
    let change = |id: &str| {
        let title = Some("changed".to_owned());
        Upsert::Update(id.into(), Update { title, ..Update::default() }, Some("me".into()))
    };
    let all = [change(&old.id), Upsert::Create(NewKey::titled("new"))];
    let (made, changed) = bench.issuer.keys().upsert(&all).await.unwrap();
    assert_eq!((made[0].record.title.as_str(), changed[0].title.as_str()), ("new", "changed"));
    bench.verify(&made[0].token).await.unwrap();
    let failing = [Upsert::Create(NewKey::titled("never")), change("apk_none")];
    assert!(matches!(bench.issuer.keys().upsert(&failing).await, Err(Error::NoSuchKeys(_))));
    let criteria = Criteria { title: Some("never".into()), ..Criteria::default() };
    let query = Query { criteria, ..Query::default() };
    assert!(bench.issuer.keys().list(&query).await.unwrap().keys.is_empty());
}

pub(crate) async fn an_import_goes_on_where_it_ended(bench: Bench) {
    let line = |id: &str| ImportLine { external_id: id.into(), new: NewKey::titled(id) };
    let first = bench.issuer.keys().import(&[line("a"), line("b"), line("a")]).await.unwrap();
    let [Imported::Made(a), Imported::Made(b), Imported::Before(again)] = first.as_slice() else {
        unreachable!("{first:?}");
    };
    assert_eq!((a.record.title.as_str(), &again.token), ("a", &a.token));
    bench.verify(&b.token).await.unwrap();
    bench.revoke(&b.record.id, When::Now).await.unwrap();
    bench.issuer.keys().delete(std::slice::from_ref(&b.record.id), None).await.unwrap();
    let second = bench.issuer.keys().import(&[line("a"), line("b"), line("c")]).await.unwrap();
    let [Imported::Before(same), Imported::Deleted(gone), Imported::Made(_)] = second.as_slice()
    else {
        unreachable!("{second:?}");
    };
    assert_eq!((&same.token, gone), (&a.token, &b.record.id));
    let bad = ImportLine { external_id: " ".into(), new: NewKey::titled("x") };
    assert!(matches!(
        bench.issuer.keys().import(&[line("d"), bad]).await,
        Err(Error::Invalid { .. })
    ));
    assert_eq!(bench.issuer.keys().list(&Query::default()).await.unwrap().keys.len(), 3);
}
