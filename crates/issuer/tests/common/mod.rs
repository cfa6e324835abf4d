//! Shared by the integration tests: an issuer in a folder of its own, and the built program.

#![allow(dead_code, reason = "each test file uses its own part")]

pub(crate) mod filled;

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use portcullis_core::policy::Visibility;
use portcullis_core::time::Time;
use portcullis_core::token::Label;
use portcullis_core::verifier::Verifier;
use portcullis_core::verify::Refusal;
use portcullis_issuer::actions::{NewOwner, NewPolicy, PolicyRules, Revocation, When};
use portcullis_issuer::clock::ManualClock;
use portcullis_issuer::init::{Initialised, Plan, init};
use portcullis_issuer::publish::DEFAULT_VALID_FOR;
use portcullis_issuer::store::bulk::EffectiveKey;
use portcullis_issuer::store::{Database, events};
use portcullis_issuer::{Committed, Error, Home, Issuer};

pub(crate) const START: Time = Time::from_secs(1_800_000_000);

/// An issuer on a manual clock.
pub(crate) struct Bench {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) home: Home,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) issuer: Issuer,
    pub(crate) made: Initialised,
}

impl Bench {
    /// On SQLite.
    pub(crate) async fn new() -> Self {
        Self::with(None).await
    }

    /// On PostgreSQL, in a new database on the server that the environment names. `None`, with a
    /// notice, if it names none; in continuous integration that is a failure.
    pub(crate) async fn on_postgres() -> Option<Self> {
        let Ok(server) = std::env::var("PORTCULLIS_TEST_POSTGRES") else {
            assert!(std::env::var_os("CI").is_none(), "PORTCULLIS_TEST_POSTGRES names no server");
            eprintln!("LEFT OUT: PORTCULLIS_TEST_POSTGRES names no PostgreSQL server");
            return None;
        };
        Some(Self::with(Some(new_database(&server).await)).await)
    }

    async fn with(database: Option<Database>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path().join("home"));
        let home = match database {
            Some(database) => home.with_database(database),
            None => home,
        };
        let clock = Arc::new(ManualClock::at(START));
        let plan = Plan { labels: vec![Label::NONE], root: None, encrypt: false };
        let made = init(&home, &plan, clock.clone()).await.unwrap();
        let issuer = Issuer::open(&home, clock.clone(), DEFAULT_VALID_FOR).await.unwrap();
        Self { folder, home, clock, issuer, made }
    }

    pub(crate) async fn verify(&self, token: &str) -> Result<(), Refusal> {
        self.issuer.keys().verify(token, None, None).await.unwrap().result.map(|_| ())
    }

    pub(crate) async fn revoke(
        &self,
        id: &str,
        when: When,
    ) -> Result<Committed<EffectiveKey>, Error> {
        self.issuer.keys().revoke(id, &Revocation { when, by: Some("me".into()) }).await
    }

    /// Creates an owner; returns its number.
    pub(crate) async fn owner(&self, name: &str) -> u32 {
        let new = NewOwner { name: name.into(), ..NewOwner::default() };
        self.issuer.owners().create(&new).await.unwrap().number
    }

    /// Creates a policy; returns its number.
    pub(crate) async fn policy(&self, name: &str, seen: Visibility, rules: PolicyRules) -> u32 {
        let new = NewPolicy { name: name.into(), visibility: seen, rules, by: None };
        let saved = self.issuer.policies().create(&new).await.unwrap();
        let number = saved.value.number;
        saved.published().unwrap();
        number
    }

    pub(crate) async fn events(&self, id: &str) -> Vec<String> {
        events::types_of(&mut self.issuer.store().read().await.unwrap(), id).await.unwrap()
    }

    /// A verifier that has the root and the gate's secrets, but no access to the database.
    pub(crate) async fn gate(&self) -> Verifier {
        let keyring = self.issuer.keyring().document().await.unwrap();
        let mut verifier = Verifier::new(self.made.root, &keyring).unwrap();
        for key in &self.issuer.keystore().keys()[..2] {
            verifier.hold_secret(key.kid, &key.secret).unwrap();
        }
        verifier
    }
}

/// Creates a database on the server at `server`, whose URL ends with a slash.
pub(crate) async fn new_database(server: &str) -> Database {
    use sqlx::{Connection as _, Executor as _};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("portcullis_{}_{number}", std::process::id());
    sqlx::any::install_default_drivers();
    let mut connection = sqlx::AnyConnection::connect(&format!("{server}postgres")).await.unwrap();
    let create = format!("CREATE DATABASE {name}");
    connection.execute(sqlx::AssertSqlSafe(create)).await.unwrap();
    Database::from_url(&format!("{server}{name}")).unwrap()
}

/// A working folder for the program.
pub(crate) struct Shell {
    pub(crate) folder: tempfile::TempDir,
}

impl Shell {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn initialised() -> Self {
        let shell = Self::new();
        assert_eq!(code(&shell.run(&["init"])), 0);
        shell
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.args(args).current_dir(self.folder.path()).env("PORTCULLIS_HOME", self.home());
        for name in ["PORTCULLIS_LISTEN", "PORTCULLIS_VALID_FOR", "RUST_LOG"] {
            command.env_remove(name);
        }
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs a command that must succeed, with `--json`.
    pub(crate) fn json(&self, args: &[&str]) -> serde_json::Value {
        let output = self.run(&[args, &["--json"]].concat());
        assert_eq!(code(&output), 0, "{args:?}: {}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Unpacks an issuer of that schema into `folder`; returns what was recorded about it.
pub(crate) fn unpack(schema: &str, folder: &std::path::Path) -> (Home, serde_json::Value) {
    use std::os::unix::fs::PermissionsExt as _;
    let path = format!("{}/tests/fixtures/{schema}.tar.gz", env!("CARGO_MANIFEST_DIR"));
    let file = flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap());
    tar::Archive::new(file).unpack(folder).unwrap();
    for name in ["issuer.db", "keystore.json"].iter().filter(|name| folder.join(name).exists()) {
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(folder.join(name), private).unwrap();
    }
    let about = std::fs::read(folder.join("about.json")).unwrap();
    (Home::new(folder), serde_json::from_slice(&about).unwrap())
}

/// The numbers of all schema migrations, from their files.
pub(crate) fn schemas() -> Vec<i64> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/sqlite");
    let number = |entry: std::io::Result<std::fs::DirEntry>| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        name.split('_').next().unwrap().parse().unwrap()
    };
    let mut all: Vec<i64> = std::fs::read_dir(folder).unwrap().map(number).collect();
    all.sort_unstable();
    all
}
