//! The files that verifiers fetch, and the reported state of the list.

use super::*;

#[tokio::test]
async fn public_files_carry_strong_etags_and_answer_304() {
    let api = Api::new().await;
    let head = api.public("head", None).await;
    let digest = Digest::of(&head.bytes).to_string();
    for (path, caching) in [
        ("keyring".to_owned(), "public, max-age=60"),
        ("stamp".to_owned(), "public, max-age=1"),
        ("head".to_owned(), "public, max-age=1"),
        ("bundle".to_owned(), "public, max-age=1"),
        (format!("heads/{digest}"), "public, max-age=31536000, immutable"),
    ] {
        let first = api.public(&path, None).await;
        assert_eq!(first.status, StatusCode::OK, "{path}");
        assert_eq!(first.header("content-type"), "application/octet-stream");
        assert_eq!(first.header("cache-control"), caching);
        assert_eq!(first.header("access-control-allow-origin"), "*");
        let etag = first.header("etag");
        assert_eq!(etag, format!("\"{}\"", Digest::of(&first.bytes)));
        for known in [etag.to_owned(), "*".to_owned(), format!("\"x\", W/{etag}")] {
            let second = api.public(&path, Some(&known)).await;
            assert_eq!(second.status, StatusCode::NOT_MODIFIED, "{path} {known}");
            assert!(second.bytes.is_empty());
            assert_eq!(second.header("etag"), etag);
        }
        assert_eq!(api.public(&path, Some("\"x\"")).await.status, StatusCode::OK);
    }
    let (_, shards) = api.bench.issuer.list().overview().await.unwrap();
    let body = shards[0].line.unwrap().body;
    assert_eq!(Digest::of(&api.public(&format!("bodies/{body}"), None).await.bytes), body);
    for path in [format!("heads/{body}"), format!("bodies/{digest}"), "heads/xyz".into()] {
        let missing = api.public(&path, None).await;
        assert_eq!(missing.status, StatusCode::NOT_FOUND);
        assert_eq!(missing.json()["code"], "unknown_file");
    }
}

#[tokio::test]
async fn what_another_process_publishes_is_served_at_once() {
    let api = Api::new().await;
    let minted = api.bench.issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    let before = api.public("stamp", None).await.bytes;
    let valid_for = std::time::Duration::from_secs(60);
    let other =
        portcullis_issuer::Issuer::open(&api.bench.home, api.bench.clock.clone(), valid_for);
    let other = other.await.unwrap();
    other
        .keys()
        .revoke(&minted.record.id, &Revocation { when: When::Now, by: None })
        .await
        .unwrap();
    assert_ne!(api.public("stamp", None).await.bytes, before);
    let verdict = api.post("/v1/verify", json!({ "token": minted.token.as_str() })).await.json();
    assert_eq!(verdict["code"], "revoked");
    assert_eq!(verdict["list"]["number"], 2);
}

#[tokio::test]
async fn a_list_past_its_time_is_said_to_be() {
    let api = Api::new().await;
    let health = async |path: &str| {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        api.send(request).await.status
    };
    assert_eq!(health("/health/ready").await, StatusCode::OK);
    api.bench.clock.advance(300_000);
    assert_eq!(health("/health/live").await, StatusCode::OK);
    assert_eq!(health("/health/ready").await, StatusCode::SERVICE_UNAVAILABLE);
    let answer = api.get("/v1/list").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.json()["code"], "list_past_next_update");
    api.bench.issuer.list().publish().await.unwrap();
    let list = api.post("/v1/list/publish", json!({})).await;
    assert_eq!((list.status, list.json()["number"].as_u64()), (StatusCode::OK, Some(1)));
    assert_eq!(list.json()["shards"][0]["issued"], 1);
}

#[tokio::test]
async fn a_revocation_that_is_not_published_yet_says_so() {
    let api = Api::new().await;
    let minted = api.bench.issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    api.bench.clock.set(portcullis_core::time::Time::from_millis(START.millis() - 20_000));
    // With this clock the list seems to come from the future, so the API refuses. The action itself
    // still commits, but its publication fails.
    let path = format!("/v1/keys/{}/revoke", minted.record.id);
    assert_eq!(api.post(&path, json!({})).await.status, StatusCode::SERVICE_UNAVAILABLE);
    let revocation = Revocation { when: When::Now, by: None };
    let revoked = api.bench.issuer.keys().revoke(&minted.record.id, &revocation).await.unwrap();
    assert_eq!(revoked.published().unwrap_err().code(), "clock_went_back");
    api.bench.clock.set(START);
    assert_eq!(api.get("/v1/list").await.status, StatusCode::OK);
}
