//! A directory as a destination: atomic writes, a lock between writers, and the removal of temporary
//! files of killed writers.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use async_trait::async_trait;

use super::fault::Fault;
use super::operations::{Destination, Found, Page};
use crate::files::{self, Privacy};

/// How long to wait for the directory's lock. It is held while one file is written; a holder that
/// keeps it longer is frozen.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How much older than the stamp a temporary file must be to count as abandoned.
const ABANDONED: Duration = Duration::from_secs(600);
/// The files that are replaced. All others are named by their digest.
const REPLACED: [&str; 3] = ["keyring", "head", "stamp"];
/// The folders that may contain temporary files.
const FOLDERS: [&str; 6] = ["", "bodies", "heads", "policies", "private", "status-lists"];
const LOCK: &str = ".lock";

/// A directory.
#[derive(Clone, Debug)]
pub(super) struct Directory(PathBuf);

impl Directory {
    pub(super) fn new(path: &str) -> Self {
        Self(PathBuf::from(path))
    }
}

#[async_trait]
impl Destination for Directory {
    fn kind(&self) -> &'static str {
        "dir"
    }

    async fn get(&self, name: &str) -> Result<Found, Fault> {
        let path = self.0.join(name);
        let bytes = blocking(move || read(&path)).await?;
        Ok(Found { bytes, ..Found::default() })
    }

    async fn put(&self, name: &str, bytes: &[u8]) -> Result<(), Fault> {
        let (path, bytes) = (self.0.join(name), bytes.to_vec());
        blocking(move || write(&path, &bytes)).await
    }

    async fn put_once(&self, name: &str, bytes: &[u8]) -> Result<(), Fault> {
        let (path, bytes) = (self.0.join(name), bytes.to_vec());
        blocking(move || match read(&path)? {
            Some(there) if there == bytes => Ok(()),
            // `write` reads it back.
            Some(_) | None => write(&path, &bytes),
        })
        .await
    }

    async fn replace_page(
        &self,
        name: &str,
        bytes: &[u8],
        found: &Found,
        _page: Option<Page>,
    ) -> Result<(), Fault> {
        let (path, name) = (self.0.clone(), name.to_owned());
        let (bytes, found) = (bytes.to_vec(), found.bytes.clone());
        blocking(move || replace(&path, &name, &bytes, found.as_deref())).await
    }

    async fn sweep(&self) -> Result<usize, Fault> {
        let path = self.0.clone();
        blocking(move || sweep(&path)).await
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Fault::from(error.to_string()))?
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, Fault> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Fault::of_io(path, &error)),
    }
}

/// Writes a file and reads it back.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
    let folder = files::folder_of(path);
    fs::create_dir_all(&folder).map_err(|error| Fault::of_io(&folder, &error))?;
    files::write_atomic(path, bytes, Privacy::Public)?;
    match read(path)? {
        Some(there) if there == bytes => Ok(()),
        _ => {
            Err(format!("{} reads back as something else than was written", path.display()).into())
        }
    }
}

/// Replaces the content that was found, under the lock.
fn replace(folder: &Path, name: &str, bytes: &[u8], found: Option<&[u8]>) -> Result<(), Fault> {
    let path = folder.join(name);
    fs::create_dir_all(folder).map_err(|error| Fault::of_io(folder, &error))?;
    let _lock = lock(folder, TIMEOUT)?;
    if read(&path)?.as_deref() != found {
        return Err(Fault::overtaken());
    }
    write(&path, bytes)
}

/// Takes the directory's lock. Dropping the returned file releases it.
///
/// A frozen holder isn't waited for: a new lock file replaces the one it holds. When it wakes up,
/// it may write its older stamp, until the next renewal. Verifiers never go back to an older stamp.
fn lock(folder: &Path, patience: Duration) -> Result<File, Fault> {
    let path = folder.join(LOCK);
    let failed = |error: std::io::Error| Fault::of_io(&path, &error);
    let mut since = Instant::now();
    loop {
        let file = File::options().create(true).append(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) if is_still(&file, &path) => return Ok(file),
            // Another process has replaced the lock file.
            Ok(()) => continue,
            Err(fs::TryLockError::WouldBlock) => {}
            Err(fs::TryLockError::Error(error)) => return Err(failed(error)),
        }
        if since.elapsed() >= patience && is_still(&file, &path) {
            tracing::warn!("{} was held for too long: its holder is frozen", path.display());
            files::write_atomic(&path, b"", Privacy::Public)?;
            since = Instant::now();
            continue;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether an open file is still the one with this name.
#[cfg(unix)]
fn is_still(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let (Ok(ours), Ok(there)) = (file.metadata(), fs::metadata(path)) else { return false };
    (ours.dev(), ours.ino()) == (there.dev(), there.ino())
}

#[cfg(not(unix))]
fn is_still(_: &File, path: &Path) -> bool {
    path.exists()
}

/// Removes temporary files of killed writers: files named as only we name them, and far older than
/// the stamp just written. Compares the folder's own timestamps, not clocks.
fn sweep(folder: &Path) -> Result<usize, Fault> {
    let stamp = folder.join("stamp");
    let newest = fs::metadata(&stamp).and_then(|found| found.modified());
    let newest = newest.map_err(|error| Fault::of_io(&stamp, &error))?;
    let mut removed = 0;
    for name in FOLDERS {
        for path in abandoned(&folder.join(name), newest) {
            match fs::remove_file(&path) {
                Ok(()) => removed += 1,
                // Another issuer removed it first.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(Fault::of_io(&path, &error)),
            }
        }
    }
    Ok(removed)
}

fn abandoned(folder: &Path, newest: std::time::SystemTime) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let old = entries.flatten().filter(|entry| {
        let is_ours = entry.file_name().to_str().is_some_and(is_temporary);
        let is_old = entry.metadata().is_ok_and(|found| {
            let age = found.modified().ok().and_then(|at| newest.duration_since(at).ok());
            found.is_file() && age.is_some_and(|age| age >= ABANDONED)
        });
        is_ours && is_old
    });
    old.map(|entry| entry.path()).collect()
}

/// Whether [`files::write_atomic`] gives this name to one of our temporary files.
fn is_temporary(name: &str) -> bool {
    let lower_hex =
        |text: &str| text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let Some((of, tag)) = name.strip_prefix('.').and_then(|name| name.rsplit_once('.')) else {
        return false;
    };
    let is_named = REPLACED.contains(&of)
        || of == LOCK
        || (of.len() == 64 && lower_hex(of))
        || crate::status::shard_of(of).is_some()
        || [crate::status::AGGREGATION, crate::status::JWKS].contains(&of);
    is_named && tag.len() == 8 && lower_hex(tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frozen_holder_of_the_lock_stops_nobody() {
        let folder = tempfile::tempdir().unwrap();
        let frozen = lock(folder.path(), TIMEOUT).unwrap();
        let (taken, wait) = std::sync::mpsc::channel();
        let path = folder.path().to_owned();
        std::thread::spawn(move || taken.send(lock(&path, Duration::from_millis(50))));
        let ours = wait.recv_timeout(Duration::from_secs(30)).unwrap().unwrap();
        assert!(!is_still(&frozen, &folder.path().join(LOCK)));
        // The new lock works: the next writer waits, and gets it once it is free.
        let waiting = File::open(folder.path().join(LOCK)).unwrap();
        assert!(matches!(waiting.try_lock(), Err(fs::TryLockError::WouldBlock)));
        drop(ours);
        lock(folder.path(), TIMEOUT).unwrap();
    }

    #[test]
    fn what_killed_writers_left_is_removed_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        let digest = "0123456789abcdef".repeat(4);
        fs::create_dir(root.join("bodies")).unwrap();
        write(&root.join("stamp"), b"now").unwrap();
        let now = fs::metadata(root.join("stamp")).unwrap().modified().unwrap();
        let old = now - ABANDONED;
        let left = [
            (".stamp.0000000a", true),
            (".head.7fffffff", true),
            (".keyring.0123abcd", true),
            ("..lock.0123abcd", true),
            (&*format!("bodies/.{digest}.0000000a"), true),
            // Not named by us, or not old.
            (".stamp.0000000A", false),
            (".stamp.a", false),
            ("stamp.0000000a", false),
            (".vimrc.0000000a", false),
            (&*format!("bodies/{digest}"), false),
            (".lock", false),
        ];
        for (name, _) in left {
            let file = File::create(root.join(name)).unwrap();
            file.set_modified(old).unwrap();
        }
        let young = root.join(".stamp.0000000b");
        File::create(&young).unwrap().set_modified(old + Duration::from_secs(1)).unwrap();
        assert_eq!(sweep(root).unwrap(), 5);
        for (name, removed) in left {
            assert_eq!(!root.join(name).exists(), removed, "{name}");
        }
        assert!(young.exists());
        assert_eq!(sweep(root).unwrap(), 0);
    }
}
