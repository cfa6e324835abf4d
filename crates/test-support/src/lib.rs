//! What the integration tests of several crates share: an issuer in a folder of its own, databases,
//! and the output of programs.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    reason = "a test that can't go on panics; clippy.toml allows it in #[test] functions alone"
)]

pub mod filled;

use std::process::Output;
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

/// The folder of the issuer's crate.
const ISSUER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../issuer");
/// The time at which the manual clock starts.
pub const START: Time = Time::from_secs(1_800_000_000);

/// An issuer on a manual clock.
#[derive(Debug)]
pub struct Bench {
    /// A temporary folder, with the issuer's in it.
    pub folder: tempfile::TempDir,
    /// The issuer's folder.
    pub home: Home,
    /// The issuer's clock.
    pub clock: Arc<ManualClock>,
    /// The issuer.
    pub issuer: Issuer,
    /// What `init` made.
    pub made: Initialised,
}

impl Bench {
    /// On SQLite.
    pub async fn new() -> Self {
        Self::with(None).await
    }

    /// On PostgreSQL, in a new database on the server that the environment names. `None`, with a
    /// notice, if it names none; in continuous integration that is a failure.
    pub async fn on_postgres() -> Option<Self> {
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

    /// The issuer's verdict on a token.
    pub async fn verify(&self, token: &str) -> Result<(), Refusal> {
        self.issuer.keys().verify(token, None, None).await.unwrap().result.map(|_| ())
    }

    /// Revokes a key.
    pub async fn revoke(&self, id: &str, when: When) -> Result<Committed<EffectiveKey>, Error> {
        self.issuer.keys().revoke(id, &Revocation { when, by: Some("me".into()) }).await
    }

    /// Creates an owner; returns its number.
    pub async fn owner(&self, name: &str) -> u32 {
        let new = NewOwner { name: name.into(), ..NewOwner::default() };
        self.issuer.owners().create(&new).await.unwrap().number
    }

    /// Creates a policy; returns its number.
    pub async fn policy(&self, name: &str, seen: Visibility, rules: PolicyRules) -> u32 {
        let new = NewPolicy { name: name.into(), visibility: seen, rules, by: None };
        let saved = self.issuer.policies().create(&new).await.unwrap();
        let number = saved.value.number;
        saved.published().unwrap();
        number
    }

    /// The types of the events about a key.
    pub async fn events(&self, id: &str) -> Vec<String> {
        events::types_of(&mut self.issuer.store().read().await.unwrap(), id).await.unwrap()
    }

    /// A verifier that has the root and the gate's secrets, but no access to the database.
    pub async fn gate(&self) -> Verifier {
        let keyring = self.issuer.keyring().document().await.unwrap();
        let mut verifier = Verifier::new(self.made.root, &keyring).unwrap();
        for key in &self.issuer.keystore().keys()[..2] {
            verifier.hold_secret(key.kid, &key.secret).unwrap();
        }
        verifier
    }
}

/// Creates a database on the server at `server`, whose URL ends with a slash.
pub async fn new_database(server: &str) -> Database {
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

/// The exit code of a program.
pub fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// What a program wrote to its standard output.
pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What a program wrote to its standard error.
pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Unpacks an issuer of that schema into `folder`; returns what was recorded about it.
pub fn unpack(schema: &str, folder: &std::path::Path) -> (Home, serde_json::Value) {
    use std::os::unix::fs::PermissionsExt as _;
    let path = format!("{ISSUER}/tests/fixtures/{schema}.tar.gz");
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
pub fn schemas() -> Vec<i64> {
    let number = |entry: std::io::Result<std::fs::DirEntry>| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        name.split('_').next().unwrap().parse().unwrap()
    };
    let folder = format!("{ISSUER}/migrations/sqlite");
    let mut all: Vec<i64> = std::fs::read_dir(folder).unwrap().map(number).collect();
    all.sort_unstable();
    all
}
