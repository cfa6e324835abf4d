//! Checks that the open files of a SQLite database are still those at its path.
//!
//! A process keeps a file open after it is deleted, moved or replaced. Writes to it would be
//! acknowledged and lost when the process ends. The same holds for SQLite's log (`-wal`), which has
//! the newest commits, and for its index (`-shm`), which carries the locks between processes. So
//! all three files are identified by device and inode. One connection stays open as long as the
//! store: while it does, SQLite never recreates these files.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use sqlx::Connection as _;
use tokio::sync::Mutex;

use super::connection::Connection;
use crate::files::FileError;
use crate::store::error::StoreError;

/// A file's identity, independent of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
}

impl FileId {
    #[cfg(unix)]
    fn at(path: &Path) -> io::Result<Option<Self>> {
        use std::os::unix::fs::MetadataExt as _;
        let found = std::fs::metadata(path)?;
        Ok(Some(Self { device: found.dev(), inode: found.ino() }))
    }

    /// Unknown here; but an open file can't be deleted on these systems either.
    #[cfg(not(unix))]
    fn at(_: &Path) -> io::Result<Option<Self>> {
        Ok(None)
    }
}

/// The identities of a database's files, recorded once. Empty for a server's database.
#[derive(Clone, Debug, Default)]
pub(super) struct Held(Arc<OnceLock<Files>>);

#[derive(Debug)]
struct Files {
    /// The database's path and its companion files.
    files: Vec<(PathBuf, Option<FileId>)>,
    open: Mutex<Option<Connection>>,
}

impl Held {
    /// Records the files of the database at `path`. `open` has it open and has read from it.
    pub(super) fn keep(&self, path: &Path, open: Connection) -> Result<(), StoreError> {
        let failed = |source| FileError::Io { path: path.to_owned(), source };
        // SQLite puts the companion files next to the real file, not next to a symbolic link.
        let real = std::fs::canonicalize(path).map_err(failed)?;
        let beside = ["-wal", "-shm"].map(|end| {
            let mut name = real.clone().into_os_string();
            name.push(end);
            PathBuf::from(name)
        });
        let paths = std::iter::once(path.to_owned()).chain(beside);
        let files = paths.map(|path| {
            let id = FileId::at(&path).map_err(|error| lost(&path, error))?;
            Ok((path, id))
        });
        let files = files.collect::<Result<_, StoreError>>()?;
        // Only the first call has an effect.
        let _ = self.0.set(Files { files, open: Mutex::new(Some(open)) });
        Ok(())
    }

    /// Checks that each file is still the recorded one.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Replaced`], [`FileError::Io`].
    pub(super) fn check(&self) -> Result<(), StoreError> {
        let Some(held) = self.0.get() else { return Ok(()) };
        for (number, (path, id)) in held.files.iter().enumerate() {
            match FileId::at(path) {
                Ok(found) if found == *id => {}
                Ok(_) => return Err(StoreError::Replaced { path: path.clone() }),
                // A missing database is an error of its own, below.
                Err(error) if error.kind() == io::ErrorKind::NotFound && number > 0 => {
                    return Err(StoreError::Replaced { path: path.clone() });
                }
                Err(error) => return Err(lost(path, error)),
            }
        }
        Ok(())
    }

    /// Closes the connection that was kept open. The last connection to close merges the log into
    /// the database file.
    pub(super) async fn close(&self) {
        let Some(held) = self.0.get() else { return };
        if let Some(open) = held.open.lock().await.take()
            && let Err(error) = open.close().await
        {
            tracing::warn!("the database was not closed in order: {error}");
        }
    }
}

fn lost(path: &Path, source: io::Error) -> StoreError {
    let path = path.to_owned();
    if source.kind() == io::ErrorKind::NotFound {
        StoreError::Missing { path }
    } else {
        FileError::Io { path, source }.into()
    }
}
