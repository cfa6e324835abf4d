//! Moving the records from SQLite to PostgreSQL: all of them arrive, the list continues, and each
//! obstacle is named.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]
#![cfg(unix)]

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use common::Shell;
use futures_util::FutureExt as _;
use portcullis_core::keyring::Purpose;
use portcullis_core::verifier::Verifier;
use portcullis_core::verify::Requirements;
use portcullis_issuer::actions::{NewKey, Query, Revocation, When};
use portcullis_issuer::clock::{ManualClock, SystemClock};
use portcullis_issuer::events::Anchor;
use portcullis_issuer::moving::{Move, MoveError, Options, Progress};
use portcullis_issuer::publish::{DEFAULT_VALID_FOR, PublishOptions};
use portcullis_issuer::store::Database;
use portcullis_issuer::store::StoreError;
use portcullis_issuer::store::state::{count_by_state, recount_by_state};
use portcullis_issuer::{Error, Home, Issuer};
use portcullis_test_support::filled::{MAY_BE_EMPTY, fill, idempotency};
use portcullis_test_support::{START, code, new_database, stderr};
use serde_json::Value;
use sqlx::{AnyConnection, AssertSqlSafe, Connection as _, Executor as _, Row as _};

/// The PostgreSQL server for tests, or `None` if none is named; in continuous integration that is a
/// failure.
fn server() -> Option<String> {
    let server = std::env::var("PORTCULLIS_TEST_POSTGRES").ok();
    if server.is_none() {
        assert!(std::env::var_os("CI").is_none(), "PORTCULLIS_TEST_POSTGRES names no server");
        eprintln!("LEFT OUT: PORTCULLIS_TEST_POSTGRES names no PostgreSQL server");
    }
    server
}

/// Creates a database; returns its URL.
async fn database(server: &str) -> String {
    match new_database(server).await {
        Database::Server(url) => url,
        Database::File(_) => panic!("a server"),
    }
}

fn run(shell: &Shell, url: &str, args: &[&str]) -> Output {
    shell.command(args).env("DATABASE_URL", url).output().unwrap()
}

/// Runs a command on that database, which must succeed.
fn json(shell: &Shell, url: &str, args: &[&str]) -> Value {
    let output = run(shell, url, &[args, &["--json"]].concat());
    assert_eq!(code(&output), 0, "{args:?}: {}", stderr(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The error code and message of a command that must fail.
fn refused(output: &Output) -> (String, String) {
    assert_ne!(code(output), 0);
    let text = stderr(output);
    let line = text.lines().find(|line| line.starts_with('{')).unwrap_or_else(|| panic!("{text}"));
    let error: Value = serde_json::from_str(line).unwrap();
    let of = |name: &str| error["error"][name].as_str().unwrap().to_owned();
    (of("code"), of("message"))
}

async fn sql(url: &str, statement: &str) {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(url).await.unwrap();
    connection.execute(AssertSqlSafe(statement)).await.unwrap();
    connection.close().await.unwrap();
}

fn file_url(home: &Path) -> String {
    format!("sqlite://{}", home.join("issuer.db").display())
}

/// The number of rows in each table, by name.
async fn counts(url: &str) -> BTreeMap<String, i64> {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(url).await.unwrap();
    let (names, schema) = if url.starts_with("sqlite") {
        ("SELECT name FROM sqlite_master WHERE type = 'table'", "main")
    } else {
        ("SELECT tablename::TEXT FROM pg_tables WHERE schemaname = 'portcullis'", "portcullis")
    };
    let mut counts = BTreeMap::new();
    for row in sqlx::query(names).fetch_all(&mut connection).await.unwrap() {
        let name: String = row.try_get(0).unwrap();
        let sql = AssertSqlSafe(format!("SELECT COUNT(*) FROM {schema}.{name}"));
        let row = sqlx::query(sql).fetch_one(&mut connection).await.unwrap();
        counts.insert(name, row.try_get(0).unwrap());
    }
    connection.close().await.unwrap();
    counts
}

async fn open(home: &Home) -> Issuer {
    Issuer::open(home, Arc::new(SystemClock), DEFAULT_VALID_FOR).await.unwrap()
}

/// A gate of this issuer that holds the published list.
async fn gate(issuer: &Issuer) -> Verifier {
    let mut gate =
        Verifier::new(*issuer.root(), &issuer.keyring().document().await.unwrap()).unwrap();
    for key in issuer.keystore().keys() {
        let _ = gate.hold_secret(key.kid, &key.secret);
    }
    look(&mut gate, issuer).await;
    gate
}

/// Lets the gate fetch the published files, as gates do.
async fn look(gate: &mut Verifier, issuer: &Issuer) {
    use portcullis_core::list::Bundle;
    let bundle = issuer.list().bundle().await.unwrap();
    let bundle = Bundle::decode(&bundle).unwrap();
    let now = issuer.now();
    let Some(mut update) = gate.offer_stamp(bundle.stamp, now).unwrap() else { return };
    if update.wants_head().is_some() {
        update.offer_head(bundle.head, gate.keyring(), now).unwrap();
    }
    for body in &bundle.bodies {
        if !update.wants_bodies().is_empty() {
            update.offer_body(body).unwrap();
        }
    }
    gate.commit(update).unwrap();
}

#[tokio::test]
async fn everything_arrives_and_the_list_goes_on() {
    let Some(server) = server() else { return };
    let shell = Shell::initialised();
    let home = Home::new(shell.home());
    let about = fill(&home, None).await;
    let url = database(&server).await;
    // Characters that no rule accepts and that have a special meaning in the transfer format.
    let odd = "UPDATE owners SET metadata = metadata || char(9, 10, 13, 92, 110, 92, 46, 10)";
    sql(&file_url(&shell.home()), odd).await;
    let before = counts(&file_url(&shell.home())).await;
    let issuer = open(&home).await;
    let mut gate = gate(&issuer).await;
    let keys =
        issuer.keys().list(&Query { limit: Some(200), ..Query::default() }).await.unwrap().keys;
    let events = issuer.trail().after(0, 10_000).await.unwrap();
    issuer.store().close().await;

    // A preview changes nothing. Without a terminal, there is no prompt.
    let preview = json(&shell, &url, &["migrate", "--dry-run"]);
    assert_eq!(preview["next"], "begin");
    let told = refused(&run(&shell, &url, &["migrate", "--json"]));
    assert_eq!(told.0, "not_confirmed");
    assert!(!counts(&url).await.contains_key("issuer"));

    let moved = json(&shell, &url, &["migrate", "--yes"]);
    assert_eq!(moved["before"], false);
    assert_eq!(moved["anchor"], about["anchor"]);
    assert_eq!(
        (moved["list"][0].as_u64(), moved["list"][1].as_u64()),
        (about["epoch"].as_u64(), about["number"].as_u64())
    );
    // Every table in the schema, by the listings of both databases; each has rows to lose.
    let after = counts(&url).await;
    let told = moved["tables"].as_array().unwrap();
    let mut seen = 0;
    for (table, rows) in &before {
        if table.starts_with("sqlite_") || ["_sqlx_migrations", "moves"].contains(&table.as_str()) {
            continue;
        }
        assert_eq!(after.get(table), Some(rows), "{table}");
        let one = told.iter().find(|one| one["table"] == table.as_str());
        let one = one.unwrap_or_else(|| panic!("{table} was not moved"));
        assert_eq!(one["rows"].as_i64(), Some(*rows), "{table}");
        assert!(*rows > 0 || MAY_BE_EMPTY.contains(&table.as_str()), "{table} is empty: fill it");
        seen += 1;
    }
    assert_eq!(seen, told.len());
    // Repeating the command does nothing.
    assert_eq!(json(&shell, &url, &["migrate", "--yes"])["before"], true);

    // The server continues on PostgreSQL.
    let there = home.clone().with_database(Database::from_url(&url).unwrap());
    let issuer = open(&there).await;
    let query = Query { limit: Some(200), ..Query::default() };
    assert_eq!(issuer.keys().list(&query).await.unwrap().keys, keys);
    assert_eq!(issuer.trail().after(0, 10_000).await.unwrap(), events);
    let webhook = issuer.webhooks().show(about["webhook"].as_str().unwrap()).await.unwrap();
    let column = issuer.keystore().column_key().unwrap();
    let text = |name: &str| about[name].as_str().unwrap().to_owned();
    assert_eq!(column.open(&webhook.id, &webhook.secret).unwrap().as_str(), text("secret"));
    let old = webhook.old_secret.as_ref().unwrap();
    assert_eq!(column.open(&webhook.id, &old.0).unwrap().as_str(), text("old_secret"));
    // The same request with the same idempotency key returns the same key.
    let odd = keys.iter().find(|key| key.title.starts_with("backslash")).unwrap().title.clone();
    let again =
        issuer.keys().create_all(&[NewKey::titled(&odd)], Some(&idempotency())).await.unwrap();
    assert_eq!(again.keys[0].token.as_str(), text("once"));
    let new = issuer.keys().create(&NewKey::titled("After the move")).await.unwrap();
    assert!(keys.iter().all(|key| key.serial != new.record.serial), "no serial is given twice");
    let by = Some("me".into());
    issuer.keys().revoke(&text("valid_id"), &Revocation { when: When::Now, by }).await.unwrap();
    let published = issuer.list().published().await.unwrap();
    assert_eq!(u64::from(published.epoch), about["epoch"].as_u64().unwrap());
    assert_eq!(published.number, about["number"].as_u64().unwrap() + 1, "without a gap");
    let now = issuer.now();
    let demand = Requirements { purpose: Purpose::Token, kind: None, environment: None };
    assert!(gate.verify(&text("valid"), &demand, now).is_ok());
    look(&mut gate, &issuer).await;
    assert!(gate.verify(&text("valid"), &demand, now).is_err());
    assert!(gate.verify(&text("once"), &demand, now).is_ok());
    assert!(gate.verify(new.token.as_str(), &demand, now).is_ok());
    let anchor = Anchor::parse(&text("anchor")).unwrap();
    assert!(issuer.trail().verify(&[anchor]).await.unwrap().is_sound());
    // The triggers maintain the counts again.
    let mut reading = issuer.store().read().await.unwrap();
    let secs = now.secs();
    let kept = count_by_state(&mut reading, secs).await.unwrap();
    assert_eq!(kept, recount_by_state(&mut reading, secs).await.unwrap());
    drop(reading);
    issuer.store().close().await;

    // Records written on PostgreSQL are not in issuer.db, so the move can't be taken back.
    let (code, message) = refused(&run(&shell, &url, &["migrate", "--back", "--yes", "--json"]));
    assert_eq!(code, "move_written", "{message}");
}

/// A running server, stopped when dropped.
struct Served(Child);

impl Served {
    fn start(shell: &Shell) -> Self {
        let mut command = shell.command(&["serve", "--listen", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.starts_with("listening on"), "{line}");
        Self(child)
    }

    fn stop(mut self) {
        let id = self.0.id().to_string();
        assert!(Command::new("kill").arg(id).status().unwrap().success());
        self.0.wait().unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_server_that_runs_is_noticed_and_whoever_is_not_writes_nothing_more() {
    let Some(server) = server() else { return };
    let shell = Shell::initialised();
    let url = database(&server).await;
    let served = Served::start(&shell);
    // Its first beat takes the lease. A preview reports that and changes nothing.
    let start = Instant::now();
    while json(&shell, &url, &["migrate", "--dry-run"])["running"].is_null() {
        assert!(start.elapsed() < Duration::from_secs(60), "it has no lease");
    }
    let (code, message) = refused(&run(&shell, &url, &["migrate", "--yes", "--json"]));
    assert_eq!(code, "move_running", "{message}");
    assert!(message.contains("a server") && message.contains("stop it"), "{message}");
    served.stop();
    // A process that has the database open without a lease: everything that it acknowledged is
    // moved, and it acknowledges nothing more.
    let issuer = open(&Home::new(shell.home())).await;
    let over = Arc::new(AtomicBool::new(false));
    let is_over = Arc::clone(&over);
    let writer = tokio::spawn(async move {
        let mut acknowledged = Vec::new();
        let mut refusal = None;
        while refusal.is_none() && !is_over.load(Ordering::Relaxed) {
            match issuer.keys().create(&NewKey::titled("Meanwhile")).await {
                Ok(made) => acknowledged.push(made.record.id.clone()),
                Err(Error::Store(StoreError::Busy)) => {}
                Err(error) => refusal = Some(error),
            }
        }
        issuer.store().close().await;
        (acknowledged, refusal)
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (shell, url) = tokio::task::spawn_blocking(move || {
        json(&shell, &url, &["migrate", "--yes"]);
        (shell, url)
    })
    .await
    .unwrap();
    over.store(true, Ordering::Relaxed);
    let (acknowledged, error) = writer.await.unwrap();
    let error = error.unwrap();
    assert!(["database_moving", "database_moved"].contains(&error.code()), "{error}");
    assert!(!acknowledged.is_empty());
    for id in &acknowledged {
        json(&shell, &url, &["keys", "show", id]);
    }
}

#[tokio::test]
async fn killed_anywhere_and_run_again_it_goes_on() {
    let Some(server) = server() else { return };
    let shell = Shell::initialised();
    fill(&Home::new(shell.home()), None).await;
    assert_eq!(code(&shell.run(&["keys", "create", "--count", "1200", "--title", "K"])), 0);
    let url = database(&server).await;
    let before = counts(&file_url(&shell.home())).await;
    let (mut kills, mut halves) = (0, 0);
    // Each attempt gets a little more time than the one before, so that one finishes.
    let mut patience = 20;
    loop {
        let mut command = shell.command(&["migrate", "--yes", "--json", "--batch", "7"]);
        command.env("DATABASE_URL", &url).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break Some(status);
            }
            if start.elapsed() > Duration::from_millis(patience) {
                child.kill().unwrap();
                child.wait().unwrap();
                break None;
            }
            std::thread::sleep(Duration::from_millis(1));
        };
        if let Some(status) = status {
            let mut text = String::new();
            std::io::Read::read_to_string(&mut child.stderr.take().unwrap(), &mut text).unwrap();
            assert!(status.success(), "{text}");
            break;
        }
        kills += 1;
        patience += 50;
        let there = counts(&url).await;
        let half = there.get("api_keys").is_some_and(|rows| *rows > 0);
        halves += u32::from(half && there["api_keys"] < before["api_keys"]);
        if half {
            // Neither database can be used meanwhile, and both errors name the next step.
            let (code, message) = refused(&shell.run(&["keys", "list", "--json"]));
            assert!(["database_moving", "database_moved"].contains(&code.as_str()), "{message}");
            let serve = &["serve", "--listen", "127.0.0.1:0", "--json"];
            if code == "database_moving" && kills % 3 == 0 {
                let (code, message) = refused(&run(&shell, &url, serve));
                // The target is usable between its release and the last mark; this test doesn't see
                // that moment.
                assert_eq!(code, "database_half_moved", "{message}");
                assert!(message.contains("portcullis migrate"), "{message}");
            }
        }
    }
    assert!(kills >= 3 && halves >= 2, "{kills} kills, {halves} in the midst of the keys");
    let after = counts(&url).await;
    for (table, rows) in before.iter().filter(|(table, _)| after.contains_key(*table)) {
        let own = ["_sqlx_migrations", "moves"].contains(&table.as_str());
        assert!(own || after[table] == *rows, "{table}");
    }
    assert_eq!(json(&shell, &url, &["audit", "verify"])["ok"], true);
    json(&shell, &url, &["keys", "create", "--title", "After"]);
}

/// A move driven by the test, on the machine's clock.
fn by_hand(shell: &Shell, url: &str) -> Move {
    let home = Home::new(shell.home());
    Move::new(&home, url, Arc::new(SystemClock), PublishOptions::default()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_damaged_on_its_way_is_found_and_the_target_stays_unusable() {
    let Some(server) = server() else { return };
    // The damage, the table in which it is found, and whether another run repairs it.
    for (damage, table, heals) in [
        ("UPDATE portcullis.events SET data = data || ' ' WHERE id = 2", "events", false),
        ("DELETE FROM portcullis.events WHERE id = 3", "events", false),
        ("DELETE FROM portcullis.expiry_notices", "expiry_notices", true),
        ("INSERT INTO portcullis.status_signers VALUES (77, 1)", "status_signers", false),
        ("UPDATE portcullis.webhooks SET old_until_ms = NULL", "webhooks", false),
        ("UPDATE portcullis.lists SET head = head || '\\x00'::BYTEA", "lists", false),
        ("UPDATE portcullis.promise SET number = number - 1", "promise", false),
        ("SELECT setval('portcullis.events_id_seq', 1, true)", "events", true),
    ] {
        let shell = Shell::initialised();
        fill(&Home::new(shell.home()), None).await;
        let url = database(&server).await;
        let moving = by_hand(&shell, &url);
        let mut once = false;
        let done = moving
            .go(&[], Options::default(), &mut |step| {
                if let Progress::Verified { .. } = step
                    && !std::mem::replace(&mut once, true)
                {
                    let target = url.clone();
                    let work = async move { sql(&target, damage).await };
                    let handle = tokio::runtime::Handle::current();
                    tokio::task::block_in_place(|| handle.block_on(work));
                }
            })
            .await;
        let error = done.unwrap_err();
        let Error::Move(MoveError::Differs { table: found, .. }) = &error else {
            panic!("{damage}: {error:?}")
        };
        assert_eq!(found, table, "{damage}");
        let (code, _) = refused(&run(&shell, &url, &["keys", "list", "--json"]));
        assert_eq!(code, "database_half_moved");
        // Another run finds it again, unless the run restores it: rows missing at the table's end,
        // or a value that is set again.
        let again = moving.go(&[], Options::default(), &mut |_| ()).await;
        assert_eq!(again.is_ok(), heals, "{damage}: {again:?}");
        if let Err(error) = again {
            assert_eq!(error.code(), "move_differs", "{damage}: {error:?}");
            let over = Options { start_over: true, ..Options::default() };
            moving.go(&[], over, &mut |_| ()).await.unwrap();
        }
        json(&shell, &url, &["keys", "create", "--title", "After"]);
    }
}

#[tokio::test]
async fn what_stands_in_the_way_is_named_and_nothing_is_changed() {
    let Some(server) = server() else { return };
    let shell = Shell::initialised();
    let migrate = |url: &str, more: &[&str]| {
        refused(&run(&shell, url, &[&["migrate", "--yes", "--json"], more].concat()))
    };
    // Errors of the target's URL.
    let none = refused(&shell.run(&["migrate", "--yes", "--json"]));
    assert_eq!(none.0, "move_target");
    let url = database(&server).await;
    assert_eq!(migrate(&url, &["--to", "postgres://postgres@127.0.0.1/other"]).0, "move_target");
    let to = ["migrate", "--yes", "--json", "--to", "postgres://u:hunter2@127.0.0.1/x"];
    let (code_of, message) = refused(&shell.run(&to));
    assert_eq!(code_of, "move_target");
    assert!(message.contains("DATABASE_URL") && !message.contains("hunter2"), "{message}");
    let misspelt = format!("{url}?sslmode=verify_full");
    assert_eq!(migrate(&misspelt, &[]).0, "database_url");
    let (_, gone) = migrate("postgres://u:hunter2@127.0.0.1:1/x", &[]);
    assert!(!gone.contains("hunter2"), "{gone}");

    // Errors of the target's contents.
    let foreign = database(&server).await;
    sql(&foreign, "CREATE SCHEMA portcullis").await;
    sql(&foreign, "CREATE TABLE portcullis.orders (id BIGINT)").await;
    assert_eq!(migrate(&foreign, &[]).0, "move_foreign_tables");
    assert!(counts(&foreign).await.contains_key("orders"));
    let others = database(&server).await;
    let other = Shell::new();
    assert_eq!(code(&run(&other, &others, &["init"])), 0);
    assert_eq!(migrate(&others, &[]).0, "move_other_issuer");
    assert_eq!(migrate(&others, &["--start-over"]).0, "move_other_issuer");
    json(&other, &others, &["keys", "list"]);
    let name = format!("latin_{}", std::process::id());
    let make = format!(
        "CREATE DATABASE {name} ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'"
    );
    sql(&format!("{server}postgres"), &make).await;
    assert_eq!(migrate(&format!("{server}{name}"), &[]).0, "move_encoding");

    // Errors of the source.
    let file = file_url(&shell.home());
    let until = 4_000_000_000_000_i64;
    sql(&file, &format!("INSERT INTO publisher VALUES (1, 'x', {until})")).await;
    assert_eq!(migrate(&url, &[]).0, "move_running");
    sql(&file, "DELETE FROM publisher").await;
    sql(
        &file,
        &format!("INSERT INTO jobs (name, holder, until_ms) VALUES ('prune', 'x', {until})"),
    )
    .await;
    let (code_of, message) = migrate(&url, &[]);
    assert!(code_of == "move_running" && message.contains("prune"), "{message}");
    sql(&file, "DELETE FROM jobs").await;
    sql(&file, "INSERT INTO restored VALUES (1, '', 0, 0)").await;
    assert_eq!(migrate(&url, &[]).0, "restored_backup");
    sql(&file, "DELETE FROM restored").await;
    sql(&file, "CREATE TABLE kept AS SELECT * FROM promise").await;
    sql(&file, &format!("UPDATE promise SET this_update = {until}")).await;
    assert_eq!(migrate(&url, &[]).0, "clock_went_back");
    sql(&file, "UPDATE promise SET this_update = (SELECT this_update FROM kept)").await;
    // A table that PostgreSQL lacks would be left behind.
    let (code_of, message) = migrate(&url, &[]);
    assert_eq!(code_of, "move_tables", "{message}");
    sql(&file, "DROP TABLE kept").await;
    sql(&file, "CREATE TABLE kept (a INTEGER PRIMARY KEY) STRICT").await;
    let (code_of, message) = migrate(&url, &[]);
    assert!(code_of == "move_tables" && message.contains("`kept`"), "{message}");
    sql(&file, "DROP TABLE kept").await;
    assert_eq!(migrate(&url, &["--back"]).0, "move_not_begun");
    assert_eq!(code(&shell.run(&["keys", "create", "--title", "Here"])), 0);
    // A value that PostgreSQL doesn't accept is reported with its row, and can be corrected
    // meanwhile.
    sql(&file, "INSERT INTO upkeep VALUES ('a' || char(0))").await;
    let (code_of, message) = migrate(&url, &[]);
    assert!(code_of == "move_unfit" && message.contains("`upkeep`"), "{message}");
    sql(&file, "DELETE FROM upkeep").await;

    // Every refusal so far left both databases unchanged.
    json(&shell, &url, &["migrate", "--yes"]);
    for args in [
        &["keys", "list"][..],
        &["serve", "--listen", "127.0.0.1:0"],
        &["list", "publish"],
        &["audit", "export"],
        &["bundle", "--out", "x"],
        &["backup", "x.pcx"],
        &["keyring", "show"],
        &["webhooks", "list"],
        &["recover", "--no-witness"],
    ] {
        let (code, message) = refused(&shell.run(&[args, &["--json"]].concat()));
        assert_eq!(code, "database_moved", "{args:?}: {message}");
        assert!(message.contains("DATABASE_URL"), "{message}");
    }
    // Another copy of issuer.db must not be moved into a database that already holds this issuer.
    let copy = Shell::new();
    std::fs::create_dir(copy.home()).unwrap();
    for name in ["keystore.json", "issuer.db"] {
        std::fs::copy(shell.home().join(name), copy.home().join(name)).unwrap();
    }
    sql(&file_url(&copy.home()), "DELETE FROM moves").await;
    let args = ["migrate", "--yes", "--json"];
    assert_eq!(refused(&run(&copy, &url, &args)).0, "move_same_issuer");
    let elsewhere = database(&server).await;
    assert_eq!(refused(&run(&shell, &elsewhere, &args)).0, "move_target_lost");
}

#[tokio::test]
async fn a_move_is_taken_back_as_long_as_nothing_was_written_there() {
    let Some(server) = server() else { return };
    let shell = Shell::initialised();
    let url = database(&server).await;
    let moving = by_hand(&shell, &url);
    // Halfway: the process ends in the middle of the move.
    let mut killed = |_: Progress<'_>| panic!("killed");
    let stopped = moving.go(&[], Options::default(), &mut killed);
    let stopped = AssertUnwindSafe(stopped).catch_unwind();
    assert!(stopped.await.is_err());
    let elsewhere = database(&server).await;
    let back = ["migrate", "--back", "--yes", "--json"];
    assert_eq!(refused(&shell.run(&["keys", "list", "--json"])).0, "database_moving");
    assert_eq!(refused(&run(&shell, &elsewhere, &back)).0, "move_other");
    let again = ["migrate", "--yes", "--json"];
    assert_eq!(refused(&run(&shell, &elsewhere, &again)).0, "move_other");
    json(&shell, &url, &back[..3]);
    assert_eq!(code(&shell.run(&["keys", "create", "--title", "Here again"])), 0);
    assert!(counts(&url).await.is_empty());

    // After the move, when the target was only read.
    json(&shell, &url, &["migrate", "--yes"]);
    json(&shell, &url, &["keys", "list"]);
    assert_eq!(refused(&run(&shell, &elsewhere, &back)).0, "move_target_lost");
    let done = json(&shell, &url, &back[..3]);
    let left = done["left_in"].as_str().unwrap();
    assert!(left.starts_with("portcullis_back_"), "{left}");
    assert_eq!(
        refused(&run(&shell, &url, &["keys", "list", "--json"])).0,
        "database_schema_missing"
    );
    assert_eq!(code(&shell.run(&["keys", "create", "--title", "And again"])), 0);
    // Once more, after a write to the target.
    json(&shell, &url, &["migrate", "--yes"]);
    json(&shell, &url, &["keys", "create", "--title", "There"]);
    let (code_of, message) = refused(&run(&shell, &url, &back));
    assert_eq!(code_of, "move_written", "{message}");
    json(&shell, &url, &["keys", "list"]);
    assert_eq!(refused(&shell.run(&["keys", "list", "--json"])).0, "database_moved");
}

/// An issuer of an earlier schema is upgraded first, and its trail continues.
#[tokio::test]
async fn an_older_schema_is_moved_as_one_of_now() {
    let Some(server) = server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (home, about) = portcullis_test_support::unpack("schema-6", folder.path());
    let url = database(&server).await;
    let clock = Arc::new(ManualClock::at(START));
    let moving = Move::new(&home, &url, clock.clone(), PublishOptions::default()).unwrap();
    let preview = moving.look(&[], Options::default()).await.unwrap();
    let moved = moving.go(&[], Options::default(), &mut |_| ()).await.unwrap();
    assert_eq!(preview.tables.len(), moved.tables.len());
    let there = home.with_database(Database::from_url(&url).unwrap());
    let issuer = Issuer::open(&there, clock, DEFAULT_VALID_FOR).await.unwrap();
    issuer.keys().create(&NewKey::titled("later")).await.unwrap();
    issuer.list().publish().await.unwrap();
    let anchor = Anchor::parse(about["anchor"].as_str().unwrap()).unwrap();
    assert!(issuer.trail().verify(&[anchor]).await.unwrap().is_sound());
}
