//! Finding keys in files, by their shape and their checksum; with a keyring and a list, whether
//! they are live.
//!
//! ```text
//! walk (parallel, honours .gitignore) -> stream -> shape, base64 -> checksum -> verify -> report
//! ```
//!
//! No key leaves this module: a finding holds its redacted form.

mod base64;
mod candidate;
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
use portcullis_core::token::{Algorithm, Environment, Kind, Malformed};
use portcullis_core::verify::Unverified;

pub use candidate::{Candidate, Form};
pub use stream::{Looked, Scanner};
pub use token_state::{State, TokenState, TokenVerifier};

/// The path that stands for standard input.
pub const STDIN: &str = "-";
/// Findings that are listed, give or take one a thread. Those beyond are counted and not judged, so
/// that no tree takes more memory or time.
pub const MAX_LISTED: usize = 100_000;

/// What to look into, and what to report.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Hidden files and folders too.
    pub hidden: bool,
    /// Files that `.gitignore` and its like leave out, too.
    pub no_ignore: bool,
    /// Files that look binary, too.
    pub binary: bool,
    /// Texts of a key's shape whose checksum is wrong, too.
    pub all: bool,
}

/// Whether a text's checksum is that of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// It is a key, or was made to look like one.
    Right,
    /// It is a key with a mistake in it, or none.
    Wrong,
}

impl Checksum {
    /// `right` or `wrong`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Wrong => "wrong",
        }
    }

    fn of(text: &str) -> Self {
        match Unverified::parse(text) {
            // The checksum comes before these two: a key, but not one of this version.
            Ok(_) | Err(Malformed::Version | Malformed::Fields) => Self::Right,
            Err(
                Malformed::Empty
                | Malformed::TooLong
                | Malformed::Character
                | Malformed::Prefix
                | Malformed::Length
                | Malformed::Overflow
                | Malformed::Checksum,
            ) => Self::Wrong,
        }
    }
}

/// A key, and where it stands.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The file, `-` for standard input.
    pub path: Arc<Path>,
    /// The line, counted from 1.
    pub line: u64,
    /// The column in bytes, counted from 1; in base64 that of the character in which the key
    /// starts.
    pub column: u64,
    /// The form in which the key may be shown.
    pub redacted: String,
    /// The prefix, its last underscore included.
    pub prefix: String,
    /// The kind that the prefix says.
    pub kind: Kind,
    /// The environment that the prefix says.
    pub environment: Environment,
    /// The algorithm that a key of this length is proved by.
    pub algorithm: Algorithm,
    /// How the key is written there.
    pub form: Form,
    /// Whether the checksum is right.
    pub checksum: Checksum,
    /// Whether it is live, where there was something to judge by and the checksum is right.
    pub verified: Option<TokenState>,
}

/// A path that could not be read, or not to its end.
#[derive(Debug)]
pub struct Unreadable {
    /// The path, where it is known.
    pub path: Option<PathBuf>,
    /// Why.
    pub reason: String,
}

/// What was found.
#[derive(Debug, Default)]
pub struct Report {
    /// The findings, by path, line and column.
    pub findings: Vec<Finding>,
    /// Findings beyond [`MAX_LISTED`].
    pub unlisted: u64,
    /// The paths that could not be read, at most [`MAX_LISTED`] of them.
    pub errors: Vec<Unreadable>,
    /// Files that were looked through.
    pub files: u64,
    /// Files that look binary and were left alone.
    pub binary: u64,
}

/// How far a scan has got, for whoever watches.
#[derive(Debug, Default)]
pub struct Progress {
    files: AtomicU64,
    bytes: AtomicU64,
}

impl Progress {
    /// Files that were opened.
    #[must_use]
    pub fn files(&self) -> u64 {
        self.files.load(Ordering::Relaxed)
    }

    /// Bytes that were read.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// Looks through files, folders and, for [`STDIN`], standard input. A path that can't be read is
/// reported, and the others are looked through all the same.
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
    // A file may have been named twice, as `.` and `./src`.
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
        // A path that was named is read whatever it is; a pipe or device inside a folder never.
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

/// The path that a walk's error is about, and the rest of it.
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

/// A source whose bytes are counted as they are read.
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
