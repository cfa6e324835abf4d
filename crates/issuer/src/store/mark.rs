//! The mark of a move, at each of its ends.

use portcullis_core::time::Time;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::connection::{Connection, millis, time};
use super::database::Database;
use super::row::{maybe, named};
use crate::store::error::StoreError;

/// The role of a database in a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The SQLite database to move.
    Source,
    /// The PostgreSQL database to move to.
    Target,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Target => "target",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Source, Self::Target].into_iter().find(|part| part.name() == name)
    }
}

/// The mark of a move.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveMark {
    /// The id, equal at both ends.
    pub id: String,
    /// The role of this database.
    pub part: Part,
    /// The issuer that is moved.
    pub issuer: String,
    /// The target, without user and password.
    pub place: String,
    /// When the move started.
    pub begun: Time,
    /// When it was completed.
    pub done: Option<Time>,
}

impl MoveMark {
    /// Refuses a database that may not be used.
    ///
    /// # Errors
    /// [`StoreError::Moved`], [`StoreError::Moving`], [`StoreError::HalfMoved`].
    pub fn check(self) -> Result<(), StoreError> {
        match (self.part, self.done) {
            (Part::Source, Some(_)) => Err(StoreError::Moved { place: self.place }),
            (Part::Source, None) => Err(StoreError::Moving { place: self.place }),
            (Part::Target, None) => Err(StoreError::HalfMoved),
            (Part::Target, Some(_)) => Ok(()),
        }
    }
}

/// The mark, in a database with current tables.
///
/// # Errors
/// The database's.
pub async fn mark(connection: &mut Connection) -> Result<Option<MoveMark>, StoreError> {
    let row = sqlx::query("SELECT * FROM moves").fetch_optional(connection).await?;
    Ok(row.as_ref().map(read).transpose()?)
}

/// The mark, in a database with tables that may predate it.
///
/// # Errors
/// The database's.
pub(super) async fn mark_if_known(
    connection: &mut Connection,
    database: &Database,
) -> Result<Option<MoveMark>, StoreError> {
    let known = match database {
        Database::File(_) => "SELECT 1 FROM sqlite_master WHERE name = 'moves'",
        Database::Server(_) => {
            "SELECT 1 FROM pg_tables WHERE schemaname = 'portcullis' AND tablename = 'moves'"
        }
    };
    match sqlx::query(known).fetch_optional(&mut *connection).await? {
        Some(_) => mark(connection).await,
        None => Ok(None),
    }
}

/// Writes the mark, replacing any other.
///
/// # Errors
/// The database's.
pub async fn set_mark(connection: &mut Connection, mark: &MoveMark) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM moves").execute(&mut *connection).await?;
    sqlx::query(
        "INSERT INTO moves (one, id, part, issuer, place, begun_ms, done_ms) \
         VALUES (1, $1, $2, $3, $4, $5, $6)",
    )
    .bind(&mark.id)
    .bind(mark.part.name())
    .bind(&mark.issuer)
    .bind(&mark.place)
    .bind(millis(mark.begun))
    .bind(mark.done.map(millis))
    .execute(connection)
    .await?;
    Ok(())
}

/// Removes the mark.
///
/// # Errors
/// The database's.
pub async fn clear_mark(connection: &mut Connection) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM moves").execute(connection).await?;
    Ok(())
}

fn read(row: &AnyRow) -> sqlx::Result<MoveMark> {
    Ok(MoveMark {
        id: row.try_get("id")?,
        part: named(row, "part", Part::from_name)?,
        issuer: row.try_get("issuer")?,
        place: row.try_get("place")?,
        begun: time(row.try_get("begun_ms")?),
        done: maybe(row, "done_ms")?.map(Time::from_millis),
    })
}
