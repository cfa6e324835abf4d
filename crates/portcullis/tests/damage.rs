//! Damaged files, wrong permissions, unfinished work: each has its own error, and nothing is
//! overwritten.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]

mod common;

use std::fs;
use std::path::Path;

use common::Shell;
use portcullis_core::token::Label;
use portcullis_issuer::init::{Plan, init};
use portcullis_issuer::{Error, Home};
use portcullis_test_support::{Bench, code, stderr};

/// Every file in `folder` with its bytes, except SQLite's shared-memory index, which holds nothing
/// durable.
fn snapshot(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries
        .filter(|path| path.is_file() && path.extension() != Some("db-shm".as_ref()))
        .map(|path| {
            (path.file_name().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap())
        })
        .collect();
    files.retain(|(name, bytes)| name != "issuer.db-wal" || !bytes.is_empty());
    files.sort();
    files
}

/// Checks that every command that opens the issuer fails with `words`, exits with 2 and changes
/// nothing.
fn all_refuse(shell: &Shell, words: &str) {
    let before = snapshot(&shell.home());
    for args in [
        &["keys", "list"][..],
        &["keys", "create", "--title", "x"],
        &["list", "publish"],
        &["verify", "sk_live_x"],
        &["serve", "--listen", "127.0.0.1:0"],
        &["keyring", "export", "--gate"],
    ] {
        let output = shell.run(args);
        assert_eq!(code(&output), 2, "{args:?}");
        assert!(stderr(&output).contains(words), "{args:?}: {}", stderr(&output));
    }
    assert_eq!(code(&shell.run(&["init"])), 2, "init overwrites nothing");
    assert_eq!(snapshot(&shell.home()), before);
}

#[test]
fn a_second_init_is_refused() {
    let shell = Shell::initialised();
    let before = snapshot(&shell.home());
    let again = shell.run(&["init"]);
    assert_eq!(code(&again), 2);
    assert!(stderr(&again).contains("already holds an issuer"));
    assert_eq!(snapshot(&shell.home()), before);
}

#[test]
fn a_corrupt_keystore_is_named() {
    for content in [
        "",
        "not json",
        "{\"version\":1}",
        "{\"version\":9,\"issuer\":\"\",\"root\":\"\",\"keys\":[]}",
    ] {
        let shell = Shell::initialised();
        fs::write(shell.home().join("keystore.json"), content).unwrap();
        all_refuse(&shell, "keystore.json can't be used");
    }
}

#[test]
fn a_key_that_the_keyring_does_not_list_is_named() {
    let shell = Shell::initialised();
    let path = shell.home().join("keystore.json");
    let text = fs::read_to_string(&path).unwrap();
    let at = text.find("\"secret\": \"").unwrap() + 11;
    let altered = format!("{}{}{}", &text[..at], "A".repeat(43), &text[at + 43..]);
    fs::write(&path, altered).unwrap();
    all_refuse(&shell, "kid 1");
}

#[test]
fn a_corrupt_database_is_named() {
    for content in [&b""[..], b"SQLite", b"this is certainly no database file at all, is it? no."] {
        let shell = Shell::initialised();
        fs::write(shell.home().join("issuer.db"), content).unwrap();
        all_refuse(&shell, "database is damaged");
    }
    // The header is intact, the pages are not.
    let shell = Shell::initialised();
    let path = shell.home().join("issuer.db");
    let mut bytes = fs::read(&path).unwrap();
    bytes[100..].fill(0x5A);
    fs::write(&path, bytes).unwrap();
    all_refuse(&shell, "database is damaged");
}

#[test]
fn a_missing_or_foreign_database_is_named() {
    let shell = Shell::initialised();
    let path = shell.home().join("issuer.db");
    let other = Shell::initialised();
    fs::copy(other.home().join("issuer.db"), &path).unwrap();
    all_refuse(&shell, "not that of the keystore's issuer");
    fs::remove_file(&path).unwrap();
    all_refuse(&shell, "is missing");
    assert!(!path.exists(), "it is never made anew");
}

#[cfg(unix)]
#[test]
fn secrets_that_others_can_read_are_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    for (name, mode) in [("keystore.json", 0o644), ("keystore.json", 0o640), ("root.key", 0o604)] {
        let shell = Shell::initialised();
        let path = shell.home().join(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        all_refuse(&shell, &format!("chmod 600 {}", path.display()));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(code(&shell.run(&["keys", "list"])), 0);
    }
}

#[test]
fn init_fills_a_folder_that_is_there_and_puts_the_root_where_it_is_told() {
    let shell = Shell::new();
    fs::create_dir(shell.home()).unwrap();
    fs::write(shell.home().join("notes.txt"), "mine").unwrap();
    let root = shell.folder.path().join("usb/root.key");
    let missing = shell.run(&["init", "--root", root.to_str().unwrap()]);
    assert_eq!(code(&missing), 2, "its folder is not there");
    assert_eq!(snapshot(&shell.home()).len(), 1, "nothing is half-written");
    assert_eq!(fs::read_dir(shell.folder.path()).unwrap().count(), 1, "no draft is left");
    fs::create_dir(root.parent().unwrap()).unwrap();
    assert_eq!(code(&shell.run(&["init", "--root", root.to_str().unwrap()])), 0);
    let names: Vec<_> = snapshot(&shell.home()).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["issuer.db", "keystore.json", "notes.txt"]);
    assert_eq!(fs::read(&root).unwrap().len(), 43);
    assert_eq!(code(&shell.run(&["keys", "create", "--title", "x"])), 0);
    let elsewhere = shell.run(&["--home", "second", "init", "--root", root.to_str().unwrap()]);
    assert_eq!(code(&elsewhere), 2);
    assert!(stderr(&elsewhere).contains("already exists"), "{}", stderr(&elsewhere));
}

#[tokio::test]
async fn a_full_shard_says_so_and_changes_nothing() {
    let bench = Bench::new().await;
    let mut writing = bench.issuer.store().bookkeeping().await.unwrap();
    sqlx::query("UPDATE shards SET issued = 943718").execute(&mut *writing).await.unwrap();
    writing.save().await.unwrap();
    let new = portcullis_issuer::actions::NewKey::titled("x");
    assert!(matches!(bench.issuer.keys().create(&new).await, Err(Error::ShardFull)));
    let mut writing = bench.issuer.store().bookkeeping().await.unwrap();
    sqlx::query("UPDATE shards SET issued = 943717 WHERE shard = 0")
        .execute(&mut *writing)
        .await
        .unwrap();
    writing.save().await.unwrap();
    bench.issuer.keys().create(&new).await.unwrap();
}

#[tokio::test]
async fn a_serial_outside_the_published_shards_is_never_handed_out() {
    let bench = Bench::new().await;
    let mut writing = bench.issuer.store().bookkeeping().await.unwrap();
    sqlx::query("UPDATE shards SET issued = capacity").execute(&mut *writing).await.unwrap();
    writing.save().await.unwrap();
    let new = portcullis_issuer::actions::NewKey::titled("x");
    assert!(matches!(bench.issuer.keys().create(&new).await, Err(Error::ShardFull)));
    // The earlier stamps still lack the new shards.
    bench.issuer.list().publish().await.unwrap();
    assert!(matches!(bench.issuer.keys().create(&new).await, Err(Error::ShardFull)));
    let valid_for =
        u64::try_from(portcullis_issuer::publish::DEFAULT_VALID_FOR.as_millis()).unwrap();
    bench.clock.advance(valid_for + portcullis_core::list::MAX_SKEW_MILLIS);
    bench.issuer.list().publish().await.unwrap();
    assert_eq!(bench.issuer.keys().create(&new).await.unwrap().record.serial.shard(), 2);
}

#[tokio::test]
async fn two_inits_at_once_make_one_issuer() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::new(folder.path().join("home"));
    let plan = Plan { labels: vec![Label::NONE], root: None, encrypt: false };
    let clock = std::sync::Arc::new(portcullis_issuer::clock::SystemClock);
    let (first, second) =
        tokio::join!(init(&home, &plan, clock.clone()), init(&home, &plan, clock.clone()));
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    let entries = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(entries, 1, "no draft is left");
    let valid_for = portcullis_issuer::publish::DEFAULT_VALID_FOR;
    portcullis_issuer::Issuer::open(&home, clock, valid_for).await.unwrap();
}
