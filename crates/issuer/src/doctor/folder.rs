//! The folder: who may read its files, and how much room is left.

use std::path::Path;

use super::diagnosis::Diagnosis;
use crate::home::Home;
use crate::reserve;
use crate::store::Database;

/// Less free space than this is reported: a backup and a day's events need more.
const LEAST_ROOM: u64 = 256 * 1024 * 1024;

pub(super) fn permissions(home: &Home, seen: &mut Diagnosis) {
    let before = seen.checks.len();
    check_mode(home.path(), 0o700, seen);
    let mut files = vec![home.keystore(), home.root_key()];
    if let Database::File(path) = home.database() {
        files.push(path);
    }
    for path in files.iter().filter(|path| path.exists()) {
        check_mode(path, 0o600, seen);
    }
    if seen.checks.len() == before {
        seen.good("permissions", "folder, keystore and database are for their owner alone");
    }
}

#[cfg(unix)]
fn check_mode(path: &Path, wanted: u32, seen: &mut Diagnosis) {
    use std::os::unix::fs::PermissionsExt as _;
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => {
            let mode = metadata.permissions().mode() & 0o777;
            let found =
                format!("{} can be entered or read by others (mode {mode:03o})", path.display());
            seen.bad("permissions", found, format!("run: chmod {wanted:o} {}", path.display()));
        }
        Ok(_) => {}
        Err(error) => {
            let found = format!("{} can't be looked at: {error}", path.display());
            seen.bad("permissions", found, "run this as the user that runs the issuer");
        }
    }
}

#[cfg(not(unix))]
fn check_mode(_: &Path, _: u32, _: &mut Diagnosis) {}

pub(super) fn room(home: &Home, seen: &mut Diagnosis) {
    let Some(room) = reserve::room(home) else { return };
    let told = format!("{} MiB are free in {}", room / (1024 * 1024), home.path().display());
    if room < LEAST_ROOM {
        let mend = "make room: when it is used up no key is created, and the list and revocations go \
                    on from the reserve alone (`.reserve`, 8 MiB, where the records are in this \
                    folder and a server runs); when that is used up, gates refuse every key from \
                    the list's next update on";
        seen.bad("disk", told, mend);
    } else {
        seen.good("disk", told);
    }
}
