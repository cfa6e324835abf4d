//! A key from its creation to its end.

use super::*;

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

    // A gate with this list refuses at that second, without fetching anything.
    let mut gate = api.bench.gate().await;
    gate.adopt_bundle(&api.public("bundle", None).await.bytes, START).unwrap();
    let token = text(&rolled, "/token");
    let _ = gate.verify(token, &TOKEN, START.plus_millis(9_999)).unwrap();
    let struck = gate.verify(token, &TOKEN, START.plus_millis(10_000));
    assert_eq!(struck.unwrap_err(), Refusal::Revoked);
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
    // A repeat returns the same answer; another body is refused.
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
    // Only a revoked key can be deleted; undo revokes and deletes in one act.
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
    // The listing's parameters.
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
    let verified = api.post("/v1/keys/authenticate", strict.clone()).await.json();
    assert_eq!((&verified["ok"], &verified["key"]["id"]), (&json!(true), &secret["key"]["id"]));
    assert_eq!(revoke("").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(revoke("Bearer x").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(revoke(&altered(&token)).await.status, StatusCode::UNAUTHORIZED);
    let revoked = revoke(&token).await;
    assert_eq!((revoked.status, text(&revoked.json(), "/state")), (StatusCode::OK, "revoked"));
    assert_eq!(revoked.header("cache-control"), "no-store");
    assert_eq!(revoke(&token).await.status, StatusCode::CONFLICT);
    let verified = api.post("/v1/keys/authenticate", strict).await.json();
    assert_eq!((&verified["ok"], text(&verified, "/code")), (&json!(false), "revoked"));
    let shop = api.post("/v1/keys", json!({ "title": "x", "kind": "publishable" })).await.json();
    let shop = revoke(&format!("Bearer {}", text(&shop, "/token"))).await;
    assert_eq!((shop.status, text(&shop.json(), "/code")), (StatusCode::FORBIDDEN, "public_text"));
}
