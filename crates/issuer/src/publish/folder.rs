//! A directory as a place: files that are written whole, one writer at a time, and what writers
//! leave that are killed.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::destination::Fault;
use crate::files::{self, Privacy};

/// How long another may hold the directory's lock. It holds it for as long as it takes to write one
/// file; one that holds it for longer is frozen.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How much older than what was just written a temporary file is that nobody will ever finish.
const ABANDONED: Duration = Duration::from_secs(600);
/// The files that are replaced. All others have the digest of what is in them for a name.
const REPLACED: [&str; 3] = ["keyring", "head", "stamp"];
/// The folders in which temporary files can be.
const FOLDERS: [&str; 6] = ["", "bodies", "heads", "policies", "private", "status-lists"];
const LOCK: &str = ".lock";

pub(super) const OVERTAKEN: &str = "another publisher has written there since";

pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, Fault> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Fault::of_io(path, &error)),
    }
}

/// Writes a file, and reads it back.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), Fault> {
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

/// Writes a file in the place of what was found there, while nobody else does.
pub(super) fn replace(
    folder: &Path,
    name: &str,
    bytes: &[u8],
    found: Option<&[u8]>,
) -> Result<(), Fault> {
    let path = folder.join(name);
    fs::create_dir_all(folder).map_err(|error| Fault::of_io(folder, &error))?;
    let _lock = lock(folder, TIMEOUT)?;
    if read(&path)?.as_deref() != found {
        return Err(OVERTAKEN.into());
    }
    write(&path, bytes)
}

/// Takes the directory's lock, which ends with the file that is given.
///
/// A frozen holder is not waited for: a new lock file takes the place of the one that it holds.
/// When it wakes up, it may put its older stamp there, until the next renewal. No verifier goes
/// back to that.
fn lock(folder: &Path, patience: Duration) -> Result<File, Fault> {
    let path = folder.join(LOCK);
    let failed = |error: std::io::Error| Fault::of_io(&path, &error);
    let mut since = Instant::now();
    loop {
        let file = File::options().create(true).append(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) if is_still(&file, &path) => return Ok(file),
            // Somebody has put another in its place.
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

/// Whether an open file is the one that has this name.
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

/// Removes what writers left that were killed: files whose names we alone give, which are far older
/// than the stamp that was just written. The folder's own times are compared, not clocks.
pub(super) fn sweep(folder: &Path) -> Result<usize, Fault> {
    let stamp = folder.join("stamp");
    let newest = fs::metadata(&stamp).and_then(|found| found.modified());
    let newest = newest.map_err(|error| Fault::of_io(&stamp, &error))?;
    let mut removed = 0;
    for name in FOLDERS {
        for path in abandoned(&folder.join(name), newest) {
            match fs::remove_file(&path) {
                Ok(()) => removed += 1,
                // Another issuer has swept.
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

/// Whether a name is one that [`files::write_atomic`] gives to a temporary file of ours.
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
        // The new lock is one: whoever comes now waits, and gets it when it is free.
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
            // Not ours, or not old.
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
