//! `portcullis scan`.

use std::borrow::Cow;
use std::io::{self, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anstyle::{AnsiColor, Style};
use anyhow::{Context as _, Result};
use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use portcullis_core::list::Bundle;
use portcullis_core::time::Time;
use portcullis_core::verifier::Verifier;
use portcullis_issuer::clock::{Clock as _, SystemClock};
use portcullis_issuer::record::KeyState;
use portcullis_issuer::{Error, Issuer};
use portcullis_scan::{
    Checksum, Finding, Form, Options, Progress, Report, State, TokenVerifier, Unreadable, scan,
};
use serde::Serialize;

use super::args::PinnedRoot;
use super::exit::Exit;
use super::global::Global;
use super::open::with_issuer;
use super::output::{Out, table};

const DEFAULT_HOME: &str = "portcullis-data";
const LIVE: Style = AnsiColor::Red.on_default().bold();
const UNSURE: Style = AnsiColor::Yellow.on_default();

/// Find keys in files: exits 0 if there are none, 1 if there are some, 2 if a path can't be read
///
/// Keys in base64 are found too. A key is shown in its redacted form only. If the issuer's folder is
/// there (--home), or a keyring or bundle is given, the report says of each key whether it is live.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portcullis scan . --hidden\n  \
                        git cat-file --batch --batch-all-objects --unordered | portcullis scan -\n  \
                        portcullis scan src --bundle list.bundle --root 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")]
#[command(group = clap::ArgGroup::new("by").requires("root"))]
pub(crate) struct Scan {
    /// Files and folders, or - for standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Verify the keys with this keyring, as `keyring export --public` writes it: shows which keys
    /// are the issuer's
    #[arg(long, value_name = "FILE", group = "by")]
    keyring: Option<PathBuf>,
    /// Verify the keys with this bundle of keyring and list, as served at
    /// /.well-known/portcullis/bundle
    #[arg(long, value_name = "FILE", group = "by")]
    bundle: Option<PathBuf>,
    #[command(flatten)]
    pinned: PinnedRoot,
    /// Also scan hidden files and folders, such as .env and .github
    #[arg(long)]
    hidden: bool,
    /// Also scan files that .gitignore excludes
    #[arg(long)]
    no_ignore: bool,
    /// Also scan files that look binary
    #[arg(long)]
    binary: bool,
    /// Also report texts that look like a key but have a wrong checksum
    #[arg(long)]
    all: bool,
}

#[derive(Serialize)]
struct FindingView<'f> {
    path: Cow<'f, str>,
    line: u64,
    column: u64,
    redacted: &'f str,
    prefix: &'f str,
    kind: &'static str,
    environment: &'static str,
    algorithm: &'static str,
    /// The encoding of the key: `plain` or `base64`.
    encoding: &'static str,
    checksum: &'static str,
    /// Null if there was nothing to verify the key with.
    state: Option<&'static str>,
    /// The public name, `apk_…`, if the key is verified to be the issuer's.
    id: Option<String>,
    /// `token` or `admin`, if the key is verified to be the issuer's.
    purpose: Option<&'static str>,
}

impl<'f> FindingView<'f> {
    fn new(finding: &'f Finding) -> Self {
        let proved = finding.verified.and_then(|verified| verified.proved);
        Self {
            path: finding.path.to_string_lossy(),
            line: finding.line,
            column: finding.column,
            redacted: &finding.redacted,
            prefix: &finding.prefix,
            kind: finding.kind.name(),
            environment: finding.environment.name(),
            algorithm: finding.algorithm.name(),
            encoding: finding.form.name(),
            checksum: finding.checksum.name(),
            state: finding.verified.map(|verified| verified.state.code()),
            id: proved.map(|(name, _)| name.to_string()),
            purpose: proved.map(|(_, purpose)| purpose.name()),
        }
    }
}

#[derive(Serialize)]
struct ReportView<'r> {
    findings: Vec<FindingView<'r>>,
    unlisted: u64,
    files: u64,
    binary_left_out: u64,
    errors: Vec<ErrorView<'r>>,
}

#[derive(Serialize)]
struct ErrorView<'r> {
    path: Option<Cow<'r, str>>,
    message: &'r str,
}

impl<'r> ErrorView<'r> {
    fn new(error: &'r Unreadable) -> Self {
        let path = error.path.as_deref().map(Path::to_string_lossy);
        Self { path, message: &error.reason }
    }
}

impl Scan {
    pub(super) async fn run(&self, global: &Global, out: &Out) -> Result<Exit> {
        let now = SystemClock.now();
        let home = global.home()?;
        let report = if let Some(verifier) = self.verifier(now)? {
            self.look(Some(TokenVerifier::new(&verifier, now)), global)
        } else if home.keystore().exists() {
            with_issuer(global, async |issuer| self.look_at_home(issuer, global).await).await?
        } else if home.path() == Path::new(DEFAULT_HOME) {
            self.look(None, global)
        } else {
            return Err(Error::NotInitialised { home: global.home.clone() }.into());
        };
        self.answer(&report, global, out)
    }

    /// The verifier from the keyring or bundle that was named, if any.
    fn verifier(&self, now: Time) -> Result<Option<Verifier>> {
        let Some(root) = self.pinned.root else { return Ok(None) };
        if let Some(path) = &self.keyring {
            let keyring = read(path)?;
            let verifier = Verifier::new(root, &keyring);
            return Ok(Some(verifier.with_context(|| format!("{} is refused", path.display()))?));
        }
        let Some(path) = &self.bundle else { return Ok(None) };
        let (file, refused) = (read(path)?, || format!("{} is refused", path.display()));
        let bundle = Bundle::decode(&file).with_context(refused)?;
        let mut verifier = Verifier::new(root, bundle.keyring).with_context(refused)?;
        verifier.adopt_bundle(&file, now).with_context(refused)?;
        Ok(Some(verifier))
    }

    /// Scans with the issuer's own data: it holds every secret, and if no list is in force, its
    /// records decide.
    async fn look_at_home(&self, issuer: &Issuer, global: &Global) -> Result<Report> {
        let (view, now) = (issuer.list().state().await?, issuer.now());
        let mut report = self.look(Some(TokenVerifier::new(view.verifier(), now)), global);
        for verified in report.findings.iter_mut().filter_map(|finding| finding.verified.as_mut()) {
            if let (State::NoList, Some((name, _))) = (verified.state, verified.proved) {
                match issuer.keys().show(&name.to_string()).await {
                    Ok(record) => verified.state = state_of(record.state(now)),
                    Err(Error::NotFound) => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(report)
    }

    fn look(&self, verify: Option<TokenVerifier<'_>>, global: &Global) -> Report {
        let Self { hidden, no_ignore, binary, all, .. } = *self;
        let options = Options { hidden, no_ignore, binary, all };
        let progress = Progress::default();
        if global.json || !io::stderr().is_terminal() {
            return scan(&self.paths, options, verify, &progress);
        }
        let (done, watched) = mpsc::channel();
        thread::scope(|scope| {
            let progress = &progress;
            scope.spawn(move || show_progress(progress, &watched));
            let report = scan(&self.paths, options, verify, progress);
            drop(done);
            report
        })
    }

    fn answer(&self, report: &Report, global: &Global, out: &Out) -> Result<Exit> {
        let Report { findings, unlisted, errors, files, binary } = report;
        let json = ReportView {
            findings: findings.iter().map(FindingView::new).collect(),
            unlisted: *unlisted,
            files: *files,
            binary_left_out: *binary,
            errors: errors.iter().map(ErrorView::new).collect(),
        };
        out.answer(&json, |o| write_findings(o, findings))?;
        if *unlisted > 0 {
            out.note(&format!("{} more are not listed", HumanCount(*unlisted)));
        }
        out.note(&self.summary(report));
        if !global.json {
            for Unreadable { path, reason } in errors {
                let path = path.as_deref().map(shown);
                let message = [path.as_deref(), Some(reason)].map(Option::unwrap_or_default);
                out.error("unreadable", &message.join(": "));
            }
        }
        Ok(match (errors.is_empty(), findings.is_empty()) {
            (false, _) => Exit::Unfinished,
            (true, false) => Exit::Refused,
            (true, true) => Exit::Done,
        })
    }

    /// How much was scanned, and what was skipped.
    fn summary(&self, report: &Report) -> String {
        let count = |count: u64, one: &str| {
            format!("{} {one}{}", HumanCount(count), if count == 1 { "" } else { "s" })
        };
        let found = match report.findings.len() as u64 + report.unlisted {
            0 => "no key".to_owned(),
            found => count(found, "key"),
        };
        let mut summary = format!("{found} in {}", count(report.files, "file"));
        let mut left_out = Vec::new();
        if report.binary > 0 {
            left_out.push(count(report.binary, "binary file") + " (--binary)");
        }
        if !self.hidden {
            left_out.push("hidden files (--hidden)".into());
        }
        if !self.no_ignore {
            left_out.push("ignored files (--no-ignore)".into());
        }
        if self.paths.iter().any(|path| path.is_dir()) && !left_out.is_empty() {
            summary.push_str(&format!("; left out: {}", left_out.join(", ")));
        }
        summary
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("{} could not be read", path.display()))
}

fn write_findings(out: &mut dyn Write, findings: &[Finding]) -> io::Result<()> {
    if findings.is_empty() {
        return Ok(());
    }
    let mut heading = ["WHERE", "KEY", "KIND", "ENVIRONMENT", "CHECKSUM", "ID", "STATE"];
    if findings.iter().all(|finding| finding.verified.is_none()) {
        heading[5..].fill("");
    }
    let mut rows = vec![heading.map(String::from)];
    rows.extend(findings.iter().map(|finding| {
        let Finding { path, line, column, redacted, environment, checksum, .. } = finding;
        let kind = if finding.is_admin { "admin" } else { finding.kind.name() };
        let (id, state) = match finding.verified {
            Some(verified) => {
                let id = verified.proved.map_or_else(|| "-".into(), |(name, _)| name.to_string());
                (id, state(verified.state))
            }
            None => (String::new(), String::new()),
        };
        let checksum = match checksum {
            Checksum::Right => "right",
            Checksum::Wrong => "wrong: looks like a key",
        };
        [
            format!("{}:{line}:{column}", shown(path)),
            match finding.form {
                Form::Plain => redacted.clone(),
                Form::Base64 => format!("{redacted} (base64)"),
            },
            kind.into(),
            environment.name().into(),
            checksum.into(),
            id,
            state,
        ]
    }));
    table(out, &rows)
}

/// What the scan says of a key whose record is in `state`.
const fn state_of(state: KeyState) -> State {
    match state {
        KeyState::Active | KeyState::Scheduled => State::Live,
        KeyState::Suspended => State::Suspended,
        KeyState::Revoked => State::Revoked,
        KeyState::Expired => State::Expired,
    }
}

fn state(state: State) -> String {
    let style = match state {
        State::Live => LIVE,
        State::Suspended | State::SecretNotHeld | State::NoList | State::NotCovered => UNSURE,
        State::Revoked | State::Expired | State::SignerRetired | State::Canary | State::Foreign => {
            Style::new()
        }
    };
    format!("{style}{}{style:#}", state.text())
}

/// A path in a form that is safe to write to a terminal, whatever characters it contains.
fn shown(path: &Path) -> String {
    let mut text = String::new();
    for character in path.to_string_lossy().chars() {
        if character.is_control() {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
    text
}

/// Shows the progress of a scan that takes long, until the other end of `watched` is dropped.
fn show_progress(progress: &Progress, watched: &mpsc::Receiver<()>) {
    const LONG: Duration = Duration::from_secs(1);
    const STEP: Duration = Duration::from_millis(100);
    let goes_on = |time| watched.recv_timeout(time) == Err(RecvTimeoutError::Timeout);
    if !goes_on(LONG) {
        return;
    }
    let bar = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}  {elapsed}") {
        bar.set_style(style);
    }
    while goes_on(STEP) {
        let (files, bytes) = (HumanCount(progress.files()), HumanBytes(progress.bytes()));
        bar.set_message(format!("{files} files, {bytes}"));
        bar.tick();
    }
    bar.finish_and_clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_live_until_its_record_says_otherwise() {
        let live = [KeyState::Active, KeyState::Scheduled].map(state_of);
        assert_eq!(live, [State::Live; 2]);
        let ended = [KeyState::Suspended, KeyState::Revoked, KeyState::Expired].map(state_of);
        assert_eq!(ended, [State::Suspended, State::Revoked, State::Expired]);
    }
}
