//! Usage reports from gates.

use portcullis_issuer::Error;
use portcullis_issuer::actions::{MAX_USES, NewKey, Use};
use portcullis_test_support::Bench;

conformance! {
    reports_add_up_and_the_latest_use_counts,
    a_report_says_nothing_of_keys_that_there_are_not,
}

fn used(key: &str, uses: u32, last_used_at: u32) -> Use {
    Use { key: key.into(), uses, last_used_at }
}

pub(crate) async fn reports_add_up_and_the_latest_use_counts(bench: Bench) {
    let issuer = &bench.issuer;
    let (one, other) = (NewKey::titled("One"), NewKey::titled("Other"));
    let (one, other) =
        (issuer.keys().create(&one).await.unwrap(), issuer.keys().create(&other).await.unwrap());
    assert_eq!((one.record.uses, one.record.last_used_at), (0, None));
    let (before, number) =
        (bench.events(&one.record.id).await, issuer.list().published().await.unwrap());
    let now = issuer.now().secs();
    let id = one.record.id.as_str();
    let report = [used(id, 3, now - 50), used(&other.record.id, 1, now - 7)];
    assert_eq!(issuer.keys().report_usage(&report).await.unwrap(), 2);
    // Another gate's report arrives late, and a third gate's clock is ahead.
    assert_eq!(issuer.keys().report_usage(&[used(id, 2, now - 90)]).await.unwrap(), 1);
    let record = issuer.keys().show(id).await.unwrap();
    assert_eq!((record.uses, record.last_used_at), (5, Some(now - 50)));
    assert_eq!(issuer.keys().report_usage(&[used(id, 1, now + 1_000)]).await.unwrap(), 1);
    let record = issuer.keys().show(id).await.unwrap();
    assert_eq!((record.uses, record.last_used_at), (6, Some(now)));
    assert_eq!(record.updated, one.record.updated, "it is no change of the key");
    assert_eq!(bench.events(id).await, before);
    assert_eq!(issuer.list().published().await.unwrap().digest, number.digest);
}

pub(crate) async fn a_report_says_nothing_of_keys_that_there_are_not(bench: Bench) {
    let issuer = &bench.issuer;
    assert_eq!(issuer.keys().report_usage(&[]).await.unwrap(), 0);
    let unknown = used("apk_0000000000000000000000", 1, 1);
    let odd = used("'; DROP TABLE api_keys; --", 1, 1);
    assert_eq!(issuer.keys().report_usage(&[unknown.clone(), odd]).await.unwrap(), 0);
    let refused = issuer.keys().report_usage(&vec![unknown; MAX_USES + 1]).await.unwrap_err();
    assert!(matches!(refused, Error::Invalid { field: "uses", .. }), "{refused}");
}
