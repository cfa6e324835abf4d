//! Sealed backups: keystore and database in one encrypted file.
//!
//! A tar archive inside a [sealed](crate::keystore) file: `keystore.json` as it lies in the folder
//! (encrypted once more where it is so there), then, of SQLite, `issuer.db` as one transaction saw
//! it. A PostgreSQL database has backups of its own. The root key is never in it.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::files::{self, Privacy};
use crate::issuer::{Home, Issuer};
use crate::keystore::seal::{Sealed, Sealer};
use crate::store::{Database, targets};
use portcullis_core::time::Time;

const KEYSTORE: &str = "keystore.json";
const DATABASE: &str = "issuer.db";
/// Says that a database of before was put there, until the first start has noted it inside.
const MARK: &str = "restored";
const MARKED: &str = "`portcullis restore` put this database here: run `portcullis recover`.\n";

/// What is in a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackedUp {
    /// Its length, in bytes.
    pub bytes: u64,
    /// Whether the database is in it: not where it is a PostgreSQL server's.
    pub with_database: bool,
}

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// The files, by their places now.
    pub files: Vec<PathBuf>,
    /// Whether the database was in it.
    pub with_database: bool,
}

/// A folder that goes away when it is dropped.
struct Draft(PathBuf);

impl Draft {
    fn beside(path: &Path, what: &str) -> Result<Self, Error> {
        let tag = crate::random::below_power_of_two(1 << 31)?;
        let path = files::folder_of(path).join(format!(".portcullis-{what}-{tag:08x}"));
        files::create_private_folder(&path)
            .map_err(|source| Error::Io { path: path.clone(), source })?;
        Ok(Self(path))
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // It may have taken its place already.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Issuer {
    /// Notes in the database that `restore` put it there. Again if a start ended in between.
    pub(crate) async fn mark_restored(&self) -> Result<(), Error> {
        let list_version = self.home().restored_mark();
        if !list_version.exists() {
            return Ok(());
        }
        let mut writing = self.store().write().await?;
        let now = writing.clock();
        targets::set_restored(&mut writing, "", Time::from_millis(0), now).await?;
        writing.commit().await?;
        fs::remove_file(&list_version).map_err(|source| Error::Io { path: list_version, source })
    }

    /// Writes a backup to `path`, which must not exist, encrypted with what opens the folder's
    /// files.
    ///
    /// # Errors
    /// [`Error::Backup`] where the file exists, [`Error::Sealed`], [`Error::Io`], and the
    /// database's.
    pub async fn back_up(&self, path: &Path) -> Result<BackedUp, Error> {
        let failed = |source| Error::Io { path: path.to_owned(), source };
        if path.exists() {
            let reason = "there is a file already, which is left as it is";
            return Err(Error::Backup { path: path.to_owned(), reason });
        }
        let secret = self.home().unlock().new_secret(path)?;
        let draft = Draft::beside(path, "backup")?;
        // The database first: a keystore that is read later holds every key that it needs.
        let copy = draft.0.join(DATABASE);
        let with_database = matches!(self.store().database(), Database::File(_));
        if with_database {
            self.store().copy_to(&copy).await?;
        }
        let keystore = files::read_secret(&self.home().keystore())?;
        let whole = draft.0.join("whole");
        let write = || -> io::Result<u64> {
            let mut archive = tar::Builder::new(Sealer::new(
                files::create_new(&whole, Privacy::Secret)?,
                &secret,
            )?);
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

/// Puts a backup into `home`, where there must be no issuer. All of it, or nothing.
///
/// # Errors
/// [`Error::AlreadyInitialised`], [`Error::KeystoreLost`], [`Error::Sealed`], [`Error::Backup`],
/// [`Error::Io`].
///
/// A database of before lacks what was revoked since: the folder is marked, and nothing is created
/// or published from it until [`Issuer::recover`] or [`Issuer::recover_alone`] has done its work.
pub fn restore(path: &Path, home: &Home) -> Result<Restored, Error> {
    match home.check_keystore() {
        Err(Error::NotInitialised { .. }) => {}
        Ok(()) => return Err(Error::AlreadyInitialised { home: home.path().to_owned() }),
        Err(lost) => return Err(lost),
    }
    put_back(path, home, &[DATABASE, KEYSTORE])
}

/// Puts the keystore of a backup beside a database that is there and has lost it. The database is
/// as it was: nothing of it is lost.
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
    let failed = |source: io::Error| Error::Io { path: path.to_owned(), source };
    let sealed = |source| Error::Sealed { path: path.to_owned(), source };
    let file =
        Sealed::look(io::BufReader::new(File::open(path).map_err(failed)?)).map_err(sealed)?;
    let secret = home.unlock().secret(file.lock(), path)?;
    let opener = file.open(&secret).map_err(sealed)?;
    let above = files::folder_of(home.path());
    fs::create_dir_all(&above).map_err(failed)?;
    let draft = Draft::beside(home.path(), "restore")?;
    let mut archive = tar::Archive::new(opener);
    let names = unpack(&mut archive, &draft.0).map_err(|error| damaged(path, error))?;
    // To the last byte: what was cut off or added behind the archive's end is seen here.
    io::copy(&mut archive.into_inner().take(u64::MAX), &mut io::sink())
        .map_err(|error| damaged(path, error))?;
    if !names.contains(&KEYSTORE) {
        let reason = "it holds no keystore";
        return Err(Error::Backup { path: path.to_owned(), reason });
    }
    let names: Vec<&str> = names.into_iter().filter(|name| wanted.contains(name)).collect();
    let with_database = names.contains(&DATABASE);
    if with_database {
        let list_version = draft.0.join(MARK);
        let mut file = files::create_new(&list_version, Privacy::Secret).map_err(failed)?;
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
    Error::Io { path: path.to_owned(), source: error }
}

/// Only what a backup holds, under names of ours: an archive's own names lead anywhere.
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

/// The mark first, so that no database of before is ever there without it, and the keystore as the
/// last, by which an issuer is known.
fn take_place(draft: &Draft, home: &Home, names: &[&str]) -> Result<Vec<PathBuf>, Error> {
    let failed = |path: &Path, source| Error::Io { path: path.to_owned(), source };
    if !home.path().exists() {
        files::create_private_folder(home.path()).map_err(|e| failed(home.path(), e))?;
    }
    let mut made: Vec<PathBuf> = Vec::new();
    let list_version = (MARK, home.restored_mark());
    let files = [(DATABASE, home.database_file()), (KEYSTORE, home.keystore())];
    let files = files.into_iter().filter(|(name, _)| names.contains(name));
    let list_version = Some(list_version).filter(|_| names.contains(&DATABASE));
    for (name, to) in list_version.into_iter().chain(files) {
        // A hard link is made only where nothing stands; a rename would replace it.
        if let Err(source) = fs::hard_link(draft.0.join(name), &to) {
            for path in &made {
                let _ = fs::remove_file(path);
            }
            return Err(failed(&to, source));
        }
        made.push(to);
    }
    files::sync_folder(home.path()).map_err(|e| failed(home.path(), e))?;
    made.retain(|path| *path != home.restored_mark());
    Ok(made)
}
