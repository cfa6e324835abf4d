//! A backup of the database is restored, and the command line brings it up to date with the
//! published list, on SQLite and on PostgreSQL.

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

use common::Shell;
use portcullis_core::verify::Refusal;
use portcullis_issuer::actions::{NewKey, Revocation, When};
use portcullis_issuer::clock::{Clock as _, SystemClock};
use portcullis_issuer::keystore::Unlock;
use portcullis_issuer::publish::DEFAULT_VALID_FOR;
use portcullis_issuer::store::Database;
use portcullis_issuer::{Error, Home, Issuer};
use portcullis_test_support::{code, new_database, stderr};
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _};

/// An issuer whose database is a file, or is named by a URL.
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

    /// Serves until the folder has the current list.
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
        // Stop it with a signal, so that SQLite's file is complete afterwards.
        let end = Command::new("kill").arg(child.id().to_string()).status().unwrap();
        assert!(end.success() && child.wait().unwrap().success());
        assert!(carried, "the folder was not brought up to date");
    }

    /// Whether a key is accepted, by the exit code.
    fn accepts(&self, token: &str) -> bool {
        code(&self.run(&["verify", token])) == 0
    }
}

/// Waits for the next second, because keys are dated in whole seconds.
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
    // Keys of the same second as the last commit are given up.
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
    // No process has it open, so the one file holds everything.
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

/// The commands of an operator who has only a backup.
#[test]
fn a_restored_backup_brings_no_revoked_key_back_silently() {
    let shell = Shell::initialised();
    let key = shell.folder.path().join("backup.key");
    write_key(&key);
    let run = |home: &str, args: &[&str]| {
        // The lists from before the backup must expire soon.
        let valid_for = if home == "home" { "3s" } else { "5m" };
        let options = ["--home", home, "--valid-for", valid_for];
        let mut command = shell.command(&[&options, args].concat());
        command.env("PORTCULLIS_KEY_FILE", &key).output().unwrap()
    };
    let json = |home: &str, args: &[&str]| -> Value {
        let output = run(home, &[args, &["--json"]].concat());
        assert_eq!(code(&output), 0, "{args:?}: {}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let created = |home: &str, title: &str| {
        let made = json(home, &["keys", "create", "--title", title]);
        let text = |pointer| made.pointer(pointer).and_then(Value::as_str).unwrap().to_owned();
        (text("/key/id"), text("/token"))
    };
    let accepts = |home: &str, token: &str| code(&run(home, &["verify", token])) == 0;
    let (_, kept) = created("home", "kept");
    next_second();
    let (old_id, old) = created("home", "leaks after the backup");
    // Keys of the same second as the last commit are given up.
    next_second();
    json("home", &["list", "publish"]);
    json("home", &["backup", "backup.pcx"]);
    json("home", &["keys", "revoke", &old_id]);
    next_second();
    let (_, lost) = created("home", "made after the backup");
    let number = json("home", &["list", "publish"])["number"].as_u64().unwrap();
    assert!(accepts("home", &lost) && !accepts("home", &old));

    json("second", &["restore", "backup.pcx"]);
    let stands_still = || {
        for act in [
            &["keys", "create", "--title", "x"][..],
            &["list", "publish"],
            &["keys", "roll", &old_id],
            &["serve", "--listen", "127.0.0.1:0"],
            &["recover"],
        ] {
            let refused = run("second", act);
            assert_eq!(code(&refused), 2, "{act:?}");
            assert!(
                stderr(&refused).contains("--no-witness")
                    || stderr(&refused).contains("portcullis recover")
            );
        }
        assert!(!accepts("second", &kept) && !accepts("second", &old), "no list is in force");
    };
    let start = Instant::now();
    while accepts("home", &kept) {
        assert!(start.elapsed() < Duration::from_secs(60), "the list does not run out");
        std::thread::sleep(Duration::from_millis(100));
    }
    stands_still();
    // The issuer is still held after another start, and the doctor reports it too.
    stands_still();
    let sick = run("second", &["doctor"]);
    assert_eq!(code(&sick), 1);

    let recovered = json("second", &["recover", "--no-witness"]);
    assert!(recovered["number"].as_u64().unwrap() > number + 1000, "past all that was out");
    let (from, until) = (&recovered["lost_from"], &recovered["lost_until"]);
    assert!(from.is_string() && until.is_string(), "it says what it does not know: {recovered}");
    assert!(accepts("second", &kept) && !accepts("second", &lost));
    assert_eq!(code(&run("second", &["recover", "--no-witness"])), 2, "once");
    assert!(accepts("second", &old), "what was revoked since the backup is not known, it says");
    json("second", &["keys", "revoke", &old_id]);
    assert!(!accepts("second", &old));
    assert!(accepts("second", &kept));
}

#[tokio::test]
async fn a_restored_issuer_goes_on_without_a_witness() {
    let bench = portcullis_test_support::Bench::new().await;
    let key = bench.folder.path().join("backup.key");
    write_key(&key);
    let unlock = Unlock::key_file(&key).unwrap();
    let open = async |home: &Home| {
        Issuer::open(home, bench.clock.clone(), DEFAULT_VALID_FOR).await.unwrap()
    };
    let issuer = open(&bench.home.clone().with_unlock(unlock.clone())).await;
    let make = async |issuer: &Issuer, title: &str| {
        bench.clock.advance(2000);
        issuer.keys().create(&NewKey::titled(title)).await.unwrap()
    };
    let verify = async |issuer: &Issuer, token: &str| {
        issuer.keys().verify(token, None, None).await.unwrap().result.map(|_| ())
    };
    let kept = make(&issuer, "kept").await;
    let old = make(&issuer, "leaks after the backup").await;
    // Keys of the same second as the last commit are given up.
    bench.clock.advance(2000);
    issuer.list().publish().await.unwrap();
    let file = bench.folder.path().join("backup.pcx");
    bench.clock.advance(2000);
    issuer.recovery().back_up(&file).await.unwrap();
    let revocation = Revocation { when: When::Now, by: None };
    issuer.keys().revoke(&old.record.id, &revocation).await.unwrap();
    let lost = make(&issuer, "made after the backup").await;
    let number = issuer.list().publish().await.unwrap().number;

    let elsewhere = Home::new(bench.folder.path().join("elsewhere")).with_unlock(unlock);
    portcullis_issuer::backup::restore(&file, &elsewhere).unwrap();
    for _ in 0..2 {
        let restored = open(&elsewhere).await;
        let restored_backup = |error: Error| error.code() == "restored_backup";
        assert!(restored_backup(restored.list().publish().await.unwrap_err()));
        assert!(restored_backup(restored.keys().create(&NewKey::titled("x")).await.unwrap_err()));
        restored.store().close().await;
    }
    let restored = open(&elsewhere).await;
    bench.clock.advance(10_000);
    let recovered = restored.recovery().recover_alone().await.unwrap();
    assert!(recovered.number > number + 1000, "{recovered:?}");
    assert!(recovered.lost_until.is_some());
    assert_eq!(verify(&restored, &kept.token).await, Ok(()));
    assert_eq!(verify(&restored, &lost.token).await, Err(Refusal::Revoked));
    assert_eq!(verify(&restored, &old.token).await, Ok(()), "not known, which is said");
    assert!(restored.recovery().recover_alone().await.is_err(), "once");
    // Once the earlier stamps have expired, keys can be made again, in shards that were not used
    // before or during the window.
    bench.clock.advance(311_000);
    restored.list().publish().await.unwrap();
    let new = make(&restored, "new").await;
    restored.list().publish().await.unwrap();
    assert_eq!(verify(&restored, &new.token).await, Ok(()));
    assert_ne!(new.record.serial.shard(), kept.record.serial.shard());
    assert!(restored.trail().verify(&[]).await.unwrap().is_sound());
}

fn write_key(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, "k".repeat(40)).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Every command reports the same: what is lost, what still works, what to do.
#[test]
fn a_lost_keystore_sends_nobody_in_a_circle() {
    let shell = Shell::initialised();
    let key = shell.folder.path().join("backup.key");
    write_key(&key);
    let run =
        |args: &[&str]| shell.command(args).env("PORTCULLIS_KEY_FILE", &key).output().unwrap();
    let made = shell.json(&["keys", "create", "--title", "x"]);
    assert_eq!(code(&run(&["backup", "backup.pcx"])), 0);
    let later = shell.json(&["keys", "create", "--title", "after the backup"]);
    std::fs::remove_file(shell.home().join("keystore.json")).unwrap();
    for act in [
        &["init"][..],
        &["keys", "list"],
        &["serve"],
        &["list", "publish"],
        &["audit", "verify"],
        &["keystore", "show"],
        &["recover", "--no-witness"],
        &["restore", "backup.pcx"],
        &["doctor"],
    ] {
        let told = run(act);
        assert_ne!(code(&told), 0, "{act:?}");
        let told = format!("{}{}", String::from_utf8_lossy(&told.stdout), stderr(&told));
        for word in ["keystore.json is missing", "restore --keystore-only", "gates verify"] {
            assert!(told.contains(word), "{act:?}: {told}");
        }
    }
    let back = run(&["restore", "--keystore-only", "backup.pcx"]);
    assert_eq!(code(&back), 0, "{}", stderr(&back));
    // The database was not touched, so nothing in it is lost.
    for token in [&made["token"], &later["token"]] {
        assert_eq!(code(&shell.run(&["verify", token.as_str().unwrap()])), 0);
    }
    shell.json(&["keys", "create", "--title", "goes on"]);
    let twice = run(&["restore", "--keystore-only", "backup.pcx"]);
    assert_eq!(code(&twice), 2, "what is there is not overwritten");
}
