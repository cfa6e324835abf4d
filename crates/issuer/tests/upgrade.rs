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

/// All that the database's files hold.
fn files(home: &Home) -> Vec<u8> {
    let mut all = std::fs::read(home.database_file()).unwrap();
    let mut log = home.database_file().into_os_string();
    log.push("-wal");
    all.extend(std::fs::read(log).unwrap_or_default());
    all
}

#[tokio::test]
async fn secrets_of_webhooks_are_sealed_and_what_was_left_of_them_is_wiped() {
    let folder = tempfile::tempdir().unwrap();
    let (home, about) = unpack("schema-6", folder.path());
    let secrets = ["secret", "old_secret", "deleted_secret"];
    let secrets = secrets.map(|name| about[name].as_str().unwrap().to_owned());
    let holds = |all: &[u8], secret: &str| {
        let bare = secret.trim_start_matches("whsec_").as_bytes();
        all.windows(bare.len()).any(|part| part == bare)
    };
    let before = files(&home);
    assert!(secrets.iter().all(|secret| holds(&before, secret)), "in the clear, the deleted too");
    let issuer = open(&home).await;
    let after = files(&home);
    assert!(!secrets.iter().any(|secret| holds(&after, secret)));

    // They sign as before.
    let id = about["webhook"].as_str().unwrap();
    let webhook = issuer.show_webhook(id).await.unwrap();
    let key = issuer.keystore().column_key().unwrap();
    let (old, _) = webhook.old_secret.as_ref().unwrap();
    assert_eq!(key.open(id, &webhook.secret).unwrap().as_str(), secrets[0]);
    assert_eq!(key.open(id, old).unwrap().as_str(), secrets[1]);
    issuer.store().close().await;
    // It is done once: another start finds what there is.
    let again = open(&home).await.show_webhook(id).await.unwrap();
    assert_eq!(again.secret, webhook.secret);
}

#[tokio::test]
async fn a_backup_of_before_is_sealed_when_it_is_restored() {
    let folder = tempfile::tempdir().unwrap();
    let (home, about) = unpack("schema-6", folder.path());
    let secret = about["secret"].as_str().unwrap();
    // What a backup of now holds is sealed, and what is restored from it opens with its keystore.
    let unlock = portcullis_issuer::keystore::Unlock::key_file(&key_file(folder.path())).unwrap();
    let home = home.with_unlock(unlock.clone());
    let backup = folder.path().join("backup.pcx");
    let issuer = open(&home).await;
    issuer.back_up(&backup).await.unwrap();
    issuer.store().close().await;
    let elsewhere = Home::new(folder.path().join("elsewhere")).with_unlock(unlock);
    portcullis_issuer::backup::restore(&backup, &elsewhere).unwrap();
    let bare = secret.trim_start_matches("whsec_").as_bytes();
    assert!(!files(&elsewhere).windows(bare.len()).any(|part| part == bare));
    let restored = open(&elsewhere).await;
    let webhook = restored.show_webhook(about["webhook"].as_str().unwrap()).await.unwrap();
    let key = restored.keystore().column_key().unwrap();
    assert_eq!(key.open(&webhook.id, &webhook.secret).unwrap().as_str(), secret);
}

fn key_file(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("backup.key");
    std::fs::write(&path, [7; 32]).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}
