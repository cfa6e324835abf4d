//! Imports, owners, policies, and many keys at once.

use portcullis_api::openapi;

use super::*;

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

#[tokio::test]
async fn the_largest_report_of_a_gate_is_taken() {
    let api = Api::new().await;
    let at = u32::MAX;
    let line = |number: usize| json!({ "key": format!("apk_{number:022}"), "uses": at, "last_used_at": at });
    let uses: Vec<Value> = (0..1_000).map(line).collect();
    let address = "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff";
    let canary = |number| {
        let mut line = line(number);
        line["address"] = json!(address);
        line
    };
    let canaries: Vec<Value> = (0..100).map(canary).collect();
    let taken = api.post("/v1/usage", json!({ "uses": uses, "canaries": canaries })).await;
    assert_eq!(taken.status, StatusCode::OK);
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
    let nobody = api.post("/v1/bulk-revocations", json!({})).await;
    assert_eq!(nobody.status, StatusCode::BAD_REQUEST);
    let revoked = api.post("/v1/bulk-revocations?wait=1", json!({ "owner": owner })).await;
    assert_eq!(revoked.status, StatusCode::CREATED);
    let revoked = revoked.json();
    assert_eq!((&revoked["everywhere"], &revoked["owner"]), (&json!(true), &json!(owner)));
    let shown = api.get(&format!("/v1/keys/{}", text(&created, "/key/id"))).await.json();
    assert_eq!(shown["state"], "revoked");
    let lifted = api.post(&format!("/v1/bulk-revocations/{}/lift", revoked["id"]), json!({})).await;
    assert_eq!(lifted.status, StatusCode::BAD_REQUEST);
    for path in ["/v1/owners/x", "/v1/owners/0", "/v1/policies/4294967296", "/v1/policies/1"] {
        assert_eq!(api.get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(api.get("/v1/list").await.json()["targets"][0]["name"], "http");
}

/// Whether a part of the description holds a key's record: its state beside its redacted form.
fn holds_a_key(document: &Value, part: &Value) -> bool {
    if let Some(schema) = part["$ref"].as_str() {
        return holds_a_key(document, document.pointer(schema.trim_start_matches('#')).unwrap());
    }
    let members = &part["properties"];
    if members["state"].is_object() && members["redacted"].is_object() {
        return true;
    }
    match part {
        Value::Object(parts) => parts.values().any(|part| holds_a_key(document, part)),
        Value::Array(parts) => parts.iter().any(|part| holds_a_key(document, part)),
        _ => false,
    }
}

/// The records of keys in an answer.
fn keys_in(answer: &Value) -> Vec<&Value> {
    let inner = match answer {
        Value::Object(members) => members.values().flat_map(keys_in).collect(),
        Value::Array(items) => items.iter().flat_map(keys_in).collect(),
        _ => Vec::new(),
    };
    let own = answer["state"].is_string() && answer["redacted"].is_string();
    own.then_some(answer).into_iter().chain(inner).collect()
}

/// Checks that an answer holds keys, and that each is as `GET /v1/keys/{id}` shows it. Returns
/// whether one of them is suspended.
async fn as_shown(api: &Api, name: &str, answer: &Value) -> bool {
    let keys = keys_in(answer);
    assert!(!keys.is_empty(), "{name} answers no key: {answer}");
    for key in &keys {
        let shown = api.get(&format!("/v1/keys/{}", text(key, "/id"))).await.json();
        for field in ["state", "suspended_at", "suspended_by", "revoked_at", "revoked_by"] {
            assert_eq!(key[field], shown[field], "{name}: {field}");
        }
    }
    keys.iter().any(|key| key["suspended_at"].is_string())
}

#[tokio::test]
async fn every_operation_answers_a_key_as_the_bulk_suspensions_in_force_make_it() {
    let api = Api::new().await;
    let old = api.post("/v1/keys", json!({ "title": "old" })).await.json();
    // From the next minute on, every key is suspended from its first second.
    let from =
        portcullis_issuer::time_format::rfc3339_millis(api.bench.issuer.now().plus_millis(60_000));
    let body = json!({ "environment": "live", "state": "suspended", "issued_from": from });
    assert_eq!(api.post("/v1/bulk-revocations", body).await.status, StatusCode::CREATED);
    api.bench.clock.advance(61_000);
    api.bench.issuer.list().publish().await.unwrap();
    let make = async |body: Value| {
        let made = api.post("/v1/keys", body).await.json();
        text(&made, "/key/id").to_owned()
    };
    let document = openapi();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if !holds_a_key(&document, &operation["responses"]) {
                continue;
            }
            let name = operation["operationId"].as_str().unwrap();
            let new = json!({ "title": "new" });
            let (id, body) = match name {
                // A dry run may answer keys, but not this one's.
                "create_bulk_revocation" => continue,
                "list_keys" | "show_key" => (make(new).await, None),
                "create_keys" => (String::new(), Some(new)),
                "create_admin" => {
                    (String::new(), Some(json!({ "title": "new", "scopes": ["keys:read"] })))
                }
                "upsert_keys" => {
                    let change = json!({ "id": make(new.clone()).await, "title": "changed" });
                    (String::new(), Some(json!([new, change])))
                }
                // The text of a suspended key authenticates nothing.
                "authenticate_key" => (String::new(), Some(json!({ "token": old["token"] }))),
                "revoke_keys" => (String::new(), Some(json!({ "ids": [make(new).await] }))),
                "revoke_key" | "suspend_key" => (make(new).await, Some(json!({}))),
                "resume_key" => {
                    let id = make(new).await;
                    api.post(&format!("/v1/keys/{id}/suspend"), json!({})).await;
                    (id, Some(json!({})))
                }
                // A suspended key can't be rolled, but its successor is suspended.
                "roll_key" => (text(&old, "/key/id").to_owned(), Some(json!({}))),
                "update_key" | "update_key_by_post" => {
                    (make(new).await, Some(json!({ "title": "changed" })))
                }
                "change_sales_channels" => {
                    let new = json!({ "title": "shop", "kind": "publishable" });
                    (make(new).await, Some(json!({ "add": ["web"] })))
                }
                other => panic!("{other} answers a key: call it here"),
            };
            let method = method.to_uppercase().parse().unwrap();
            let answer = api.call(method, &path.replace("{id}", &id), body).await;
            assert!(answer.status.is_success(), "{name}: {}", answer.json());
            let suspended = as_shown(&api, name, &answer.json()).await;
            assert_eq!(suspended, name != "authenticate_key", "{name}: {}", answer.json());
        }
    }
}

#[tokio::test]
async fn a_repeated_request_answers_its_keys_as_they_are_now() {
    let api = Api::new().await;
    let owner = api.post("/v1/owners", json!({ "name": "Acme" })).await.json();
    let send = async |path: &str, name: &str, body: &Value| {
        let admin = format!("Bearer {}", api.bench.made.admin_token.as_str());
        let request = Request::post(path)
            .header("authorization", admin)
            .header("content-type", "application/json")
            .header("idempotency-key", format!("\"{name}\""));
        api.send(request.body(Body::from(body.to_string())).unwrap()).await.json()
    };
    let new = json!({ "title": "x", "owner": owner["number"] });
    let made = send("/v1/keys", "one", &new).await;
    let roll = format!("/v1/keys/{}/roll", text(&made, "/key/id"));
    let rolled = send(&roll, "two", &json!({ "overlap_seconds": 3600 })).await;
    assert!(!as_shown(&api, "roll_key", &rolled).await);
    let suspend = json!({ "owner": owner["number"], "state": "suspended" });
    assert_eq!(api.post("/v1/bulk-revocations", suspend).await.status, StatusCode::CREATED);
    let again = send("/v1/keys", "one", &new).await;
    assert_eq!(again["token"], made["token"]);
    assert!(as_shown(&api, "create_keys", &again).await);
    let again = send(&roll, "two", &json!({ "overlap_seconds": 3600 })).await;
    assert_eq!(again["token"], rolled["token"]);
    assert_eq!(text(&again, "/key/state"), "suspended");
    assert_eq!(text(&again, "/rolled/state"), "suspended");
    assert!(as_shown(&api, "roll_key", &again).await);
}
