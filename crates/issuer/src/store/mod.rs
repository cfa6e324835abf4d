//! The store: SQLite or PostgreSQL, through sqlx. It holds connections, transactions and
//! statements; the rules are in [`actions`](crate::actions).
//!
//! The same statements serve both databases: numbers are 64 bits, placeholders are `$1`, and a
//! writing transaction excludes all other writers in every process. Only the tables in `migrations`
//! have one version per database.

pub mod bulk;
mod change;
pub mod channels;
pub mod clock;
pub mod events;
mod fault;
mod held;
pub mod idempotency;
pub mod jobs;
pub mod keys;
pub mod labels;
pub mod listing;
pub mod lists;
pub mod moves;
mod open;
pub mod owners;
pub mod policies;
pub mod retention;
pub(crate) mod row;
pub(crate) mod select;
pub(crate) mod server;
pub(crate) mod session;
pub mod settings;
pub mod shards;
pub mod signers;
pub mod state;
pub mod status;
pub mod targets;
pub mod upkeep;
pub mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use portcullis_core::crypto::IssuerId;
use portcullis_core::time::Time;
use sqlx::any::AnyPoolOptions;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Any, AnyPool, Executor as _, Row as _, SqlSafeStr as _, SqlStr, Transaction};

use crate::actor::Who;
use crate::clock::{Clock, Reading};
use crate::error::Error;
pub use change::{Bookkeeping, Change};
use clock::ClockGuard;
use held::Held;
pub use open::Database;
use session::Turn;

const CONNECTIONS: u32 = 8;
/// Connections reserved for publishing: the timer, a target and a revocation at a time.
const FOR_PUBLISHING: u32 = 3;
/// How long a transaction waits for another's end.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a reader waits for an open connection if no new one may be made.
const FOR_WHAT_IS_OPEN: Duration = Duration::from_secs(1);
/// How long the server may take to close connections.
const FAREWELL: Duration = Duration::from_secs(5);
/// PostgreSQL's advisory lock for writers: the bytes `PCTS`.
const WRITE_LOCK: i64 = 0x5043_5453;

/// A connection to either database.
pub type Connection = sqlx::AnyConnection;

/// A pool of connections to one issuer's database.
#[derive(Clone, Debug)]
pub struct Store {
    pool: AnyPool,
    database: Database,
    /// Another store's pool, which closes with this one.
    others: Option<AnyPool>,
    door: ClockGuard,
    turn: Turn,
    held: Held,
}

impl Store {
    /// Makes a new database. None may exist.
    ///
    /// # Errors
    /// [`Error::DatabaseTaken`], [`Error::Io`] and the database's.
    pub async fn create(
        database: &Database,
        issuer: IssuerId,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let (held, now) = (Held::default(), clock.now());
        let store = Self::on(open::create(database, &held).await?, database, clock, held);
        let filled = store.fill(issuer, now).await;
        if let Err(error) = filled {
            store.discard().await;
            return Err(error);
        }
        Ok(store)
    }

    fn on(pool: AnyPool, database: &Database, clock: Arc<dyn Clock>, held: Held) -> Self {
        let (database, door) = (database.clone(), ClockGuard::of(clock));
        Self { pool, database, others: None, door, turn: Turn::of_many(), held }
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

    /// Opens the database of `issuer` and migrates its tables; never makes a database. While
    /// `clock` is implausible, nothing is written.
    ///
    /// # Errors
    /// [`Error::DatabaseMissing`], [`Error::DatabaseCorrupt`], [`Error::DatabaseForeign`],
    /// [`Error::DatabaseVersion`]; [`Error::Moved`] and the like for an end of a move.
    pub async fn open(
        database: &Database,
        issuer: IssuerId,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let held = Held::default();
        let store = Self::on(open::open(database, &held).await?, database, clock, held);
        let up = store.bring_up(issuer).await;
        store.ready(up).await
    }

    /// Returns the store, or closes it if `done` is an error.
    async fn ready(self, done: Result<(), Error>) -> Result<Self, Error> {
        match done {
            Ok(()) => Ok(self),
            Err(error) => {
                self.close().await;
                Err(error)
            }
        }
    }

    /// The same database with a separate pool of lazy connections, so that its users never wait for
    /// users of this one. The pool closes with this store's.
    ///
    /// # Errors
    /// The database's.
    pub(crate) fn for_publishing(&mut self) -> Result<Self, Error> {
        let pool = open::lazily(&self.database, &self.held, FOR_PUBLISHING)?;
        self.others = Some(pool.clone());
        let turn = self.turn.first();
        Ok(Self { pool, others: None, turn, ..self.clone() })
    }

    async fn bring_up(&self, issuer: IssuerId) -> Result<(), Error> {
        let mut connection = self.pool.acquire().await?;
        open::check(&self.database, &mut connection).await?;
        // Don't migrate either end of an unfinished move.
        if let Some(mark) = moves::mark_if_known(&mut connection, &self.database).await? {
            mark.check()?;
        }
        self.migrate(&mut connection).await?;
        check_issuer(&mut connection, issuer).await
    }

    async fn migrate(&self, connection: &mut Connection) -> Result<(), Error> {
        let mut steps = migrations(&self.database);
        if let Database::File(_) = self.database {
            return steps.run(connection).await.map_err(migration_error);
        }
        if is_current(connection, &steps).await {
            return Ok(());
        }
        // Migrate under our own write lock. The library's lock belongs to a session, and nothing
        // ends a silent session. Disable the timeout: a table of millions of rows takes long.
        let (mut writing, _) = session::write(&self.pool, &self.turn).await?;
        writing.execute("SET LOCAL statement_timeout = 0").await?;
        steps.set_locking(false).run(&mut *writing).await.map_err(migration_error)?;
        Ok(writing.commit().await?)
    }

    /// Trusts the clock without comparing it.
    #[must_use]
    pub fn trusting_its_clock(mut self) -> Self {
        self.door.trusted = true;
        self
    }

    /// Starts a change by `who`.
    ///
    /// # Errors
    /// As [`Store::bookkeeping`].
    pub async fn change<'a>(&self, who: Who<'a>) -> Result<Change<'a>, Error> {
        self.bookkeeping().await?.into_change(who).await
    }

    /// Starts a write transaction that leaves no event.
    ///
    /// # Errors
    /// [`Error::DatabaseBusy`] if working transactions hold the lock for more than ten seconds;
    /// [`Error::ClockImplausible`]; [`Error::DatabaseMissing`] and [`Error::DatabaseReplaced`] if
    /// the open files are no longer those of the database.
    pub async fn bookkeeping(&self) -> Result<Bookkeeping, Error> {
        self.held.check()?;
        let (mut transaction, server) = match self.database {
            Database::File(_) => {
                let turn = self.turn.wait().await?;
                let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
                drop(turn);
                // Check the mark in each transaction, so that a running server stops writing once a
                // move starts.
                if let Some(mark) = moves::mark(&mut transaction).await? {
                    mark.check()?;
                }
                (transaction, None)
            }
            Database::Server(_) => {
                let (transaction, now) = session::write(&self.pool, &self.turn).await?;
                (transaction, Some(now))
            }
        };
        let reading = self.door.check(&mut transaction, server).await?;
        Ok(Bookkeeping::new(transaction, reading, self.held.clone()))
    }

    /// Checks that the open files are still those of the database.
    ///
    /// # Errors
    /// [`Error::DatabaseMissing`], [`Error::DatabaseReplaced`], [`Error::Io`].
    pub fn check_files(&self) -> Result<(), Error> {
        self.held.check()
    }

    /// The clock's reading, if it is plausible and may be acted on.
    ///
    /// # Errors
    /// [`Error::ClockImplausible`] and the database's.
    pub async fn check_clock(&self) -> Result<Reading, Error> {
        let mut reading = self.read().await?;
        let server = match self.database {
            Database::File(_) => None,
            Database::Server(_) => Some(session::now(&mut reading).await?),
        };
        self.door.check(&mut reading, server).await
    }

    /// Starts a reading transaction: all its statements see one snapshot.
    ///
    /// # Errors
    /// The database's.
    pub async fn read(&self) -> Result<Transaction<'static, Any>, Error> {
        match self.database {
            Database::File(_) => match self.held.check() {
                Ok(()) => Ok(self.pool.begin().await?),
                Err(gone) => self.read_what_is_open(gone).await,
            },
            Database::Server(_) => {
                let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
                Ok(session::within(TIMEOUT, self.pool.begin_with(begin)).await??)
            }
        }
    }

    /// Reads through an open connection although the file is gone, so that gates still get the
    /// list. A new connection would read the file now at the path, so wait for an open one.
    async fn read_what_is_open(&self, gone: Error) -> Result<Transaction<'static, Any>, Error> {
        let deadline = tokio::time::Instant::now() + FOR_WHAT_IS_OPEN;
        loop {
            if let Some(reading) = self.pool.try_begin().await? {
                return Ok(reading);
            }
            if tokio::time::Instant::now() >= deadline {
                return Err(gone);
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Which database it is.
    #[must_use]
    pub const fn database(&self) -> &Database {
        &self.database
    }

    /// Whether a server's database holds an issuer. For a file, its existence says so.
    pub(crate) async fn holds_issuer(database: &Database) -> bool {
        let Database::Server(_) = database else { return false };
        match open::open(database, &Held::default()).await {
            Ok(pool) => {
                pool.close().await;
                true
            }
            Err(_) => false,
        }
    }

    /// Rewrites the database, so that no overwritten or deleted data remains in the file.
    ///
    /// # Errors
    /// The database's: another process uses it, or the disk is full.
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

    /// Writes a snapshot of a SQLite database to a new file.
    ///
    /// # Errors
    /// The database's.
    pub(crate) async fn copy_to(&self, path: &std::path::Path) -> Result<(), Error> {
        let invalid = std::io::Error::from(std::io::ErrorKind::InvalidFilename);
        let text = path.to_str().ok_or(Error::Io { path: path.to_owned(), source: invalid })?;
        sqlx::query("VACUUM INTO $1").bind(text).execute(&self.pool).await?;
        Ok(())
    }

    /// Checkpoints SQLite's log into the database, so that the log is written from its start again
    /// and doesn't grow.
    ///
    /// # Errors
    /// The database's.
    pub(crate) async fn empty_log(&self) -> Result<(), Error> {
        if let Database::File(_) = self.database {
            sqlx::query("PRAGMA wal_checkpoint(RESTART)").execute(&self.pool).await?;
        }
        Ok(())
    }

    /// Closes every connection, so that a SQLite file holds everything. Doesn't wait for a server
    /// that is unresponsive.
    pub async fn close(&self) {
        let close = async {
            if let Some(others) = &self.others {
                others.close().await;
            }
            self.pool.close().await;
        };
        match self.database {
            Database::File(_) => close.await,
            Database::Server(_) => {
                let _ = tokio::time::timeout(FAREWELL, close).await;
            }
        }
        self.held.close().await;
    }

    /// Removes what [`Store::create`] made.
    pub(crate) async fn discard(&self) {
        if let Err(error) = open::discard(&self.database, &self.pool).await {
            tracing::warn!(error = error.chain(), "what was made in the database stays");
        }
        self.close().await;
    }
}

/// The instant of a transaction by the store's clock. It is never before the last promised list, so
/// that records show which changes were committed before an update.
///
/// # Errors
/// The database's.
pub async fn now(connection: &mut Connection, clock: Time) -> Result<Time, Error> {
    let promise = lists::promise(connection).await?;
    Ok(promise.map_or(clock, |promise| clock.max(promise.list_version.this_update)))
}

async fn check_issuer(connection: &mut Connection, issuer: IssuerId) -> Result<(), Error> {
    let row = sqlx::query("SELECT id FROM issuer").fetch_optional(connection).await?;
    let found: Option<String> = row.map(|row| row.try_get(0)).transpose()?;
    if found == Some(issuer.to_string()) { Ok(()) } else { Err(Error::DatabaseForeign) }
}

/// Milliseconds as stored.
pub(crate) fn millis(time: Time) -> i64 {
    i64::try_from(time.millis()).unwrap_or(i64::MAX)
}

pub(crate) fn time(millis: i64) -> Time {
    Time::from_millis(u64::try_from(millis).unwrap_or(0))
}

/// A migration: version, name, and the SQL for SQLite and for PostgreSQL.
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
    step!(8, "0008_clock"),
    step!(9, "0009_key_counts"),
    step!(10, "0010_retention"),
    step!(11, "0011_settings"),
    step!(12, "0012_moves"),
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

/// Whether exactly these migrations were applied, with the same checksums.
async fn is_current(connection: &mut Connection, steps: &Migrator) -> bool {
    let query = sqlx::query("SELECT version, checksum FROM _sqlx_migrations WHERE success");
    // Without that table, no migration has run.
    let Ok(rows) = query.fetch_all(connection).await else { return false };
    let taken = rows.iter().map(|row| Some((row.try_get(0).ok()?, row.try_get(1).ok()?)));
    let Some(mut taken) = taken.collect::<Option<Vec<(i64, Vec<u8>)>>>() else { return false };
    taken.sort();
    let known = steps.iter().map(|step| (step.version, step.checksum.to_vec()));
    taken == known.collect::<Vec<_>>()
}

fn migration_error(error: sqlx::migrate::MigrateError) -> Error {
    if let sqlx::migrate::MigrateError::Execute(error) = error {
        error.into()
    } else {
        Error::DatabaseVersion(error)
    }
}
