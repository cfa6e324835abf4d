//! Moving an issuer's records from SQLite to PostgreSQL.
//!
//! ```text
//! look      both databases, nothing is changed: who works there, what is there
//! mark      target: tables, empty, marked; source: marked, in one transaction that writes
//! copy      table by table, batch by batch, in the order of the keys
//! verify    every value of every row, sequences, the trail, the list
//! release   target: the mark says done; source: the mark says moved
//! ```
//!
//! From the mark on nothing is written at the source: each transaction looks at it, so that a server
//! that runs on acknowledges nothing that would not be copied. Nobody uses the target before it is
//! released, and nobody the source afterwards. Killed anywhere and run again, a move goes on.

mod back;
mod copy;
mod ends;
mod error;
mod rows;
mod run;
mod tables;
mod verify;

use std::sync::Arc;

use portcullis_core::crypto::IssuerId;
use serde::Serialize;

use crate::clock::Clock;
use crate::error::Error;
use crate::issuer::{Home, PublishOptions};
use crate::keystore::Keystore;
use crate::publish::Target;
use crate::store::{Database, server};
pub use error::MoveError;

/// Where the records go, and what is known of both ends.
pub struct Move {
    home: Home,
    target: Database,
    place: String,
    clock: Arc<dyn Clock>,
    publish_options: PublishOptions,
}

/// How a move is done.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// How many rows are one batch.
    pub batch: u32,
    /// Empty a target that was filled in part, and begin anew.
    pub start_over: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { batch: 5_000, start_over: false }
    }
}

/// What would be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// The target, without user and password.
    pub place: String,
    /// `begin`, `go_on`, `finish` (all is copied and verified), or `nothing` (it is done).
    pub next: &'static str,
    /// The tables.
    pub tables: Vec<TableRows>,
    /// Who works with the source, and until when if nothing more is heard of them: they must end
    /// first.
    pub running: Option<String>,
    /// Until when gates judge by the list that is out.
    pub list_until: Option<String>,
}

/// How many rows a table has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableRows {
    /// Its name.
    pub table: String,
    /// How many.
    pub rows: u64,
}

/// A table that is the same in both databases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TableMoved {
    /// Its name.
    pub table: String,
    /// How many rows it has.
    pub rows: u64,
    /// Over all values that stand in the target, in the order of the keys.
    pub digest: String,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moved {
    /// The target, without user and password.
    pub place: String,
    /// Whether it had been done before.
    pub before: bool,
    /// The tables; none if it had been done before.
    pub tables: Vec<TableMoved>,
    /// The newest event and its digest, to be noted as an anchor.
    pub anchor: Option<String>,
    /// What is wrong with the trail, in both databases alike.
    pub trail_findings: u64,
    /// Epoch and number of the list that is out.
    pub list: Option<(u32, u64)>,
}

/// What was taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Back {
    /// The target, without user and password.
    pub place: String,
    /// The schema in which its tables are left, if they are.
    pub left_in: Option<String>,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress<'a> {
    /// So many rows more were copied, or are there from before.
    Copied {
        /// The table.
        table: &'a str,
        /// How many.
        rows: u64,
    },
    /// So many rows more were held against each other.
    Verified {
        /// The table.
        table: &'a str,
        /// How many.
        rows: u64,
    },
}

/// Who is told how far it is.
pub type Report<'a> = dyn FnMut(Progress<'_>) + Send + 'a;

impl Move {
    /// From the file in `home` to the database that `url` names.
    ///
    /// # Errors
    /// [`Error::DatabaseUrl`], [`Error::Invalid`].
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

/// Whether a URL that is an argument can be read by others and holds a password.
///
/// # Errors
/// [`MoveError::PasswordShown`].
pub fn check_argument(url: &str) -> Result<(), Error> {
    if server::holds_password(url) { Err(MoveError::PasswordShown.into()) } else { Ok(()) }
}

/// Who can tell whether the source is a restored backup.
pub type Witnesses<'a> = &'a [Target];
