//! Labels: which one a new key gets, and what happens to keys if the keyring lists others.

use portcullis_core::keyring::Purpose;
use portcullis_core::token::{Kind, Label};
use portcullis_core::verify::{Refusal, Requirements};
use portcullis_issuer::actions::*;
use portcullis_issuer::keystore::Vault;
use portcullis_issuer::publish::DEFAULT_VALID_FOR;
use portcullis_issuer::record::KeyPurpose;
use portcullis_issuer::{Committed, Error, Issuer, import};
use portcullis_test_support::Bench;
use serde_json::json;

conformance! {
    a_key_has_the_label_that_is_asked_for,
    a_roll_keeps_the_label_or_changes_it,
    a_name_stands_for_the_label_too,
    imported_keys_have_labels,
    what_is_so_already_makes_no_keyring,
    a_label_that_is_removed_ends_its_keys_and_they_are_counted,
    the_last_admin_key_is_not_ended_by_accident,
}

const TOKEN: Requirements = Requirements { purpose: Purpose::Token, kind: None, environment: None };

fn label(text: &str) -> Label {
    Label::new(text).unwrap()
}

fn labelled(title: &str, text: &str) -> NewKey {
    NewKey { label: Some(label(text)), ..NewKey::titled(title) }
}

fn adding(texts: &[&str]) -> LabelChange {
    LabelChange { add: texts.iter().map(|text| label(text)).collect(), ..LabelChange::default() }
}

fn removing(texts: &[&str]) -> LabelChange {
    LabelChange { remove: texts.iter().map(|text| label(text)).collect(), ..LabelChange::default() }
}

async fn change_with(
    bench: &Bench,
    labels: LabelChange,
    care: Care,
) -> Result<Committed<KeyringChanged>, Error> {
    let root = Vault::new(bench.home.root_key(), bench.home.unlock().clone());
    let change = KeyringChange::Labels { labels, care };
    bench.issuer.keyring().change(&change, &root, Some("me")).await
}

async fn change(bench: &Bench, labels: LabelChange) -> Result<KeyringChanged, Error> {
    let changed = change_with(bench, labels, Care::default()).await?;
    assert!(changed.publication.list().is_some());
    Ok(changed.value)
}

pub(crate) async fn a_key_has_the_label_that_is_asked_for(bench: Bench) {
    let refused = bench.issuer.keys().create(&labelled("x", "acme")).await.unwrap_err();
    assert_eq!(refused.code(), "label_not_listed");
    let told = "`label`: the keyring does not list `acme`; it lists no label. Choose one of these, or \
                add it with the root key: `portcullis keyring labels --add acme`";
    assert_eq!(refused.to_string(), told);

    // Another process, which learns of the change only from the database.
    let other = Issuer::open(&bench.home, bench.clock.clone(), DEFAULT_VALID_FOR).await.unwrap();
    let mut gate = bench.gate().await;
    let added = change(&bench, adding(&["acme", "shop"])).await.unwrap();
    assert_eq!(added.labels, ["", "acme", "shop"].map(label));
    for kind in Kind::ALL {
        for text in ["", "acme", "shop"] {
            let new = NewKey { kind, ..labelled("x", text) };
            let made = other.keys().create(&new).await.unwrap();
            let front = if text.is_empty() { String::new() } else { format!("{text}_") };
            let word = if kind == Kind::Secret { "sk" } else { "pk" };
            assert!(made.token.starts_with(&format!("{front}{word}_live_")), "{text}");
            assert_eq!(made.record.label, text);
            bench.verify(&made.token).await.unwrap();
            // A gate that has not seen the new keyring yet refuses the label.
            let now = bench.issuer.now();
            let before = gate.clone().verify(&made.token, &TOKEN, now);
            assert_eq!(
                matches!(before, Err(Refusal::ForeignLabel)),
                !text.is_empty(),
                "{before:?}"
            );
        }
    }
    let made = other.keys().create(&NewKey::titled("x")).await.unwrap();
    assert_eq!(made.record.label, "", "the first is the default");
    assert!(gate.offer_keyring(&other.keyring().document().await.unwrap()).unwrap());

    let first = LabelChange { first: Some(label("shop")), ..LabelChange::default() };
    assert_eq!(change(&bench, first).await.unwrap().labels, ["shop", "", "acme"].map(label));
    let made = other.keys().create(&NewKey::titled("x")).await.unwrap();
    assert_eq!(made.record.label, "shop");
    let unlisted = other.keys().create(&labelled("x", "other")).await.unwrap_err().to_string();
    assert!(unlisted.contains("it lists `shop`, no label, `acme`."), "{unlisted}");

    // A batch is created completely or not at all.
    let many = [NewKey::titled("a"), labelled("b", "nothere")];
    let before = bench.issuer.keys().list(&Query::default()).await.unwrap().keys.len();
    let refused = bench.issuer.keys().create_all(&many, None).await.unwrap_err();
    assert_eq!(refused.code(), "label_not_listed");
    assert_eq!(bench.issuer.keys().list(&Query::default()).await.unwrap().keys.len(), before);
}

pub(crate) async fn a_roll_keeps_the_label_or_changes_it(bench: Bench) {
    change(&bench, adding(&["acme"])).await.unwrap();
    let old = bench.issuer.keys().create(&labelled("x", "acme")).await.unwrap().record.id.clone();
    let next = bench.issuer.keys().roll(&old, &Roll::default()).await.unwrap().value.minted;
    assert_eq!(next.record.label, "acme", "not the default");
    bench.verify(&next.token).await.unwrap();

    let plain = Roll { label: Some(Label::NONE), ..Roll::default() };
    let next = bench.issuer.keys().roll(&next.record.id, &plain).await.unwrap().value.minted;
    assert!(next.token.starts_with("sk_live_"));
    bench.verify(&next.token).await.unwrap();
    let again =
        bench.issuer.keys().roll(&next.record.id, &Roll::default()).await.unwrap().value.minted;
    assert_eq!(again.record.label, "");

    let other = Roll { label: Some(label("shop")), ..Roll::default() };
    let refused = bench.issuer.keys().roll(&again.record.id, &other).await.unwrap_err();
    assert_eq!(refused.code(), "label_not_listed");
    bench.verify(&again.token).await.unwrap();
}

pub(crate) async fn a_name_stands_for_the_label_too(bench: Bench) {
    change(&bench, adding(&["acme"])).await.unwrap();
    let name = Idempotency::new("me", "one");
    let send = async |new: NewKey| bench.issuer.keys().create_all(&[new], Some(&name)).await;
    let first = send(labelled("x", "acme")).await.unwrap();
    let again = send(labelled("x", "acme")).await.unwrap();
    assert!(again.repeated);
    assert_eq!(again.keys[0].token, first.keys[0].token);
    for other in [labelled("x", ""), NewKey::titled("x")] {
        assert!(matches!(send(other).await, Err(Error::IdempotencyMismatch)));
    }
    // A repeated request uses the default of the first one, although the default has changed since.
    let unsaid = Idempotency::new("me", "two");
    let make = async || bench.issuer.keys().create_all(&[NewKey::titled("y")], Some(&unsaid)).await;
    let first = make().await.unwrap();
    let put = LabelChange { first: Some(label("acme")), ..LabelChange::default() };
    change(&bench, put).await.unwrap();
    assert_eq!(make().await.unwrap().keys[0].token, first.keys[0].token);

    let roll = Idempotency::new("me", "three");
    let id = first.keys[0].record.id.clone();
    let send = async |label| {
        bench.issuer.keys().roll_once(&id, &Roll { label, ..Roll::default() }, Some(&roll)).await
    };
    send(Some(label("acme"))).await.unwrap();
    assert!(send(Some(label("acme"))).await.unwrap().value.repeated);
    for other in [None, Some(Label::NONE)] {
        assert!(matches!(send(other).await, Err(Error::IdempotencyMismatch)));
    }
}

pub(crate) async fn imported_keys_have_labels(bench: Bench) {
    let put = LabelChange { first: Some(label("acme")), ..adding(&["acme"]) };
    change(&bench, put).await.unwrap();
    let told = async |format, file: &str| {
        let lines = import::Reader::new(format, file.as_bytes(), None).unwrap().collect();
        let done = import::import(&bench.issuer, lines).await.unwrap();
        let front = |text: &str| text.split("live_").next().unwrap_or_default().to_owned();
        let of = |done: &import::Done| {
            let view = done.view();
            view.token.map(front).ok_or_else(|| view.error.unwrap_or_default().to_owned())
        };
        done.iter().map(of).collect::<Vec<_>>()
    };
    let csv = "title,external_id,label\nA,1,acme\nB,2,\nC,3,-\nD,4,shop\nE,5,UP\n";
    let made = told(import::Format::Csv, csv).await;
    assert_eq!(made[..3], ["acme_sk_", "acme_sk_", "sk_"].map(|front| Ok(front.to_owned())));
    assert!(made[3].as_ref().unwrap_err().contains("portcullis keyring labels --add shop"));
    assert!(made[4].as_ref().unwrap_err().starts_with("`label` must be 1 to 16"), "{made:?}");
    let jsonl = "{\"title\":\"F\",\"label\":\"\"}\n{\"title\":\"G\"}\n";
    let made = told(import::Format::Jsonl, jsonl).await;
    assert_eq!(made, ["sk_", "acme_sk_"].map(|front| Ok(front.to_owned())));
}

pub(crate) async fn what_is_so_already_makes_no_keyring(bench: Bench) {
    let added = change(&bench, adding(&["acme"])).await.unwrap();
    assert_eq!(added.version, 2);
    for same in [adding(&["acme", ""]), removing(&["shop"]), LabelChange::default()] {
        let again = change(&bench, same).await.unwrap();
        assert_eq!((again.version, again.labels), (2, added.labels.clone()));
    }
    for (bad, code) in [
        (removing(&["", "acme"]), "last_label"),
        (adding(&["a", "b", "c"]), "too_many_labels"),
        (LabelChange { first: Some(label("shop")), ..LabelChange::default() }, "label_not_listed"),
        (LabelChange { add: vec![label("shop")], ..removing(&["shop"]) }, "signer_impossible"),
    ] {
        assert_eq!(bench.issuer.keyring().preview_labels(&bad).await.unwrap_err().code(), code);
        assert_eq!(change(&bench, bad).await.unwrap_err().code(), code);
    }
    assert_eq!(bench.issuer.keyring().labels().await.unwrap().version, 2);
    let events = bench.issuer.trail().after(0, 100).await.unwrap();
    let changes = events.iter().filter(|event| event.event == "keyring.changed");
    let told = changes.map(|event| serde_json::from_str(&event.data).unwrap());
    let told: Vec<serde_json::Value> = told.collect();
    let data = json!({ "version": 2, "act": "labels", "kid": null, "state": null, "retiring": [],
                       "labels": ["", "acme"] });
    assert_eq!(told, [data], "one change, one event");
}

pub(crate) async fn a_label_that_is_removed_ends_its_keys_and_they_are_counted(bench: Bench) {
    change(&bench, adding(&["acme"])).await.unwrap();
    let mut made = Vec::new();
    for title in ["lives", "lives too", "is suspended", "is revoked", "expires"] {
        let end = (title == "expires").then_some(When::In(std::time::Duration::from_secs(5)));
        let new = NewKey { expires: end.into(), ..labelled(title, "acme") };
        made.push(bench.issuer.keys().create(&new).await.unwrap());
    }
    let plain = bench.issuer.keys().create(&labelled("plain", "")).await.unwrap();
    bench.issuer.keys().suspend(&made[2].record.id, None).await.unwrap();
    bench.revoke(&made[3].record.id, When::Now).await.unwrap();
    bench.clock.advance(6_000);

    let gone = removing(&["acme"]);
    let preview = bench.issuer.keyring().preview_labels(&gone).await.unwrap();
    assert_eq!(preview.after, [Label::NONE]);
    // A suspended key counts, because it could be restored.
    let refused = Preview { count: 3, admins: 0, admins_left: 1 };
    assert_eq!(preview.refused, refused);
    let none = bench.issuer.keyring().preview_labels(&adding(&["shop"])).await.unwrap().refused;
    assert_eq!((none.count, none.admins), (0, 0));

    let confirm = |count| Care { confirm: Some(count), last_admin: false };
    let other = change_with(&bench, gone.clone(), confirm(2)).await.unwrap_err();
    assert!(matches!(other, Error::NotTheCount { confirmed: 2, count: 3 }), "{other:?}");
    bench.verify(&made[0].token).await.unwrap();
    assert_eq!(bench.issuer.keyring().labels().await.unwrap().version, 2, "nothing was changed");

    let changed = change_with(&bench, gone, confirm(3)).await.unwrap().value;
    assert_eq!((changed.version, &changed.labels), (3, &vec![Label::NONE]));
    for key in &made {
        let refusal = bench.verify(&key.token).await.unwrap_err();
        assert_eq!(refusal, Refusal::ForeignLabel, "{}", key.record.title);
    }
    bench.verify(&plain.token).await.unwrap();
    let listed = bench.issuer.keyring().labels().await.unwrap();
    let of: Vec<_> =
        listed.keys.iter().map(|keys| (keys.label.as_str(), keys.total, keys.live)).collect();
    assert_eq!((listed.listed, of), (vec![Label::NONE], vec![("", 2, 2), ("acme", 5, 3)]));
    let rolled = bench.issuer.keys().roll(&made[0].record.id, &Roll::default()).await.unwrap_err();
    assert_eq!(rolled.code(), "label_not_listed", "a successor would be refused as well");

    // The change can be reverted.
    change(&bench, adding(&["acme"])).await.unwrap();
    bench.verify(&made[0].token).await.unwrap();
    assert_eq!(bench.verify(&made[3].token).await.unwrap_err(), Refusal::Revoked);
}

pub(crate) async fn the_last_admin_key_is_not_ended_by_accident(bench: Bench) {
    let put = LabelChange { first: Some(label("acme")), ..adding(&["acme"]) };
    change(&bench, put).await.unwrap();
    let gone = removing(&[""]);
    let preview = bench.issuer.keyring().preview_labels(&gone).await.unwrap();
    assert_eq!(preview.refused, Preview { count: 1, admins: 1, admins_left: 0 });
    let refused = change(&bench, gone.clone()).await.unwrap_err();
    assert!(matches!(refused, Error::LastAdmin { .. }), "{refused:?}");
    bench.issuer.admins().find(&bench.made.admin_token).await.unwrap().unwrap();

    let admin = NewKey {
        purpose: KeyPurpose::Admin,
        admin_scopes: vec![scopes::EVERYTHING.into()],
        ..NewKey::titled("next")
    };
    let next = bench.issuer.keys().create(&admin).await.unwrap();
    assert!(next.token.starts_with("acme_ak_live_"));
    change(&bench, gone).await.unwrap();
    bench.issuer.admins().find(&next.token).await.unwrap().unwrap();
    let old = bench.issuer.admins().find(&bench.made.admin_token).await.unwrap();
    assert_eq!(old.unwrap_err(), NotAdmin::Refused(Refusal::ForeignLabel));
}
