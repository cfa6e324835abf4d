//! `/v1/settings`, and that each route follows the settings.

use std::collections::BTreeMap;

use axum::http::{Method, Request, StatusCode};
use portcullis_api::openapi;
use serde_json::{Value, json};

use crate::{Api, text};

/// The effect of an operation on keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Does {
    Makes,
    Ends,
    Neither,
}

/// Every operation that may change something. A new one must be added here, which includes it in
/// the tests below.
const DOES: [(&str, Does); 35] = [
    ("create_keys", Does::Makes),
    ("upsert_keys", Does::Makes),
    ("import_keys", Does::Makes),
    ("roll_key", Does::Makes),
    ("create_admin", Does::Makes),
    ("revoke_key", Does::Ends),
    ("revoke_keys", Does::Ends),
    ("suspend_key", Does::Ends),
    ("delete_key", Does::Ends),
    ("delete_keys", Does::Ends),
    ("undo_key", Does::Ends),
    ("undo_keys", Does::Ends),
    ("create_bulk_revocation", Does::Ends),
    ("resume_key", Does::Neither),
    ("update_key", Does::Neither),
    ("update_key_by_post", Does::Neither),
    ("change_sales_channels", Does::Neither),
    ("authenticate_key", Does::Neither),
    ("verify_key", Does::Neither),
    ("lift_bulk_revocation", Does::Neither),
    ("publish_list", Does::Neither),
    ("create_owner", Does::Neither),
    ("update_owner", Does::Neither),
    ("delete_owner", Does::Neither),
    ("create_policy", Does::Neither),
    ("update_policy", Does::Neither),
    ("delete_policy", Does::Neither),
    ("create_webhook", Does::Neither),
    ("update_webhook", Does::Neither),
    ("delete_webhook", Does::Neither),
    ("rotate_webhook_secret", Does::Neither),
    ("replay_webhook", Does::Neither),
    ("report_usage", Does::Neither),
    ("change_settings", Does::Neither),
    ("follow_events", Does::Neither),
];

fn does(what: Does) -> Vec<&'static str> {
    DOES.into_iter().filter(|(_, does)| *does == what).map(|(name, _)| name).collect()
}

#[test]
fn every_operation_that_changes_something_is_known_here() {
    let document = openapi();
    let mut changing = Vec::new();
    for (_, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            if method != "get" {
                changing.push(operation["operationId"].as_str().unwrap().to_owned());
            }
        }
    }
    let known: BTreeMap<&str, Does> = DOES.into_iter().collect();
    for name in changing {
        assert!(
            known.contains_key(name.as_str()),
            "{name}: say in DOES whether it makes or ends keys"
        );
    }
}

async fn set(api: &Api, body: Value) -> Value {
    let answer = api.call(Method::PATCH, "/v1/settings", Some(body)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
    answer.json()
}

async fn key(api: &Api) -> String {
    let made = api.post("/v1/keys", json!({ "title": "x", "never_expires": true })).await.json();
    text(&made, "/key/id").to_owned()
}

/// The error code of an operation that makes a key with these members; empty if it succeeds.
async fn key_request(api: &Api, operation: &str, old: &str, with: &Value) -> String {
    let mut body = with.clone();
    body.as_object_mut().unwrap().insert("title".into(), "x".into());
    let answer = match operation {
        "create_keys" => {
            let one = api.post("/v1/keys", body.clone()).await;
            let good = json!({ "title": "y", "expires_in_seconds": 60, "owner": body["owner"] });
            let good = if body["owner"].is_null() {
                json!({ "title": "y", "expires_in_seconds": 60 })
            } else {
                good
            };
            let many = api.post("/v1/keys", json!([good, body])).await;
            assert_eq!(one.status, many.status);
            many
        }
        "upsert_keys" => api.call(Method::PUT, "/v1/keys", Some(json!([body]))).await,
        "import_keys" => return importing(api, &body).await,
        "roll_key" => {
            body.as_object_mut().unwrap().remove("title");
            api.post(&format!("/v1/keys/{old}/roll"), body).await
        }
        "create_admin" => {
            body["scopes"] = json!(["keys:read"]);
            api.post("/v1/admins", body).await
        }
        other => panic!("{other} makes keys: walk it here"),
    };
    if answer.status.is_success() { String::new() } else { text(&answer.json(), "/code").into() }
}

/// The refusals in the lines of an import, which have no codes.
async fn importing(api: &Api, body: &Value) -> String {
    let mut line = body.clone();
    if let Some(seconds) = line.as_object_mut().unwrap().remove("expires_in_seconds") {
        let at = api.bench.issuer.now().secs() + u32::try_from(seconds.as_u64().unwrap()).unwrap();
        line["expires_at"] = json!(portcullis_issuer::time_format::seconds(at));
    }
    let admin = format!("Bearer {}", api.bench.made.admin_token.as_str());
    let request = Request::post("/v1/keys/import")
        .header("authorization", admin)
        .header("content-type", "application/x-ndjson")
        .body(line.to_string().into())
        .unwrap();
    let answer = api.send(request).await.json();
    match text(&answer, "/error") {
        "" => String::new(),
        error if error.starts_with("`owner` is missing") => "owner_required".into(),
        error if error.starts_with("`expires_at` is missing") => "expiry_required".into(),
        error if error.starts_with("`expires_at` must be") => "lifetime_too_long".into(),
        error => error.into(),
    }
}

#[tokio::test]
async fn no_route_makes_a_key_past_the_settings() {
    let api = Api::new().await;
    let old = key(&api).await;
    let hour = json!({ "max_lifetime_seconds": 3600 });
    set(&api, json!({ "secret": hour, "publishable": hour, "admin": hour })).await;
    for operation in does(Does::Makes) {
        for (with, code) in [
            (json!({ "expires_in_seconds": 3601 }), "lifetime_too_long"),
            (json!({ "never_expires": true }), "expiry_required"),
            (json!({}), "expiry_required"),
        ] {
            assert_eq!(key_request(&api, operation, &old, &with).await, code, "{operation} {with}");
        }
        let good = json!({ "expires_in_seconds": 3600 });
        let old = key_in_an_hour(&api).await;
        assert_eq!(key_request(&api, operation, &old, &good).await, "", "{operation}");
    }
    // A default lies within the maximum, and applies if the request sets no expiry.
    set(&api, json!({ "admin": { "default_lifetime_seconds": 60 } })).await;
    let made = api.post("/v1/admins", json!({ "title": "x", "scopes": ["keys:read"] })).await;
    let end = portcullis_issuer::time_format::seconds(api.bench.issuer.now().secs() + 60);
    assert_eq!(text(&made.json(), "/key/expires_at"), end);
    set(&api, json!({ "secret": { "owner_required": true } })).await;
    let old = key_in_an_hour_of(&api).await;
    for operation in does(Does::Makes).into_iter().filter(|name| *name != "create_admin") {
        // A rolled key keeps its owner unless the request sets another.
        let with = json!({ "expires_in_seconds": 60, "owner": 0 });
        assert_eq!(
            key_request(&api, operation, &old, &with).await,
            "owner_required",
            "{operation}"
        );
    }
}

async fn key_in_an_hour(api: &Api) -> String {
    let made = api.post("/v1/keys", json!({ "title": "x", "expires_in_seconds": 3600 })).await;
    text(&made.json(), "/key/id").to_owned()
}

async fn key_in_an_hour_of(api: &Api) -> String {
    let owner = api.post("/v1/owners", json!({ "name": "Acme" })).await.json()["number"].clone();
    let body = json!({ "title": "x", "expires_in_seconds": 3600, "owner": owner });
    text(&api.post("/v1/keys", body).await.json(), "/key/id").to_owned()
}

/// Ends a key with an operation, with or without a reason.
async fn ending(api: &Api, operation: &str, reason: Option<&str>) -> crate::Answer {
    let id = key(api).await;
    let why = |mut body: Value| {
        if let Some(reason) = reason {
            body["reason"] = json!(reason);
        }
        body
    };
    let dead = async || {
        let body = json!({ "reason": "for this test" });
        api.post(&format!("/v1/keys/{id}/revoke"), body).await;
    };
    match operation {
        "revoke_key" => api.post(&format!("/v1/keys/{id}/revoke"), why(json!({}))).await,
        "revoke_keys" => api.post("/v1/keys/revoke", why(json!({ "ids": [id] }))).await,
        "suspend_key" => api.post(&format!("/v1/keys/{id}/suspend"), why(json!({}))).await,
        "undo_key" => api.post(&format!("/v1/keys/{id}/undo"), why(json!({}))).await,
        "undo_keys" => api.post("/v1/keys/undo", why(json!({ "ids": [id] }))).await,
        "roll_key" => api.post(&format!("/v1/keys/{id}/roll"), why(json!({}))).await,
        "delete_key" => {
            dead().await;
            let query = reason.map(|reason| format!("?reason={reason}")).unwrap_or_default();
            api.call(Method::DELETE, &format!("/v1/keys/{id}{query}"), None).await
        }
        "delete_keys" => {
            dead().await;
            api.post("/v1/keys/delete", why(json!({ "ids": [id] }))).await
        }
        "create_bulk_revocation" => {
            let owner = api.post("/v1/owners", json!({ "name": "Acme" })).await.json();
            api.post("/v1/bulk-revocations", why(json!({ "owner": owner["number"] }))).await
        }
        other => panic!("{other} ends keys: walk it here"),
    }
}

#[tokio::test]
async fn no_route_ends_a_key_without_a_reason() {
    let api = Api::new().await;
    let mut operations = does(Does::Ends);
    operations.push("roll_key");
    for operation in &operations {
        let answer = ending(&api, operation, None).await;
        assert!(answer.status.is_success(), "{operation}: nothing is asked yet");
    }
    set(&api, json!({ "reason_required": true })).await;
    for operation in &operations {
        let refused = ending(&api, operation, None).await;
        let found = (refused.status, text(&refused.json(), "/code").to_owned());
        assert_eq!(found, (StatusCode::BAD_REQUEST, "reason_required".into()), "{operation}");
        assert!(text(&refused.json(), "/detail").contains("`reason`"));
        let blank = ending(&api, operation, Some("%20").filter(|_| *operation == "delete_key"));
        let blank = if *operation == "delete_key" {
            blank.await
        } else {
            ending(&api, operation, Some("  ")).await
        };
        assert_eq!(text(&blank.json(), "/code"), "invalid", "{operation}");
        let done = ending(&api, operation, Some("leaked")).await;
        assert!(done.status.is_success(), "{operation} {}", done.json());
    }
    // A dry run changes nothing and needs no reason.
    let dry = json!({ "where": { "title": "x" }, "dry_run": true });
    assert_eq!(api.post("/v1/keys/revoke", dry).await.status, StatusCode::OK);
    let told = api.get("/v1/events?type=keys.revoked").await.json();
    assert_eq!(text(&told, "/events/0/data/reason"), "leaked");
}

#[tokio::test]
async fn settings_are_read_and_changed_and_a_slip_is_refused() {
    let api = Api::new().await;
    let shown = api.get("/v1/settings").await.json();
    assert_eq!((&shown["version"], &shown["reason_required"]), (&json!(0), &json!(false)));
    let change = json!({ "if_version": 0, "secret": { "max_lifetime_seconds": 60, "owner_required": true } });
    let mut dry = change.clone();
    dry["dry_run"] = json!(true);
    let preview = set(&api, dry).await;
    assert_eq!((&preview["dry_run"], &preview["version"]), (&json!(true), &json!(0)));
    let changed = set(&api, change.clone()).await;
    assert_eq!((&changed["version"], &changed["dry_run"]), (&json!(1), &Value::Null));
    assert_eq!(changed["before"]["secret"]["max_lifetime_seconds"], Value::Null);
    let lost = api.call(Method::PATCH, "/v1/settings", Some(change)).await;
    assert_eq!(
        (lost.status, text(&lost.json(), "/code")),
        (StatusCode::CONFLICT, "settings_changed")
    );
    let cleared = set(&api, json!({ "secret": { "max_lifetime_seconds": null } })).await;
    assert_eq!(cleared["secret"]["max_lifetime_seconds"], Value::Null);
    assert_eq!(cleared["secret"]["owner_required"], true, "what is not said stays");
    for bad in [
        json!({ "secret": { "max_lifetime": 60 } }),
        json!({ "secrets": {} }),
        json!({ "secret": { "max_lifetime_seconds": -1 } }),
        json!({ "secret": { "max_lifetime_seconds": 0 } }),
        json!({ "secret": { "idle_days": 6 } }),
        json!({ "admin": { "idle_days": 30 } }),
        json!({ "secret": { "max_lifetime_seconds": 60, "default_lifetime_seconds": 61 } }),
        json!({ "reason": " " }),
    ] {
        let refused = api.call(Method::PATCH, "/v1/settings", Some(bad.clone())).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{bad}");
    }
}
