//! Issuers on one PostgreSQL, one of which is frozen or cut off in the middle of its work: the
//! others continue, and it recovers afterwards.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]

mod common;

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::Shell;
use futures_util::StreamExt as _;
use portcullis_issuer::Error;
use portcullis_issuer::actions::NewKey;
use portcullis_issuer::store::Database;
use portcullis_test_support::{Bench, code, new_database, stderr};
use serde_json::{Value, json};
use sqlx::{Connection as _, Row as _};

/// The bound in `docs/issuer-publishing.md`.
const PROMISED: Duration = Duration::from_secs(20);
const HOLDER: &str = "SELECT a.application_name, a.pid, a.backend_xid::TEXT AS xid, \
    a.xact_start::TEXT AS since FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid \
    WHERE l.locktype = 'advisory' AND l.granted AND a.datname = current_database() \
    AND a.application_name <> '' AND a.xact_start IS NOT NULL";

/// The PostgreSQL server for tests; `None`, with a notice, if there is none.
fn server() -> Option<String> {
    let server = std::env::var("PORTCULLIS_TEST_POSTGRES").ok();
    if server.is_none() {
        assert!(std::env::var_os("CI").is_none(), "PORTCULLIS_TEST_POSTGRES names no server");
        eprintln!("LEFT OUT: PORTCULLIS_TEST_POSTGRES names no PostgreSQL server");
    }
    server
}

struct Served {
    name: String,
    child: Child,
    address: String,
}

impl Served {
    fn start(shell: &Shell, url: &str, name: &str, target: &str) -> Self {
        let args =
            ["serve", "--listen", "127.0.0.1:0", "--stamp-every", "100ms", "--target", target];
        let mut command = shell.command(&args);
        command.env("DATABASE_URL", format!("{url}?application_name={name}"));
        command.env("PORTCULLIS_VALID_FOR", "60s").stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").unwrap().to_owned();
        Self { name: name.into(), child, address }
    }

    fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The this update of a stamp.
fn this_update(stamp: &[u8]) -> u64 {
    u64::from_be_bytes(stamp[34..42].try_into().unwrap())
}

struct Site {
    client: reqwest::Client,
    admin: String,
    watching: sqlx::AnyConnection,
}

impl Site {
    async fn new(url: &str, admin: String) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().timeout(PROMISED).build().unwrap();
        sqlx::any::install_default_drivers();
        let watching = sqlx::AnyConnection::connect(url).await.unwrap();
        Self { client, admin, watching }
    }

    async fn stamp(&self, of: &Served) -> Option<u64> {
        let get = self.client.get(format!("{}/.well-known/portcullis/stamp", of.address));
        let answer = get.send().await.ok()?.error_for_status().ok()?;
        Some(this_update(&answer.bytes().await.ok()?))
    }

    async fn create(&self, at: &Served) -> Option<String> {
        let post = self.client.post(format!("{}/v1/keys", at.address)).bearer_auth(&self.admin);
        let post = post.header("content-type", "application/json");
        let answer = post.body(json!({ "title": "x" }).to_string()).send().await.ok()?;
        let made: Value = serde_json::from_slice(&answer.bytes().await.ok()?).ok()?;
        Some(made.pointer("/key/id")?.as_str()?.to_owned())
    }

    /// Like `create`, retried as a client does when the database is busy.
    async fn create_within(&self, at: &Served, most: Duration) -> String {
        let start = Instant::now();
        loop {
            if let Some(id) = self.create(at).await {
                return id;
            }
            assert!(start.elapsed() < most, "the others don't answer");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// The holder of the write lock, and since when.
    async fn holder(&mut self) -> Option<(String, String)> {
        let row = sqlx::query(HOLDER).fetch_optional(&mut self.watching).await.unwrap()?;
        let (name, since): (String, String) = (row.get("application_name"), row.get("since"));
        Some((name, since))
    }

    /// Freezes a server in the middle of a transaction that excludes all others.
    async fn freeze(&mut self, served: &[Served]) -> usize {
        let start = Instant::now();
        loop {
            assert!(start.elapsed() < Duration::from_secs(60), "nobody was caught");
            let Some((name, since)) = self.holder().await else { continue };
            let Some(at) = served.iter().position(|one| one.name == name) else { continue };
            served[at].signal("-STOP");
            tokio::time::sleep(Duration::from_millis(50)).await;
            if self.holder().await == Some((name, since)) {
                return at;
            }
            served[at].signal("-CONT");
        }
    }
}

/// An issuer in a new database: its URL, its folder and its admin key.
async fn issuer_on(server: &str) -> (String, Shell, String) {
    let Database::Server(url) = new_database(server).await else { panic!("no server") };
    let shell = Shell::new();
    let mut init = shell.command(&["init", "--json"]);
    let init = init.env("DATABASE_URL", &url).output().unwrap();
    assert_eq!(code(&init), 0, "{}", stderr(&init));
    let made: Value = serde_json::from_slice(&init.stdout).unwrap();
    (url, shell, made["admin_key"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_issuer_stops_no_other_and_comes_back() {
    const ROUNDS: usize = 4;
    let Some(server) = server() else { return };
    let (url, shell, admin) = issuer_on(&server).await;
    let folder = shell.folder.path().join("out");
    let target = format!("dir:{},every=100ms", folder.display());
    let served: Vec<Served> =
        ["one", "two", "three"].map(|name| Served::start(&shell, &url, name, &target)).into();
    let mut site = Site::new(&url, admin).await;
    let mut created = Vec::new();
    let mut longest = Duration::ZERO;
    for round in 0..ROUNDS {
        let frozen = site.freeze(&served).await;
        let awake = &served[(frozen + 1) % served.len()];
        let start = Instant::now();
        let before = site.stamp(awake).await.unwrap();
        let file = || this_update(&std::fs::read(folder.join("stamp")).unwrap());
        // Another server executes requests, and the list is renewed, also in the folder.
        created.push(site.create_within(awake, PROMISED).await);
        while site.stamp(awake).await.is_none_or(|now| now <= before) || file() <= before {
            assert!(start.elapsed() < PROMISED, "round {round}: the others don't publish");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        longest = longest.max(start.elapsed());
        // The thawed server continues normally, with the list that the others published.
        let out = site.stamp(awake).await.unwrap();
        served[frozen].signal("-CONT");
        let woken = Instant::now();
        loop {
            assert!(woken.elapsed() < PROMISED, "round {round}: the one that woke up fails");
            let now = site.stamp(&served[frozen]).await;
            assert!(now.is_none_or(|now| now >= out), "it went back");
            if now.is_some()
                && let Some(id) = site.create(&served[frozen]).await
            {
                created.push(id);
                break;
            }
        }
    }
    eprintln!("longest time without a new list: {longest:?}");
    check_history(&mut site.watching, &created).await;
}

/// A connection between an issuer and PostgreSQL that can be cut: then no data passes, and neither
/// side is notified.
struct Wire {
    port: u16,
    cut: tokio::sync::watch::Sender<bool>,
}

impl Wire {
    async fn to(server: &str) -> Self {
        let place = server.rsplit('@').next().unwrap().trim_end_matches('/').to_owned();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (cut, is_cut) = tokio::sync::watch::channel(false);
        tokio::spawn(async move {
            loop {
                let (mut ours, _) = listener.accept().await.unwrap();
                let (place, mut is_cut) = (place.clone(), is_cut.clone());
                tokio::spawn(async move {
                    let mut theirs = tokio::net::TcpStream::connect(&place).await.unwrap();
                    let copied = tokio::io::copy_bidirectional(&mut ours, &mut theirs);
                    tokio::select! {
                        _ = copied => return,
                        _ = is_cut.wait_for(|cut| *cut) => {}
                    }
                    // A cut connection stays cut, even if the network works again.
                    std::future::pending::<()>().await;
                });
            }
        });
        Self { port, cut }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_issuer_that_is_cut_off_stops_no_other_and_comes_back() {
    /// The bound for a server that was cut off: it notices within 90 s.
    const NOTICED: Duration = Duration::from_secs(90 + 30);
    let Some(server) = server() else { return };
    let (database, shell, admin) = issuer_on(&server).await;
    let wire = Wire::to(&server).await;
    let name = database.rsplit('/').next().unwrap();
    let user = server.strip_prefix("postgres://").unwrap().split('@').next().unwrap();
    let through = format!("postgres://{user}@127.0.0.1:{}/{name}", wire.port);
    let target = format!("dir:{},every=100ms", shell.folder.path().join("out").display());
    let cut_off = Served::start(&shell, &through, "one", &target);
    let other = Served::start(&shell, &database, "two", &target);
    let mut site = Site::new(&database, admin).await;
    let start = Instant::now();
    while site.holder().await.is_none_or(|(name, _)| name != "one") {
        assert!(start.elapsed() < Duration::from_secs(60), "it does nothing");
    }
    wire.cut.send(true).unwrap();
    let start = Instant::now();
    let before = site.stamp(&other).await.unwrap();
    let mut created = vec![site.create_within(&other, PROMISED).await];
    while site.stamp(&other).await.is_none_or(|now| now <= before) {
        assert!(start.elapsed() < PROMISED, "the other doesn't publish");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    eprintln!("the other went on after {:?}", start.elapsed());
    wire.cut.send(false).unwrap();
    created.push(site.create_within(&cut_off, NOTICED).await);
    eprintln!("the one that was cut off came back after {:?}", start.elapsed());
    check_history(&mut site.watching, &created).await;
}

/// No acknowledged key is lost, and no list contradicts another.
async fn check_history(connection: &mut sqlx::AnyConnection, created: &[String]) {
    let keys = sqlx::query("SELECT id, serial FROM portcullis.api_keys");
    let keys = keys.fetch_all(&mut *connection).await.unwrap();
    let keys: HashMap<String, i64> =
        keys.iter().map(|row| (row.get("id"), row.get("serial"))).collect();
    assert!(created.iter().all(|id| keys.contains_key(id)));
    let lists = sqlx::query("SELECT number, this_update FROM portcullis.lists ORDER BY number");
    let lists = lists.fetch_all(connection).await.unwrap();
    let lists: Vec<(i64, i64)> = lists.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert!(
        lists.windows(2).all(|two| two[0].0 + 1 == two[1].0 && two[0].1 < two[1].1),
        "{lists:?}"
    );
}

/// A session holds the write lock and is stuck while sending, which no timeout of the server ends.
/// The session that waits for the lock ends it.
#[tokio::test]
async fn who_is_stuck_in_an_answer_is_ended_by_who_waits() {
    let Some(bench) = Bench::on_postgres().await else { return };
    let Database::Server(url) = bench.issuer.store().database().clone() else { return };
    let mut stuck = sqlx::AnyConnection::connect(&url).await.unwrap();
    let begin = "BEGIN; SELECT pg_advisory_xact_lock(1346589779)";
    sqlx::raw_sql(begin).execute(&mut stuck).await.unwrap();
    let much = sqlx::query("SELECT repeat('x', 1000000) FROM generate_series(1, 1000)");
    let mut rows = much.fetch(&mut stuck);
    rows.next().await.unwrap().unwrap();
    bench.issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    while let Some(row) = rows.next().await {
        if row.is_err() {
            return;
        }
    }
    panic!("the session went on");
}

/// A machine that fails doesn't close its connections, so the server must probe them. PostgreSQL
/// reports the kernel's values for this session's socket, not the requested ones.
#[tokio::test]
async fn the_server_asks_whether_a_client_is_still_there() {
    let Some(bench) = Bench::on_postgres().await else { return };
    let mut reading = bench.issuer.store().read().await.unwrap();
    let socket = sqlx::query("SELECT COALESCE(host(inet_server_addr()), '')");
    let address: String = socket.fetch_one(&mut *reading).await.unwrap().get(0);
    if address.is_empty() {
        eprintln!("LEFT OUT: PostgreSQL is asked through a Unix socket, which no network cuts");
        return;
    }
    for (setting, wanted) in [
        ("tcp_keepalives_idle", "5"),
        ("tcp_keepalives_interval", "2"),
        ("tcp_keepalives_count", "3"),
        ("tcp_user_timeout", "10000"),
    ] {
        let ask = sqlx::query("SELECT current_setting($1)").bind(setting);
        let held: String = ask.fetch_one(&mut *reading).await.unwrap().get(0);
        assert_eq!(held, wanted, "{setting}");
    }
}

#[tokio::test]
async fn a_session_that_is_ended_is_an_error_of_its_own_and_replaced() {
    let Some(bench) = Bench::on_postgres().await else { return };
    let store = bench.issuer.store();
    for statement in [
        "SELECT pg_terminate_backend(pg_backend_pid())::TEXT",
        "SET LOCAL idle_in_transaction_session_timeout = '10ms'",
    ] {
        let mut writing = store.bookkeeping().await.unwrap();
        let _ = sqlx::query(statement).execute(&mut *writing).await.map_err(Error::from);
        tokio::time::sleep(Duration::from_millis(500)).await;
        let ended = sqlx::query("SELECT 1").execute(&mut *writing).await.map_err(Error::from);
        let code = ended.unwrap_err().code();
        assert!(["database_interrupted", "database_unreachable"].contains(&code), "{code}");
        drop(writing);
        bench.issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    }
}

/// A transaction that the database rolled back by itself, as SQLite does when the disk is full,
/// can't be rolled back again, so its connection is discarded.
#[tokio::test]
async fn a_connection_that_is_left_in_a_dead_transaction_is_not_used_again() {
    let mut benches = vec![Bench::new().await];
    benches.extend(Bench::on_postgres().await);
    for bench in benches {
        for _ in 0..10 {
            let mut writing = bench.issuer.store().bookkeeping().await.unwrap();
            sqlx::query("ROLLBACK").execute(&mut *writing).await.unwrap();
            drop(writing);
            bench.issuer.keys().create(&NewKey::titled("x")).await.unwrap();
        }
    }
}
