//! A SQLite database whose files are deleted, moved or replaced while an issuer has them open: the
//! issuer acknowledges nothing that would be lost with them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]
#![cfg(unix)]

use std::path::{Path, PathBuf};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use portcullis_api::router;
use portcullis_issuer::actions::{NewKey, Query};
use portcullis_test_support::Bench;
use serde_json::Value;
use tower::ServiceExt as _;

/// What happens to a file.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Deleted,
    Moved,
    /// Replaced by another file with the same content, as when a backup is moved over it with `mv`.
    Replaced,
}

const FATES: [Fate; 3] = [Fate::Deleted, Fate::Moved, Fate::Replaced];

impl Fate {
    /// Applies the change; returns the path under which the original file is kept.
    fn befall(self, file: &Path) -> PathBuf {
        let with = |end: &str| {
            let mut name = file.as_os_str().to_owned();
            name.push(end);
            PathBuf::from(name)
        };
        let (kept, copy) = (with(".kept"), with(".copy"));
        match self {
            Self::Deleted => {
                std::fs::hard_link(file, &kept).unwrap();
                std::fs::remove_file(file).unwrap();
            }
            Self::Moved => std::fs::rename(file, &kept).unwrap(),
            Self::Replaced => {
                std::fs::hard_link(file, &kept).unwrap();
                std::fs::copy(file, &copy).unwrap();
                std::fs::rename(&copy, file).unwrap();
            }
        }
        kept
    }

    const fn code(self, file: &str) -> &'static str {
        match (self, file.is_empty()) {
            (Self::Deleted | Self::Moved, true) => "database_missing",
            _ => "database_replaced",
        }
    }
}

/// The database's file with this suffix.
fn file(bench: &Bench, end: &str) -> PathBuf {
    let mut name = bench.home.database_file().into_os_string();
    name.push(end);
    name.into()
}

async fn ask(router: &Router, request: Request<Body>) -> (u16, Value) {
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    (parts.status.as_u16(), serde_json::from_slice(&bytes).unwrap())
}

#[tokio::test]
async fn nothing_is_acknowledged_that_would_be_lost_with_the_process() {
    let bench = Bench::new().await;
    let issuer = &bench.issuer;
    let router = router(issuer);
    let admin = format!("Bearer {}", bench.made.admin_token.as_str());
    let ready = || Request::get("/health/ready").body(Body::empty()).unwrap();
    let create = || {
        let post = Request::post("/v1/keys").header("authorization", &admin);
        let post = post.header("content-type", "application/json");
        post.body(Body::from(r#"{"title":"over HTTP"}"#)).unwrap()
    };
    for end in ["", "-wal", "-shm"] {
        for fate in FATES {
            let of = format!("issuer.db{end} {fate:?}");
            let file = file(&bench, end);
            let before = issuer.keys().list(&Query::default()).await.unwrap().keys.len();
            // A transaction that had already begun fails too.
            let begun = issuer.store().bookkeeping().await.unwrap();
            let kept = fate.befall(&file);
            let code = fate.code(end);
            assert_eq!(begun.save().await.unwrap_err().code(), code, "{of}");
            let refused = issuer.keys().create(&NewKey::titled("x")).await.unwrap_err();
            assert_eq!(refused.code(), code, "{of}");
            assert!(refused.to_string().contains("restore"), "{refused}");
            assert_eq!(issuer.list().publish().await.unwrap_err().code(), code, "{of}");
            let (status, problem) = ask(&router, create()).await;
            assert_eq!((status, problem["code"].as_str()), (503, Some(code)), "{of}: {problem}");
            let (status, problem) = ask(&router, ready()).await;
            assert_eq!((status, problem["code"].as_str()), (503, Some(code)), "{of}: {problem}");
            // Reading the open files is allowed, so gates still get the list.
            issuer.list().published().await.unwrap();
            // Once the file is put back, everything works again.
            std::fs::rename(&kept, &file).unwrap();
            bench.clock.advance(1_000);
            issuer.list().publish().await.unwrap();
            issuer.keys().create(&NewKey::titled("x")).await.unwrap();
            assert_eq!(ask(&router, create()).await.0, 201, "{of}");
            assert_eq!(ask(&router, ready()).await.0, 200, "{of}");
            let after = issuer.keys().list(&Query::default()).await.unwrap().keys.len();
            assert_eq!(after, before + 2, "{of}: what was refused was not done");
        }
    }
}

/// A pool opens connections on demand: none of them may open the new file.
#[tokio::test]
async fn no_connection_is_made_to_what_has_come_instead() {
    let bench = Bench::new().await;
    let store = bench.issuer.store();
    let kept = Fate::Replaced.befall(&file(&bench, ""));
    // Take all open connections; then there are no more.
    let mut taken = Vec::new();
    let refused = loop {
        match store.read().await {
            Ok(reading) => taken.push(reading),
            Err(error) => break error,
        }
        assert!(taken.len() < 20, "connections are made anew");
    };
    assert_eq!(refused.code(), "database_replaced");
    assert!(!taken.is_empty());
    std::fs::rename(&kept, file(&bench, "")).unwrap();
    store.read().await.unwrap();
}

/// A database that is named by a link has its log next to the file, not next to the link.
#[tokio::test]
async fn a_link_to_the_database_is_no_other_file() {
    let bench = Bench::new().await;
    bench.issuer.store().close().await;
    let (file, elsewhere) = (file(&bench, ""), bench.folder.path().join("elsewhere.db"));
    std::fs::rename(&file, &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, &file).unwrap();
    let issuer = portcullis_issuer::Issuer::open(
        &bench.home,
        bench.clock.clone(),
        std::time::Duration::from_secs(300),
    );
    let issuer = issuer.await.unwrap();
    issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    std::fs::rename(&elsewhere, bench.folder.path().join("moved.db")).unwrap();
    let refused = issuer.keys().create(&NewKey::titled("y")).await.unwrap_err();
    assert_eq!(refused.code(), "database_missing");
}

/// SQLite keeps its log while the store is open; after it is closed, the file alone holds
/// everything.
#[tokio::test]
async fn closed_in_order_one_file_holds_everything() {
    let bench = Bench::new().await;
    bench.issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    assert!(file(&bench, "-wal").exists());
    bench.issuer.store().close().await;
    assert!(!file(&bench, "-wal").exists() && !file(&bench, "-shm").exists());
}
