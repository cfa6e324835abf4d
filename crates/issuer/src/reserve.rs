//! A little room on the disk that is kept for the list: given up when there is no other, so that
//! stamps are renewed and revocations taken while whoever runs the issuer makes room.
//!
//! Keys are not made from it. What the list needs is little: SQLite writes its log over and over in
//! the room that it has, as long as it can be brought into the database between.

use std::fs;
use std::path::PathBuf;

use crate::error::Error;
use crate::files::{self, Privacy};
use crate::issuer::Home;
use crate::store::Database;

/// How much it is.
pub(crate) const LEN: u64 = 8 * 1024 * 1024;

/// With less than this and no reserve there is only what was one, or less.
const ROOM: u64 = 2 * LEN;

/// The file, where the records are in the folder.
fn path(home: &Home) -> Option<PathBuf> {
    matches!(home.database(), Database::File(_)).then(|| home.path().join(".reserve"))
}

/// Makes the reserve where it is missing and there is room for it and as much again.
pub(crate) fn keep(home: &Home) {
    let Some(path) = path(home) else { return };
    if path.exists() || room(home).is_none_or(|room| room < ROOM) {
        return;
    }
    if let Err(error) = make(&path) {
        tracing::warn!("no reserve could be made: {}: {error}", path.display());
        // Half of it is of no use.
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

/// Gives it up; says whether there was one.
pub(crate) fn give_up(home: &Home) -> bool {
    path(home).is_some_and(|path| fs::remove_file(path).is_ok())
}

/// Whether the reserve is all that is left: then keys are not made.
///
/// # Errors
/// [`Error::StorageFull`].
pub(crate) fn check(home: &Home) -> Result<(), Error> {
    let is_short =
        path(home).is_some_and(|path| !path.exists() && room(home).is_some_and(|room| room < ROOM));
    if is_short { Err(Error::StorageFull(None)) } else { Ok(()) }
}

/// How many bytes are free in the folder, if that can be told.
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
        // Elsewhere than in the folder there is nothing to keep.
        let server = Database::from_url("postgres://localhost/x").unwrap();
        let elsewhere = home.with_database(server);
        keep(&elsewhere);
        assert!(!give_up(&elsewhere) && check(&elsewhere).is_ok());
    }
}
