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
mod connection;
mod database;
mod error;
mod event_type;
pub mod events;
mod fault;
mod held;
pub mod idempotency;
pub mod jobs;
pub mod keys;
pub mod labels;
pub mod listing;
pub mod lists;
mod mark;
mod migrations;
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
use sqlx::{Any, AnyPool, Executor as _, Transaction};

use crate::actor::Who;
use crate::clock::{Clock, Reading};
use crate::files::FileError;
use crate::sources::chain;
pub use change::{Bookkeeping, Change};
use clock::ClockGuard;
pub use connection::Connection;
use connection::TIMEOUT;
pub(crate) use connection::{millis, time};
pub use database::Database;
pub use error::StoreError;
use held::Held;
pub use lists::now;
use migrations::{is_current, migration_error, migrations};
use open::check_issuer;
use session::Turn;

/// Connections reserved for publishing: the timer, a target and a revocation at a time.
const FOR_PUBLISHING: u32 = 3;
/// How long a reader waits for an open connection if no new one may be made.
const FOR_WHAT_IS_OPEN: Duration = Duration::from_secs(1);
/// How long the server may take to close connections.
const FAREWELL: Duration = Duration::from_secs(5);

/// A pool of connections to one issuer's database.
#[derive(Clone, Debug)]
pub struct Store {
    pool: AnyPool,
    database: Database,
    /// Another store's pool, which closes with this one.
    others: Option<AnyPool>,
    clock_guard: ClockGuard,
    turn: Turn,
    held: Held,
}

impl Store {
    /// Makes a new database. None may exist.
    ///
    /// # Errors
    /// [`StoreError::Taken`], [`FileError::Io`] and the database's.
    pub async fn create(
        database: &Database,
        issuer: IssuerId,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
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
        let (database, clock_guard) = (database.clone(), ClockGuard::of(clock));
        Self { pool, database, others: None, clock_guard, turn: Turn::of_many(), held }
    }

    async fn fill(&self, issuer: IssuerId, now: Time) -> Result<(), StoreError> {
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
    /// [`StoreError::Missing`], [`StoreError::Corrupt`], [`StoreError::Foreign`],
    /// [`StoreError::Version`]; [`StoreError::Moved`] and the like for an end of a move.
    pub async fn open(
        database: &Database,
        issuer: IssuerId,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StoreError> {
        let held = Held::default();
        let store = Self::on(open::open(database, &held).await?, database, clock, held);
        let up = store.bring_up(issuer).await;
        store.ready(up).await
    }

    /// Returns the store, or closes it if `done` is an error.
    async fn ready(self, done: Result<(), StoreError>) -> Result<Self, StoreError> {
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
    pub(crate) fn for_publishing(&mut self) -> Result<Self, StoreError> {
        let pool = open::lazily(&self.database, &self.held, FOR_PUBLISHING)?;
        self.others = Some(pool.clone());
        let turn = self.turn.first();
        Ok(Self { pool, others: None, turn, ..self.clone() })
    }

    async fn bring_up(&self, issuer: IssuerId) -> Result<(), StoreError> {
        let mut connection = self.pool.acquire().await?;
        open::check(&self.database, &mut connection).await?;
        // Don't migrate either end of an unfinished move.
        if let Some(mark) = mark::mark_if_known(&mut connection, &self.database).await? {
            mark.check()?;
        }
        self.migrate(&mut connection).await?;
        check_issuer(&mut connection, issuer).await
    }

    async fn migrate(&self, connection: &mut Connection) -> Result<(), StoreError> {
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
        self.clock_guard.trusted = true;
        self
    }

    /// Starts a change by `who`.
    ///
    /// # Errors
    /// As [`Store::bookkeeping`].
    pub async fn change<'a>(&self, who: Who<'a>) -> Result<Change<'a>, StoreError> {
        self.bookkeeping().await?.into_change(who).await
    }

    /// Starts a write transaction that leaves no event.
    ///
    /// # Errors
    /// [`StoreError::Busy`] if working transactions hold the lock for more than ten seconds;
    /// [`StoreError::ClockImplausible`]; [`StoreError::Missing`] and [`StoreError::Replaced`] if
    /// the open files are no longer those of the database.
    pub async fn bookkeeping(&self) -> Result<Bookkeeping, StoreError> {
        self.held.check()?;
        let (mut transaction, server) = match self.database {
            Database::File(_) => {
                let turn = self.turn.wait().await?;
                let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
                drop(turn);
                // Check the mark in each transaction, so that a running server stops writing once a
                // move starts.
                if let Some(mark) = mark::mark(&mut transaction).await? {
                    mark.check()?;
                }
                (transaction, None)
            }
            Database::Server(_) => {
                let (transaction, now) = session::write(&self.pool, &self.turn).await?;
                (transaction, Some(now))
            }
        };
        let reading = self.clock_guard.check(&mut transaction, server).await?;
        Ok(Bookkeeping::new(transaction, reading, self.held.clone()))
    }

    /// Checks that the open files are still those of the database.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Replaced`], [`FileError::Io`].
    pub fn check_files(&self) -> Result<(), StoreError> {
        self.held.check()
    }

    /// The clock's reading, if it is plausible and may be acted on.
    ///
    /// # Errors
    /// [`StoreError::ClockImplausible`] and the database's.
    pub async fn check_clock(&self) -> Result<Reading, StoreError> {
        let mut reading = self.read().await?;
        let server = match self.database {
            Database::File(_) => None,
            Database::Server(_) => Some(session::now(&mut reading).await?),
        };
        self.clock_guard.check(&mut reading, server).await
    }

    /// Starts a reading transaction: all its statements see one snapshot.
    ///
    /// # Errors
    /// The database's.
    pub async fn read(&self) -> Result<Transaction<'static, Any>, StoreError> {
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
    async fn read_what_is_open(
        &self,
        gone: StoreError,
    ) -> Result<Transaction<'static, Any>, StoreError> {
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
    pub(crate) async fn wipe(&self) -> Result<(), StoreError> {
        let mut connection = self.pool.acquire().await?;
        match self.database {
            Database::File(_) => {
                sqlx::query("VACUUM").execute(&mut *connection).await?;
                let row = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)");
                let row = row.fetch_one(&mut *connection).await?;
                let busy: i64 = row::number(&row, "busy")?;
                if busy == 0 { Ok(()) } else { Err(StoreError::Busy) }
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
    pub(crate) async fn copy_to(&self, path: &std::path::Path) -> Result<(), StoreError> {
        let invalid = std::io::Error::from(std::io::ErrorKind::InvalidFilename);
        let text = path.to_str().ok_or(FileError::Io { path: path.to_owned(), source: invalid })?;
        sqlx::query("VACUUM INTO $1").bind(text).execute(&self.pool).await?;
        Ok(())
    }

    /// Checkpoints SQLite's log into the database, so that the log is written from its start again
    /// and doesn't grow.
    ///
    /// # Errors
    /// The database's.
    pub(crate) async fn empty_log(&self) -> Result<(), StoreError> {
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
            tracing::warn!(error = chain(&error), "what was made in the database stays");
        }
        self.close().await;
    }
}
