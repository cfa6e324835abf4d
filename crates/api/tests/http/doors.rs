//! Authentication, and the answers to mistakes.

use super::*;

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
    // Without a bearer token, the challenge names no error.
    for none in [None, Some("Basic eA==".to_owned()), Some("Bearer ".to_owned())] {
        let answer = send(none).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="portcullis""#);
        assert!(text(&answer.json(), "/detail").contains("portcullis init"));
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    // Every other bad key gets the same answer, whatever its fault.
    let admin = api.bench.made.admin_token.as_str();
    let other = Bench::new().await;
    let plain = api.bench.issuer.keys().create(&NewKey::titled("x")).await.unwrap();
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

    let revocation = Revocation { when: When::Now, by: None };
    api.bench.issuer.keys().revoke(&api.bench.made.admin.id, &revocation).await.unwrap();
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

/// Deletes the admin key's record, as if the key had been minted with a stolen signing key.
async fn forget_admin(bench: &Bench) -> u64 {
    let mut writing = bench.issuer.store().bookkeeping().await.unwrap();
    sqlx::query("DELETE FROM events").execute(&mut *writing).await.unwrap();
    let done = sqlx::query("DELETE FROM api_keys").execute(&mut *writing).await.unwrap();
    writing.save().await.unwrap();
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
async fn a_body_that_is_too_long_is_refused() {
    let api = Api::new().await;
    for (long, status) in [
        (MAX_BODY_LEN - 100, StatusCode::BAD_REQUEST),
        (MAX_BODY_LEN, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let refused = api.post("/v1/keys", json!({ "title": "x".repeat(long) })).await;
        assert_eq!(refused.status, status);
        assert_eq!(refused.header("content-type"), "application/problem+json");
    }
    let keys = api.get("/v1/keys").await.json();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 1, "the first admin key alone");
}

/// Every answer to every request, with or without a key.
#[tokio::test]
async fn no_answer_may_be_framed_or_taken_for_something_else() {
    let api = Api::new().await;
    for (method, path) in [
        (Method::GET, "/v1/docs"),
        (Method::GET, "/v1/openapi.json"),
        (Method::GET, "/v1/keys"),
        (Method::GET, "/v1/keys/apk_none"),
        (Method::DELETE, "/v1/keys"),
        (Method::POST, "/v1/self/revoke"),
        (Method::GET, "/.well-known/portcullis/stamp"),
        (Method::GET, "/.well-known/portcullis/nothing"),
        (Method::GET, "/health/live"),
        (Method::GET, "/metrics"),
        (Method::GET, "/nothing"),
    ] {
        let answer = api.call(method, path, None).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("x-frame-options"), "DENY", "{path}");
        let policy = answer.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; "), "{path}: {policy}");
        assert!(policy.ends_with("frame-ancestors 'none'"), "{path}: {policy}");
    }
    let page = api.get("/v1/docs").await;
    let policy = page.header("content-security-policy").to_owned();
    let page = String::from_utf8(page.bytes).unwrap();
    let style = page.split("<style>").nth(1).unwrap().split("</style>").next().unwrap();
    let digest = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        Digest::of(style.as_bytes()).0,
    );
    assert!(policy.contains(&format!("style-src 'sha256-{digest}'")), "{policy}");
}

#[tokio::test]
async fn a_secret_key_in_an_address_is_refused_with_where_it_belongs() {
    let api = Api::new().await;
    let secret = api.bench.issuer.keys().create(&NewKey::titled("x")).await.unwrap().token;
    let secret = secret.as_str();
    let escaped = secret.replace('_', "%5f");
    for path in [
        format!("/v1/keys?token={secret}"),
        format!("/v1/keys?token={escaped}"),
        format!("/v1/keys?q={secret}"),
        format!("/v1/keys?title=%20{secret}"),
        format!("/v1/events?actor={secret}"),
        format!("/v1/keys/{secret}"),
        format!("/v1/keys/{escaped}/deliveries"),
    ] {
        let answer = api.get(&path).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(answer.json()["code"], "secret_in_address", "{path}");
        assert!(text(&answer.json(), "/detail").contains("POST /v1/keys/authenticate"));
    }
    let public = json!({ "title": "x", "kind": "publishable" });
    let public = api.post("/v1/keys", public).await.json();
    let found = api.get(&format!("/v1/keys?token=%20{}%0A", text(&public, "/token"))).await.json();
    assert_eq!(found["keys"][0]["id"], public["key"]["id"]);
}

/// White space that is copied along with a key is ignored, wherever keys are accepted.
#[tokio::test]
async fn blanks_and_line_ends_around_a_key_are_no_part_of_it() {
    let api = Api::new().await;
    let issuer = &api.bench.issuer;
    let made = issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    let admin = api.bench.made.admin_token.as_str();
    for (front, behind) in [("", "\n"), (" ", ""), ("\t", "\r\n"), ("\u{a0}", " ")] {
        let token = format!("{front}{}{behind}", made.token.as_str());
        let verdict = api.post("/v1/verify", json!({ "token": token })).await.json();
        assert_eq!(verdict["ok"], true, "{token:?}: {verdict}");
        let known = api.post("/v1/keys/authenticate", json!({ "token": token })).await.json();
        assert_eq!(known["ok"], true, "{token:?}");
        let admin = format!("{front}{admin}{behind}");
        assert!(issuer.admins().find(&admin).await.unwrap().is_ok(), "{admin:?}");
    }
    for inner in [" ", "\n"] {
        let (one, other) = made.token.split_at(20);
        let verdict = api.post("/v1/verify", json!({ "token": format!("{one}{inner}{other}") }));
        assert_eq!(verdict.await.json()["ok"], false, "inside it is");
    }
    let revoked = issuer.keys().revoke_by_token(&format!(" {}\n", made.token.as_str())).await;
    assert!(revoked.is_ok());
}
