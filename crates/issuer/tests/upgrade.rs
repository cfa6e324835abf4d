//! Databases of earlier programs, stored as they were left: opening one upgrades it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]

use std::io::BufRead as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use portcullis_issuer::actions::{NewKey, Query};
use portcullis_issuer::clock::ManualClock;
use portcullis_issuer::events::{Anchor, check_export};
use portcullis_issuer::publish::DEFAULT_VALID_FOR;
use portcullis_issuer::store::events::Filter;
use portcullis_issuer::store::state::{count_by_state, recount_by_state};
use portcullis_issuer::store::{self, Database};
use portcullis_issuer::{Home, Issuer};
use portcullis_test_support::{START, unpack};
use serde_json::Value;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{
    AnyConnection, AssertSqlSafe, Connection as _, Executor as _, Row as _, SqlSafeStr as _,
};

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
    let report = issuer.trail().verify(&[anchor]).await.unwrap();
    assert_eq!((report.findings, report.newest), (vec![], Some(anchor)));
    let old = issuer.trail().after(0, 100).await.unwrap();
    assert!(old.iter().all(|event| event.actor.is_none()), "nobody had proved who they were");
    let revoked = old.iter().find(|event| event.event == "api-key.revoked").unwrap();
    assert_eq!(revoked.on_behalf_of.as_deref(), Some("security"));
    let key = issuer.keys().show(revoked.key_id.as_deref().unwrap()).await.unwrap();
    assert_eq!((key.maker.as_deref(), key.created_by.as_deref()), (None, Some("zoe")));

    issuer.keys().create(&NewKey::titled("later")).await.unwrap();
    let report = issuer.trail().verify(&[anchor]).await.unwrap();
    assert!(report.is_sound() && report.events > 12, "{:?}", report.findings);
    let by = Filter { actor: Some(issuer.actor().name().into()), ..Filter::default() };
    let query = portcullis_issuer::events::EventQuery { filter: by, ..Default::default() };
    assert_eq!(issuer.trail().list(&query).await.unwrap().events.len(), 1);
}

#[test]
fn an_export_of_before_principals_verifies() {
    let folder = tempfile::tempdir().unwrap();
    let (_, about) = unpack("schema-6", folder.path());
    let anchor = Anchor::parse(about["anchor"].as_str().unwrap()).unwrap();
    let text = std::fs::read(folder.path().join("trail.jsonl")).unwrap();
    let report = check_export(text.lines(), &[anchor]).unwrap();
    assert_eq!((report.findings, report.events), (vec![], 12));
    // An export that turns the caller's claim into a principal is detected.
    let text = String::from_utf8(text).unwrap();
    let forged =
        text.replacen("\"actor\":\"security\"", "\"on_behalf_of\":null,\"actor\":\"security\"", 1);
    assert_ne!(forged, text);
    let report = check_export(forged.as_bytes().lines(), &[]).unwrap();
    assert_eq!(report.findings.iter().map(|one| one.code).collect::<Vec<_>>(), ["changed"]);
}

/// The bytes of all the database's files.
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

    // The secrets sign as before.
    let id = about["webhook"].as_str().unwrap();
    let webhook = issuer.webhooks().show(id).await.unwrap();
    let key = issuer.keystore().column_key().unwrap();
    let (old, _) = webhook.old_secret.as_ref().unwrap();
    assert_eq!(key.open(id, &webhook.secret).unwrap().as_str(), secrets[0]);
    assert_eq!(key.open(id, old).unwrap().as_str(), secrets[1]);
    issuer.store().close().await;
    // Sealing happens once: another start finds the sealed secrets.
    let again = open(&home).await.webhooks().show(id).await.unwrap();
    assert_eq!(again.secret, webhook.secret);
}

#[tokio::test]
async fn a_backup_of_before_is_sealed_when_it_is_restored() {
    let folder = tempfile::tempdir().unwrap();
    let (home, about) = unpack("schema-6", folder.path());
    let secret = about["secret"].as_str().unwrap();
    // A backup made now holds sealed secrets, and a database restored from it opens with its
    // keystore.
    let unlock = portcullis_issuer::keystore::Unlock::key_file(&key_file(folder.path())).unwrap();
    let home = home.with_unlock(unlock.clone());
    let backup = folder.path().join("backup.pcx");
    let issuer = open(&home).await;
    issuer.recovery().back_up(&backup).await.unwrap();
    issuer.store().close().await;
    let elsewhere = Home::new(folder.path().join("elsewhere")).with_unlock(unlock);
    portcullis_issuer::backup::restore(&backup, &elsewhere).unwrap();
    let bare = secret.trim_start_matches("whsec_").as_bytes();
    assert!(!files(&elsewhere).windows(bare.len()).any(|part| part == bare));
    let restored = open(&elsewhere).await;
    let webhook = restored.webhooks().show(about["webhook"].as_str().unwrap()).await.unwrap();
    let key = restored.keystore().column_key().unwrap();
    assert_eq!(key.open(&webhook.id, &webhook.secret).unwrap().as_str(), secret);
}

/// The database of `home` on a PostgreSQL server, with the tables of that schema.
async fn moved(home: &Home, schema: i64, server: &str) -> Database {
    let database = portcullis_test_support::new_database(server).await;
    let Database::Server(url) = &database else { return database };
    let mut to = AnyConnection::connect(url).await.unwrap();
    to.execute("CREATE SCHEMA portcullis; SET search_path TO portcullis").await.unwrap();
    let mut steps = Vec::new();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/postgres");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let version: i64 = name.split('_').next().unwrap().parse().unwrap();
        if version <= schema {
            let sql = AssertSqlSafe(std::fs::read_to_string(&path).unwrap()).into_sql_str();
            steps.push(Migration::new(version, name.into(), MigrationType::Simple, sql, false));
        }
    }
    steps.sort_by_key(|step| step.version);
    Migrator::with_migrations(steps).run(&mut to).await.unwrap();
    let file = format!("sqlite://{}", home.database_file().display());
    let mut from = AnyConnection::connect(&file).await.unwrap();
    // Don't check references until everything is there.
    to.execute("SET session_replication_role = replica").await.unwrap();
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
                  AND name NOT LIKE '_sqlx_%'";
    for table in texts(&mut from, tables).await {
        let columns = format!("SELECT name FROM pragma_table_info('{table}')");
        let columns = texts(&mut from, &columns).await;
        // SQLite writes each value as PostgreSQL reads it.
        let value = |column: &String| {
            let bytes = format!(r"'''\x' || hex({column}) || '''::BYTEA'");
            format!("CASE typeof({column}) WHEN 'blob' THEN {bytes} ELSE quote({column}) END")
        };
        let values: Vec<String> = columns.iter().map(value).collect();
        let rows = format!("SELECT {} FROM {table}", values.join(" || ', ' || "));
        to.execute(AssertSqlSafe(format!("DELETE FROM {table}"))).await.unwrap();
        for row in texts(&mut from, &rows).await {
            let insert = format!("INSERT INTO {table} ({}) VALUES ({row})", columns.join(", "));
            to.execute(AssertSqlSafe(insert)).await.unwrap();
        }
    }
    let numbered = "SELECT 'SELECT setval(pg_get_serial_sequence(''' || table_name || ''', ''' || \
                    column_name || '''), COALESCE(MAX(' || column_name || '), 0) + 1, false) \
                    FROM ' || table_name FROM information_schema.columns \
                    WHERE table_schema = 'portcullis' AND is_identity = 'YES'";
    for statement in texts(&mut to, numbered).await {
        to.execute(AssertSqlSafe(statement)).await.unwrap();
    }
    to.close().await.unwrap();
    from.close().await.unwrap();
    database
}

async fn texts(connection: &mut AnyConnection, sql: &str) -> Vec<String> {
    let rows = sqlx::query(AssertSqlSafe(sql)).fetch_all(connection).await.unwrap();
    rows.iter().map(|row| row.try_get(0).unwrap()).collect()
}

/// What must hold for a database of an earlier schema once it was opened.
async fn is_up_to_date(home: &Home, about: &Value) {
    let issuer = open(home).await;
    let mut reading = issuer.store().read().await.unwrap();
    let steps = sqlx::query("SELECT version FROM _sqlx_migrations ORDER BY version");
    let steps = steps.fetch_all(&mut *reading).await.unwrap();
    let steps: Vec<i64> = steps.iter().map(|row| row.try_get(0).unwrap()).collect();
    assert_eq!(steps, portcullis_test_support::schemas());
    drop(reading);
    assert_eq!(
        issuer.settings().show().await.unwrap(),
        Default::default(),
        "nothing is asked of keys"
    );
    let keys = issuer.keys().list(&Query::default()).await.unwrap().keys.len();
    assert!(keys > 1);
    issuer.keys().create(&NewKey::titled("later")).await.unwrap();
    issuer.list().publish().await.unwrap();
    assert_eq!(issuer.keys().list(&Query::default()).await.unwrap().keys.len(), keys + 1);
    let anchor = Anchor::parse(about["anchor"].as_str().unwrap()).unwrap();
    assert!(issuer.trail().verify(&[anchor]).await.unwrap().is_sound());
    let webhook = issuer.webhooks().show(about["webhook"].as_str().unwrap()).await.unwrap();
    let key = issuer.keystore().column_key().unwrap();
    let secret = key.open(&webhook.id, &webhook.secret).unwrap();
    assert_eq!(secret.as_str(), about["secret"].as_str().unwrap());
    let mut reading = issuer.store().read().await.unwrap();
    let now = store::now(&mut reading, issuer.now()).await.unwrap().secs();
    let kept = count_by_state(&mut reading, now).await.unwrap();
    assert_eq!(kept, recount_by_state(&mut reading, now).await.unwrap());
}

#[tokio::test]
async fn every_step_is_taken_from_an_earlier_schema() {
    let folder = tempfile::tempdir().unwrap();
    let (home, about) = unpack("schema-6", folder.path());
    if let Ok(server) = std::env::var("PORTCULLIS_TEST_POSTGRES") {
        let database = moved(&home, 6, &server).await;
        is_up_to_date(&home.clone().with_database(database), &about).await;
    } else {
        assert!(std::env::var_os("CI").is_none(), "PORTCULLIS_TEST_POSTGRES names no server");
        eprintln!("LEFT OUT: PORTCULLIS_TEST_POSTGRES names no PostgreSQL server");
    }
    is_up_to_date(&home, &about).await;
}

/// An earlier program doesn't know the settings, so it makes no key in a database where they may be
/// set.
#[tokio::test]
async fn a_program_that_knows_no_settings_makes_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let (home, _) = unpack("schema-6", folder.path());
    let mut databases = vec![home.clone()];
    if let Ok(server) = std::env::var("PORTCULLIS_TEST_POSTGRES") {
        databases.push(home.clone().with_database(moved(&home, 6, &server).await));
    }
    for home in databases {
        let issuer = open(&home).await;
        let id = issuer.keys().create(&NewKey::titled("x")).await.unwrap().record.id.clone();
        // A row as the earlier program wrote it: each column that it knew, and no other.
        let columns = "id, serial, kid, nonce, purpose, kind, environment, label, title, folded, \
                       metadata, admin_scopes, owner, policy, redacted, token, issued_at, \
                       expires_at, created_by, maker, rolled_from, created_ms, updated_ms";
        let values = columns.replacen("id, serial", "'other', serial + 1", 1);
        let insert = format!(
            "INSERT INTO api_keys ({columns}) SELECT {values} FROM api_keys WHERE id = '{id}'"
        );
        let mut writing = issuer.store().bookkeeping().await.unwrap();
        let refused = sqlx::query(AssertSqlSafe(insert.clone())).execute(&mut *writing).await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("settings"), "{refused}");
        writing.rollback().await.unwrap();
        let mut writing = issuer.store().bookkeeping().await.unwrap();
        let known = insert.replacen("updated_ms)", "updated_ms, settings_version)", 1);
        let known = known.replacen("updated_ms FROM", "updated_ms, 0 FROM", 1);
        sqlx::query(AssertSqlSafe(known)).execute(&mut *writing).await.unwrap();
        writing.rollback().await.unwrap();
        issuer.store().close().await;
    }
}

fn key_file(folder: &Path) -> std::path::PathBuf {
    let path = folder.join("backup.key");
    std::fs::write(&path, [7; 32]).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    path
}
