//! `portcullis backup` and `portcullis restore`.

use std::path::{Path, PathBuf};

use anyhow::Result;
use portcullis_issuer::{Issuer, backup};
use serde::Serialize;

use super::exit::Exit;
use super::global::Global;
use super::output::{Out, field};

/// Write the keystore and the database to one encrypted file
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  PORTCULLIS_KEY_FILE=backup.key portcullis backup issuer-2026-01-31.pcx\n\n\
                        The backup does not contain the root key: keep a copy of it offline. It does not \
                        contain a PostgreSQL database either: use pg_dump."
)]
pub(crate) struct Backup {
    /// The file to write; it must not exist yet
    file: PathBuf,
}

/// Restore a backup into a folder without an issuer
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  PORTCULLIS_KEY_FILE=backup.key portcullis --home ./issuer restore issuer-2026-01-31.pcx"
)]
pub(crate) struct Restore {
    /// The backup file
    file: PathBuf,
    /// Restore only the keystore, for an existing database without its keystore
    #[arg(long)]
    keystore_only: bool,
}

impl Backup {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        let made = issuer.recovery().back_up(&self.file).await?;
        let (bytes, database) = (made.bytes, made.with_database);
        out.answer(&BackupAnswer { bytes, database, file: &self.file }, |o| {
            field(o, "Backup", self.file.display())?;
            field(o, "Size", format_args!("{} bytes", made.bytes))?;
            let holds = if made.with_database { "keystore and database" } else { "keystore" };
            field(o, "Holds", holds)
        })?;
        if !made.with_database {
            out.note(
                "\nThe database is a PostgreSQL server's and not in it: back it up with pg_dump.",
            );
        }
        out.note("\nThe root key is not in it: keep a copy of that offline.");
        Ok(Exit::Done)
    }
}

impl Restore {
    pub(super) fn run(&self, global: &Global, out: &Out) -> Result<Exit> {
        let home = global.home()?;
        let restored = if self.keystore_only {
            backup::restore_keystore(&self.file, &home)?
        } else {
            backup::restore(&self.file, &home)?
        };
        let (database, files) = (restored.with_database, &restored.files);
        out.answer(&RestoreAnswer { database, files }, |o| {
            for file in &restored.files {
                field(o, "Restored", file.display())?;
            }
            Ok(())
        })?;
        if restored.with_database {
            out.note(
                "\nWhat was revoked since the backup was made is not in it: nothing is created or \
                 published until\n`portcullis recover --witness …` has brought that in from whoever \
                 carries the list, or\n`portcullis recover --no-witness` if nobody does.",
            );
        } else if !self.keystore_only {
            out.note(
                "\nThe database is not in this backup. If you restore it too, with PostgreSQL's own \
                 tools, run\n`portcullis recover` before anything else.",
            );
        }
        Ok(Exit::Done)
    }
}

#[derive(Serialize)]
struct BackupAnswer<'a> {
    bytes: u64,
    /// Whether the backup contains the database.
    database: bool,
    file: &'a Path,
}

#[derive(Serialize)]
struct RestoreAnswer<'a> {
    /// Whether the files contain the database.
    database: bool,
    files: &'a [PathBuf],
}
