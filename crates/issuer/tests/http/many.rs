//! Imports, owners, policies, and many keys at once.

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
