//! Moves an issuer's records from SQLite to PostgreSQL.
//!
//! ```text
//! look      both databases, nothing is changed: contents, and processes at work
//! mark      target: tables, empty, marked; source: marked, in one writing transaction
//! copy      table by table, batch by batch, in key order
//! verify    every value of every row, sequences, the trail, the list
//! release   target: the mark says done; source: the mark says moved
//! ```
//!
//! Once marked, the source accepts no writes: each transaction checks the mark, so a server that is
//! still running acknowledges nothing that wouldn't be copied. The target is unusable until it is
//! released, and the source is unusable afterwards. A move that is killed at any point continues
//! when run again.

mod back;
mod copy;
mod ends;
pub(crate) mod error;
mod rows;
mod run;
mod tables;
mod verify;

use std::sync::Arc;

use portcullis_core::crypto::IssuerId;
use serde::Serialize;

use crate::clock::Clock;
use crate::error::Error;
use crate::home::Home;
use crate::keystore::Keystore;
use crate::publish::PublishOptions;
use crate::publish::Target;
use crate::store::{Database, server};
pub use error::MoveError;

/// A move: the target, and the settings for opening both ends.
pub struct Move {
    home: Home,
    target: Database,
    place: String,
    clock: Arc<dyn Clock>,
    publish_options: PublishOptions,
}

/// The options of a move.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The number of rows per batch.
    pub batch: u32,
    /// Empties a partially filled target and starts again.
    pub start_over: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { batch: 5_000, start_over: false }
    }
}

/// The preview of a move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// The target, without user and password.
    pub place: String,
    /// `begin`, `go_on`, `finish` (all is copied and verified), or `nothing` (the move is done).
    pub next: &'static str,
    /// The tables.
    pub tables: Vec<TableRows>,
    /// The process that works with the source, and when its lease ends. It must stop first.
    pub running: Option<String>,
    /// Until when gates accept the published list.
    pub list_until: Option<String>,
}

/// The number of rows of a table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableRows {
    /// Its name.
    pub table: String,
    /// The number of rows.
    pub rows: u64,
}

/// A table that is equal in both databases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableMoved {
    /// Its name.
    pub table: String,
    /// The number of rows.
    pub rows: u64,
    /// A digest of all values in the target, in key order.
    pub digest: String,
}

/// The result of a move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// The target, without user and password.
    pub place: String,
    /// Whether it was already done.
    pub before: bool,
    /// The tables; empty if the move was already done.
    pub tables: Vec<TableMoved>,
    /// The newest event and its digest, to note as an anchor.
    pub anchor: Option<String>,
    /// The number of faults in the trail, equal in both databases.
    pub trail_findings: u64,
    /// The epoch and number of the published list.
    pub list: Option<(u32, u64)>,
}

/// The result of taking a move back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Back {
    /// The target, without user and password.
    pub place: String,
    /// The schema that keeps its tables, if any.
    pub left_in: Option<String>,
}

/// A progress report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// This many more rows were copied, or had been copied before.
    Copied {
        /// The table.
        table: &'a str,
        /// The number of rows.
        rows: u64,
    },
    /// This many more rows were compared.
    Verified {
        /// The table.
        table: &'a str,
        /// The number of rows.
        rows: u64,
    },
}

/// The receiver of progress reports.
pub type Report<'a> = dyn FnMut(Progress<'_>) + Send + 'a;

impl Move {
    /// A move from the file in `home` to the database that `url` names.
    ///
    /// # Errors
    /// [`StoreError::Url`](crate::store::StoreError::Url), [`Error::Invalid`].
    pub fn new(
        home: &Home,
        url: &str,
        clock: Arc<dyn Clock>,
        publish_options: PublishOptions,
    ) -> Result<Self, Error> {
        let home = home.clone().with_database(Database::File(home.database_file()));
        let target = Database::from_url(url)?;
        Ok(Self { home, target, place: server::place(url), clock, publish_options })
    }

    /// The target, without user and password.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    fn issuer(&self) -> Result<IssuerId, Error> {
        self.home.check_keystore()?;
        Ok(Keystore::read(&self.home.keystore_vault())?.issuer())
    }
}

impl std::fmt::Debug for Move {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Move({} to {})", self.home.path().display(), self.place)
    }
}

/// Refuses a URL with a password on the command line, where other processes can read it.
///
/// # Errors
/// [`MoveError::PasswordShown`].
pub fn check_argument(url: &str) -> Result<(), Error> {
    if server::holds_password(url) { Err(MoveError::PasswordShown.into()) } else { Ok(()) }
}

/// The places that can show that the source is a restored backup.
pub type Witnesses<'a> = &'a [Target];
