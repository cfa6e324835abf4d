//! Listings: filters, search, orders, pages.

use portcullis_core::policy::Visibility;
use portcullis_core::token::{Environment, Kind};
use portcullis_issuer::Error;
use portcullis_issuer::actions::*;
use portcullis_issuer::record::KeyPurpose;
use portcullis_issuer::store::bulk::EffectiveKey;
use portcullis_test_support::{Bench, START};

conformance! {
    keys_are_found_by_what_they_are_like,
    a_search_takes_every_sign_at_its_word,
    every_order_is_turned_page_by_page,
}

async fn found(bench: &Bench, criteria: Criteria) -> Vec<String> {
    let query = Query { criteria, count: true, ascending: true, ..Query::default() };
    let page = bench.issuer.keys().list(&query).await.unwrap();
    assert_eq!(page.count, Some(page.keys.len() as u64));
    page.keys.into_iter().map(|key| key.title.clone()).collect()
}

pub(crate) async fn keys_are_found_by_what_they_are_like(bench: Bench) {
    let all = Criteria::default;
    bench.clock.advance(1_000);
    let owner = bench.owner("Acme").await;
    let policy = bench.policy("Reader", Visibility::Private, PolicyRules::default()).await;
    let a = NewKey { owner, policy, ..NewKey::titled("a") };
    let a = bench.issuer.keys().create(&a).await.unwrap().record;
    bench.clock.advance(1_000);
    let b = NewKey {
        kind: Kind::Publishable,
        environment: Environment::Test,
        sales_channels: vec!["web".into()],
        ..NewKey::titled("b")
    };
    let b = bench.issuer.keys().create(&b).await.unwrap();
    bench.revoke(&a.id, When::At(START.plus_millis(60_000))).await.unwrap();
    let at = |millis| Some(START.plus_millis(millis));
    let first = "First admin key";
    for (criteria, titles) in [
        (all(), &[first, "a", "b"][..]),
        (Criteria { owner: Some(owner), ..all() }, &["a"]),
        (Criteria { owner: Some(0), ..all() }, &[first, "b"]),
        (Criteria { policy: Some(policy), ..all() }, &["a"]),
        (Criteria { policy: Some(b.record.policy), ..all() }, &["b"]),
        (Criteria { purpose: Some(KeyPurpose::Admin), ..all() }, &[first]),
        (Criteria { kind: Some(Kind::Publishable), ..all() }, &["b"]),
        (Criteria { environment: Some(Environment::Test), ..all() }, &["b"]),
        (Criteria { sales_channel: Some("web".into()), ..all() }, &["b"]),
        (Criteria { sales_channel: Some("app".into()), ..all() }, &[]),
        (Criteria { title: Some("a".into()), ..all() }, &["a"]),
        (Criteria { title: Some("A".into()), ..all() }, &[]),
        (Criteria { token: Some(b.token.to_string()), ..all() }, &["b"]),
        (Criteria { ids: vec![a.id.clone(), b.record.id.clone()], ..all() }, &["a", "b"]),
        (Criteria { created: Span { from: at(1_000), before: at(2_000) }, ..all() }, &["a"]),
        (Criteria { updated: Span { from: at(2_000), before: None }, ..all() }, &["a", "b"]),
        (Criteria { updated: Span { from: None, before: at(2_000) }, ..all() }, &[first]),
        (Criteria { revoked: Span { from: at(60_000), before: None }, ..all() }, &["a"]),
        (Criteria { revoked: Span { from: at(60_001), before: None }, ..all() }, &[]),
        (Criteria { revoked: Span { from: None, before: at(60_000) }, ..all() }, &[]),
        (Criteria { revoked: Span { from: None, before: at(60_001) }, ..all() }, &["a"]),
    ] {
        assert_eq!(found(&bench, criteria.clone()).await, titles, "{criteria:?}");
    }
}

pub(crate) async fn a_search_takes_every_sign_at_its_word(bench: Bench) {
    let titles = ["100% Billing", "100 billing_x", r"back\slash", "Über Straße"];
    let mut redacted = Vec::new();
    for title in titles {
        redacted.push(
            bench
                .issuer
                .keys()
                .create(&NewKey::titled(title))
                .await
                .unwrap()
                .record
                .redacted
                .clone(),
        );
    }
    let search =
        async |q: &str| found(&bench, Criteria { q: Some(q.into()), ..Criteria::default() }).await;
    assert_eq!(search("BILLING").await, ["100% Billing", "100 billing_x"]);
    assert_eq!(search("0%").await, ["100% Billing"]);
    assert_eq!(search("g_").await, ["100 billing_x"]);
    assert_eq!(search(r"\").await, [r"back\slash"]);
    assert_eq!(search("üBER").await, ["Über Straße"]);
    assert_eq!(search("no such").await, [""; 0]);
    // A string that every redacted form contains is searched for in titles only.
    for shared in ["_", "*", "***", "•••", "_*", "%", " ", "-"] {
        let hits = search(shared).await;
        let said = |title: &&str| title.to_lowercase().contains(&shared.to_lowercase());
        let all = ["First admin key"].into_iter().chain(titles);
        let wanted: Vec<&str> = all.filter(said).collect();
        assert_eq!(hits, wanted, "{shared}");
    }
    assert!(search("SK_LIV").await.len() >= 4, "redacted forms are searched too");
    let end = &redacted[0][redacted[0].len() - 5..];
    assert!(search(end).await.contains(&titles[0].to_owned()), "its end tells a key");
    for (shape, title) in redacted.iter().zip(titles) {
        let hits = search(shape).await;
        assert!(hits.iter().any(|hit| hit == title), "{shape}: {hits:?}");
        assert_eq!(search(&shape.replace("***", "•••")).await, hits);
    }
    for q in [String::new(), "x".repeat(256)] {
        let criteria = Criteria { q: Some(q), ..Criteria::default() };
        let query = Query { criteria, ..Query::default() };
        assert!(matches!(bench.issuer.keys().list(&query).await, Err(Error::Invalid { .. })));
    }
}

pub(crate) async fn every_order_is_turned_page_by_page(bench: Bench) {
    let mut ids = Vec::new();
    for title in ["b", "A", "a", "C", "b", "ä", "b"] {
        bench.clock.advance(1);
        ids.push(
            bench.issuer.keys().create(&NewKey::titled(title)).await.unwrap().record.id.clone(),
        );
    }
    for at in [5, 1, 3] {
        bench.clock.advance(1);
        bench.revoke(&ids[at], When::In(std::time::Duration::from_secs(60))).await.unwrap();
    }
    for order in Order::ALL {
        for ascending in [false, true] {
            let whole = Query { order, ascending, ..Query::default() };
            let whole = bench.issuer.keys().list(&whole).await.unwrap().keys;
            assert_eq!(whole.len(), 8);
            let in_order = |pair: &[EffectiveKey]| {
                let of = |key: &EffectiveKey| match order {
                    Order::Created => (key.created.millis(), String::new()),
                    Order::Updated => (key.updated.millis(), String::new()),
                    Order::Title => (0, key.title.to_lowercase()),
                };
                let (first, second) = (of(&pair[0]), of(&pair[1]));
                if ascending { first <= second } else { first >= second }
            };
            assert!(whole.windows(2).all(in_order), "{order:?}");
            let mut paged = Vec::new();
            let mut cursor = None;
            loop {
                let query = Query { order, ascending, cursor, limit: Some(3), ..Query::default() };
                let page = bench.issuer.keys().list(&query).await.unwrap();
                paged.extend(page.keys);
                cursor = page.next_cursor;
                if cursor.is_none() {
                    break;
                }
                let other = Query { order, ascending: !ascending, ..Query::default() };
                let other = Query { cursor: cursor.clone(), ..other };
                assert!(matches!(
                    bench.issuer.keys().list(&other).await,
                    Err(Error::Invalid { .. })
                ));
            }
            assert_eq!(paged, whole);
        }
    }
}
