//! Why records can't be moved. Each error names the next step.

/// Why the records were not moved, or not moved back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoveError {
    /// No target was given.
    #[error("say where the records are to go: --to postgres://USER@HOST/NAME, or DATABASE_URL")]
    NoTarget,
    /// The arguments and the environment name two databases.
    #[error("--to and DATABASE_URL name two databases; leave one of them out")]
    TwoTargets,
    /// Command-line arguments are readable by every process on the machine.
    #[error(
        "--to holds a password, which every process of the machine can read: leave it out there, \
         and put it into PGPASSWORD or a passfile (~/.pgpass), or the whole URL into DATABASE_URL"
    )]
    PasswordShown,
    /// A server or job works with one of the databases.
    #[error(
        "{who} works with {place}, until {until} if nothing more is heard of it: stop it \
         (`systemctl stop portcullis`), then try again; nothing was changed"
    )]
    Running {
        /// issuer.db, or the target.
        place: String,
        /// A server, or a job.
        who: String,
        /// When its lease ends.
        until: String,
    },
    /// Another process moves records into the target.
    #[error("another process moves records into that database; wait for its end")]
    Taken,
    /// The target's encoding can't represent every text.
    #[error(
        "the database's encoding is {0}, which can't hold every text: make it anew with \
         `CREATE DATABASE name ENCODING 'UTF8' TEMPLATE template0`"
    )]
    Encoding(String),
    /// The target holds another issuer's records.
    #[error(
        "{place} holds the records of another issuer, {issuer}, which are left as they are; name \
         another database"
    )]
    OtherIssuer {
        /// The target.
        place: String,
        /// The issuer of the records it holds.
        issuer: String,
    },
    /// The target holds this issuer's records, but not from this move.
    #[error(
        "{0} holds records of this issuer that no move of this database has put there; they are \
         left as they are. Look which are the newer ones, and name another database if these are \
         to be moved"
    )]
    SameIssuer(String),
    /// The target has a schema of our name with other tables.
    #[error(
        "{0} has a schema `portcullis` with tables that are not ours, which are left as they are; \
         name another database"
    )]
    ForeignTables(String),
    /// The source is being moved elsewhere, or the target belongs to another move.
    #[error(
        "a move to {0} was begun, which is another database, or the same one by another name: name \
         that one to go on, or take the move back with `portcullis migrate --back`"
    )]
    OtherMove(String),
    /// A partially filled target that can't be continued.
    #[error(
        "{place} was filled in part {why}, so it can't be gone on with: run `portcullis migrate \
         --start-over`, which empties it first"
    )]
    StartOver {
        /// The target.
        place: String,
        /// Which other program or copy filled it.
        why: &'static str,
    },
    /// The records weren't moved.
    #[error("these records were not moved, and nobody has begun to: there is nothing to take back")]
    NotMoved,
    /// The move is done, but its target is missing.
    #[error(
        "the records were moved to {0}, and that database does not hold them: name it as it was \
         named then. If it is lost, restore its backup; what is here is of before the move"
    )]
    TargetLost(String),
    /// Something was written to the target after the move.
    #[error(
        "{place} is in use: something was written to it since the move (first seen in the table \
         `{table}`), so there is no way back to issuer.db, which does not know of that"
    )]
    Written {
        /// The target.
        place: String,
        /// The table with the first difference.
        table: String,
    },
    /// The copy differs from the source.
    #[error(
        "the table `{table}` is not the same in both databases: {what}. The target stays unusable; \
         run `portcullis migrate --start-over` to copy everything again"
    )]
    Differs {
        /// The table.
        table: String,
        /// The difference.
        what: String,
    },
    /// A value that PostgreSQL doesn't accept.
    #[error(
        "a text in the table `{table}` (row {key}) holds the character NUL, which PostgreSQL does \
         not take; take it out, then run `portcullis migrate` again"
    )]
    Unfit {
        /// The table.
        table: String,
        /// The row's key.
        key: String,
    },
    /// The two databases have different tables.
    #[error("the tables of the two databases do not match: {0}; this is a fault of the program")]
    Tables(String),
}

impl MoveError {
    /// A stable code for programs and logs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoTarget | Self::TwoTargets | Self::PasswordShown => "move_target",
            Self::Running { .. } => "move_running",
            Self::Taken => "move_taken",
            Self::Encoding(_) => "move_encoding",
            Self::OtherIssuer { .. } => "move_other_issuer",
            Self::SameIssuer(_) => "move_same_issuer",
            Self::ForeignTables(_) => "move_foreign_tables",
            Self::OtherMove(_) => "move_other",
            Self::StartOver { .. } => "move_start_over",
            Self::NotMoved => "move_not_begun",
            Self::TargetLost(_) => "move_target_lost",
            Self::Written { .. } => "move_written",
            Self::Differs { .. } => "move_differs",
            Self::Unfit { .. } => "move_unfit",
            Self::Tables(_) => "move_tables",
        }
    }
}
