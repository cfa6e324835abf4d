//! What the database, its files and its clock refuse.

use std::path::PathBuf;

use crate::actor::NoActor;
use crate::files::FileError;
use crate::invalid::Invalid;
use crate::random::NoRandomness;

/// Why the store did not read or write. Each message names the next step.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The keystore exists, but the database is missing.
    #[error("the database {} is missing; restore it from a backup (it is never made anew)", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// A database file isn't the one this process has open.
    #[error(
        "{} was deleted, moved or replaced while this process has it open: nothing is written, \
         because it would be lost; stop this process, put the file back or restore a backup, and \
         start it again",
        path.display()
    )]
    Replaced {
        /// The file.
        path: PathBuf,
    },
    /// The database file is damaged or not a SQLite database.
    #[error(
        "the database is damaged or no database, and was left as it is; restore it from a backup"
    )]
    Corrupt(#[source] Option<sqlx::Error>),
    /// The database is valid, but belongs to another issuer than the keystore.
    #[error("the database is not that of the keystore's issuer; check --home")]
    Foreign,
    /// The database was changed by a newer program.
    #[error("the database was made by another version of portcullis; update this program")]
    Version(#[source] sqlx::migrate::MigrateError),
    /// The PostgreSQL database holds an issuer already.
    #[error("the database already holds an issuer, which is left as it is; name another database")]
    Taken,
    /// The URL of a PostgreSQL database is misspelt.
    #[error("the database's URL {reason}")]
    Url {
        /// The fault, without a password.
        reason: String,
    },
    /// The database server is unreachable or refuses the connection.
    #[error("the database server can't be reached or refuses the connection; check DATABASE_URL")]
    Unreachable(#[source] sqlx::Error),
    /// The TLS connection that the URL requires can't be established.
    #[error(
        "no TLS connection to the database server as DATABASE_URL asks for (sslmode, sslrootcert): \
         it has no TLS, or its certificate is of another authority or for another name"
    )]
    Tls(#[source] sqlx::Error),
    /// Another process held the lock for too long.
    #[error("the database is busy; try again")]
    Busy,
    /// The connection broke in the middle of a transaction, so its result is unknown.
    #[error(
        "the database broke off before it said whether this was done: it is being restarted, or \
         this program was silent in a transaction for too long; look whether it was done, then try \
         again"
    )]
    Interrupted(#[source] sqlx::Error),
    /// A pooler in front of PostgreSQL changes the server session between transactions.
    #[error(
        "DATABASE_URL leads to a pooler that gives each transaction another session (`pool_mode = \
         transaction`); set `pool_mode = session`, or name the server itself"
    )]
    Pooled,
    /// The database's disk is full.
    #[error(
        "there is no room left where the records are: make room; no key is created until then, and \
         gates refuse every key once the list can't be renewed"
    )]
    Full(#[source] Option<sqlx::Error>),
    /// The PostgreSQL database holds no issuer.
    #[error("the database holds no issuer (no schema `portcullis`); check DATABASE_URL")]
    SchemaMissing,
    /// The records were moved to another database.
    #[error(
        "the issuer's records were moved to {place}, and this database is used no more: set \
         DATABASE_URL to that one"
    )]
    Moved {
        /// The new database, without user and password.
        place: String,
    },
    /// The records are being moved.
    #[error(
        "the issuer's records are being moved to {place}, and nothing is written here any more: run \
         `portcullis migrate` again to go on, or `portcullis migrate --back` to stay here"
    )]
    Moving {
        /// The target, without user and password.
        place: String,
    },
    /// The database is the target of an unfinished move.
    #[error(
        "the database is the target of a move that is not done, and is not used before: run \
         `portcullis migrate` again, with the folder that holds issuer.db"
    )]
    HalfMoved,
    /// The database refused a statement.
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
    /// The clock is implausibly far ahead.
    #[error(
        "the clock is {ahead_secs} s ahead of {than}: nothing is written until it is right again; \
         set it right, or, if it is right, say so once with --trust-clock, as in `portcullis list \
         publish --trust-clock`"
    )]
    ClockImplausible {
        /// By how much, in seconds.
        ahead_secs: u64,
        /// The clock it was compared with.
        than: String,
    },
    /// The database is older than the last publication.
    #[error(
        "the database is a restored backup: {}; nothing is created or published until \
         `portcullis recover` has done its work",
        found_by(witness)
    )]
    Restored {
        /// The witness with the newer list; empty if `restore` put the database there.
        witness: String,
    },
    /// Nothing has been published yet.
    #[error("no list has been published yet; run `portcullis list publish`")]
    NoList,
    /// The settings require a reason.
    #[error(
        "`reason` is missing: the issuer's settings ask why keys are revoked, suspended, rolled, \
         deleted and undone (--reason at the command line); nothing was changed"
    )]
    ReasonRequired,
    /// A value to store can't be encoded.
    #[error("a value can't be encoded; nothing was changed")]
    Encoding,
    /// A setting of the database has an invalid value.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// An event without an actor.
    #[error(transparent)]
    NoActor(#[from] NoActor),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// The system provided no random bytes.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

/// The reason that a database counts as a restored backup.
fn found_by(witness: &str) -> String {
    if witness.is_empty() {
        "what was revoked since it was made is not in it".into()
    } else {
        format!("{witness} carries a list that it knows nothing of")
    }
}

impl StoreError {
    /// A stable code for programs and logs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "database_missing",
            Self::Replaced { .. } => "database_replaced",
            Self::Corrupt(_) => "database_corrupt",
            Self::Foreign => "database_foreign",
            Self::Version(_) => "database_version",
            Self::Taken => "database_taken",
            Self::Url { .. } => "database_url",
            Self::Unreachable(_) => "database_unreachable",
            Self::Tls(_) => "database_tls",
            Self::Busy => "database_busy",
            Self::Interrupted(_) => "database_interrupted",
            Self::Pooled => "database_pooled",
            Self::Full(_) => "storage_full",
            Self::SchemaMissing => "database_schema_missing",
            Self::Moved { .. } => "database_moved",
            Self::Moving { .. } => "database_moving",
            Self::HalfMoved => "database_half_moved",
            Self::Database(_) => "database",
            Self::ClockImplausible { .. } => "clock_implausible",
            Self::Restored { .. } => "restored_backup",
            Self::NoList => "no_list",
            Self::ReasonRequired => "reason_required",
            Self::Encoding => "self_check",
            Self::Invalid(_) => "invalid",
            Self::NoActor(NoActor) => "no_actor",
            Self::File(error) => error.code(),
            Self::Random(NoRandomness) => "random",
        }
    }
}
