//! The files of policies: public ones for everyone, private ones for gates alone.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use portcullis_api::router;
use portcullis_core::policy::Visibility;
use portcullis_issuer::actions::{NewKey, PolicyRules};
use portcullis_issuer::record::KeyPurpose;
use portcullis_test_support::Bench;
use tower::ServiceExt as _;

#[tokio::test]
async fn private_policies_are_for_gates_alone() {
    check_private_policies(Bench::new().await).await;
}

#[tokio::test]
async fn private_policies_are_for_gates_alone_on_postgres() {
    if let Some(bench) = Bench::on_postgres().await {
        check_private_policies(bench).await;
    }
}

async fn check_private_policies(bench: Bench) {
    let issuer = &bench.issuer;
    let reader = PolicyRules { scopes: vec!["orders:read".into()], ..PolicyRules::default() };
    bench.policy("Reader", Visibility::Private, reader).await;
    bench.policy("Shop", Visibility::Public, PolicyRules::default()).await;
    let state = issuer.list().state().await.unwrap();
    let head = state.verifier().list().unwrap().head();
    let router = router(issuer);
    let get = async |path: String, token: Option<&str>| {
        let mut request = Request::builder().uri(format!("/.well-known/portcullis/{path}"));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let answer = router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let caching = answer.headers().get("cache-control");
        (answer.status(), caching.map(|value| value.to_str().unwrap().to_owned()))
    };
    let public = format!("policies/{}", head.public_policies().digest);
    let (status, caching) = get(public, None).await;
    assert_eq!(status, StatusCode::OK);
    assert!(caching.unwrap().contains("immutable"));

    let private = format!("private/{}", head.private_policies().digest);
    let admin = async |scope: &str| {
        let admin_scopes = vec![scope.into()];
        let new = NewKey { purpose: KeyPurpose::Admin, admin_scopes, ..NewKey::titled("Gate") };
        issuer.keys().create(&new).await.unwrap()
    };
    let (gate, other) = (admin("gates:read").await, admin("keys:*").await);
    let plain = issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    for token in [None, Some("nonsense"), Some(plain.token.as_str()), Some(other.token.as_str())] {
        assert_eq!(get(private.clone(), token).await.0, StatusCode::NOT_FOUND, "{token:?}");
    }
    let (status, caching) = get(private.clone(), Some(&gate.token)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(caching.unwrap(), "private, max-age=31536000, immutable");
    // Under the other name there is no file, with or without a key.
    let public = private.replace("private/", "policies/");
    assert_eq!(get(public, Some(&gate.token)).await.0, StatusCode::NOT_FOUND);
}
