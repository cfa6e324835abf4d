//! A backup of the database is put back, and the command line brings it up to what was published: on
//! SQLite and on PostgreSQL.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]

mod common;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{Shell, code, new_database, stderr};
use portcullis_issuer::clock::{Clock as _, SystemClock};
use portcullis_issuer::store::Database;
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _};

/// An issuer whose records are in a database that can be named by its URL, if not a file.
struct Site {
    shell: Shell,
    database: Option<String>,
}

impl Site {
    fn run(&self, args: &[&str]) -> Output {
        let mut command = self.shell.command(args);
        command.envs(self.database.iter().map(|url| ("DATABASE_URL", url))).output().unwrap()
    }

    fn json(&self, args: &[&str]) -> Value {
        let output = self.run(&[args, &["--json"]].concat());
        assert_eq!(code(&output), 0, "{args:?}: {}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn created(&self, title: &str) -> (String, String) {
        let made = self.json(&["keys", "create", "--title", title]);
        let text = |pointer| made.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
        (text("/key/id"), text("/token"))
    }

    /// Serves until the folder carries the list that is out now.
    fn put_out(&self, target: &str) {
        let args = ["serve", "--listen", "127.0.0.1:0", "--target", target];
        let mut command = self.shell.command(&args);
        command.envs(self.database.iter().map(|url| ("DATABASE_URL", url)));
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let start = Instant::now();
        let carries = || {
            let list = self.json(&["list", "show"]);
            let targets = list["targets"].as_array().unwrap();
            targets.iter().any(|one| one["kind"] == "dir" && one["carries"] == json!(true))
        };
        while !carries() && start.elapsed() < Duration::from_secs(60) {
            std::thread::sleep(Duration::from_millis(20));
        }
        let carried = carries();
        // In order, so that SQLite's file is whole afterwards.
        let end = Command::new("kill").arg(child.id().to_string()).status().unwrap();
        assert!(end.success() && child.wait().unwrap().success());
        assert!(carried, "the folder was not brought up to date");
    }

    /// Whether a key is accepted, by the exit code.
    fn accepts(&self, token: &str) -> bool {
        code(&self.run(&["verify", token])) == 0
    }
}

/// Waits for the next second to begin: keys are dated in whole ones.
fn next_second() {
    let now = SystemClock.now().secs();
    while SystemClock.now().secs() == now {
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// `backup` and `restore` copy the database away and back.
fn recovery(site: &Site, backup: impl FnOnce(), restore: impl FnOnce()) {
    let folder = site.shell.folder.path().join("out");
    let target = format!("dir:{}", folder.display());
    // Keys of the very second of the last commit are given up.
    let (_, kept) = site.created("kept");
    next_second();
    let (old_id, old) = site.created("before the backup");
    site.put_out(&target);
    backup();
    site.json(&["keys", "revoke", &old_id]);
    let (_, lost) = site.created("after the backup");
    assert!(site.accepts(&lost) && !site.accepts(&old));
    site.put_out(&target);
    restore();

    let witness = ["--witness", target.as_str()];
    let refused = site.run(&[&["keys", "create", "--title", "x"], &witness[..]].concat());
    assert_eq!(code(&refused), 2);
    assert!(stderr(&refused).contains("restored backup"), "{}", stderr(&refused));
    let recovered = site.json(&[&["recover"], &witness[..]].concat());
    assert_eq!((&recovered["entries"], &recovered["witness"]), (&json!(1), &json!(target)));
    let accepted = [&old, &lost, &kept].map(|token| site.accepts(token));
    assert_eq!(accepted, [false, false, true], "what was revoked or made since is refused");
    let again = site.run(&[&["recover"], &witness[..]].concat());
    assert_ne!(code(&again), 0, "there is nothing to recover");
}

#[test]
fn a_restored_file_is_recovered() {
    let site = Site { shell: Shell::initialised(), database: None };
    let (file, copy) = (site.shell.home().join("issuer.db"), site.shell.home().join("copy"));
    let copied = |from: &Path, to: &Path| {
        std::fs::copy(from, to).unwrap();
    };
    // Nobody has it open: all of it is in the one file.
    let restore = || {
        for rest in ["issuer.db-wal", "issuer.db-shm"] {
            let _ = std::fs::remove_file(site.shell.home().join(rest));
        }
        copied(&copy, &file);
    };
    recovery(&site, || copied(&file, &copy), restore);
}

#[test]
fn a_restored_postgres_is_recovered() {
    let Ok(server) = std::env::var("PORTCULLIS_TEST_POSTGRES") else {
        assert!(std::env::var_os("CI").is_none(), "PORTCULLIS_TEST_POSTGRES names no server");
        eprintln!("LEFT OUT: PORTCULLIS_TEST_POSTGRES names no PostgreSQL server");
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let Database::Server(url) = runtime.block_on(new_database(&server)) else { return };
    let name = url.rsplit('/').next().unwrap().to_owned();
    let execute = |statement: String| {
        runtime.block_on(async {
            let url = format!("{server}postgres");
            let mut connection = sqlx::AnyConnection::connect(&url).await.unwrap();
            connection.execute(sqlx::AssertSqlSafe(statement)).await.unwrap();
        });
    };
    let site = Site { shell: Shell::new(), database: Some(url) };
    site.json(&["init"]);
    recovery(
        &site,
        || execute(format!("CREATE DATABASE {name}_copy TEMPLATE {name}")),
        || {
            execute(format!("DROP DATABASE {name} WITH (FORCE)"));
            execute(format!("CREATE DATABASE {name} TEMPLATE {name}_copy"));
        },
    );
}
