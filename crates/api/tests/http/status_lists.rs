//! Token Status Lists as relying parties fetch them.

use std::time::Duration;

use portcullis_core::keyring::Purpose as SignerPurpose;
use portcullis_issuer::Issuer;
use portcullis_issuer::actions::{KeyringChange, NewSigner};
use portcullis_issuer::keystore::Vault;
use portcullis_issuer::publish::PublishOptions;
use portcullis_issuer::status::StatusLists;

use super::*;

const BASE: &str = "https://keys.example/.well-known/portcullis/status-lists";

async fn api() -> Api {
    let bench = Bench::new().await;
    let root = Vault::new(bench.home.root_key(), bench.home.unlock().clone());
    let signer = KeyringChange::Rotate(NewSigner {
        purpose: SignerPurpose::StatusList,
        algorithm: None,
        environments: vec![],
        kinds: vec![],
        at_once: true,
    });
    bench.issuer.keyring().change(&signer, &root, None).await.unwrap();
    let minute = Duration::from_secs(60);
    let lists = StatusLists::new(BASE, minute, minute * 2).unwrap();
    let publish_options = PublishOptions { status_lists: Some(lists), ..PublishOptions::default() };
    let issuer =
        Issuer::open_with(&bench.home, bench.clock.clone(), publish_options).await.unwrap();
    issuer.list().publish().await.unwrap();
    issuer.list().renew_status_lists().await.unwrap();
    Api { router: router(&issuer), bench }
}

#[tokio::test]
async fn lists_and_their_documents_have_their_types_and_are_cached_for_the_ttl() {
    let api = api().await;
    for (name, media_type) in [
        ("0.jwt", "application/statuslist+jwt"),
        ("aggregation.json", "application/json"),
        ("jwks.json", "application/jwk-set+json"),
    ] {
        let path = format!("status-lists/{name}");
        let first = api.public(&path, None).await;
        assert_eq!((first.status, first.header("content-type")), (StatusCode::OK, media_type));
        assert_eq!(first.header("cache-control"), "public, max-age=60");
        assert_eq!(first.header("access-control-allow-origin"), "*");
        let etag = first.header("etag");
        assert_eq!(etag, format!("\"{}\"", Digest::of(&first.bytes)));
        let second = api.public(&path, Some(etag)).await;
        assert_eq!((second.status, second.bytes.len()), (StatusCode::NOT_MODIFIED, 0));
    }
    let all = api.public("status-lists/aggregation.json", None).await.json();
    let (_, shards) = api.bench.issuer.list().overview().await.unwrap();
    let uris: Vec<String> = shards.iter().map(|s| format!("{BASE}/{}.jwt", s.shard)).collect();
    assert_eq!(all, json!({ "status_lists": uris }));
    // No cache may keep it beyond its expiry.
    api.bench.clock.advance(100_000);
    let late = api.public("status-lists/0.jwt", None).await;
    assert_eq!(late.header("cache-control"), "public, max-age=20");
}

#[tokio::test]
async fn what_is_not_there_is_said_so() {
    let with = api().await;
    for name in ["1048576.jwt", "00.jwt", "0", "x.jwt", ".."] {
        let missing = with.public(&format!("status-lists/{name}"), None).await;
        assert_eq!(missing.status, StatusCode::NOT_FOUND, "{name}");
    }
    let past = with.public("status-lists/0.jwt?a=b&time=1", None).await;
    assert_eq!(
        (past.status, text(&past.json(), "/code")),
        (StatusCode::NOT_IMPLEMENTED, "no_history")
    );
    let without = Api::new().await;
    for name in ["0.jwt", "aggregation.json", "jwks.json"] {
        let missing = without.public(&format!("status-lists/{name}"), None).await;
        assert_eq!(missing.json()["code"], "unknown_file", "{name}");
    }
}

#[tokio::test]
async fn a_record_tells_where_its_status_stands_and_the_list_what_is_out() {
    let api = api().await;
    let made = api.post("/v1/keys", json!({ "title": "x", "kind": "publishable" })).await.json();
    let record = &made["key"];
    let serial = record["serial"].as_u64().unwrap();
    let reference =
        json!({ "idx": serial % (1 << 20), "uri": format!("{BASE}/{}.jwt", serial >> 20) });
    assert_eq!(record["status"], json!({ "status_list": reference }));
    let shown = api.get(&format!("/v1/keys/{}", text(record, "/id"))).await.json();
    assert_eq!(shown["status"], record["status"]);

    let lists = api.post("/v1/list/publish", json!({})).await.json()["status_lists"].clone();
    assert_eq!(lists["jwks_uri"], format!("{BASE}/jwks.json"));
    let first = &lists["lists"][0];
    assert_eq!((&first["uri"], &first["bits"]), (&json!(format!("{BASE}/0.jwt")), &json!(1)));

    let without = Api::new().await;
    let made = without.post("/v1/keys", json!({ "title": "x" })).await.json();
    assert!(made["key"].get("status").is_none(), "{made}");
    assert!(without.get("/v1/list").await.json().get("status_lists").is_none());
}
