//! Acts that can't be undone: previewed first, confirmed by their count, and never ending the last
//! admin key by mistake.

use super::*;

impl Api {
    async fn keys(&self, many: usize, owner: u64) -> Vec<String> {
        let mut ids = Vec::new();
        for number in 0..many {
            let body = json!({ "title": format!("key {number}"), "owner": owner });
            ids.push(text(&self.post("/v1/keys", body).await.json(), "/key/id").to_owned());
        }
        ids
    }

    async fn state(&self, id: &str) -> String {
        text(&self.get(&format!("/v1/keys/{id}")).await.json(), "/state").to_owned()
    }

    async fn refused(&self, path: &str, body: Value) -> (u16, String) {
        let before = self.bench.issuer.trail().last().await.unwrap();
        let answer = self.post(path, body.clone()).await;
        assert!(answer.status.is_client_error(), "{path} {body}: {}", answer.json());
        assert_eq!(self.bench.issuer.trail().last().await.unwrap(), before, "nothing was done");
        (answer.status.as_u16(), text(&answer.json(), "/code").to_owned())
    }
}

#[tokio::test]
async fn every_bulk_act_is_looked_at_first_and_confirmed_by_its_count() {
    let api = Api::new().await;
    let owner = api.post("/v1/owners", json!({ "name": "Acme" })).await.json();
    let owner = owner["number"].as_u64().unwrap();
    let ids = api.keys(3, owner).await;
    api.keys(2, 0).await;
    let acts = [
        ("/v1/bulk-revocations", json!({ "owner": owner })),
        ("/v1/keys/revoke", json!({ "where": { "owner": owner } })),
        ("/v1/keys/revoke", json!({ "ids": ids })),
    ];
    for (path, act) in &acts {
        let with = |more: Value| {
            let mut body = act.clone();
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body
        };
        let before = api.bench.issuer.trail().last().await.unwrap();
        let told = api.post(path, with(json!({ "dry_run": true }))).await;
        assert_eq!(told.status, StatusCode::OK);
        let told = told.json();
        assert_eq!((&told["dry_run"], &told["count"]), (&json!(true), &json!(3)), "{path}");
        assert_eq!((&told["admins"], &told["admins_left"]), (&json!(0), &json!(1)));
        assert_eq!(api.bench.issuer.trail().last().await.unwrap(), before, "nothing was done");
        for wrong in [0, 2, 4] {
            let refused = api.refused(path, with(json!({ "confirm": wrong }))).await;
            assert_eq!(refused, (409, "count_changed".into()), "{path}");
        }
    }
    let (path, mut act) = acts[0].clone();
    act["confirm"] = json!(3);
    assert_eq!(api.post(path, act).await.status, StatusCode::CREATED);
    for id in &ids {
        assert_eq!(api.state(id).await, "revoked");
    }
    // Keys that are already revoked aren't counted again.
    let again = json!({ "owner": owner, "dry_run": true });
    assert_eq!(api.post("/v1/bulk-revocations", again).await.json()["admins_left"], 1);
}

#[tokio::test]
async fn the_last_admin_key_ends_by_no_act_unless_that_is_said() {
    let api = Api::new().await;
    let last = api.bench.made.admin.id.clone();
    // Admin keys that can't make admin keys do not count.
    let weak = json!({ "title": "Gate", "scopes": ["gates:read"] });
    assert_eq!(api.post("/v1/admins", weak).await.status, StatusCode::CREATED);
    let kid = api.bench.made.admin.kid;
    let acts = [
        (format!("/v1/keys/{last}/revoke"), json!({})),
        ("/v1/keys/revoke".into(), json!({ "ids": [last] })),
        ("/v1/keys/revoke".into(), json!({ "where": { "purpose": "admin" } })),
        ("/v1/keys/revoke".into(), json!({ "where": { "environment": "live" }, "confirm": 2 })),
        ("/v1/bulk-revocations".into(), json!({ "environment": "live" })),
        ("/v1/bulk-revocations".into(), json!({ "environment": "live", "state": "suspended" })),
        ("/v1/bulk-revocations".into(), json!({ "kid": kid })),
        ("/v1/bulk-revocations".into(), json!({ "issued_from": "2020-01-01T00:00:00Z" })),
        (format!("/v1/keys/{last}/undo"), json!({})),
        ("/v1/keys/undo".into(), json!({ "ids": [last] })),
    ];
    for (path, body) in &acts {
        let refused = api.refused(path, body.clone()).await;
        assert_eq!(refused, (409, "last_admin_key".into()), "{path} {body}");
    }
    // With another such key in force, it may be revoked.
    let strong = json!({ "title": "Second", "scopes": ["admins:write"] });
    let second = api.post("/v1/admins", strong).await.json();
    let second = text(&second, "/key/id").to_owned();
    let path = format!("/v1/keys/{second}/revoke");
    assert_eq!(api.post(&path, json!({})).await.status, StatusCode::OK);
    let meant = json!({ "environment": "live", "last_admin": true });
    assert_eq!(api.post("/v1/bulk-revocations", meant).await.status, StatusCode::CREATED);
    assert_eq!(api.get("/v1/keys").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_owner_that_there_never_was_is_no_ones_to_revoke() {
    let api = Api::new().await;
    for state in ["revoked", "suspended"] {
        let refused =
            api.refused("/v1/bulk-revocations", json!({ "owner": 4711, "state": state })).await;
        assert_eq!(refused, (404, "not_found".into()));
    }
    let owner = api.post("/v1/owners", json!({ "name": "Acme" })).await.json()["number"].clone();
    let path = format!("/v1/owners/{owner}");
    assert_eq!(api.call(Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    let gone = api.post("/v1/bulk-revocations", json!({ "owner": owner })).await;
    assert_eq!(gone.status, StatusCode::CREATED, "one that was deleted is known");
}

#[tokio::test]
async fn what_is_revoked_already_is_named_or_skipped() {
    let api = Api::new().await;
    let ids = api.keys(4, 0).await;
    let path = |id: &str| format!("/v1/keys/{id}/revoke");
    api.post(&path(&ids[0]), json!({})).await;
    api.post(&path(&ids[1]), json!({ "in_seconds": 60 })).await;
    let refused = api.post("/v1/keys/revoke", json!({ "ids": ids })).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert_eq!(refused.json()["keys"], json!([ids[0]]), "it names the key");
    let later = json!({ "ids": ids[1..], "in_seconds": 3600 });
    let refused = api.post("/v1/keys/revoke", later).await.json();
    assert_eq!(
        (text(&refused, "/code"), &refused["keys"]),
        ("revocation_not_earlier", &json!([ids[1]]))
    );
    assert_eq!(api.state(&ids[2]).await, "active", "all or none");

    let body = json!({ "ids": ids, "if_revoked": "skip", "revoked_by": "incident" });
    let done = api.post("/v1/keys/revoke", body.clone()).await.json();
    assert_eq!((&done["count"], &done["skipped"]), (&json!(3), &json!([ids[0]])), "{done}");
    for id in &ids {
        assert_eq!(api.state(id).await, "revoked");
    }
    // Repeating the act finds nothing left to do.
    let again = api.post("/v1/keys/revoke", body).await;
    assert_eq!((again.status, &again.json()["count"]), (StatusCode::OK, &json!(0)));
    let one = api.post(&path(&ids[0]), json!({ "if_revoked": "skip" })).await;
    assert_eq!((one.status, text(&one.json(), "/state")), (StatusCode::OK, "revoked"));
    assert_eq!(api.post(&path(&ids[0]), json!({})).await.status, StatusCode::CONFLICT);
    let odd = api.refused(&path(&ids[0]), json!({ "if_revoked": "perhaps" })).await;
    assert_eq!(odd, (400, "invalid".into()));
}

#[tokio::test]
async fn a_search_that_says_next_to_nothing_chooses_no_key_of_an_act() {
    let api = Api::new().await;
    let ids = api.keys(3, 0).await;
    for q in ["_", "***", "e", "ke", "   ", "-_-"] {
        let refused = api.refused("/v1/keys/revoke", json!({ "where": { "q": q } })).await;
        assert_eq!(refused, (400, "invalid".into()), "{q}");
    }
    for q in ["sk_", "sk_liv", "live"] {
        let none = api.post("/v1/keys/revoke", json!({ "where": { "q": q } })).await.json();
        assert_eq!(none["count"], 0, "{q} is in each key's redacted form");
    }
    let one = api.post("/v1/keys/revoke", json!({ "where": { "q": "key 1" } })).await.json();
    assert_eq!((&one["count"], text(&one, "/keys/0/id")), (&json!(1), ids[1].as_str()));
}
