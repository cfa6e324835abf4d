//! Encrypted backups: the keystore and the database in one file.
//!
//! A tar archive inside a [sealed](crate::keystore) file. It contains `keystore.json` as in the
//! folder, encrypted twice if it is encrypted there, and for SQLite a snapshot `issuer.db`.
//! PostgreSQL has its own backups. The root key is never included.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::context::Context;
use crate::error::Error;
use crate::files::FileError;
use crate::files::{self, Privacy};
use crate::home::Home;
use crate::keystore::KeystoreError;
use crate::keystore::seal::{Sealed, Sealer};
use crate::store::{Database, targets};
use portcullis_core::time::Time;

const KEYSTORE: &str = "keystore.json";
const DATABASE: &str = "issuer.db";
/// Marks a restored database, until the first start has recorded that inside.
const MARK: &str = "restored";
const MARKED: &str = "`portcullis restore` put this database here: run `portcullis recover`.\n";

/// The result of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackedUp {
    /// The size in bytes.
    pub bytes: u64,
    /// Whether it includes the database: only SQLite's.
    pub with_database: bool,
}

/// The result of a restoration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The restored files, by their new paths.
    pub files: Vec<PathBuf>,
    /// Whether the backup included the database.
    pub with_database: bool,
}

/// A temporary folder, removed when dropped.
struct Draft(PathBuf);

impl Draft {
    fn beside(path: &Path, what: &str) -> Result<Self, Error> {
        let tag = crate::random::below_power_of_two(1 << 31)?;
        let path = files::folder_of(path).join(format!(".portcullis-{what}-{tag:08x}"));
        files::create_private_folder(&path)
            .map_err(|source| FileError::Io { path: path.clone(), source })?;
        Ok(Self(path))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // It may have been moved to its final place.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Records in the database that `restore` put it there. Repeated if a start was interrupted.
pub(crate) async fn mark_restored(context: &Context) -> Result<(), Error> {
    let marker = context.home().restored_mark();
    if !marker.exists() {
        return Ok(());
    }
    let mut writing = context.store().bookkeeping().await?;
    let now = writing.clock();
    targets::set_restored(&mut writing, "", Time::from_millis(0), now).await?;
    writing.save().await?;
    Ok(fs::remove_file(&marker).map_err(|source| FileError::Io { path: marker, source })?)
}

/// Writes a backup to `path`, which must not exist, encrypted with the secret of the folder's
/// files.
pub(crate) async fn back_up(context: &Context, path: &Path) -> Result<BackedUp, Error> {
    let failed = |source| FileError::Io { path: path.to_owned(), source };
    if path.exists() {
        let reason = "there is a file already, which is left as it is";
        return Err(Error::Backup { path: path.to_owned(), reason });
    }
    let secret = context.home().unlock().new_secret(path)?;
    let draft = Draft::beside(path, "backup")?;
    // Copy the database first: a keystore read later has every key that it needs.
    let copy = draft.0.join(DATABASE);
    let with_database = matches!(context.store().database(), Database::File(_));
    if with_database {
        context.store().copy_to(&copy).await?;
    }
    let keystore = files::read_secret(&context.home().keystore())?;
    let whole = draft.0.join("whole");
    let write = || -> io::Result<u64> {
        let mut archive =
            tar::Builder::new(Sealer::new(files::create_new(&whole, Privacy::Secret)?, &secret)?);
        append(&mut archive, KEYSTORE, keystore.len() as u64, keystore.as_slice())?;
        if with_database {
            let database = File::open(&copy)?;
            let length = database.metadata()?.len();
            append(&mut archive, DATABASE, length, database)?;
        }
        let mut file = archive.into_inner()?.finish()?;
        file.flush()?;
        file.sync_all()?;
        let length = file.metadata()?.len();
        fs::hard_link(&whole, path)?;
        files::sync_folder(&files::folder_of(path))?;
        Ok(length)
    };
    Ok(BackedUp { bytes: write().map_err(failed)?, with_database })
}

fn append(
    archive: &mut tar::Builder<impl io::Write>,
    name: &str,
    length: u64,
    bytes: impl io::Read,
) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(length);
    header.set_mode(0o600);
    archive.append_data(&mut header, name, bytes)
}

/// Restores a backup into `home`, all or nothing. `home` must not contain an issuer.
///
/// # Errors
/// [`Error::AlreadyInitialised`], [`Error::KeystoreLost`], [`KeystoreError::Sealed`],
/// [`Error::Backup`], [`FileError::Io`].
///
/// The database lacks revocations made after the backup. So the folder is marked, and nothing is
/// created or published until `recover` or `recover_alone` has run.
pub fn restore(path: &Path, home: &Home) -> Result<Restored, Error> {
    match home.check_keystore() {
        Err(Error::NotInitialised { .. }) => {}
        Ok(()) => return Err(Error::AlreadyInitialised { home: home.path().to_owned() }),
        Err(lost) => return Err(lost),
    }
    put_back(path, home, &[DATABASE, KEYSTORE])
}

/// Restores only the keystore, next to a database that has lost its keystore. The database is
/// current, so it isn't marked.
///
/// # Errors
/// As [`restore`]; [`Error::AlreadyInitialised`] if there is a keystore.
pub fn restore_keystore(path: &Path, home: &Home) -> Result<Restored, Error> {
    if home.keystore().exists() {
        return Err(Error::AlreadyInitialised { home: home.path().to_owned() });
    }
    put_back(path, home, &[KEYSTORE])
}

fn put_back(path: &Path, home: &Home, wanted: &[&str]) -> Result<Restored, Error> {
    let failed = |source: io::Error| FileError::Io { path: path.to_owned(), source };
    let sealed = |source| KeystoreError::Sealed { path: path.to_owned(), source };
    let file =
        Sealed::look(io::BufReader::new(File::open(path).map_err(failed)?)).map_err(sealed)?;
    let secret = home.unlock().secret(file.lock(), path)?;
    let opener = file.open(&secret).map_err(sealed)?;
    let above = files::folder_of(home.path());
    fs::create_dir_all(&above).map_err(failed)?;
    let draft = Draft::beside(home.path(), "restore")?;
    let mut archive = tar::Archive::new(opener);
    let names = unpack(&mut archive, &draft.0).map_err(|error| damaged(path, error))?;
    // Read to the last byte, to detect a truncated file or data after the archive.
    io::copy(&mut archive.into_inner().take(u64::MAX), &mut io::sink())
        .map_err(|error| damaged(path, error))?;
    if !names.contains(&KEYSTORE) {
        let reason = "it holds no keystore";
        return Err(Error::Backup { path: path.to_owned(), reason });
    }
    let names: Vec<&str> = names.into_iter().filter(|name| wanted.contains(name)).collect();
    let with_database = names.contains(&DATABASE);
    if with_database {
        let marker = draft.0.join(MARK);
        let mut file = files::create_new(&marker, Privacy::Secret).map_err(failed)?;
        file.write_all(MARKED.as_bytes()).map_err(failed)?;
        file.sync_all().map_err(failed)?;
    }
    let files = take_place(&draft, home, &names)?;
    Ok(Restored { files, with_database })
}

fn damaged(path: &Path, error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::InvalidData {
        let reason = "it is damaged, or was altered";
        return Error::Backup { path: path.to_owned(), reason };
    }
    FileError::Io { path: path.to_owned(), source: error }.into()
}

/// Extracts only the expected files, to paths that we choose: an archive's names could point
/// anywhere.
fn unpack(archive: &mut tar::Archive<impl io::Read>, to: &Path) -> io::Result<Vec<&'static str>> {
    let mut names = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let known =
            [KEYSTORE, DATABASE].into_iter().find(|name| *entry.path_bytes() == *name.as_bytes());
        let name = known.ok_or(io::ErrorKind::InvalidData)?;
        let mut file = files::create_new(&to.join(name), Privacy::Secret)?;
        io::copy(&mut entry, &mut file)?;
        file.sync_all()?;
        names.push(name);
    }
    Ok(names)
}

/// Writes the mark first, so that a restored database never exists without it. Writes the keystore
/// last, because its presence means that the issuer exists.
fn take_place(draft: &Draft, home: &Home, names: &[&str]) -> Result<Vec<PathBuf>, Error> {
    let failed = |path: &Path, source| FileError::Io { path: path.to_owned(), source };
    if !home.path().exists() {
        files::create_private_folder(home.path()).map_err(|e| failed(home.path(), e))?;
    }
    let mut made: Vec<PathBuf> = Vec::new();
    let marker = (MARK, home.restored_mark());
    let files = [(DATABASE, home.database_file()), (KEYSTORE, home.keystore())];
    let files = files.into_iter().filter(|(name, _)| names.contains(name));
    let marker = Some(marker).filter(|_| names.contains(&DATABASE));
    for (name, to) in marker.into_iter().chain(files) {
        // Unlike a rename, a hard link fails if the target exists.
        if let Err(source) = fs::hard_link(draft.0.join(name), &to) {
            for path in &made {
                let _ = fs::remove_file(path);
            }
            return Err(failed(&to, source).into());
        }
        made.push(to);
    }
    files::sync_folder(home.path()).map_err(|e| failed(home.path(), e))?;
    made.retain(|path| *path != home.restored_mark());
    Ok(made)
}
