//! Policies and owners, up to the files that gates read.

use portcullis_core::list::{FileName, Head};
use portcullis_core::policy::{Policies, Visibility};
use portcullis_core::token::Kind;
use portcullis_issuer::actions::*;
use portcullis_issuer::publish::DEFAULT_VALID_FOR;
use portcullis_issuer::store::policies as stored;
use portcullis_issuer::{Error, Issuer};
use portcullis_test_support::Bench;

conformance! {
    a_policy_is_published_edited_and_deleted,
    what_no_verifier_would_accept_is_refused_by_name,
    a_policy_fits_the_kind_of_its_keys_and_stays_while_they_do,
    another_process_writes_the_same_files,
    owners_are_numbered_once_and_for_all,
}

fn reader() -> PolicyRules {
    PolicyRules {
        scopes: vec!["orders:read".into(), "carts:*".into()],
        methods: vec!["GET".into()],
        paths: vec!["/orders/**".into()],
        cidrs: vec!["192.0.2.0/24".into(), "2001:db8::/32".into()],
        rate_class: Some("gold".into()),
        ..PolicyRules::default()
    }
}

async fn head(issuer: &Issuer) -> Head {
    issuer.list().state().await.unwrap().verifier().list().unwrap().head().clone()
}

/// The policy that a gate finds under a number if it fetches all files from the store by name.
async fn found(issuer: &Issuer, visibility: Visibility, number: u32) -> Option<PolicyRules> {
    let directory = head(issuer).await.policies(visibility);
    let mut held = Policies::new(1 << 20);
    let mut reading = issuer.store().read().await.unwrap();
    loop {
        let wanted: Vec<FileName> = held.wants_all(&[directory]).unwrap();
        if wanted.is_empty() {
            break;
        }
        for name in wanted {
            let file = stored::file(&mut reading, visibility, name.digest).await.unwrap().unwrap();
            held.offer(name, &file).unwrap();
        }
    }
    let kind = [Kind::Secret, Kind::Publishable].into_iter();
    let kind = kind.into_iter().find(|kind| Visibility::of(*kind) == visibility).unwrap();
    held.find(&head(issuer).await, kind, number).ok().map(|policy| PolicyRules::of(&policy))
}

pub(crate) async fn a_policy_is_published_edited_and_deleted(bench: Bench) {
    let issuer = &bench.issuer;
    let private = Visibility::Private;
    let number = bench.policy("Reader", private, reader()).await;
    let read = found(issuer, private, number).await.unwrap();
    assert_eq!(read.rate_class.as_deref(), Some("gold"));
    assert_eq!(read.cidrs, ["192.0.2.0/24", "2001:db8::/32"]);
    assert_eq!(found(issuer, Visibility::Public, number).await, None);
    let old = head(issuer).await.policies(private);

    let change = PolicyChange {
        scopes: Some(vec!["orders:*".into()]),
        rate_class: Some(None),
        ..PolicyChange::default()
    };
    let saved = issuer.policies().update(number, &change).await.unwrap();
    saved.published().unwrap();
    let read = found(issuer, private, number).await.unwrap();
    assert_eq!((read.scopes, read.rate_class), (vec!["orders:*".to_owned()], None));
    assert_eq!(read.methods, ["GET"], "what was not named stays");
    let mut reading = issuer.store().read().await.unwrap();
    let kept = stored::file(&mut reading, private, old.digest).await.unwrap();
    assert!(kept.is_some(), "whoever holds the list before still finds its files");
    drop(reading);

    issuer.policies().delete(number, None).await.unwrap().published().unwrap();
    assert_eq!(head(issuer).await.policies(private), FileName::NONE);
    assert!(matches!(issuer.policies().show(number).await, Err(Error::Unknown { .. })));
    bench.clock.advance(2 * 24 * 60 * 60 * 1000);
    bench.policy("Another", private, reader()).await;
    let mut reading = issuer.store().read().await.unwrap();
    assert_eq!(stored::file(&mut reading, private, old.digest).await.unwrap(), None);
}

pub(crate) async fn what_no_verifier_would_accept_is_refused_by_name(bench: Bench) {
    let one = |item: &str| vec![item.to_owned()];
    let empty = PolicyRules::default;
    for (field, rules) in [
        ("scopes", PolicyRules { scopes: one("Orders"), ..empty() }),
        ("sales_channels", PolicyRules { sales_channels: one("a b"), ..empty() }),
        ("methods", PolicyRules { methods: one("get"), ..empty() }),
        ("paths", PolicyRules { paths: one("orders"), ..empty() }),
        ("cidrs", PolicyRules { cidrs: one("192.0.2.1/24"), ..empty() }),
        ("cidrs", PolicyRules { cidrs: one("here"), ..empty() }),
        ("origins", PolicyRules { origins: one("https://*.example"), ..empty() }),
        ("rate_class", PolicyRules { rate_class: Some("Gold".into()), ..empty() }),
    ] {
        let new = NewPolicy { name: "x".into(), visibility: Visibility::Public, rules, by: None };
        match bench.issuer.policies().create(&new).await {
            Err(Error::Invalid { field: named, .. }) => assert_eq!(named, field),
            other => unreachable!("{field}: {other:?}"),
        }
    }
    assert_eq!(bench.issuer.policies().list(None, 0, 50).await.unwrap(), []);
}

pub(crate) async fn a_policy_fits_the_kind_of_its_keys_and_stays_while_they_do(bench: Bench) {
    let policy = bench.policy("Reader", Visibility::Private, reader()).await;
    let new = NewKey { policy, ..NewKey::titled("x") };
    let minted = bench.issuer.keys().create(&new).await.unwrap();
    let wrong = NewKey { kind: Kind::Publishable, ..new.clone() };
    let unknown = NewKey { policy: policy ^ 1, ..new };
    for refused in [wrong, unknown] {
        let refused = bench.issuer.keys().create(&refused).await;
        assert!(matches!(refused, Err(Error::Invalid { field: "policy", .. })));
    }
    let refused = bench.issuer.policies().delete(policy, None).await;
    assert!(matches!(refused, Err(Error::InUse { what: "policy" })));
    bench.revoke(&minted.record.id, When::Now).await.unwrap();
    bench.issuer.policies().delete(policy, None).await.unwrap();
}

pub(crate) async fn another_process_writes_the_same_files(bench: Bench) {
    let second = Issuer::open(&bench.home, bench.clock.clone(), DEFAULT_VALID_FOR).await.unwrap();
    let mut numbers = Vec::new();
    for number in 0..6 {
        let issuer = if number % 2 == 0 { &bench.issuer } else { &second };
        let visibility = Visibility::Private;
        let new = NewPolicy { name: number.to_string(), visibility, rules: reader(), by: None };
        numbers.push(issuer.policies().create(&new).await.unwrap().value.number);
    }
    for number in &numbers {
        assert!(found(&bench.issuer, Visibility::Private, *number).await.is_some());
    }
    let before = head(&bench.issuer).await.private_policies();
    // Deleting a policy restores the earlier bytes, whichever process writes them.
    let new =
        NewPolicy { name: "x".into(), visibility: Visibility::Private, rules: reader(), by: None };
    let number = second.policies().create(&new).await.unwrap().value.number;
    assert_ne!(head(&bench.issuer).await.private_policies(), before);
    let third = Issuer::open(&bench.home, bench.clock.clone(), DEFAULT_VALID_FOR).await.unwrap();
    third.policies().delete(number, None).await.unwrap().published().unwrap();
    assert_eq!(head(&bench.issuer).await.private_policies(), before);
}

pub(crate) async fn owners_are_numbered_once_and_for_all(bench: Bench) {
    let issuer = &bench.issuer;
    let new =
        NewOwner { name: "Acme".into(), external_id: Some("cus_42".into()), ..NewOwner::default() };
    let owner = issuer.owners().create(&new).await.unwrap();
    assert!(matches!(
        issuer.owners().create(&new).await,
        Err(Error::Invalid { field: "external_id", .. })
    ));
    assert_eq!(
        issuer.owners().list(Some("cus_42"), 0, 50).await.unwrap(),
        std::slice::from_ref(&owner)
    );
    let key = NewKey { owner: owner.number, ..NewKey::titled("x") };
    let minted = issuer.keys().create(&key).await.unwrap();
    let refused = issuer.owners().delete(owner.number, None).await;
    assert!(matches!(refused, Err(Error::InUse { what: "owner" })));
    let change = OwnerChange { name: Some("Acme Ltd".into()), ..OwnerChange::default() };
    let changed = issuer.owners().update(owner.number, &change).await.unwrap();
    assert_eq!(
        (changed.name.as_str(), changed.external_id.as_deref()),
        ("Acme Ltd", Some("cus_42"))
    );
    bench.revoke(&minted.record.id, When::Now).await.unwrap();
    issuer.owners().delete(owner.number, None).await.unwrap();
    let refused = issuer.keys().create(&key).await;
    assert!(matches!(refused, Err(Error::Invalid { field: "owner", .. })));
    // The external id can be used again; the number can't.
    assert_ne!(issuer.owners().create(&new).await.unwrap().number, owner.number);
}
