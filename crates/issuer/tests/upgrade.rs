//! Databases of earlier programs, kept as they were left: what is opened is brought up to date.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]

mod common;

use std::io::BufRead as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use common::START;
use portcullis_issuer::clock::ManualClock;
use portcullis_issuer::events::{Anchor, check_export};
use portcullis_issuer::issuer::DEFAULT_VALID_FOR;
use portcullis_issuer::store::events::Filter;
use portcullis_issuer::{Home, Issuer};
use serde_json::Value;

/// Unpacks an issuer of that schema into `folder`; gives what is noted of it.
fn unpack(schema: &str, folder: &Path) -> (Home, Value) {
    let path = format!("{}/tests/fixtures/{schema}.tar.gz", env!("CARGO_MANIFEST_DIR"));
    let file = flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap());
    tar::Archive::new(file).unpack(folder).unwrap();
    for name in ["issuer.db", "keystore.json"] {
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(folder.join(name), private).unwrap();
    }
    let about = std::fs::read(folder.join("about.json")).unwrap();
    (Home::new(folder), serde_json::from_slice(&about).unwrap())
}

async fn open(home: &Home) -> Issuer {
    let clock = Arc::new(ManualClock::at(START));
    Issuer::open(home, clock, DEFAULT_VALID_FOR).await.unwrap()
}

#[tokio::test]
async fn a_trail_of_before_principals_verifies_and_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (home, about) = unpack("schema-6", folder.path());
    let issuer = open(&home).await;
    let anchor = Anchor::parse(about["anchor"].as_str().unwrap()).unwrap();
    let report = issuer.verify_trail(&[anchor]).await.unwrap();
    assert_eq!((report.findings, report.newest), (vec![], Some(anchor)));
    let old = issuer.events_after(0, 100).await.unwrap();
    assert!(old.iter().all(|event| event.actor.is_none()), "nobody had proved who they were");
    let revoked = old.iter().find(|event| event.event == "api-key.revoked").unwrap();
    assert_eq!(revoked.on_behalf_of.as_deref(), Some("security"));
    let key = issuer.show(revoked.key_id.as_deref().unwrap()).await.unwrap();
    assert_eq!((key.maker, key.created_by.as_deref()), (None, Some("zoe")));

    issuer.create(&portcullis_issuer::rules::NewKey::titled("later")).await.unwrap();
    let report = issuer.verify_trail(&[anchor]).await.unwrap();
    assert!(report.is_sound() && report.events > 12, "{:?}", report.findings);
    let by = Filter { actor: Some(issuer.actor().name().into()), ..Filter::default() };
    let query = portcullis_issuer::events::EventQuery { filter: by, ..Default::default() };
    assert_eq!(issuer.list_events(&query).await.unwrap().events.len(), 1);
}

#[test]
fn an_export_of_before_principals_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let (_, about) = unpack("schema-6", folder.path());
    let anchor = Anchor::parse(about["anchor"].as_str().unwrap()).unwrap();
    let text = std::fs::read(folder.path().join("trail.jsonl")).unwrap();
    let report = check_export(text.lines(), &[anchor]).unwrap();
    assert_eq!((report.findings, report.events), (vec![], 12));
    // Whoever makes a principal of what the caller wrote is found.
    let text = String::from_utf8(text).unwrap();
    let forged =
        text.replacen("\"actor\":\"security\"", "\"on_behalf_of\":null,\"actor\":\"security\"", 1);
    assert_ne!(forged, text);
    let report = check_export(forged.as_bytes().lines(), &[]).unwrap();
    assert_eq!(report.findings.iter().map(|one| one.code).collect::<Vec<_>>(), ["changed"]);
}
