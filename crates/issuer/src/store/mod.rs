//! The store: SQLite through sqlx. What is decided is decided in [`rules`](crate::rules); here are
//! connections, transactions and statements.

pub mod events;
pub mod keys;
pub mod lists;
pub mod shards;

use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis_core::crypto::IssuerId;
use portcullis_core::time::Time;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{Row as _, SqlSafeStr as _, Sqlite, SqliteConnection, Transaction};

use crate::error::Error;
use crate::files::{self, Privacy};

/// The bytes `PCTS`, by which an issuer's database is told from other SQLite files.
const APPLICATION_ID: i64 = 0x5043_5453;
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);
const CONNECTIONS: u32 = 8;

/// A pool of connections to one issuer's database.
#[derive(Clone, Debug)]
pub struct Store {
    pool: SqlitePool,
}

/// A transaction that holds SQLite's write lock from its start: whoever has one sees every change
/// that was committed and nobody else commits before it.
pub type Writing = Transaction<'static, Sqlite>;

impl Store {
    /// Makes a new database at `path`, where there must be none.
    ///
    /// # Errors
    /// [`Error::Io`] and the database's.
    pub async fn create(path: &Path, issuer: IssuerId, now: Time) -> Result<Self, Error> {
        files::create_new(path, Privacy::Secret)
            .map_err(|source| Error::Io { path: path.to_owned(), source })?;
        let store = Self { pool: connect(path).await? };
        let mut connection = store.pool.acquire().await?;
        sqlx::query("PRAGMA application_id = 1346589779").execute(&mut *connection).await?;
        migrations().run(&mut *connection).await.map_err(migration_error)?;
        sqlx::query("INSERT INTO issuer (one, id, created_ms) VALUES (1, ?, ?)")
            .bind(issuer.to_string())
            .bind(millis(now))
            .execute(&mut *connection)
            .await?;
        drop(connection);
        Ok(store)
    }

    /// Opens the database of `issuer` at `path` and brings its tables up to date. Never makes one.
    ///
    /// # Errors
    /// [`Error::DatabaseMissing`], [`Error::DatabaseCorrupt`], [`Error::DatabaseForeign`],
    /// [`Error::DatabaseVersion`].
    pub async fn open(path: &Path, issuer: IssuerId) -> Result<Self, Error> {
        check_file(path)?;
        let store = Self { pool: connect(path).await? };
        match store.bring_up(issuer).await {
            Ok(()) => Ok(store),
            Err(error) => {
                store.close().await;
                Err(error)
            }
        }
    }

    async fn bring_up(&self, issuer: IssuerId) -> Result<(), Error> {
        let mut connection = self.pool.acquire().await?;
        let id: i64 =
            sqlx::query("PRAGMA application_id").fetch_one(&mut *connection).await?.try_get(0)?;
        if id != APPLICATION_ID {
            return Err(Error::DatabaseForeign);
        }
        migrations().run(&mut *connection).await.map_err(migration_error)?;
        let row = sqlx::query("SELECT id FROM issuer").fetch_optional(&mut *connection).await?;
        let found: Option<String> = row.map(|row| row.try_get(0)).transpose()?;
        if found == Some(issuer.to_string()) { Ok(()) } else { Err(Error::DatabaseForeign) }
    }

    /// Starts a transaction that writes. Dropped without a commit, it leaves nothing.
    ///
    /// # Errors
    /// [`Error::DatabaseBusy`] where others hold the lock for longer than ten seconds.
    pub async fn write(&self) -> Result<Writing, Error> {
        Ok(self.pool.begin_with("BEGIN IMMEDIATE").await?)
    }

    /// Starts a transaction that reads: all of its statements see the same moment.
    ///
    /// # Errors
    /// The database's.
    pub async fn read(&self) -> Result<Transaction<'static, Sqlite>, Error> {
        Ok(self.pool.begin().await?)
    }

    /// Closes every connection, so that the file alone holds everything.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// The instant of a transaction by the store's clock: never before the list that was last
/// promised, so that "committed before this update" can be read off the records.
///
/// # Errors
/// The database's.
pub async fn now(connection: &mut SqliteConnection, clock: Time) -> Result<Time, Error> {
    let promise = lists::promise(connection).await?;
    Ok(promise.map_or(clock, |promise| clock.max(promise.mark.this_update)))
}

/// Milliseconds as SQLite keeps them.
pub(crate) fn millis(time: Time) -> i64 {
    i64::try_from(time.millis()).unwrap_or(i64::MAX)
}

pub(crate) fn time(millis: i64) -> Time {
    Time::from_millis(u64::try_from(millis).unwrap_or(0))
}

async fn connect(path: &Path) -> Result<SqlitePool, Error> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(false)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(BUSY_TIMEOUT);
    let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS).connect_with(options);
    Ok(pool.await?)
}

/// SQLite takes an empty file for an empty database, and a cut one for a database until it reads
/// what is missing: both are looked for here.
fn check_file(path: &Path) -> Result<(), Error> {
    use std::io::Read as _;
    let failed = |source: std::io::Error| {
        let path = path.to_owned();
        if source.kind() == std::io::ErrorKind::NotFound {
            Error::DatabaseMissing { path }
        } else {
            Error::Io { path, source }
        }
    };
    let mut magic = [0; 16];
    let mut file = std::fs::File::open(path).map_err(failed)?;
    match file.read_exact(&mut magic) {
        Ok(()) if &magic == b"SQLite format 3\0" => Ok(()),
        Ok(()) | Err(_) => Err(Error::DatabaseCorrupt(None)),
    }
}

fn migrations() -> Migrator {
    let sql = include_str!("../../migrations/0001_init.sql").into_sql_str();
    Migrator::with_migrations(vec![Migration::new(
        1,
        "init".into(),
        MigrationType::Simple,
        sql,
        false,
    )])
}

fn migration_error(error: sqlx::migrate::MigrateError) -> Error {
    if let sqlx::migrate::MigrateError::Execute(error) = error {
        error.into()
    } else {
        Error::DatabaseVersion(error)
    }
}

/// The database's file in the issuer's folder.
#[must_use]
pub fn file_in(home: &Path) -> PathBuf {
    home.join("issuer.db")
}
