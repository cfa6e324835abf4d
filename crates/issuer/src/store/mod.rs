//! The store: SQLite or PostgreSQL, through sqlx. What is decided is decided in
//! [`rules`](crate::rules); here are connections, transactions and statements.
//!
//! One set of statements serves both: numbers are 64 bits, placeholders are `$1`, and a
//! transaction that writes excludes all others that do, in every process. Only the tables are
//! spelled twice, in `migrations`.

pub mod channels;
pub mod events;
mod fault;
pub mod idempotency;
pub mod jobs;
pub mod keys;
pub mod listing;
pub mod lists;
mod open;
pub mod owners;
pub mod policies;
pub(crate) mod row;
pub(crate) mod select;
pub mod shards;
pub mod signers;
pub mod state;
pub mod status;
pub mod targets;
pub mod upkeep;
pub mod webhooks;
pub mod wide;

use std::time::Duration;

use portcullis_core::crypto::IssuerId;
use portcullis_core::time::Time;
use sqlx::any::AnyPoolOptions;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Any, AnyPool, Row as _, SqlSafeStr as _, SqlStr, Transaction};

use crate::error::Error;
pub use open::Database;

const CONNECTIONS: u32 = 8;
/// How many are kept for publishing: the beat, a target and a revocation at a time.
const FOR_PUBLISHING: u32 = 3;
/// How long a transaction waits for another's end before it gives up.
const PATIENCE: Duration = Duration::from_secs(10);
/// The advisory lock of PostgreSQL that stands for the right to write: the bytes `PCTS`.
const WRITE_LOCK: i64 = 0x5043_5453;

/// A connection to either database.
pub type Connection = sqlx::AnyConnection;

/// A pool of connections to one issuer's database.
#[derive(Clone, Debug)]
pub struct Store {
    pool: AnyPool,
    database: Database,
    /// Connections of another store that end with this one's.
    others: Option<AnyPool>,
}

/// A transaction that excludes all others that write from its start: whoever has one sees every
/// change that was committed and nobody else commits before it.
pub type Writing = Transaction<'static, Any>;

impl Store {
    /// Makes a new database, where there must be none.
    ///
    /// # Errors
    /// [`Error::DatabaseTaken`], [`Error::Io`] and the database's.
    pub async fn create(database: &Database, issuer: IssuerId, now: Time) -> Result<Self, Error> {
        let pool = open::create(database).await?;
        let store = Self { pool, database: database.clone(), others: None };
        let filled = store.fill(issuer, now).await;
        if let Err(error) = filled {
            store.discard().await;
            return Err(error);
        }
        Ok(store)
    }

    async fn fill(&self, issuer: IssuerId, now: Time) -> Result<(), Error> {
        let mut connection = self.pool.acquire().await?;
        self.migrate(&mut connection).await?;
        sqlx::query("INSERT INTO issuer (one, id, created_ms) VALUES (1, $1, $2)")
            .bind(issuer.to_string())
            .bind(millis(now))
            .execute(&mut *connection)
            .await?;
        Ok(())
    }

    /// Opens the database of `issuer` and brings its tables up to date. Never makes one.
    ///
    /// # Errors
    /// [`Error::DatabaseMissing`], [`Error::DatabaseCorrupt`], [`Error::DatabaseForeign`],
    /// [`Error::DatabaseVersion`].
    pub async fn open(database: &Database, issuer: IssuerId) -> Result<Self, Error> {
        let pool = open::open(database).await?;
        let store = Self { pool, database: database.clone(), others: None };
        match store.bring_up(issuer).await {
            Ok(()) => Ok(store),
            Err(error) => {
                store.close().await;
                Err(error)
            }
        }
    }

    /// The same database with connections of its own, made when they are needed: whoever uses it
    /// waits for nobody who uses this one. They are closed with this one's.
    ///
    /// # Errors
    /// The database's.
    pub(crate) fn for_publishing(&mut self) -> Result<Self, Error> {
        let pool = open::lazily(&self.database, FOR_PUBLISHING)?;
        self.others = Some(pool.clone());
        Ok(Self { pool, database: self.database.clone(), others: None })
    }

    async fn bring_up(&self, issuer: IssuerId) -> Result<(), Error> {
        let mut connection = self.pool.acquire().await?;
        open::check(&self.database, &mut connection).await?;
        self.migrate(&mut connection).await?;
        let row = sqlx::query("SELECT id FROM issuer").fetch_optional(&mut *connection).await?;
        let found: Option<String> = row.map(|row| row.try_get(0)).transpose()?;
        if found == Some(issuer.to_string()) { Ok(()) } else { Err(Error::DatabaseForeign) }
    }

    async fn migrate(&self, connection: &mut Connection) -> Result<(), Error> {
        migrations(&self.database).run(connection).await.map_err(migration_error)
    }

    /// Starts a transaction that writes. Dropped without a commit, it leaves nothing.
    ///
    /// # Errors
    /// [`Error::DatabaseBusy`] where others hold the lock for longer than ten seconds.
    pub async fn write(&self) -> Result<Writing, Error> {
        match self.database {
            Database::File(_) => Ok(self.pool.begin_with("BEGIN IMMEDIATE").await?),
            Database::Server(_) => {
                let mut writing = self.pool.begin().await?;
                sqlx::query("SELECT 1 FROM (SELECT pg_advisory_xact_lock($1)) AS held")
                    .bind(WRITE_LOCK)
                    .execute(&mut *writing)
                    .await?;
                Ok(writing)
            }
        }
    }

    /// Starts a transaction that reads: all of its statements see the same moment.
    ///
    /// # Errors
    /// The database's.
    pub async fn read(&self) -> Result<Transaction<'static, Any>, Error> {
        match self.database {
            Database::File(_) => Ok(self.pool.begin().await?),
            Database::Server(_) => {
                Ok(self.pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
            }
        }
    }

    /// Which database it is.
    #[must_use]
    pub const fn database(&self) -> &Database {
        &self.database
    }

    /// Whether a server's database holds an issuer. A file tells by being there.
    pub(crate) async fn holds_issuer(database: &Database) -> bool {
        let Database::Server(_) = database else { return false };
        match open::open(database).await {
            Ok(pool) => {
                pool.close().await;
                true
            }
            Err(_) => false,
        }
    }

    /// Writes the database anew, such that nothing is left in it of what was overwritten or deleted.
    ///
    /// # Errors
    /// The database's: another process has it, or there is no room.
    pub(crate) async fn wipe(&self) -> Result<(), Error> {
        let mut connection = self.pool.acquire().await?;
        match self.database {
            Database::File(_) => {
                sqlx::query("VACUUM").execute(&mut *connection).await?;
                let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)");
                let row = row.fetch_one(&mut *connection).await?;
                let busy: i64 = row::number(&row, "busy")?;
                if busy == 0 { Ok(()) } else { Err(Error::DatabaseBusy) }
            }
            Database::Server(_) => {
                sqlx::query("VACUUM FULL webhooks").execute(&mut *connection).await?;
                Ok(())
            }
        }
    }

    /// Writes a copy of a SQLite database as one transaction sees it, to a file that must not exist.
    ///
    /// # Errors
    /// The database's.
    pub(crate) async fn copy_to(&self, path: &std::path::Path) -> Result<(), Error> {
        let invalid = std::io::Error::from(std::io::ErrorKind::InvalidFilename);
        let text = path.to_str().ok_or(Error::Io { path: path.to_owned(), source: invalid })?;
        sqlx::query("VACUUM INTO $1").bind(text).execute(&self.pool).await?;
        Ok(())
    }

    /// Closes every connection, so that a file alone holds everything.
    pub async fn close(&self) {
        if let Some(others) = &self.others {
            others.close().await;
        }
        self.pool.close().await;
    }

    /// Takes back what [`Store::create`] made.
    pub(crate) async fn discard(&self) {
        if let Err(error) = open::discard(&self.database, &self.pool).await {
            tracing::warn!(error = error.chain(), "what was made in the database stays");
        }
        self.close().await;
    }
}

/// The instant of a transaction by the store's clock: never before the list that was last
/// promised, so that "committed before this update" can be read off the records.
///
/// # Errors
/// The database's.
pub async fn now(connection: &mut Connection, clock: Time) -> Result<Time, Error> {
    let promise = lists::promise(connection).await?;
    Ok(promise.map_or(clock, |promise| clock.max(promise.mark.this_update)))
}

/// Milliseconds as the store keeps them.
pub(crate) fn millis(time: Time) -> i64 {
    i64::try_from(time.millis()).unwrap_or(i64::MAX)
}

pub(crate) fn time(millis: i64) -> Time {
    Time::from_millis(u64::try_from(millis).unwrap_or(0))
}

/// Version, subject, and the tables as SQLite and as PostgreSQL spell them.
type Step = (i64, &'static str, &'static str, &'static str);

macro_rules! step {
    ($version:literal, $file:literal) => {
        (
            $version,
            $file,
            include_str!(concat!("../../migrations/sqlite/", $file, ".sql")),
            include_str!(concat!("../../migrations/postgres/", $file, ".sql")),
        )
    };
}

const STEPS: &[Step] = &[
    step!(1, "0001_init"),
    step!(2, "0002_targets"),
    step!(3, "0003_webhooks"),
    step!(4, "0004_usage"),
    step!(5, "0005_shards"),
    step!(6, "0006_status_lists"),
    step!(7, "0007_trail"),
    step!(9, "0009_key_counts"),
];

fn migrations(database: &Database) -> Migrator {
    let steps = STEPS.iter().map(|(version, name, sqlite, postgres)| {
        let sql = match database {
            Database::File(_) => sqlite,
            Database::Server(_) => postgres,
        };
        let sql: SqlStr = sql.into_sql_str();
        Migration::new(*version, (*name).into(), MigrationType::Simple, sql, false)
    });
    Migrator::with_migrations(steps.collect())
}

fn migration_error(error: sqlx::migrate::MigrateError) -> Error {
    if let sqlx::migrate::MigrateError::Execute(error) = error {
        error.into()
    } else {
        Error::DatabaseVersion(error)
    }
}
