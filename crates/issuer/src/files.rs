//! Files in the issuer's folder: written atomically, secrets with owner-only permissions.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::random::{self, NoRandomness};

/// Why a file could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// A secret file is readable by users other than its owner.
    #[error(
        "{} can be read by others (mode {mode:03o}), and it holds secrets; run: chmod 600 {}",
        path.display(), path.display()
    )]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// A file could not be read or written.
    #[error("{} could not be read or written", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// No random name for a temporary file.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

impl FileError {
    /// A stable code for programs and logs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Permissions { .. } => "permissions",
            Self::Io { .. } => "io",
            Self::Random(NoRandomness) => "random",
        }
    }
}

/// Whether others may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Privacy {
    /// Mode 0600: only the owner.
    Secret,
    /// Mode 0644 minus the umask.
    Public,
}

/// Writes `bytes` to `path` atomically: through a temporary file in the same folder, which is
/// synced before it replaces the old file.
///
/// # Errors
/// [`FileError::Io`].
pub fn write_atomic(path: &Path, bytes: &[u8], privacy: Privacy) -> Result<(), FileError> {
    let failed = |source| FileError::Io { path: path.to_owned(), source };
    let name = path.file_name().ok_or_else(|| failed(io::ErrorKind::InvalidFilename.into()))?;
    let tag = random::below_power_of_two(1 << 31)?;
    let temporary = folder_of(path).join(format!(".{}.{tag:08x}", name.to_string_lossy()));
    let written = create_new(&temporary, privacy).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        sync_folder(&folder_of(path))
    });
    written.map_err(|source| {
        // The temporary file may not exist. Report the first error.
        let _ = fs::remove_file(&temporary);
        failed(source)
    })
}

/// Whether an error means that the disk, a quota or the file size limit is exhausted.
pub(crate) fn is_full(error: &io::Error) -> bool {
    let full =
        [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded, io::ErrorKind::FileTooLarge];
    full.contains(&error.kind())
}

/// Creates a file that must not exist.
pub(crate) fn create_new(path: &Path, privacy: Privacy) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(match privacy {
            Privacy::Secret => 0o600,
            Privacy::Public => 0o644,
        });
    }
    #[cfg(not(unix))]
    let _ = privacy;
    options.open(path)
}

/// Creates a folder that only its owner may enter.
pub(crate) fn create_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(path)
}

/// Reads a secret file. It must not be readable by group or others.
///
/// # Errors
/// [`FileError::Permissions`] if it is, and [`FileError::Io`].
pub fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let failed = |source| FileError::Io { path: path.to_owned(), source };
    let mut file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = metadata.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(FileError::Permissions { path: path.to_owned(), mode });
        }
    }
    // Allocate enough at once: a growing buffer would leave copies of secrets in memory.
    let room = usize::try_from(metadata.len()).unwrap_or(0).saturating_add(1);
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    file.read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// The folder that contains `path`.
pub(crate) fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        Some(_) | None => PathBuf::from("."),
    }
}

/// Makes a rename in `folder` durable.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_replaces_the_whole_file_and_leaves_nothing_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for content in ["a longer first content", "second"] {
            write_atomic(&path, content.as_bytes(), Privacy::Secret).unwrap();
            assert_eq!(read_secret(&path).unwrap().as_slice(), content.as_bytes());
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(write_atomic(&folder.path().join("no/folder"), b"", Privacy::Public).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write_atomic(&path, b"x", Privacy::Secret).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = read_secret(&path).unwrap_err();
        assert!(matches!(error, FileError::Permissions { mode: 0o640, .. }));
        assert!(error.to_string().contains("chmod 600"));
    }
}
