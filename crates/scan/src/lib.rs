//! Finds keys in files, by shape and checksum. With a keyring and a list, it also finds whether
//! they are live.
//!
//! ```text
//! walk (parallel, honours .gitignore) -> stream -> shape, base64 -> checksum -> verify -> report
//! ```
//!
//! No key leaves this crate: a finding has only its redacted form.

mod base64;
mod candidate;
mod checksum;
mod encoding;
mod shape;
mod stream;
#[cfg(test)]
mod tests;
mod token_state;

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ignore::{DirEntry, WalkBuilder, WalkState};
use portcullis_core::issue::redact;
use portcullis_core::token::{Algorithm, Environment, Kind};

pub use candidate::{Candidate, Form};
pub use checksum::Checksum;
pub use stream::{Looked, Scanner};
pub use token_state::{State, TokenState, TokenVerifier};

/// The path that means standard input.
pub const STDIN: &str = "-";
/// The most findings listed, give or take one per thread. Further ones are counted but not
/// verified, which limits memory and time for any tree.
pub const MAX_LISTED: usize = 100_000;

/// The options of a scan.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Include hidden files and folders.
    pub hidden: bool,
    /// Include files excluded by `.gitignore` and similar files.
    pub no_ignore: bool,
    /// Include files that look binary.
    pub binary: bool,
    /// Include texts with a key's shape and a wrong checksum.
    pub all: bool,
}

/// A key that was found, and its position.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The file, `-` for standard input.
    pub path: Arc<Path>,
    /// The line, counted from 1.
    pub line: u64,
    /// The column in bytes, counted from 1; in base64 that of the character in which the key
    /// starts.
    pub column: u64,
    /// The redacted key, for display.
    pub redacted: String,
    /// The prefix, including its last underscore.
    pub prefix: String,
    /// The kind according to the prefix.
    pub kind: Kind,
    /// Whether the prefix is that of an admin key.
    pub is_admin: bool,
    /// The environment according to the prefix.
    pub environment: Environment,
    /// The signature algorithm of keys with this length.
    pub algorithm: Algorithm,
    /// The form of the key in the file.
    pub form: Form,
    /// Whether the checksum is correct.
    pub checksum: Checksum,
    /// Its state, if a verifier was given and the checksum is correct.
    pub verified: Option<TokenState>,
}

/// A path that could not be read completely.
#[derive(Debug)]
pub struct Unreadable {
    /// The path, if known.
    pub path: Option<PathBuf>,
    /// The reason.
    pub reason: String,
}

/// The result of a scan.
#[derive(Debug, Default)]
pub struct Report {
    /// The findings, by path, line and column.
    pub findings: Vec<Finding>,
    /// Findings beyond [`MAX_LISTED`].
    pub unlisted: u64,
    /// The paths that could not be read, at most [`MAX_LISTED`] of them.
    pub errors: Vec<Unreadable>,
    /// The number of files scanned.
    pub files: u64,
    /// The number of files skipped because they look binary.
    pub binary: u64,
}

/// The progress of a scan, for display.
#[derive(Debug, Default)]
pub struct Progress {
    files: AtomicU64,
    bytes: AtomicU64,
}

impl Progress {
    /// The number of files opened.
    #[must_use]
    pub fn files(&self) -> u64 {
        self.files.load(Ordering::Relaxed)
    }

    /// The number of bytes read.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// Scans files, folders and, for [`STDIN`], standard input. An unreadable path is reported, and the
/// others are still scanned.
#[must_use]
pub fn scan(
    paths: &[PathBuf],
    options: Options,
    verify: Option<TokenVerifier<'_>>,
    progress: &Progress,
) -> Report {
    let work = Work { options, verify, progress, report: Mutex::default() };
    let (stdin, paths): (Vec<_>, Vec<_>) = paths.iter().partition(|path| path.as_os_str() == STDIN);
    if !stdin.is_empty() {
        let mut source = io::stdin().lock();
        work.look_through(&mut Scanner::default(), Path::new(STDIN), &mut source, false);
    }
    if let [first, rest @ ..] = paths.as_slice() {
        let mut walk = WalkBuilder::new(first);
        for path in rest {
            walk.add(path);
        }
        let (obey, hidden) = (!options.no_ignore, !options.hidden);
        walk.hidden(hidden).ignore(obey).parents(obey);
        walk.git_ignore(obey).git_global(obey).git_exclude(obey);
        walk.build_parallel().run(|| {
            let (mut scanner, work) = (Scanner::default(), &work);
            Box::new(move |entry| {
                match entry {
                    Ok(entry) => work.visit(&mut scanner, &entry),
                    Err(error) => work.unreadable(unreadable(error)),
                }
                WalkState::Continue
            })
        });
    }
    let mut report = work.report.into_inner().unwrap_or_else(PoisonError::into_inner);
    let place = |finding: &Finding| (Arc::clone(&finding.path), finding.line, finding.column);
    report.findings.sort_by_cached_key(place);
    // A file may be reached twice, as with `.` and `./src`.
    report.findings.dedup_by_key(|finding| place(finding));
    report.errors.sort_by(|one, other| one.path.cmp(&other.path));
    report
}

struct Work<'w> {
    options: Options,
    verify: Option<TokenVerifier<'w>>,
    progress: &'w Progress,
    report: Mutex<Report>,
}

impl Work<'_> {
    fn visit(&self, scanner: &mut Scanner, entry: &DirEntry) {
        let (path, named) = (entry.path(), entry.depth() == 0);
        // A path given by the caller is read whatever its type; pipes and devices inside folders
        // never.
        let is_wanted = if named {
            fs::metadata(path).map(|metadata| !metadata.is_dir())
        } else {
            Ok(entry.file_type().is_some_and(|kind| kind.is_file()))
        };
        match is_wanted.and_then(|wanted| wanted.then(|| File::open(path)).transpose()) {
            Ok(Some(mut file)) => {
                self.look_through(scanner, path, &mut file, !named && !self.options.binary);
            }
            Ok(None) => {}
            Err(error) => self.io_error(path, &error),
        }
    }

    fn look_through(
        &self,
        scanner: &mut Scanner,
        path: &Path,
        source: &mut impl Read,
        skip_binary: bool,
    ) {
        self.progress.files.fetch_add(1, Ordering::Relaxed);
        let mut shared_path = None;
        let mut source = Counted { source, bytes: &self.progress.bytes };
        let looked = scanner.scan(&mut source, skip_binary, |candidate| {
            if candidate.checksum == Checksum::Right || self.options.all {
                let path = shared_path.get_or_insert_with(|| Arc::from(path));
                self.found(Arc::clone(path), &candidate);
            }
        });
        match looked {
            Ok(Looked::Through) => self.report(|report| report.files += 1),
            Ok(Looked::Binary) => self.report(|report| report.binary += 1),
            Err(error) => self.io_error(path, &error),
        }
    }

    fn found(&self, path: Arc<Path>, candidate: &Candidate<'_>) {
        let is_listed = self.report(|report| {
            let is_listed = report.findings.len() < MAX_LISTED;
            report.unlisted += u64::from(!is_listed);
            is_listed
        });
        if !is_listed {
            return;
        }
        let verify = self.verify.filter(|_| candidate.checksum == Checksum::Right);
        let finding = Finding {
            path,
            line: candidate.line,
            column: candidate.column,
            redacted: redact(candidate.text()),
            prefix: candidate.prefix().to_owned(),
            kind: candidate.kind(),
            is_admin: candidate.is_admin(),
            environment: candidate.environment(),
            algorithm: candidate.algorithm(),
            form: candidate.form,
            checksum: candidate.checksum,
            verified: verify.map(|verify| verify.verify(candidate.text())),
        };
        self.report(|report| report.findings.push(finding));
    }

    fn io_error(&self, path: &Path, error: &io::Error) {
        self.unreadable(Unreadable { path: Some(path.to_owned()), reason: error.to_string() });
    }

    fn unreadable(&self, error: Unreadable) {
        self.report(|report| {
            if report.errors.len() < MAX_LISTED {
                report.errors.push(error);
            }
        });
    }

    fn report<T>(&self, note: impl FnOnce(&mut Report) -> T) -> T {
        note(&mut self.report.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The path that an error of the walk concerns, and the error without it.
fn unreadable(error: ignore::Error) -> Unreadable {
    let (mut path, mut error) = (None, error);
    loop {
        error = if let ignore::Error::WithPath { path: of, err } = error {
            path = Some(of);
            *err
        } else if let ignore::Error::WithDepth { err, .. } = error {
            *err
        } else {
            return Unreadable { path, reason: error.to_string() };
        };
    }
}

/// A source that counts the bytes read from it.
struct Counted<'c, R> {
    source: &'c mut R,
    bytes: &'c AtomicU64,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
