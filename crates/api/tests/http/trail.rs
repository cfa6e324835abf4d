//! The actor of each change is the key that was sent, whatever the body claims.

use portcullis_api::openapi;
use portcullis_core::keyring::Purpose;
use portcullis_issuer::actions::{KeyringChange, NewSigner};
use portcullis_issuer::keystore::{Unlock, Vault};
use portcullis_issuer::record::KeyPurpose;

use super::*;

/// The id of an existing key, which a caller claims as the actor to mislead the trail.
const SPOOFED: &str = "apk_0000000000000000000000";
/// Operations that change nothing that the trail records.
const NO_CHANGE: [&str; 3] = ["verify_key", "authenticate_key", "report_usage"];

/// A request to an operation that succeeds.
struct Sent {
    path: String,
    body: Value,
    raw: Option<&'static str>,
}

async fn key(api: &Api, body: Value) -> String {
    let made = api.post("/v1/keys", body).await;
    assert_eq!(made.status, StatusCode::CREATED);
    text(&made.json(), "/key/id").to_owned()
}

/// Prepares what the operation needs, and returns the request.
async fn prepare(api: &Api, operation: &str, path: &str) -> Sent {
    let titled = || json!({ "title": "x" });
    let publishable = || json!({ "title": "x", "kind": "publishable", "sales_channels": ["a"] });
    let revoked = async || {
        let id = key(api, titled()).await;
        api.post(&format!("/v1/keys/{id}/revoke"), json!({})).await;
        id
    };
    let number = async |path: &str, body: Value| {
        api.post(path, body).await.json()["number"].as_u64().unwrap().to_string()
    };
    let owner = async || number("/v1/owners", json!({ "name": "x" })).await;
    let policy =
        async || number("/v1/policies", json!({ "name": "x", "visibility": "private" })).await;
    let webhook = async || {
        let made = api.post("/v1/webhooks", json!({ "url": "https://example.com/" })).await;
        text(&made.json(), "/webhook/id").to_owned()
    };
    let mut raw = None;
    let (name, body) = match operation {
        "create_keys" => (String::new(), titled()),
        "upsert_keys" => (
            String::new(),
            json!([{ "id": key(api, titled()).await, "title": "y" }, { "title": "z" }]),
        ),
        "import_keys" => {
            raw = Some("{\"title\":\"x\",\"created_by\":\"apk_0000000000000000000000\"}\n");
            (String::new(), json!({}))
        }
        "create_admin" => (String::new(), json!({ "title": "x", "scopes": ["keys:read"] })),
        "update_key" | "update_key_by_post" => (key(api, titled()).await, json!({ "title": "y" })),
        "revoke_key" | "suspend_key" | "roll_key" | "undo_key" => {
            (key(api, titled()).await, json!({}))
        }
        "resume_key" => {
            let id = key(api, titled()).await;
            api.post(&format!("/v1/keys/{id}/suspend"), json!({})).await;
            (id, json!({}))
        }
        "delete_key" => (revoked().await, json!({})),
        "delete_keys" => (String::new(), json!({ "ids": [revoked().await] })),
        "revoke_keys" | "undo_keys" => {
            (String::new(), json!({ "ids": [key(api, titled()).await] }))
        }
        "change_sales_channels" => (key(api, publishable()).await, json!({ "add": ["b"] })),
        "publish_list" => {
            // A change that is committed but not in the list yet.
            let mut writing = api.bench.issuer.store().bookkeeping().await.unwrap();
            let sql = "UPDATE api_keys SET revoked_at = issued_at, updated_ms = updated_ms + 1 \
                       WHERE id = $1";
            let id = key_in(&mut writing).await;
            sqlx::query(sql).bind(&id).execute(&mut *writing).await.unwrap();
            sqlx::query("UPDATE promise SET position = 0").execute(&mut *writing).await.unwrap();
            writing.save().await.unwrap();
            (String::new(), json!({}))
        }
        "create_owner" => (String::new(), json!({ "name": "x" })),
        "update_owner" => (owner().await, json!({ "name": "y" })),
        "delete_owner" => (owner().await, json!({})),
        "create_policy" => (String::new(), json!({ "name": "x", "visibility": "private" })),
        "update_policy" => (policy().await, json!({ "name": "y" })),
        "delete_policy" => (policy().await, json!({})),
        "create_bulk_revocation" => {
            (String::new(), json!({ "owner": owner().await.parse::<u32>().unwrap() }))
        }
        "lift_bulk_revocation" => {
            let body =
                json!({ "state": "suspended", "owner": owner().await.parse::<u32>().unwrap() });
            let made = api.post("/v1/bulk-revocations", body).await.json();
            (made["id"].to_string(), json!({}))
        }
        "create_webhook" => (String::new(), json!({ "url": "https://example.com/" })),
        "update_webhook" => (webhook().await, json!({ "description": "y" })),
        "delete_webhook" | "rotate_webhook_secret" => (webhook().await, json!({})),
        "replay_webhook" => (webhook().await, json!({ "after": 0 })),
        "change_settings" => {
            // A different value each time, and one that makes no other request here fail.
            let version = api.get("/v1/settings").await.json()["version"].as_u64().unwrap();
            let admin = json!({ "default_lifetime_seconds": 100_000_000 + version });
            (String::new(), json!({ "admin": admin }))
        }
        other => panic!("{other}: say here what is sent to it"),
    };
    let path = path.replace("{id}", &name).replace("{number}", &name);
    Sent { path, body, raw }
}

/// A token key in force that the issuer made.
async fn key_in(connection: &mut portcullis_issuer::store::Connection) -> String {
    use sqlx::Row as _;
    let sql = "SELECT id FROM api_keys WHERE purpose = 'token' AND revoked_at IS NULL \
               AND deleted_ms IS NULL LIMIT 1";
    sqlx::query(sql).fetch_one(connection).await.unwrap().try_get(0).unwrap()
}

/// The fields of a request's body in which a caller names an actor: `by`, `revoked_by` and such.
fn naming_fields(document: &Value, operation: &Value) -> Vec<String> {
    let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
    let mut open = vec![schema.clone()];
    let mut fields = Vec::new();
    while let Some(schema) = open.pop() {
        if let Some(name) = schema["$ref"].as_str() {
            open.push(document.pointer(name.trim_start_matches('#')).unwrap().clone());
        }
        for branch in ["oneOf", "anyOf", "allOf"] {
            open.extend(schema[branch].as_array().cloned().unwrap_or_default());
        }
        if schema["items"].is_object() {
            open.push(schema["items"].clone());
        }
        let names = schema["properties"].as_object().into_iter().flatten().map(|(name, _)| name);
        fields.extend(names.filter(|name| *name == "by" || name.ends_with("_by")).cloned());
    }
    fields
}

#[tokio::test]
async fn every_change_is_the_doing_of_the_key_that_was_sent_whatever_the_body_says() {
    let api = Api::new().await;
    let me = api.bench.made.admin.id.clone();
    key(&api, json!({ "title": "to be published" })).await;
    let document = openapi();
    let (mut seen, mut spoofed) = (0, 0);
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            if method == "get" || NO_CHANGE.contains(&name) {
                continue;
            }
            let Sent { path, mut body, raw } = prepare(&api, name, path).await;
            let fields = naming_fields(&document, operation);
            for field in &fields {
                for body in match &mut body {
                    Value::Array(many) => many.iter_mut().collect::<Vec<_>>(),
                    one => vec![one],
                } {
                    // A created object has a maker, a changed one has a changer.
                    let changes = body.get("id").is_some();
                    let takes = name != "upsert_keys" || (field == "updated_by") == changes;
                    if let Some(body) = body.as_object_mut().filter(|_| takes) {
                        body.insert(field.clone(), json!(SPOOFED));
                    }
                }
            }
            let before = api.bench.issuer.trail().last().await.unwrap();
            let admin = format!("Bearer {}", api.bench.made.admin_token.as_str());
            let kind = if raw.is_some() { "application/x-ndjson" } else { "application/json" };
            let body = raw.map_or_else(|| body.to_string(), Into::into);
            let request = Request::builder()
                .method(Method::from_bytes(method.to_uppercase().as_bytes()).unwrap())
                .uri(&path)
                .header("authorization", admin)
                .header("content-type", kind)
                .body(Body::from(body))
                .unwrap();
            let answer = api.send(request).await;
            let told = String::from_utf8_lossy(&answer.bytes).into_owned();
            assert!(answer.status.is_success(), "{name}: {told}");
            let events = api.bench.issuer.trail().after(before, 100).await.unwrap();
            assert!(!events.is_empty(), "{name} is in the trail");
            for event in &events {
                assert_eq!(event.actor.as_deref(), Some(me.as_str()), "{name}: {}", event.event);
            }
            let named = events.iter().any(|event| event.on_behalf_of.as_deref() == Some(SPOOFED));
            let says = !fields.is_empty() || raw.is_some();
            assert_eq!(named, says, "{name}: what was said is kept");
            if name == "upsert_keys" {
                let all = events.iter().all(|event| event.on_behalf_of.as_deref() == Some(SPOOFED));
                assert!(all, "of what is made and of what is changed");
            }
            seen += 1;
            spoofed += usize::from(named);
        }
    }
    assert!(seen > 25 && spoofed > 8, "{seen} {spoofed}");
    // The trail as a whole: every event has an actor.
    let all = api.bench.issuer.trail().after(0, 1000).await.unwrap();
    assert!(all.iter().all(|event| event.actor.is_some()));
    let report = api.bench.issuer.trail().verify(&[]).await.unwrap();
    assert_eq!(report.findings, []);
    // All events of this key.
    let mine = api.get(&format!("/v1/events?actor={me}&limit=1000")).await.json();
    let of_others = all.iter().filter(|event| event.actor.as_deref() != Some(&me)).count();
    assert_eq!(mine["events"].as_array().unwrap().len(), all.len() - of_others);
    let none = api.get(&format!("/v1/events?actor={SPOOFED}")).await.json();
    assert_eq!(none["events"], json!([]), "what is said is no principal");
    let said = api.get(&format!("/v1/events?on_behalf_of={SPOOFED}&limit=1000")).await.json();
    assert!(said["events"].as_array().unwrap().len() >= spoofed);
}

#[tokio::test]
async fn by_a_handle_that_is_nobodys_nothing_is_committed() {
    let bench = Bench::new().await;
    let before = bench.issuer.trail().last().await.unwrap();
    let nobody = bench.issuer.acting_as(portcullis_issuer::actor::Actor::nobody());
    let made = NewKey { created_by: Some("the boss".into()), ..NewKey::titled("x") };
    assert_eq!(nobody.keys().create(&made).await.unwrap_err().code(), "no_actor");
    let revocation = Revocation { when: When::Now, by: Some("the boss".into()) };
    let revoked = nobody.keys().revoke(&bench.made.admin.id, &revocation).await;
    assert_eq!(revoked.unwrap_err().code(), "no_actor");
    let change = KeyringChange::Rotate(NewSigner {
        purpose: Purpose::List,
        algorithm: None,
        environments: vec![],
        kinds: vec![],
        at_once: false,
    });
    let root = Vault::new(bench.home.root_key(), Unlock::default());
    let changed = nobody.keyring().change(&change, &root, Some("the boss")).await;
    assert_eq!(changed.unwrap_err().code(), "no_actor");
    assert_eq!(bench.issuer.trail().last().await.unwrap(), before);
    let by_shell = bench.issuer.keyring().change(&change, &root, Some("the boss")).await;
    by_shell.unwrap().published().unwrap();
    let events = bench.issuer.trail().after(before, 10).await.unwrap();
    assert_eq!(events[0].event, "keyring.changed");
    assert!(events[0].actor.as_deref().unwrap().contains('@'), "user@host");
    assert_eq!(events[0].on_behalf_of.as_deref(), Some("the boss"));
}

#[tokio::test]
async fn all_that_a_stolen_key_made_is_found_and_revoked() {
    let api = Api::new().await;
    let admin = async |token: &str, body: Value| {
        let request = Request::post("/v1/admins")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()));
        let made = api.send(request.unwrap()).await.json();
        (text(&made, "/key/id").to_owned(), text(&made, "/token").to_owned())
    };
    let make = async |token: &str, path: &str, body: Value| {
        let request = Request::post(path)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()));
        let made = api.send(request.unwrap()).await;
        assert!(made.status.is_success(), "{}", String::from_utf8_lossy(&made.bytes));
        text(&made.json(), "/key/id").to_owned()
    };
    // The stolen key makes keys directly, by a roll, and through another admin key.
    let mine = key(&api, json!({ "title": "mine" })).await;
    let scopes = json!({ "title": "Stolen", "scopes": ["admins:write", "keys:*"] });
    let (stolen, token) = admin(&api.bench.made.admin_token, scopes.clone()).await;
    let body = json!({ "title": "theirs", "created_by": api.bench.made.admin.id });
    let theirs = make(&token, "/v1/keys", body).await;
    let rolled = make(&token, &format!("/v1/keys/{mine}/roll"), json!({})).await;
    let (next, next_token) = admin(&token, scopes).await;
    let last = make(&next_token, "/v1/keys", json!({ "title": "behind another" })).await;
    let mut made = vec![theirs, rolled, next, last];
    made.sort();

    // One query finds all of them, and one selector revokes them.
    let found = api.get(&format!("/v1/keys?maker={stolen}&count=true")).await.json();
    let ids = |answer: &Value| {
        let keys = answer["keys"].as_array().unwrap().iter();
        let mut ids: Vec<String> = keys.map(|key| text(key, "/id").to_owned()).collect();
        ids.sort();
        ids
    };
    assert_eq!(ids(&found), made);
    assert!(found["keys"].as_array().unwrap().iter().all(|key| key["maker"].is_string()));
    let body = json!({ "where": { "maker": stolen }, "revoked_by": "incident 7" });
    let revoked = api.post("/v1/keys/revoke", body).await.json();
    assert_eq!(ids(&revoked), made);
    assert_eq!(text(&api.get(&format!("/v1/keys/{mine}")).await.json(), "/state"), "scheduled");
    let left = api.get(&format!("/v1/keys/{stolen}")).await.json();
    assert_eq!(text(&left, "/state"), "active", "it did not make itself");
    assert_eq!(KeyPurpose::from_name(text(&left, "/purpose")), Some(KeyPurpose::Admin));
}

/// Every way in which one admin key makes another: the new one never outlives the caller's.
#[tokio::test]
async fn no_admin_key_makes_one_that_outlives_it() {
    let api = Api::new().await;
    let ask = async |token: &str, path: &str, body: Value| {
        let request = Request::post(path)
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", "application/json")
            .body(Body::from(body.to_string()));
        api.send(request.unwrap()).await
    };
    let admin = |end: Value| {
        let mut body = json!({ "title": "x", "scopes": ["*"] });
        body.as_object_mut().unwrap().extend(end.as_object().unwrap().clone());
        body
    };
    let root = api.bench.made.admin_token.to_string();
    let hour = json!({ "expires_in_seconds": 3600 });
    let short = ask(&root, "/v1/admins", admin(hour.clone())).await.json();
    let (short_id, short) = (text(&short, "/key/id").to_owned(), text(&short, "/token").to_owned());
    let latest = "2027-01-15T09:00:00Z";
    let root_roll = format!("/v1/keys/{}/roll", api.bench.made.admin.id);
    let own_roll = format!("/v1/keys/{short_id}/roll");
    let later = json!({ "expires_in_seconds": 3601 });
    for (path, body) in [
        ("/v1/admins", admin(json!({}))),
        ("/v1/admins", admin(later.clone())),
        ("/v1/admins", admin(json!({ "expires_at": "2099-01-01T00:00:00Z" }))),
        (&root_roll, json!({})),
        (&root_roll, json!({ "overlap_seconds": 0 })),
        (&root_roll, later.clone()),
        (&own_roll, json!({ "never_expires": true })),
        (&own_roll, later),
    ] {
        let refused = ask(&short, path, body.clone()).await;
        let told = refused.json();
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{path} {body}: {told}");
        assert_eq!(told["code"], "outlives_maker");
        assert!(text(&told, "/detail").contains(latest), "{told}");
    }
    // Up to its own expiry; token keys may have any.
    assert_eq!(ask(&short, "/v1/admins", admin(hour)).await.status, StatusCode::CREATED);
    assert_eq!(ask(&short, "/v1/keys", json!({ "title": "x" })).await.status, StatusCode::CREATED);
    // A scheduled revocation counts as the key's end: during the overlap of a roll, the old key
    // can't make one that lasts longer.
    let rolled = ask(&short, &own_roll, json!({ "overlap_seconds": 60 })).await;
    assert_eq!(rolled.status, StatusCode::OK);
    let refused = ask(&short, "/v1/admins", admin(json!({ "expires_in_seconds": 61 }))).await;
    assert!(text(&refused.json(), "/detail").contains("2027-01-15T08:01:00Z"));
    let made = ask(&short, "/v1/admins", admin(json!({ "expires_in_seconds": 60 }))).await.json();
    assert_eq!(text(&made, "/key/maker"), short_id);
    // The operator of the issuer may do it.
    let scopes = vec!["*".to_owned()];
    let purpose = KeyPurpose::Admin;
    let made = NewKey { purpose, admin_scopes: scopes, ..NewKey::titled("for ever") };
    assert!(api.bench.issuer.keys().create(&made).await.unwrap().record.expires_at.is_none());
}
