//! Whether the files of a SQLite database that are open are still those at its path.
//!
//! A file that is deleted, moved or replaced stays what it is for whoever has it open: what is
//! written there would be acknowledged, and be gone with the process. The same holds for SQLite's log
//! (`-wal`), in which the newest commits are, and for its index (`-shm`), by which processes share
//! locks. So all three are told by device and inode, from one connection on that stays open for as
//! long as the store does: while there is one, SQLite itself never makes these files anew.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use sqlx::Connection as _;
use tokio::sync::Mutex;

use super::Connection;
use crate::error::Error;

/// Which file it is, whatever its name.
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

    /// There is no saying, but a file that is open can't be deleted either.
    #[cfg(not(unix))]
    fn at(_: &Path) -> io::Result<Option<Self>> {
        Ok(None)
    }
}

/// A database's files, from when they were first told on. A server's database has none.
#[derive(Clone, Debug, Default)]
pub(super) struct Held(Arc<OnceLock<Files>>);

#[derive(Debug)]
struct Files {
    /// The database as it is named, and what lies beside it.
    files: Vec<(PathBuf, Option<FileId>)>,
    open: Mutex<Option<Connection>>,
}

impl Held {
    /// Tells the files of the database at `path`, which `open` has open and has read.
    pub(super) fn keep(&self, path: &Path, open: Connection) -> Result<(), Error> {
        let failed = |source| Error::Io { path: path.to_owned(), source };
        // SQLite puts what lies beside it next to the file itself, and not next to a link to it.
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
        let files = files.collect::<Result<_, Error>>()?;
        // Only the first call keeps anything.
        let _ = self.0.set(Files { files, open: Mutex::new(Some(open)) });
        Ok(())
    }

    /// Whether each file is still the one that it was.
    ///
    /// # Errors
    /// [`Error::DatabaseMissing`], [`Error::DatabaseReplaced`], [`Error::Io`].
    pub(super) fn check(&self) -> Result<(), Error> {
        let Some(held) = self.0.get() else { return Ok(()) };
        for (number, (path, id)) in held.files.iter().enumerate() {
            match FileId::at(path) {
                Ok(found) if found == *id => {}
                Ok(_) => return Err(Error::DatabaseReplaced { path: path.clone() }),
                // Without the database there is nothing to put back to.
                Err(error) if error.kind() == io::ErrorKind::NotFound && number > 0 => {
                    return Err(Error::DatabaseReplaced { path: path.clone() });
                }
                Err(error) => return Err(lost(path, error)),
            }
        }
        Ok(())
    }

    /// Closes the connection that has stayed open. The last one that is closed leaves the database
    /// as one file.
    pub(super) async fn close(&self) {
        let Some(held) = self.0.get() else { return };
        if let Some(open) = held.open.lock().await.take()
            && let Err(error) = open.close().await
        {
            tracing::warn!("the database was not closed in order: {error}");
        }
    }
}

fn lost(path: &Path, source: io::Error) -> Error {
    let path = path.to_owned();
    if source.kind() == io::ErrorKind::NotFound {
        Error::DatabaseMissing { path }
    } else {
        Error::Io { path, source }
    }
}
