//! Labels over HTTP.

use portcullis_core::token::Label;
use portcullis_issuer::actions::{Care, KeyringChange, LabelChange};
use portcullis_issuer::keystore::{Unlock, Vault};

use super::*;

impl Api {
    /// Adds `words` to the listed labels, with the first of them as the default.
    async fn list_labels(&self, words: &[&str]) {
        let add: Vec<Label> = words.iter().map(|word| Label::new(word).unwrap()).collect();
        let labels = LabelChange { first: add.first().copied(), add, remove: vec![] };
        let change = KeyringChange::Labels { labels, care: Care::default() };
        let root = Vault::new(self.bench.home.root_key(), Unlock::default());
        self.bench.issuer.keyring().change(&change, &root, None).await.unwrap();
    }
}

#[tokio::test]
async fn a_request_names_a_label_that_the_keyring_lists() {
    let api = Api::new().await;
    let labels = json!({ "version": 1, "labels": [""] });
    assert_eq!(api.get("/v1/keyring/labels").await.json(), labels);
    let refused = api.post("/v1/keys", json!({ "title": "x", "label": "acme" })).await;
    let problem = refused.json();
    assert_eq!(
        (refused.status, text(&problem, "/code")),
        (StatusCode::BAD_REQUEST, "label_not_listed")
    );
    assert_eq!(text(&problem, "/kind"), "invalid_data");
    assert!(
        text(&problem, "/detail").contains("portcullis keyring labels --add acme"),
        "{problem}"
    );

    api.list_labels(&["acme"]).await;
    let labels = json!({ "version": 2, "labels": ["acme", ""] });
    assert_eq!(api.get("/v1/keyring/labels").await.json(), labels);
    assert_eq!(api.get("/v1/keyring").await.json()["labels"], labels["labels"]);
    let body = json!([
        { "title": "a" }, { "title": "b", "label": "" }, { "title": "c", "label": "acme" },
        { "title": "d", "label": "", "kind": "publishable" },
    ]);
    let made = api.post("/v1/keys", body).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let made = made.json();
    let fronts = ["acme_sk_live_", "sk_live_", "acme_sk_live_", "pk_live_"];
    for (made, front) in made.as_array().unwrap().iter().zip(fronts) {
        assert!(text(made, "/token").starts_with(front), "{made}");
        let shown = api.get(&format!("/v1/keys/{}", text(made, "/key/id"))).await.json();
        assert_eq!(text(&shown, "/label"), if front.starts_with("acme") { "acme" } else { "" });
    }

    let id = text(&made, "/0/key/id");
    let roll = format!("/v1/keys/{id}/roll");
    let rolled = api.post(&roll, json!({ "label": "shop" })).await;
    assert_eq!(text(&rolled.json(), "/code"), "label_not_listed");
    let rolled = api.post(&roll, json!({ "label": "" })).await.json();
    assert!(text(&rolled, "/token").starts_with("sk_live_"), "{rolled}");
    let kept = api.post(&format!("/v1/keys/{}/roll", text(&rolled, "/key/id")), json!({})).await;
    assert!(text(&kept.json(), "/token").starts_with("sk_live_"), "not the default");

    let upserted = api.call(Method::PUT, "/v1/keys", Some(json!([{ "title": "e", "label": "" }])));
    assert!(text(&upserted.await.json(), "/created/0/token").starts_with("sk_live_"));
    let admin = json!({ "title": "f", "scopes": ["keys:read"], "label": "" });
    let admin = api.post("/v1/admins", admin).await.json();
    assert!(text(&admin, "/token").starts_with("ak_live_"));
    // A key that may read keys may also read the labels.
    let request = Request::builder().uri("/v1/keyring/labels");
    let request = request.header("authorization", format!("Bearer {}", text(&admin, "/token")));
    let shown = api.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!((shown.status, shown.json()), (StatusCode::OK, labels));
}

#[tokio::test]
async fn what_is_no_label_is_refused_by_its_name() {
    let api = Api::new().await;
    for bad in ["UP", "sk", "zk", "live", "1a", "a_b", &"a".repeat(17)] {
        let refused = api.post("/v1/keys", json!({ "title": "x", "label": bad })).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        let problem = refused.json();
        assert_eq!(text(&problem, "/code"), "invalid", "{bad}");
        assert!(text(&problem, "/detail").starts_with("`label` must be"), "{problem}");
    }
    let fixed = api.post("/v1/keys", json!({ "title": "x" })).await.json();
    let path = format!("/v1/keys/{}", text(&fixed, "/key/id"));
    let changed = api.call(Method::PATCH, &path, Some(json!({ "label": "" }))).await.json();
    assert_eq!(text(&changed, "/code"), "fixed_field");
    assert!(text(&changed, "/detail").contains("roll the key"), "{changed}");
}
