//! The API's description matches the code, and authentication demands the scopes that it names.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use portcullis_api::{openapi, router};
use portcullis_issuer::actions::{NewKey, scopes};
use portcullis_issuer::record::KeyPurpose;
use portcullis_test_support::Bench;
use serde_json::{Value, json};
use tower::ServiceExt as _;

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");

#[test]
fn the_description_is_what_the_code_gives() {
    let now = format!("{}\n", serde_json::to_string_pretty(&openapi()).unwrap());
    if std::env::var_os("PORTCULLIS_WRITE_OPENAPI").is_some() {
        std::fs::write(FILE, &now).unwrap();
    }
    let kept = std::fs::read_to_string(FILE).unwrap_or_default();
    assert!(
        kept == now,
        "docs/openapi.json is old: PORTCULLIS_WRITE_OPENAPI=1 cargo test -p portcullis-api --test openapi writes it"
    );
}

/// Method, path and scopes of everything in the description.
fn operations(document: &Value) -> Vec<(String, String, Vec<String>)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let scopes =
                operation["security"][0]["admin_key"].as_array().cloned().unwrap_or_default();
            let scopes = scopes.iter().map(|scope| scope.as_str().unwrap().to_owned()).collect();
            found.push((method.to_uppercase(), path.clone(), scopes));
        }
    }
    found
}

struct Api {
    bench: Bench,
    router: axum::Router,
}

impl Api {
    async fn new() -> Self {
        let bench = Bench::new().await;
        let router = router(&bench.issuer);
        Self { bench, router }
    }

    async fn admin(&self, scopes: &[&str]) -> (String, String) {
        let admin_scopes = scopes.iter().map(|&scope| scope.to_owned()).collect();
        let new = NewKey { purpose: KeyPurpose::Admin, admin_scopes, ..NewKey::titled("Ops") };
        let minted = self.bench.issuer.keys().create(&new).await.unwrap();
        (minted.record.id.clone(), minted.token.to_string())
    }

    async fn send(
        &self,
        key: &str,
        method: &str,
        path: &str,
        body: &Value,
    ) -> (StatusCode, String, Value) {
        let (status, headers, json) = self.send_named(key, method, path, body, &[]).await;
        let challenge = headers.get("www-authenticate");
        let challenge = challenge.map(|value| value.to_str().unwrap().to_owned());
        (status, challenge.unwrap_or_default(), json)
    }

    /// Like `send`, with values of `Idempotency-Key`.
    async fn send_named(
        &self,
        key: &str,
        method: &str,
        path: &str,
        body: &Value,
        names: &[&str],
    ) -> (StatusCode, HeaderMap, Value) {
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(path)
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json");
        for name in names {
            request = request.header("idempotency-key", *name);
        }
        let body = if method == "GET" { Body::empty() } else { Body::from(body.to_string()) };
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 22).await.unwrap();
        (status, headers, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }
}

#[tokio::test]
async fn each_route_demands_the_scope_that_it_names() {
    let api = Api::new().await;
    // Otherwise the event stream would never end.
    api.bench.issuer.end();
    let operations = operations(&openapi());
    assert!(operations.len() >= 10);
    for (method, path, demanded) in operations {
        assert!(!demanded.is_empty(), "{method} {path}");
        let place = path.replace("{id}", "apk_none");
        for scope in &demanded {
            let scope = scope.as_str();
            assert!(scopes::ALL.iter().any(|(name, _)| *name == scope), "{scope} is listed");
            let others: Vec<&str> =
                scopes::ALL.iter().map(|(name, _)| *name).filter(|name| *name != scope).collect();
            let (_, without) = api.admin(&others).await;
            let (status, challenge, problem) =
                api.send(&without, &method, &place, &json!({})).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path}");
            assert_eq!(problem["code"], "insufficient_scope");
            assert!(problem["detail"].as_str().unwrap().contains(scope));
            let words = [r#"error="insufficient_scope""#.to_owned(), format!("scope=\"{scope}\"")];
            assert!(words.iter().all(|word| challenge.contains(word)), "{challenge}");
        }
        let all: Vec<&str> = demanded.iter().map(String::as_str).collect();
        let (_, with) = api.admin(&all).await;
        // If the body selects keys, some selections require more scopes.
        let body = if path == "/v1/bulk-revocations" { json!({ "owner": 1 }) } else { json!({}) };
        let (status, ..) = api.send(&with, &method, &place, &body).await;
        assert!(
            status != StatusCode::FORBIDDEN && status != StatusCode::UNAUTHORIZED,
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn nobody_gives_or_takes_what_they_do_not_hold() {
    let api = Api::new().await;
    let (_, maker) = api.admin(&["admins:write", "keys:*"]).await;
    let (_, writer) = api.admin(&["keys:*"]).await;
    let body = |scopes: &[&str]| json!({ "title": "New", "scopes": scopes });
    let (status, _, made) = api.send(&maker, "POST", "/v1/admins", &body(&["keys:read"])).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    assert_eq!(made["key"]["scopes"], json!(["keys:read"]));
    for beyond in [&["*"][..], &["keys:read", "list:read"]] {
        let (status, _, problem) = api.send(&maker, "POST", "/v1/admins", &body(beyond)).await;
        assert_eq!(
            (status, &problem["code"]),
            (StatusCode::FORBIDDEN, &json!("insufficient_scope"))
        );
    }
    for none in [&[][..], &["nonsense"]] {
        let (status, ..) = api.send(&maker, "POST", "/v1/admins", &body(none)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
    }
    // Rolling an admin key gives its scopes to the caller, and revoking it takes them away.
    let weak = made["key"]["id"].as_str().unwrap();
    let strong = &api.bench.made.admin.id;
    let encoded = strong.replace('p', "%70");
    for act in ["roll", "revoke"] {
        for id in [weak, strong, &encoded] {
            let (status, ..) =
                api.send(&writer, "POST", &format!("/v1/keys/{id}/{act}"), &json!({})).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{act} {id}");
        }
        for id in [strong, &encoded] {
            let (status, ..) =
                api.send(&maker, "POST", &format!("/v1/keys/{id}/{act}"), &json!({})).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{act} {id}");
        }
    }
    let (status, _, rolled) =
        api.send(&maker, "POST", &format!("/v1/keys/{weak}/roll"), &json!({})).await;
    assert_eq!(status, StatusCode::OK, "{rolled}");
    assert_eq!(rolled["key"]["scopes"], json!(["keys:read"]), "its scopes go with it");
}

#[tokio::test]
async fn no_operation_on_one_key_changes_an_admin_key_for_who_may_not() {
    let api = Api::new().await;
    let (_, writer) = api.admin(&["keys:*"]).await;
    let strong = &api.bench.made.admin.id;
    let mut asked = 0;
    for (method, path, _) in operations(&openapi()) {
        if method == "GET" || !path.starts_with("/v1/keys/{id}") {
            continue;
        }
        for id in [strong.clone(), strong.replace('p', "%70")] {
            let place = path.replace("{id}", &id);
            let (status, challenge, problem) = api.send(&writer, &method, &place, &json!({})).await;
            assert_eq!(status, StatusCode::FORBIDDEN, "{method} {path}: {problem}");
            assert!(challenge.contains("admins:write"), "{method} {path}: {challenge}");
        }
        asked += 1;
    }
    assert!(asked >= 9, "{asked}");
}

#[tokio::test]
async fn the_description_and_its_page_are_public_and_fetch_nothing() {
    let api = Api::new().await;
    let get = |path: &'static str| {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let router = api.router.clone();
        async move {
            let response = router.oneshot(request).await.unwrap();
            assert_eq!(response.status(), StatusCode::OK);
            axum::body::to_bytes(response.into_body(), 1 << 22).await.unwrap()
        }
    };
    let served: Value = serde_json::from_slice(&get("/v1/openapi.json").await).unwrap();
    assert_eq!(served, openapi());
    assert!(served["openapi"].as_str().unwrap().starts_with("3.1"));
    let page = String::from_utf8(get("/v1/docs").await.to_vec()).unwrap();
    assert!(page.contains("/v1/keys/{id}/revoke"));
    for fetches in ["src=", "<script", "<link", "@import", "url("] {
        assert!(!page.contains(fetches), "{fetches}");
    }
}

#[tokio::test]
async fn admin_keys_are_not_reached_in_bulk_by_who_may_not_change_them() {
    let api = Api::new().await;
    let (_, revoker) = api.admin(&["keys:*"]).await;
    let strong = api.bench.made.admin.id.clone();
    let ids = json!({ "ids": [strong] });
    let bulk = [
        ("POST", "/v1/keys/revoke", ids.clone()),
        ("POST", "/v1/keys/revoke", json!({ "where": { "purpose": "admin" } })),
        ("POST", "/v1/keys/delete", ids.clone()),
        ("POST", "/v1/keys/undo", ids),
        ("PUT", "/v1/keys", json!({ "id": strong, "title": "Mine" })),
        ("POST", "/v1/bulk-revocations", json!({ "environment": "live" })),
        ("POST", "/v1/bulk-revocations", json!({})),
    ];
    for (method, path, body) in bulk {
        let (status, _, problem) = api.send(&revoker, method, path, &body).await;
        let told = (status, &problem["code"]);
        assert_eq!(told, (StatusCode::FORBIDDEN, &json!("insufficient_scope")), "{path} {body}");
    }
    // A weak key can't lift their suspension either.
    let (_, strong_key) = api.admin(&["*"]).await;
    let suspend = json!({ "state": "suspended", "environment": "test" });
    let (status, _, entry) = api.send(&strong_key, "POST", "/v1/bulk-revocations", &suspend).await;
    assert_eq!(status, StatusCode::CREATED, "{entry}");
    let lift = format!("/v1/bulk-revocations/{}/lift", entry["id"]);
    let (status, ..) = api.send(&revoker, "POST", &lift, &json!({})).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let (status, ..) = api.send(&strong_key, "POST", &lift, &json!({})).await;
    assert_eq!(status, StatusCode::OK);
    // A selection across all purposes leaves admin keys out.
    let token =
        api.bench.issuer.keys().create(&NewKey::titled("Token")).await.unwrap().record.id.clone();
    let like = json!({ "where": { "environment": "live" } });
    let (status, _, revoked) = api.send(&revoker, "POST", "/v1/keys/revoke", &like).await;
    assert_eq!((status, &revoked["count"]), (StatusCode::OK, &json!(1)), "{revoked}");
    assert_eq!(revoked["keys"][0]["id"], json!(token));
}

/// Whether the description declares an `Idempotency-Key` for an operation.
fn declares_idempotency(document: &Value, method: &str, path: &str) -> bool {
    let operation = &document["paths"][path][method.to_lowercase()];
    let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
    parameters.iter().any(|one| one["in"] == "header" && one["name"] == "Idempotency-Key")
}

#[tokio::test]
async fn each_operation_declares_an_idempotency_key_or_refuses_it() {
    let api = Api::new().await;
    let (_, admin) = api.admin(&["*"]).await;
    let document = openapi();
    let done = async || {
        let (_, _, events) = api.send(&admin, "GET", "/v1/events?limit=1000", &json!({})).await;
        events["events"].as_array().unwrap().len()
    };
    let before = done().await;
    assert!(before > 0);
    // An operation without support refuses the header and does nothing.
    let (mut honoured, mut refused) = (Vec::new(), 0);
    for (method, path, _) in operations(&document) {
        if declares_idempotency(&document, &method, &path) {
            honoured.push((method, path));
            continue;
        }
        let id = &api.bench.made.admin.id;
        let place = path.replace("{id}", id).replace("{number}", "1");
        let (status, _, problem) =
            api.send_named(&admin, &method, &place, &json!({}), &["n1"]).await;
        let told = (status, &problem["code"]);
        let code = json!("idempotency_not_supported");
        assert_eq!(told, (StatusCode::BAD_REQUEST, &code), "{method} {path}: {problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("`{method} {path}`")), "{detail}");
        assert!(detail.contains("POST /v1/keys/{id}/roll"), "it says which do: {detail}");
        refused += 1;
    }
    assert!(refused > 30, "{refused}");
    assert_eq!(done().await, before, "nothing was done");

    // The others replay the answer, and refuse another body or a malformed value.
    let (_, _, key) = api.send(&admin, "POST", "/v1/keys", &json!({ "title": "Old" })).await;
    let id = key["key"]["id"].as_str().unwrap();
    for (method, path) in honoured {
        let (body, other) = match path.as_str() {
            "/v1/keys" => (json!({ "title": "x" }), json!({ "title": "y" })),
            "/v1/keys/{id}/roll" => (json!({}), json!({ "overlap_seconds": 60 })),
            "/v1/admins" => (
                json!({ "title": "x", "scopes": ["keys:read"] }),
                json!({ "title": "x", "scopes": ["*"] }),
            ),
            _ => panic!("{method} {path}: say here what is sent to it"),
        };
        let place = path.replace("{id}", id);
        let send = async |body: &Value, names: &[&str]| {
            let (status, headers, answer) =
                api.send_named(&admin, &method, &place, body, names).await;
            (status, headers.contains_key("idempotency-replayed"), answer)
        };
        let name = format!("once {path}");
        let (status, repeated, first) = send(&body, &[&name]).await;
        assert!(status.is_success() && !repeated, "{path}: {first}");
        let (again, repeated, second) = send(&body, &[&name]).await;
        assert_eq!((again, repeated), (status, true), "{path}");
        for field in ["token", "key", "rolled"] {
            assert_eq!(first[field], second[field], "{path}: {field}");
        }
        assert!(first["token"].is_string());
        let (status, _, problem) = send(&other, &[&name]).await;
        let code = json!("idempotency_key_reused");
        assert_eq!((status, &problem["code"]), (StatusCode::UNPROCESSABLE_ENTITY, &code));
        for bad in [&["a", "b"][..], &[""]] {
            let (status, _, problem) = send(&body, bad).await;
            assert_eq!((status, &problem["code"]), (StatusCode::BAD_REQUEST, &json!("invalid")));
        }
    }
}

#[tokio::test]
async fn a_key_that_revokes_itself_takes_no_idempotency_key_either() {
    let api = Api::new().await;
    let made = api.bench.issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    let send = async |names: &[&str]| {
        api.send_named(&made.token, "POST", "/v1/self/revoke", &json!({}), names).await
    };
    let (status, _, problem) = send(&["n1"]).await;
    let code = json!("idempotency_not_supported");
    assert_eq!((status, &problem["code"]), (StatusCode::BAD_REQUEST, &code), "{problem}");
    let (status, _, revoked) = send(&[]).await;
    assert_eq!((status, &revoked["state"]), (StatusCode::OK, &json!("revoked")), "{revoked}");
}

/// The schema that `$ref` names, or the schema itself.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        None => schema,
        Some(name) => document.pointer(name.trim_start_matches('#')).unwrap(),
    }
}

/// Whether the description lets a value be null.
fn allows_null(document: &Value, schema: &Value) -> bool {
    let schema = resolved(document, schema);
    let says = |kind: &Value| kind == "null";
    let choices = ["oneOf", "anyOf"].iter().filter_map(|of| schema[of].as_array()).flatten();
    says(&schema["type"])
        || schema["type"].as_array().is_some_and(|kinds| kinds.iter().any(says))
        || choices.into_iter().any(|choice| allows_null(document, choice))
        || schema.as_object().is_some_and(serde_json::Map::is_empty)
}

/// The possible objects of a request's body.
fn bodies<'a>(document: &'a Value, operation: &'a Value) -> Vec<&'a Value> {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let mut open = vec![schema];
    let mut found = Vec::new();
    while let Some(schema) = open.pop() {
        let schema = resolved(document, schema);
        for of in ["oneOf", "anyOf"] {
            open.extend(schema[of].as_array().into_iter().flatten());
        }
        if schema["properties"].is_object() {
            found.push(schema);
        }
    }
    found
}

/// The description and the code agree on null, for each optional field of each body.
#[tokio::test]
async fn null_is_taken_where_the_description_says_so_and_nowhere_else() {
    let api = Api::new().await;
    let admin = api.bench.made.admin_token.to_string();
    let document = openapi();
    let samples = json!({
        "title": "x", "name": "x", "url": "https://example.com/", "token": "x", "scopes": ["list:read"],
        "id": "apk_none", "ids": [], "rules": {}, "visibility": "private",
    });
    let (mut wrong, mut asked) = (Vec::new(), 0);
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            for body in bodies(&document, operation) {
                let required: Vec<&str> = body["required"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .collect();
                // The smallest valid body.
                let mut whole = serde_json::Map::new();
                for name in &required {
                    whole.insert((*name).into(), samples[*name].clone());
                }
                let place = path.replace("{id}", "apk_none").replace("{number}", "7");
                for (name, schema) in body["properties"].as_object().unwrap() {
                    if required.contains(&name.as_str()) {
                        continue;
                    }
                    let answer = async |body: &serde_json::Map<String, Value>| {
                        let body = Value::Object(body.clone());
                        let (status, _, problem) =
                            api.send(&admin, &method.to_uppercase(), &place, &body).await;
                        (status, problem["code"].clone(), problem["detail"].clone())
                    };
                    // Compare the answers with the field as null and without it.
                    let mut with = whole.clone();
                    with.insert(name.clone(), Value::Null);
                    let (without, with) = (answer(&whole).await, answer(&with).await);
                    let refused = with.0 == StatusCode::BAD_REQUEST && with != without;
                    asked += 1;
                    if refused == allows_null(&document, schema) {
                        wrong.push(format!("{method} {path} {name}: {with:?}, else {without:?}"));
                    }
                }
            }
        }
    }
    assert!(asked > 60, "{asked}");
    assert!(wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n"));
}
