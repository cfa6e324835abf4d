//! A disk reserve for the list. It is released when the disk is full, so that stamps are renewed
//! and revocations accepted until the operator frees space.
//!
//! Keys aren't made from the reserve. The list needs little space: SQLite reuses its log's space as
//! long as the log can be checkpointed.

use std::fs;
use std::path::PathBuf;

use crate::files::{self, Privacy};
use crate::home::Home;
use crate::store::Database;
use crate::store::StoreError;

/// The size of the reserve in bytes.
pub(crate) const LEN: u64 = 8 * 1024 * 1024;

/// With less free space than this and no reserve, only the released reserve or less is left.
const ROOM: u64 = 2 * LEN;

/// The reserve file, if the records are in the folder.
fn path(home: &Home) -> Option<PathBuf> {
    matches!(home.database(), Database::File(_)).then(|| home.path().join(".reserve"))
}

/// Creates the reserve if it is missing and twice its size is free.
pub(crate) fn keep(home: &Home) {
    let Some(path) = path(home) else { return };
    if path.exists() || room(home).is_none_or(|room| room < ROOM) {
        return;
    }
    if let Err(error) = make(&path) {
        tracing::warn!("no reserve could be made: {}: {error}", path.display());
        // A partial reserve is useless.
        let _ = fs::remove_file(&path);
    }
}

#[cfg(unix)]
fn make(path: &std::path::Path) -> std::io::Result<()> {
    use std::io::Write as _;
    let mut file = files::create_new(path, Privacy::Secret)?;
    #[cfg(target_os = "linux")]
    if rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, LEN).is_ok() {
        return file.sync_all();
    }
    let block = [0xA5; 64 * 1024];
    for _ in 0..LEN / (64 * 1024) {
        file.write_all(&block)?;
    }
    file.sync_all()
}

#[cfg(not(unix))]
fn make(_: &std::path::Path) -> std::io::Result<()> {
    Ok(())
}

/// Releases the reserve. Returns whether there was one.
pub(crate) fn give_up(home: &Home) -> bool {
    path(home).is_some_and(|path| fs::remove_file(path).is_ok())
}

/// Refuses to make keys if only the released reserve is left.
///
/// # Errors
/// [`StoreError::Full`].
pub(crate) fn check(home: &Home) -> Result<(), StoreError> {
    let is_short =
        path(home).is_some_and(|path| !path.exists() && room(home).is_some_and(|room| room < ROOM));
    if is_short { Err(StoreError::Full(None)) } else { Ok(()) }
}

/// The free bytes in the folder, if known.
#[cfg(unix)]
pub(crate) fn room(home: &Home) -> Option<u64> {
    let found = rustix::fs::statvfs(home.path()).ok()?;
    Some(found.f_bavail.saturating_mul(found.f_frsize))
}

#[cfg(not(unix))]
pub(crate) fn room(_: &Home) -> Option<u64> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn it_takes_the_room_that_it_keeps() {
        use std::os::unix::fs::MetadataExt as _;
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(folder.path());
        keep(&home);
        let file = fs::metadata(folder.path().join(".reserve")).unwrap();
        assert_eq!(file.len(), LEN);
        assert!(file.blocks() * 512 >= LEN, "it is no sparse file");
        assert!(check(&home).is_ok());
        assert!(give_up(&home) && !give_up(&home));
        // Without a database in the folder there is no reserve.
        let server = Database::from_url("postgres://localhost/x").unwrap();
        let elsewhere = home.with_database(server);
        keep(&elsewhere);
        assert!(!give_up(&elsewhere) && check(&elsewhere).is_ok());
    }
}
