//! The ends of a move to PostgreSQL. The mark stops writes at the source, and any use of the target
//! until the move is done.

use std::sync::Arc;

use portcullis_core::crypto::IssuerId;
use portcullis_core::time::Time;
use sqlx::{Any, Executor as _, Row as _, Transaction};

use super::connection::Connection;
use super::database::Database;
use super::held::Held as Files;
use super::mark::mark_if_known;
use super::migrations::{is_current, migration_error, migrations};
use super::open::check_issuer;
use super::{Store, open, session};
use crate::clock::SystemClock;
use crate::store::error::StoreError;

pub use super::mark::{MoveMark, Part, clear_mark, mark, set_mark};

/// The contents of a server's database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// No schema named `portcullis`.
    Nothing,
    /// A schema of that name that isn't ours.
    Foreign,
    /// The records of this issuer, without a mark.
    Issuer(String),
    /// An end of a move, and whether its tables match this program.
    Marked(MoveMark, bool),
}

/// The result of inspecting a server's database.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub(crate) held: Held,
    /// The server's encoding.
    pub(crate) encoding: String,
    /// The server's time.
    pub(crate) now: Time,
}

/// Inspects a server's database without changing it.
///
/// # Errors
/// The database's.
pub(crate) async fn look(database: &Database) -> Result<Look, StoreError> {
    let pool = open::connect(database, &Files::default()).await?;
    let looked = async {
        let mut connection = pool.acquire().await?;
        let row = sqlx::query("SHOW server_encoding").fetch_one(&mut *connection).await?;
        let encoding = row.try_get(0)?;
        let now = session::now(&mut connection).await?;
        let held = if open::has_schema(&pool).await? {
            held(&mut connection, database).await?
        } else {
            Held::Nothing
        };
        Ok(Look { held, encoding, now })
    };
    let looked = looked.await;
    pool.close().await;
    looked
}

async fn held(connection: &mut Connection, database: &Database) -> Result<Held, StoreError> {
    if let Some(mark) = mark_if_known(connection, database).await? {
        let is_current = is_current(connection, &migrations(database)).await;
        return Ok(Held::Marked(mark, is_current));
    }
    let known = "SELECT 1 FROM pg_tables WHERE schemaname = 'portcullis' AND tablename = 'issuer'";
    if sqlx::query(known).fetch_optional(&mut *connection).await?.is_none() {
        return Ok(Held::Foreign);
    }
    let row = sqlx::query("SELECT id FROM portcullis.issuer").fetch_optional(connection).await?;
    let id: Option<String> = row.map(|row| row.try_get(0)).transpose()?;
    Ok(id.map_or(Held::Foreign, Held::Issuer))
}

/// Empties the tables that the migrations filled and disables triggers: the source's rows already
/// contain their effects.
const QUIET: &str = "DO $$ DECLARE one RECORD; BEGIN \
    FOR one IN SELECT tablename AS name FROM pg_tables WHERE schemaname = 'portcullis' \
        AND tablename NOT IN ('_sqlx_migrations', 'moves') LOOP \
        EXECUTE format('TRUNCATE portcullis.%I CASCADE', one.name); \
        EXECUTE format('ALTER TABLE portcullis.%I DISABLE TRIGGER USER', one.name); \
    END LOOP; END $$";
const AWAKE: &str = "DO $$ DECLARE one RECORD; BEGIN \
    FOR one IN SELECT tablename AS name FROM pg_tables WHERE schemaname = 'portcullis' LOOP \
        EXECUTE format('ALTER TABLE portcullis.%I ENABLE TRIGGER USER', one.name); \
    END LOOP; END $$";

impl Store {
    /// Opens either end of a move, whatever its mark.
    ///
    /// # Errors
    /// As [`Store::open`]. The move itself checks which issuer's records a target holds.
    pub(crate) async fn open_end(
        database: &Database,
        issuer: IssuerId,
    ) -> Result<Self, StoreError> {
        let files = Files::default();
        let pool = open::open(database, &files).await?;
        let store = Self::on(pool, database, Arc::new(SystemClock), files);
        let up = async {
            let mut connection = store.pool.acquire().await?;
            open::check(&store.database, &mut connection).await?;
            store.migrate(&mut connection).await?;
            match store.database {
                Database::File(_) => check_issuer(&mut connection, issuer).await,
                Database::Server(_) => Ok(()),
            }
        };
        let up = up.await;
        store.ready(up).await
    }

    /// Makes the tables of a move's target, empty and with its mark, in one transaction.
    ///
    /// # Errors
    /// [`StoreError::Taken`] and the database's.
    pub(crate) async fn create_target(
        database: &Database,
        mark: &MoveMark,
    ) -> Result<Self, StoreError> {
        let files = Files::default();
        let pool = open::connect_new(database, &files).await?;
        let store = Self::on(pool, database, Arc::new(SystemClock), files);
        let made = async {
            let mut writing = store.pool.begin().await?;
            writing.execute("CREATE SCHEMA portcullis").await?;
            let mut steps = migrations(database);
            steps.set_locking(false).run(&mut *writing).await.map_err(migration_error)?;
            writing.execute(QUIET).await?;
            set_mark(&mut writing, mark).await?;
            Ok(writing.commit().await?)
        };
        let made = made.await;
        store.ready(made).await
    }

    /// Turns a filled target into a usable database, in one transaction.
    ///
    /// # Errors
    /// The database's.
    pub(crate) async fn release_target(&self, mark: &MoveMark) -> Result<(), StoreError> {
        let mut writing = self.pool.begin().await?;
        writing.execute(AWAKE).await?;
        set_mark(&mut writing, mark).await?;
        Ok(writing.commit().await?)
    }

    /// Starts a writing transaction at either end of a move, whatever its mark.
    ///
    /// # Errors
    /// As [`Store::bookkeeping`].
    pub(crate) async fn write_end(&self) -> Result<Transaction<'static, Any>, StoreError> {
        match self.database {
            Database::File(_) => Ok(self.pool.begin_with("BEGIN IMMEDIATE").await?),
            Database::Server(_) => Ok(session::write(&self.pool, &self.turn).await?.0),
        }
    }

    /// A separate connection for a statement without a time limit.
    ///
    /// # Errors
    /// The database's.
    pub(crate) async fn patient(&self) -> Result<sqlx::pool::PoolConnection<Any>, StoreError> {
        let mut connection = self.pool.acquire().await?;
        if let Database::Server(_) = self.database {
            connection.execute("SET statement_timeout = 0").await?;
        }
        Ok(connection)
    }
}
