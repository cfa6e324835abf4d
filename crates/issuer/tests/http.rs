//! The HTTP API, through the router.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]

mod common;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use common::{Bench, START};
use portcullis_core::crypto::Digest;
use portcullis_core::keyring::Purpose;
use portcullis_core::verify::{Demand, Refusal};
use portcullis_issuer::http::router;
use portcullis_issuer::rules::{Moment, NewKey, Revocation};
use serde_json::{Value, json};
use tower::ServiceExt as _;

const TOKEN: Demand = Demand { purpose: Purpose::Token, kind: None, environment: None };

struct Api {
    bench: Bench,
    router: Router,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    bytes: Vec<u8>,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

impl Api {
    async fn new() -> Self {
        let bench = Bench::new().await;
        let router = router(bench.issuer.clone());
        Self { bench, router }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap().to_vec();
        Answer { status: parts.status, headers: parts.headers, bytes }
    }

    async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let admin = format!("Bearer {}", self.bench.made.admin_token.as_str());
        let mut request = Request::builder().method(method).uri(path);
        request = request.header("authorization", admin);
        let body = body.map_or(Body::empty(), |json| Body::from(json.to_string()));
        let request = request.header("content-type", "application/json").body(body).unwrap();
        self.send(request).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    async fn public(&self, path: &str, etag: Option<&str>) -> Answer {
        let path = format!("/.well-known/portcullis/{path}");
        let mut request = Request::builder().uri(path).header("origin", "https://shop.example");
        if let Some(etag) = etag {
            request = request.header("if-none-match", etag);
        }
        self.send(request.body(Body::empty()).unwrap()).await
    }
}

/// The key with its last character exchanged.
fn altered(key: &str) -> String {
    let (front, last) = key.split_at(key.len() - 1);
    format!("{front}{}", if last == "0" { "1" } else { "0" })
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

#[tokio::test]
async fn a_key_lives_and_dies() {
    let api = Api::new().await;
    let mut gate = api.bench.gate().await;
    let owner = api.bench.owner("Acme").await;
    let created = api.post("/v1/keys", json!({ "title": "Billing", "owner": owner })).await;
    assert_eq!(created.status, StatusCode::CREATED);
    assert_eq!(created.header("cache-control"), "no-store");
    let created = created.json();
    let (id, token) = (text(&created, "/key/id"), text(&created, "/token"));
    assert_eq!(created["key"]["owner"], owner);
    assert_eq!(created["key"]["created_by"], api.bench.made.admin.id);
    assert_eq!(created["key"].get("token"), None);

    gate.adopt_bundle(&api.public("bundle", None).await.bytes, START).unwrap();
    assert_eq!(gate.verify(token, &TOKEN, START).unwrap().name().to_string(), id);
    let verdict = api.post("/v1/verify", json!({ "token": token, "kind": "secret" })).await.json();
    assert_eq!(verdict["ok"], true);
    assert_eq!(verdict["key"]["id"], id);
    let verdict = api.post("/v1/verify", json!({ "token": token, "kind": "publishable" })).await;
    assert_eq!((verdict.status, text(&verdict.json(), "/code")), (StatusCode::OK, "wrong_kind"));

    let revoked = api.post(&format!("/v1/keys/{id}/revoke"), json!({})).await;
    assert_eq!(revoked.status, StatusCode::OK);
    assert_eq!(revoked.json()["published"], true);
    assert_eq!(revoked.json()["state"], "revoked");
    assert_eq!(revoked.json()["revoked_by"], api.bench.made.admin.id);
    assert!(gate.adopt_bundle(&api.public("bundle", None).await.bytes, START).unwrap());
    assert_eq!(gate.verify(token, &TOKEN, START).unwrap_err(), Refusal::Revoked);
    let again = api.call(Method::POST, &format!("/v1/keys/{id}/revoke"), None).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert_eq!(again.json()["code"], "already_revoked");
    assert_eq!(again.header("content-type"), "application/problem+json");

    let shown = api.get(&format!("/v1/keys/{id}")).await.json();
    assert_eq!(shown["revoked_at"], "2027-01-15T08:00:00Z");
    let listed = api.get("/v1/keys?state=revoked&kind=secret&environment=live").await.json();
    assert_eq!(listed["keys"].as_array().unwrap().len(), 1);
    assert_eq!(listed["next_cursor"], Value::Null);
}

#[tokio::test]
async fn a_key_is_rolled_and_timed() {
    let api = Api::new().await;
    let body = json!({ "title": "Shop", "kind": "publishable", "expires_in_seconds": 9000 });
    let created = api.post("/v1/keys", body).await.json();
    assert_eq!(created["key"]["token"], created["token"], "publishable keys are public");
    let id = text(&created, "/key/id");
    let rolled = api.post(&format!("/v1/keys/{id}/roll"), json!({ "overlap_seconds": 60 })).await;
    assert_eq!(rolled.status, StatusCode::OK);
    let rolled = rolled.json();
    assert_eq!(rolled["rolled"]["state"], "scheduled");
    assert_eq!(rolled["key"]["rolled_from"], id);
    let new = text(&rolled, "/key/id");
    let timed =
        api.post(&format!("/v1/keys/{new}/revoke"), json!({ "in_seconds": 30 })).await.json();
    assert_eq!(timed["revoked_at"], "2027-01-15T08:00:30Z");
    let body = json!({ "at": "2027-01-15T08:00:10Z", "revoked_by": "alice" });
    let earlier = api.post(&format!("/v1/keys/{new}/revoke"), body).await.json();
    assert_eq!(earlier["revoked_by"], "alice");
    let later = api.post(&format!("/v1/keys/{new}/revoke"), json!({ "in_seconds": 20 })).await;
    assert_eq!(later.json()["code"], "revocation_not_earlier");

    // A gate with this list strikes at the second, with nothing fetched.
    let mut gate = api.bench.gate().await;
    gate.adopt_bundle(&api.public("bundle", None).await.bytes, START).unwrap();
    let token = text(&rolled, "/token");
    let _ = gate.verify(token, &TOKEN, START.plus_millis(9_999)).unwrap();
    let struck = gate.verify(token, &TOKEN, START.plus_millis(10_000));
    assert_eq!(struck.unwrap_err(), Refusal::Revoked);
}

#[tokio::test]
async fn the_api_opens_to_admin_keys_in_force_alone() {
    let api = Api::new().await;
    let send = async |authorization: Option<String>| {
        let mut request = Request::builder().uri("/v1/keys");
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        api.send(request.body(Body::empty()).unwrap()).await
    };
    for none in [None, Some("Basic eA==".to_owned()), Some("Bearer ".to_owned())] {
        let answer = send(none).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="portcullis""#);
        assert!(text(&answer.json(), "/detail").contains("portcullis init"));
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let admin = api.bench.made.admin_token.as_str();
    let other = Bench::new().await;
    let plain = api.bench.issuer.create(&NewKey::titled("x")).await.unwrap();
    let mut seen = Vec::new();
    for bad in [
        "x",
        &"x".repeat(1 << 20),
        &altered(admin),
        other.made.admin_token.as_str(),
        plain.token.as_str(),
    ] {
        let answer = send(Some(format!("Bearer {bad}"))).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        let challenge = r#"Bearer realm="portcullis", error="invalid_token""#;
        assert_eq!(answer.header("www-authenticate"), challenge);
        seen.push(answer.bytes);
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "one message for every reason");
    assert_eq!(send(Some(format!("bEARER {admin}"))).await.status, StatusCode::OK);

    let revocation = Revocation { when: Moment::Now, by: None };
    api.bench.issuer.revoke(&api.bench.made.admin.id, &revocation).await.unwrap();
    assert_eq!(send(Some(format!("Bearer {admin}"))).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(api.get("/v1/no-such-thing").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_admin_key_that_the_store_does_not_know_opens_nothing() {
    let api = Api::new().await;
    let database = forget_admin(&api.bench).await;
    assert_eq!(database, 1);
    assert_eq!(api.get("/v1/keys").await.status, StatusCode::UNAUTHORIZED);
}

/// Takes the admin key's record away, as if it had been minted with a stolen signing key.
async fn forget_admin(bench: &Bench) -> u64 {
    let mut writing = bench.issuer.store().write().await.unwrap();
    sqlx::query("DELETE FROM events").execute(&mut *writing).await.unwrap();
    let done = sqlx::query("DELETE FROM api_keys").execute(&mut *writing).await.unwrap();
    writing.commit().await.unwrap();
    done.rows_affected()
}

#[tokio::test]
async fn bad_requests_are_problems_that_quote_no_token() {
    let api = Api::new().await;
    let secret = "sk_live_do_not_quote_me";
    for (path, body, code) in [
        ("/v1/keys", "{", "invalid_json"),
        ("/v1/keys", "[]", "invalid"),
        ("/v1/keys", r#"[{"title":"x"},{}]"#, "invalid_json"),
        ("/v1/keys", "{}", "invalid_json"),
        ("/v1/keys", r#"{"title":"x","color":1}"#, "invalid_json"),
        ("/v1/keys", r#"{"title":"x","owner":4294967296}"#, "invalid_json"),
        ("/v1/keys", r#"{"title":"x","kind":"other"}"#, "invalid"),
        ("/v1/keys", r#"{"title":" "}"#, "invalid"),
        ("/v1/keys", r#"{"title":"x","expires_at":"tomorrow"}"#, "invalid"),
        (
            "/v1/keys",
            r#"{"title":"x","expires_at":"2030-01-01T00:00:00Z","expires_in_seconds":1}"#,
            "invalid",
        ),
        ("/v1/verify", r#"{"token":"sk_live_do_not_quote_me""#, "invalid_json"),
        ("/v1/verify", r#"{"token":["sk_live_do_not_quote_me"]}"#, "invalid_json"),
        ("/v1/verify", r#"{"token":"x","kind":"sk_live_do_not_quote_me"}"#, "invalid"),
        ("/v1/verify", r#""sk_live_do_not_quote_me""#, "invalid_json"),
    ] {
        let admin = format!("Bearer {}", api.bench.made.admin_token.as_str());
        let request = Request::post(path)
            .header("authorization", admin)
            .header("content-type", "application/json; charset=utf-8")
            .body(Body::from(body))
            .unwrap();
        let answer = api.send(request).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.json()["code"], code, "{body}");
        assert_eq!(answer.json()["status"], 400);
        assert!(!String::from_utf8(answer.bytes).unwrap().contains(secret), "{body}");
    }
    let huge = json!({ "title": "x".repeat(64 * 1024) });
    assert_eq!(api.post("/v1/keys", huge).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(api.get("/v1/keys?state=odd").await.json()["code"], "invalid");
    assert_eq!(api.get("/v1/keys?colour=red").await.json()["code"], "invalid_query");
    assert_eq!(api.get("/v1/keys/apk_none").await.json()["code"], "not_found");
    assert_eq!(api.get("/v1/keys/%FF").await.json()["code"], "invalid_path");
    assert_eq!(api.get("/v1/nothing").await.json()["code"], "not_found");
    let wrong = api.call(Method::DELETE, "/v1/keys", None).await;
    assert_eq!(wrong.status, StatusCode::METHOD_NOT_ALLOWED);
    let admin = format!("Bearer {}", api.bench.made.admin_token.as_str());
    let form = Request::post("/v1/keys").header("authorization", admin).body(Body::from("{}"));
    let answer = api.send(form.unwrap()).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

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
    let (_, shards) = api.bench.issuer.overview().await.unwrap();
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
    let minted = api.bench.issuer.create(&NewKey::titled("x")).await.unwrap();
    let before = api.public("stamp", None).await.bytes;
    let valid_for = std::time::Duration::from_secs(60);
    let other =
        portcullis_issuer::Issuer::open(&api.bench.home, api.bench.clock.clone(), valid_for);
    let other = other.await.unwrap();
    other.revoke(&minted.record.id, &Revocation { when: Moment::Now, by: None }).await.unwrap();
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
    api.bench.issuer.publish().await.unwrap();
    let list = api.post("/v1/list/publish", json!({})).await;
    assert_eq!((list.status, list.json()["number"].as_u64()), (StatusCode::OK, Some(1)));
    assert_eq!(list.json()["shards"][0]["issued"], 1);
}

#[tokio::test]
async fn a_revocation_that_is_not_published_yet_says_so() {
    let api = Api::new().await;
    let minted = api.bench.issuer.create(&NewKey::titled("x")).await.unwrap();
    api.bench.clock.set(portcullis_core::time::Time::from_millis(START.millis() - 20_000));
    // Such a clock makes the list look to be from the future: the API is closed, the rules are not.
    let path = format!("/v1/keys/{}/revoke", minted.record.id);
    assert_eq!(api.post(&path, json!({})).await.status, StatusCode::SERVICE_UNAVAILABLE);
    let revocation = Revocation { when: Moment::Now, by: None };
    let revoked = api.bench.issuer.revoke(&minted.record.id, &revocation).await.unwrap();
    assert_eq!(revoked.published.unwrap_err().code(), "clock_went_back");
    api.bench.clock.set(START);
    assert_eq!(api.get("/v1/list").await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_kept_with_a_key_changes_and_the_rest_is_refused_with_advice() {
    let api = Api::new().await;
    let body = json!({ "title": "Shop", "kind": "publishable", "sales_channels": ["web"] });
    let created = api.post("/v1/keys", body).await.json();
    let path = format!("/v1/keys/{}", text(&created, "/key/id"));
    assert_eq!(created["key"]["sales_channels"], json!(["web"]));
    let body = json!({ "title": "Store", "metadata": { "team": "a" } });
    let changed = api.call(Method::PATCH, &path, Some(body)).await;
    assert_eq!((changed.status, text(&changed.json(), "/title")), (StatusCode::OK, "Store"));
    assert_eq!(changed.json()["metadata"], json!({ "team": "a" }));
    for field in ["owner", "policy", "kind", "environment", "expires_at", "revoked_at", "token"] {
        let answer = api.post(&path, json!({ "title": "x", field: 1 })).await.json();
        assert_eq!(answer["code"], "fixed_field", "{field}");
        assert_eq!(answer["kind"], "invalid_data");
        assert_eq!(answer["type"], "tag:portcullis,2026:fixed_field");
    }
    let answer = api.post(&path, json!({ "owner": 7 })).await.json();
    assert!(text(&answer, "/detail").contains("roll the key"), "{answer}");
    assert_eq!(api.post(&path, json!({ "colour": 1 })).await.json()["code"], "invalid_json");
    assert_eq!(api.post(&path, json!({ "title": 1 })).await.json()["code"], "invalid");
    assert_eq!(api.get(&path).await.json()["title"], "Store");
    let channels = format!("{path}/sales-channels");
    let changed = api.post(&channels, json!({ "add": ["app"], "remove": ["web"] })).await.json();
    assert_eq!(
        (&changed["published"], &changed["sales_channels"]),
        (&json!(true), &json!(["app"]))
    );
    let secret = api.post("/v1/keys", json!({ "title": "x" })).await.json();
    let path = format!("/v1/keys/{}/sales-channels", text(&secret, "/key/id"));
    let refused = api.post(&path, json!({ "add": ["web"] })).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    let message = "Sales channels can only be associated with publishable API keys";
    assert_eq!(text(&refused.json(), "/detail"), message);
    let upserted = json!([{ "title": "new" }, { "id": text(&secret, "/key/id"), "title": "y" }]);
    let upserted = api.call(Method::PUT, "/v1/keys", Some(upserted)).await.json();
    assert_eq!(text(&upserted, "/created/0/key/title"), "new");
    assert_eq!(text(&upserted, "/updated/0/title"), "y");
}

#[tokio::test]
async fn unknown_ids_are_404_everywhere_and_nothing_never_means_all() {
    let api = Api::new().await;
    let one = "/v1/keys/apk_none";
    for (method, path, body) in [
        (Method::GET, one.to_owned(), None),
        (Method::POST, one.to_owned(), Some(json!({ "title": "x" }))),
        (Method::DELETE, one.to_owned(), None),
        (Method::POST, format!("{one}/revoke"), None),
        (Method::POST, format!("{one}/suspend"), None),
        (Method::POST, format!("{one}/resume"), None),
        (Method::POST, format!("{one}/roll"), None),
        (Method::POST, format!("{one}/undo"), None),
        (Method::POST, format!("{one}/sales-channels"), Some(json!({ "add": ["web"] }))),
    ] {
        let answer = api.call(method, &path, body).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert_eq!(text(&answer.json(), "/code"), "not_found");
        assert_eq!(text(&answer.json(), "/kind"), "not_found");
        assert_eq!(text(&answer.json(), "/detail"), "API Key with id: apk_none was not found");
    }
    for path in ["revoke", "delete", "undo"] {
        let answer = api.post(&format!("/v1/keys/{path}"), json!({ "ids": ["apk_none"] })).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        let answer = api.post(&format!("/v1/keys/{path}"), json!({ "ids": [] })).await;
        assert_eq!(answer.json()["code"], "nothing_selected", "{path}");
    }
    for nothing in [json!({}), json!({ "where": {} })] {
        let answer = api.post("/v1/keys/revoke", nothing).await;
        assert_eq!(answer.json()["code"], "nothing_selected");
    }
    let paged = api.post("/v1/keys/revoke", json!({ "where": { "owner": 1, "limit": 1 } })).await;
    assert_eq!(paged.json()["code"], "invalid");
    assert_eq!(api.get("/v1/keys").await.status, StatusCode::OK, "the admin key lives");
}

#[tokio::test]
async fn a_create_is_repeated_undone_and_deleted() {
    let api = Api::new().await;
    let send = async |name: &str, body: Value| {
        let admin = format!("Bearer {}", api.bench.made.admin_token.as_str());
        let request = Request::post("/v1/keys")
            .header("authorization", admin)
            .header("content-type", "application/json")
            .header("idempotency-key", name);
        api.send(request.body(Body::from(body.to_string())).unwrap()).await
    };
    let body = json!([{ "title": "a" }, { "title": "b", "kind": "publishable" }]);
    let first = send("n1", body.clone()).await;
    assert_eq!((first.status, first.header("idempotency-replayed")), (StatusCode::CREATED, ""));
    let second = send("n1", body.clone()).await;
    assert_eq!(
        (second.status, second.header("idempotency-replayed")),
        (StatusCode::CREATED, "true")
    );
    assert_eq!(first.json(), second.json());
    assert_eq!(first.json().as_array().unwrap().len(), 2);
    let other = send("n1", json!({ "title": "a" })).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(other.json()["code"], "idempotency_key_reused");
    assert_eq!(send("", body).await.json()["code"], "invalid");

    let first = first.json();
    let (id, other) = (text(&first, "/0/key/id"), text(&first, "/1/key/id"));
    let refused = api.call(Method::DELETE, &format!("/v1/keys/{id}"), None).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(refused.json()["kind"], "not_allowed");
    let message = format!("Cannot delete api keys that are not revoked - {id}");
    assert_eq!(text(&refused.json(), "/detail"), message);
    let undone = api.post(&format!("/v1/keys/{other}/undo"), json!({})).await.json();
    assert_eq!((&undone["deleted"], &undone["published"]), (&json!(true), &json!(true)));
    let revoked = api.post("/v1/keys/revoke", json!({ "where": { "title": "a" } })).await.json();
    assert_eq!((&revoked["count"], text(&revoked, "/keys/0/id")), (&json!(1), id));
    let again = api.post("/v1/keys/revoke", json!({ "ids": [id] })).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    let message = "There are 1 secret keys that are already revoked.";
    assert_eq!(text(&again.json(), "/detail"), message);
    let deleted = api.call(Method::DELETE, &format!("/v1/keys/{id}"), None).await.json();
    assert_eq!(deleted, json!({ "id": id, "object": "api_key", "deleted": true }));
    assert_eq!(api.get(&format!("/v1/keys/{id}")).await.status, StatusCode::NOT_FOUND);
    let listed = api.get("/v1/keys?order=title&count=true&q=A&limit=1").await.json();
    assert_eq!((&listed["count"], text(&listed, "/keys/0/title")), (&json!(1), "First admin key"));
    for bad in ["order=colour", "created_from=now", "cursor=x", "q=", "count=maybe"] {
        assert_eq!(api.get(&format!("/v1/keys?{bad}")).await.status, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn whoever_holds_a_key_revokes_it_and_nothing_else() {
    let api = Api::new().await;
    let revoke = async |token: &str| {
        let request = Request::post("/v1/self/revoke").header("authorization", token);
        api.send(request.body(Body::empty()).unwrap()).await
    };
    let secret = api.post("/v1/keys", json!({ "title": "x" })).await.json();
    let token = format!("Bearer {}", text(&secret, "/token"));
    let strict = json!({ "token": text(&secret, "/token") });
    let judged = api.post("/v1/keys/authenticate", strict.clone()).await.json();
    assert_eq!((&judged["ok"], &judged["key"]["id"]), (&json!(true), &secret["key"]["id"]));
    assert_eq!(revoke("").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(revoke("Bearer x").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(revoke(&altered(&token)).await.status, StatusCode::UNAUTHORIZED);
    let revoked = revoke(&token).await;
    assert_eq!((revoked.status, text(&revoked.json(), "/state")), (StatusCode::OK, "revoked"));
    assert_eq!(revoked.header("cache-control"), "no-store");
    assert_eq!(revoke(&token).await.status, StatusCode::CONFLICT);
    let judged = api.post("/v1/keys/authenticate", strict).await.json();
    assert_eq!((&judged["ok"], text(&judged, "/code")), (&json!(false), "revoked"));
    let shop = api.post("/v1/keys", json!({ "title": "x", "kind": "publishable" })).await.json();
    let shop = revoke(&format!("Bearer {}", text(&shop, "/token"))).await;
    assert_eq!((shop.status, text(&shop.json(), "/code")), (StatusCode::FORBIDDEN, "public_text"));
}

#[tokio::test]
async fn a_file_is_imported_line_by_line() {
    let api = Api::new().await;
    let send = async |kind: &str, file: &str| {
        let admin = format!("Bearer {}", api.bench.made.admin_token.as_str());
        let request = Request::post("/v1/keys/import")
            .header("authorization", admin)
            .header("content-type", kind);
        let answer = api.send(request.body(Body::from(file.to_owned())).unwrap()).await;
        let lines = String::from_utf8(answer.bytes).unwrap();
        let lines = lines.lines().map(|line| serde_json::from_str(line).unwrap());
        (answer.status, lines.collect::<Vec<Value>>())
    };
    let file = "external_id,title,expires_at\n1,a,\n2,,\n3,c,2020-01-01T00:00:00Z\n4,d,\n";
    let (status, lines) = send("text/csv", file).await;
    assert_eq!(status, StatusCode::OK);
    let statuses: Vec<&str> = lines.iter().map(|line| text(line, "/status")).collect();
    assert_eq!(statuses, ["made", "bad", "bad", "made"]);
    assert_eq!(lines[2]["line"], 4);
    let (_, again) = send("text/csv", file).await;
    assert_eq!((text(&again[0], "/status"), &again[0]["token"]), ("before", &lines[0]["token"]));
    let (_, lines) = send("application/x-ndjson", "{\"title\":\"e\"}\n").await;
    assert_eq!(text(&lines[0], "/status"), "made");
    assert_eq!(send("text/plain", "x").await.0, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert_eq!(send("text/csv", "colour\n1\n").await.0, StatusCode::BAD_REQUEST);
}

mod secrets {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    /// The shortest part of a token's body that would tell of it.
    const PART: usize = 20;

    /// Does what `acts` say to keys, and gives all tokens of secret keys and all answers that must
    /// not hold them.
    async fn live(api: &Api, acts: &[u8]) -> (Vec<String>, Vec<Vec<u8>>) {
        let (mut keys, mut answers) = (Vec::<(String, String)>::new(), Vec::new());
        keys.push((api.bench.made.admin.id.clone(), api.bench.made.admin_token.to_string()));
        for (number, act) in acts.iter().enumerate() {
            let made = match act % 4 {
                0 => json!({ "title": format!("key {number}"), "metadata": { "n": number } }),
                _ => {
                    json!({ "title": "x", "algorithm": "ed25519", "metadata": { "owner": number } })
                }
            };
            let made = api.post("/v1/keys", made).await.json();
            let (id, token) = (text(&made, "/key/id").to_owned(), text(&made, "/token").to_owned());
            keys.push((id.clone(), token.clone()));
            let path = format!("/v1/keys/{id}");
            let answer = match act / 4 {
                0 => api.post(&format!("{path}/revoke"), json!({})).await,
                1 => api.post(&format!("{path}/suspend"), json!({})).await,
                2 => api.post(&path, json!({ "title": token.get(..12) })).await,
                3 => api.post(&format!("{path}/undo"), json!({})).await,
                4 => api.get(&format!("/v1/keys?token={token}&q={token}")).await,
                5 => api.post("/v1/keys/authenticate", json!({ "token": token })).await,
                6 => api.post("/v1/verify", json!({ "token": token, "kind": "publishable" })).await,
                7 => api.post("/v1/keys", json!({ "title": "x", "kind": token })).await,
                _ => {
                    let rolled = api.post(&format!("{path}/roll"), json!({})).await.json();
                    keys.push((text(&rolled, "/key/id").into(), text(&rolled, "/token").into()));
                    api.get(&path).await
                }
            };
            answers.push(answer.bytes);
        }
        answers.push(api.get("/v1/keys?limit=200").await.bytes);
        answers.push(api.public("bundle", None).await.bytes);
        (keys.into_iter().map(|(_, token)| token).collect(), answers)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..Default::default() })]
        #[test]
        fn no_part_of_a_secret_is_answered_or_stored(acts in prop::collection::vec(0u8..36, 4..16)) {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            let (tokens, mut places) = runtime.block_on(async {
                let api = Api::new().await;
                let (tokens, mut places) = live(&api, &acts).await;
                let file = api.bench.home.database_file();
                for end in ["", "-wal"] {
                    let mut path = file.clone().into_os_string();
                    path.push(end);
                    places.extend(std::fs::read(path));
                }
                (tokens, places)
            });
            let mut parts: HashSet<&[u8]> = HashSet::new();
            for token in &tokens {
                let body = token.rsplit('_').next().unwrap().as_bytes();
                prop_assert!(body.len() >= 66);
                parts.extend(body.windows(PART));
            }
            // A part lies within a run of letters and digits.
            let tells = |place: &Vec<u8>| {
                let mut runs = place.split(|byte| !byte.is_ascii_alphanumeric());
                runs.any(|run| run.windows(PART).any(|part| parts.contains(part)))
            };
            prop_assert!(!places.iter().any(tells));
            // The search finds what is there.
            places.push(format!("x{}", tokens[0]).into_bytes());
            prop_assert!(places.iter().any(tells));
        }
    }
}

#[tokio::test]
async fn owners_policies_and_many_keys_by_http() {
    let api = Api::new().await;
    let owner = api.post("/v1/owners", json!({ "name": "Acme", "external_id": "cus_1" })).await;
    assert_eq!(owner.status, StatusCode::CREATED);
    let owner = owner.json()["number"].as_u64().unwrap();
    let path = format!("/v1/owners/{owner}");
    let patch = json!({ "external_id": null });
    let changed = api.call(Method::PATCH, &path, Some(patch)).await.json();
    assert_eq!((&changed["external_id"], &changed["name"]), (&Value::Null, &json!("Acme")));
    let listed = api.get("/v1/owners").await.json();
    assert_eq!(listed["owners"].as_array().unwrap().len(), 1);

    let body = json!({ "name": "Reader", "visibility": "private", "scopes": ["orders:read"] });
    let made = api.post("/v1/policies", body).await;
    assert_eq!(made.status, StatusCode::CREATED);
    assert_eq!(made.json()["published"], true);
    let policy = made.json()["number"].as_u64().unwrap();
    let path = format!("/v1/policies/{policy}");
    let bad = api.call(Method::PATCH, &path, Some(json!({ "methods": ["get"] }))).await;
    assert_eq!(bad.status, StatusCode::BAD_REQUEST);
    assert!(text(&bad.json(), "/detail").contains("`methods`"));
    let fixed = api.call(Method::PATCH, &path, Some(json!({ "visibility": "public" }))).await;
    assert_eq!(fixed.status, StatusCode::BAD_REQUEST);

    let body = json!({ "title": "x", "owner": owner, "policy": policy });
    let created = api.post("/v1/keys", body).await.json();
    assert_eq!(api.call(Method::DELETE, &path, None).await.status, StatusCode::CONFLICT);
    let nobody = api.post("/v1/revocations", json!({})).await;
    assert_eq!(nobody.status, StatusCode::BAD_REQUEST);
    let revoked = api.post("/v1/revocations?wait=1", json!({ "owner": owner })).await;
    assert_eq!(revoked.status, StatusCode::CREATED);
    let revoked = revoked.json();
    assert_eq!((&revoked["everywhere"], &revoked["owner"]), (&json!(true), &json!(owner)));
    let shown = api.get(&format!("/v1/keys/{}", text(&created, "/key/id"))).await.json();
    assert_eq!(shown["state"], "revoked");
    let lifted = api.post(&format!("/v1/revocations/{}/lift", revoked["id"]), json!({})).await;
    assert_eq!(lifted.status, StatusCode::BAD_REQUEST);
    for path in ["/v1/owners/x", "/v1/owners/0", "/v1/policies/4294967296", "/v1/policies/1"] {
        assert_eq!(api.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(api.get("/v1/list").await.json()["targets"][0]["name"], "http");
}
