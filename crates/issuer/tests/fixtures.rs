//! Databases of earlier schemas, of both kinds: an upgrade keeps every value, the trail and the
//! list's number. `fixtures/README.md` describes how they are made.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]
#![cfg(unix)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use portcullis_core::token::Label;
use portcullis_issuer::actions::{NewKey, Query};
use portcullis_issuer::clock::ManualClock;
use portcullis_issuer::events::Anchor;
use portcullis_issuer::init::{Plan, init};
use portcullis_issuer::publish::DEFAULT_VALID_FOR;
use portcullis_issuer::store::Database;
use portcullis_issuer::{Home, Issuer};
use portcullis_test_support::filled::fill;
use portcullis_test_support::{START, new_database, schemas, stderr, stdout, unpack};
use serde_json::Value;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _, Row as _};

/// Later than any act on an issuer before it was stored.
const LATER_MILLIS: u64 = 60_000;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// The stored schemas: the number, and whether it is one on PostgreSQL.
fn kept() -> Vec<(i64, bool)> {
    let names = std::fs::read_dir(folder()).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let kept = names.filter_map(|name| {
        let name = name.strip_prefix("schema-")?.strip_suffix(".tar.gz")?.to_owned();
        let (number, on_server) = match name.strip_suffix("-postgres") {
            Some(number) => (number, true),
            None => (name.as_str(), false),
        };
        Some((number.parse().unwrap(), on_server))
    });
    let mut kept: Vec<(i64, bool)> = kept.collect();
    kept.sort_unstable();
    kept
}

fn server() -> Option<String> {
    let server = std::env::var("PORTCULLIS_TEST_POSTGRES").ok();
    if server.is_none() {
        assert!(std::env::var_os("CI").is_none(), "PORTCULLIS_TEST_POSTGRES names no server");
        eprintln!("LEFT OUT: PORTCULLIS_TEST_POSTGRES names no PostgreSQL server");
    }
    server
}

/// The released schemas, by version.
fn released() -> BTreeMap<String, i64> {
    let text = std::fs::read_to_string(folder().join("released.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn each_schema_that_was_released_is_kept_and_the_newest_too() {
    let (released, kept, steps) = (released(), kept(), schemas());
    let changes = concat!(env!("CARGO_MANIFEST_DIR"), "/../../CHANGELOG.md");
    let changes = std::fs::read_to_string(changes).unwrap();
    let headings = changes.lines().filter_map(|line| line.strip_prefix("## "));
    for heading in headings.filter(|heading| *heading != "Unreleased") {
        let version = heading.split([' ', ']']).next().unwrap().trim_start_matches('[');
        assert!(
            released.contains_key(version),
            "{version} was released: say in fixtures/released.json with which schema"
        );
    }
    for (version, schema) in &released {
        assert!(steps.contains(schema), "{version} has a schema that there is not");
        for on_server in [false, true] {
            assert!(kept.contains(&(*schema, on_server)), "the schema of {version} is not kept");
        }
    }
    // The schema after the newest release is stored as it will be released.
    let newest = *steps.last().unwrap();
    for on_server in [false, true] {
        assert!(
            kept.contains(&(newest, on_server)),
            "the schema {newest} is not kept: see fixtures/README.md"
        );
    }
}

/// All values of a database, by table and column; each column's values are sorted by their text.
type Values = BTreeMap<String, BTreeMap<String, Vec<String>>>;

async fn values(url: &str) -> Values {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(url).await.unwrap();
    let columns = if url.starts_with("sqlite") {
        "SELECT t.name, c.name FROM sqlite_master t JOIN pragma_table_info(t.name) c \
         WHERE t.type = 'table' AND substr(t.name, 1, 7) <> 'sqlite_'"
    } else {
        "SELECT table_name::TEXT, column_name::TEXT FROM information_schema.columns \
         WHERE table_schema = 'portcullis'"
    };
    let mut all = Values::new();
    for row in sqlx::query(columns).fetch_all(&mut connection).await.unwrap() {
        let (table, column): (String, String) = (row.try_get(0).unwrap(), row.try_get(1).unwrap());
        if table != "_sqlx_migrations" {
            all.entry(table).or_default().insert(column, Vec::new());
        }
    }
    let schema = if url.starts_with("sqlite") { "main" } else { "portcullis" };
    for (table, columns) in &mut all {
        // Each column's values are sorted on their own below, so the order of the rows doesn't
        // matter.
        let names: Vec<String> = columns.keys().map(|name| format!("\"{name}\"")).collect();
        let sql = format!("SELECT {} FROM {schema}.{table}", names.join(", "));
        let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
        for row in &rows {
            for (at, texts) in columns.values_mut().enumerate() {
                texts.push(text(row, at));
            }
        }
        columns.values_mut().for_each(|texts| texts.sort());
    }
    connection.close().await.unwrap();
    all
}

fn text(row: &AnyRow, at: usize) -> String {
    if let Ok(number) = row.try_get::<Option<i64>, _>(at) {
        return format!("{number:?}");
    }
    if let Ok(text) = row.try_get::<Option<String>, _>(at) {
        return format!("{text:?}");
    }
    format!("{:?}", row.try_get::<Option<Vec<u8>>, _>(at).unwrap())
}

/// Whether a step is meant to change this table and column.
fn is_meant(table: &str, column: &str) -> bool {
    match (table, column) {
        // Pending upkeep is done after the upgrade.
        ("upkeep", _) => true,
        ("webhooks", "sealed" | "old_sealed") => true,
        _ => false,
    }
}

/// Loads a stored issuer's database into a server.
async fn load(home: Home, sql: &Path, server: &str) -> (Home, String) {
    let Database::Server(url) = new_database(server).await else { panic!("a server") };
    let mut connection = AnyConnection::connect(&url).await.unwrap();
    let text = std::fs::read_to_string(sql).unwrap();
    connection.execute(AssertSqlSafe(text)).await.unwrap();
    connection.close().await.unwrap();
    (home.with_database(Database::from_url(&url).unwrap()), url)
}

#[tokio::test]
async fn every_value_is_kept_when_a_database_is_brought_up_to_date() {
    for (schema, on_server) in kept() {
        let name = format!("schema-{schema}{}", if on_server { "-postgres" } else { "" });
        let folder = tempfile::tempdir().unwrap();
        let (mut home, about) = unpack(&name, folder.path());
        let mut url = format!("sqlite://{}", home.database_file().display());
        if on_server {
            let Some(server) = server() else { continue };
            (home, url) = load(home, &folder.path().join("issuer.sql"), &server).await;
        }
        let before = values(&url).await;
        let clock = Arc::new(ManualClock::at(START.plus_millis(LATER_MILLIS)));
        let issuer = Issuer::open(&home, clock, DEFAULT_VALID_FOR).await.unwrap();
        let after = values(&url).await;
        let mut same = 0;
        for (table, columns) in &before {
            let now = after.get(table).unwrap_or_else(|| panic!("{name}: {table} is gone"));
            for (column, texts) in columns {
                // A column that was renamed has its own tests.
                if let Some(now) = now.get(column).filter(|_| !is_meant(table, column)) {
                    assert_eq!(now, texts, "{name}: {table}.{column}");
                    same += 1;
                }
            }
        }
        assert!(same > 100, "{name}: {same} columns");

        // The trail continues.
        let anchor = Anchor::parse(about["anchor"].as_str().unwrap()).unwrap();
        let report = issuer.trail().verify(&[anchor]).await.unwrap();
        assert_eq!((report.findings, report.newest), (vec![], Some(anchor)), "{name}");
        let was = issuer.list().published().await.unwrap();
        let keys = issuer.keys().list(&Query::default()).await.unwrap().keys;
        let made = issuer.keys().create(&NewKey::titled("later")).await.unwrap();
        assert!(keys.iter().all(|key| key.serial != made.record.serial), "{name}");
        let mut verifier = portcullis_core::verifier::Verifier::new(
            *issuer.root(),
            &issuer.keyring().document().await.unwrap(),
        )
        .unwrap();
        // The list is renewed under its number, or under the next one if its contents change.
        let is = issuer.list().publish().await.unwrap();
        assert_eq!(is.epoch, was.epoch, "{name}");
        assert!((was.number..=was.number + 1).contains(&is.number), "{name}");
        assert!(verifier.offer_stamp(&is.stamp, issuer.now()).unwrap().is_some(), "{name}");
        let report = issuer.trail().verify(&[anchor]).await.unwrap();
        assert!(report.is_sound(), "{name}: {:?}", report.findings);
        let webhook = issuer.webhooks().show(about["webhook"].as_str().unwrap()).await.unwrap();
        let key = issuer.keystore().column_key().unwrap();
        let secret = key.open(&webhook.id, &webhook.secret).unwrap();
        assert_eq!(secret.as_str(), about["secret"].as_str().unwrap(), "{name}");
        issuer.store().close().await;
        // All steps are applied, in whichever order they were added.
        let mut connection = AnyConnection::connect(&url).await.unwrap();
        let schema = if on_server { "portcullis" } else { "main" };
        let steps = format!("SELECT version FROM {schema}._sqlx_migrations ORDER BY version");
        let steps = sqlx::query(AssertSqlSafe(steps)).fetch_all(&mut connection).await.unwrap();
        let steps: Vec<i64> = steps.iter().map(|row| row.try_get(0).unwrap()).collect();
        assert_eq!(steps, schemas(), "{name}");
        connection.close().await.unwrap();
    }
}

/// A stored database has applied exactly the steps up to its own. One that was stored before a step
/// was inserted must be made again.
#[tokio::test]
async fn a_fixture_is_of_the_schema_that_it_is_named_after() {
    for (schema, on_server) in kept() {
        let wanted: Vec<i64> = schemas().into_iter().filter(|step| *step <= schema).collect();
        let name = format!("schema-{schema}{}", if on_server { "-postgres" } else { "" });
        let folder = tempfile::tempdir().unwrap();
        let (home, _) = unpack(&name, folder.path());
        let steps: Vec<i64> = if on_server {
            let text = std::fs::read_to_string(folder.path().join("issuer.sql")).unwrap();
            let lines = text.lines().filter_map(|line| {
                let line = line.strip_prefix("INSERT INTO portcullis._sqlx_migrations VALUES (")?;
                line.split(',').next()?.parse().ok()
            });
            lines.collect()
        } else {
            sqlx::any::install_default_drivers();
            let url = format!("sqlite://{}", home.database_file().display());
            let mut connection = AnyConnection::connect(&url).await.unwrap();
            let steps = "SELECT version FROM _sqlx_migrations ORDER BY version";
            let rows = sqlx::query(steps).fetch_all(&mut connection).await.unwrap();
            rows.iter().map(|row| row.try_get(0).unwrap()).collect()
        };
        assert_eq!(steps, wanted, "{name} is to be made anew: see fixtures/README.md");
    }
}

async fn made(folder: &Path, database: Option<Database>) -> (Home, Value) {
    let home = Home::new(folder.join("home"));
    let home = match database {
        Some(database) => home.with_database(database),
        None => home,
    };
    let clock = Arc::new(ManualClock::at(START));
    let plan = Plan { labels: vec![Label::NONE], root: None, encrypt: false };
    init(&home, &plan, clock.clone()).await.unwrap();
    let about = fill(&home, Some(clock)).await;
    (home, about)
}

fn pack(name: &str, files: &[(&str, Vec<u8>)]) {
    let file = std::fs::File::create(folder().join(name)).unwrap();
    let gzip = flate2::write::GzEncoder::new(file, flate2::Compression::best());
    let mut archive = tar::Builder::new(gzip);
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        archive.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap();
}

/// The dump without psql's commands and session settings, which a server of any version can read.
fn plain(dump: &str) -> String {
    let lines = dump.lines().filter(|line| {
        let is_left_out = ["--", "\\", "SET ", "SELECT pg_catalog.set_config("];
        !line.is_empty() && !is_left_out.iter().any(|start| line.starts_with(start))
    });
    lines.map(|line| format!("{line}\n")).collect()
}

#[tokio::test]
#[ignore = "writes the fixtures of the newest schema: see fixtures/README.md"]
async fn write_the_newest() {
    let newest = *schemas().last().unwrap();
    let work = tempfile::tempdir().unwrap();
    let read = |home: &Home, name: &str| std::fs::read(home.path().join(name)).unwrap();
    // The SQLite issuer.
    let (home, about) = made(&work.path().join("sqlite"), None).await;
    let about = serde_json::to_vec_pretty(&about).unwrap();
    let files = [
        ("keystore.json", read(&home, "keystore.json")),
        ("issuer.db", read(&home, "issuer.db")),
        ("about.json", about),
    ];
    let one = format!("schema-{newest}.tar.gz");
    pack(&one, &files);

    // The same on PostgreSQL, as a plain dump.
    let server = server().unwrap();
    let database = new_database(&server).await;
    let Database::Server(url) = &database else { panic!("a server") };
    let (home, about) = made(&work.path().join("postgres"), Some(database.clone())).await;
    let args = ["--inserts", "--no-owner", "--no-privileges", "--schema=portcullis"];
    let dump = Command::new("pg_dump").args(args).arg(url).output().unwrap();
    assert!(dump.status.success(), "{}", stderr(&dump));
    let about = serde_json::to_vec_pretty(&about).unwrap();
    let files = [
        ("keystore.json", read(&home, "keystore.json")),
        ("issuer.sql", plain(&stdout(&dump)).into_bytes()),
        ("about.json", about),
    ];
    let other = format!("schema-{newest}-postgres.tar.gz");
    pack(&other, &files);
    // Remove stored schemas that are neither schema 6, nor the newest, nor released.
    let released = released();
    for (schema, on_server) in kept() {
        let is_kept =
            schema == 6 || schema == newest || released.values().any(|one| *one == schema);
        if !is_kept {
            let end = if on_server { "-postgres" } else { "" };
            std::fs::remove_file(folder().join(format!("schema-{schema}{end}.tar.gz"))).unwrap();
        }
    }
}
