//! Runs tests by name in the scratch copy and reads the verdict of each from the output.

use super::patch::Suite;
use super::tree::Scratch;
use crate::cmd;
use crate::setup::Postgres;
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// No named test takes more than a few seconds.
const PATIENCE: Duration = Duration::from_secs(180);
/// Leaves our own code unoptimised, since it is compiled again for each mutant. The tests spend
/// their time in the libraries.
const QUICK: [&str; 3] = [
    "--config=profile.dev.debug=0",
    "--config=profile.dev.incremental=true",
    "--config=profile.dev.package.portcullis-core.opt-level=0",
];

/// The verdict on a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    Failed,
    /// The code does not compile, so nothing was tested.
    NotCompiled,
    /// The test doesn't exist, or the program ended before running it.
    NotRun,
    /// The test did not end in time.
    Hung,
}

/// Runs these tests of a suite.
pub(crate) fn run(scratch: &Scratch, suite: &Suite, tests: &[&str]) -> Result<Vec<Verdict>> {
    let (mut command, style) = match suite {
        Suite::Cargo(arguments) => match compile(scratch, arguments)? {
            Some(Built { program, folder }) => {
                let mut command = cmd::new(program);
                command.current_dir(folder).arg("--exact").args(tests);
                command.envs(scratch.postgres.as_ref().map(Postgres::variable));
                (command, Style::Rust)
            }
            None => return Ok(vec![Verdict::NotCompiled; tests.len()]),
        },
        Suite::Node(file) => {
            let mut command = cmd::new("node");
            command.current_dir(scratch.folder()).arg("--test-reporter=tap").arg(file);
            (command, Style::Tap)
        }
    };
    let (output, ended) = output_of(&mut command, scratch)?;
    Ok(tests.iter().map(|test| style.verdict(&output, test, ended)).collect())
}

struct Built {
    program: PathBuf,
    /// Cargo runs a package's tests in its folder.
    folder: PathBuf,
}

fn compile(scratch: &Scratch, arguments: &[String]) -> Result<Option<Built>> {
    let mut command = cmd::host_cargo();
    command
        .current_dir(scratch.folder())
        .env("CARGO_TARGET_DIR", Scratch::target())
        .args(arguments)
        .args(QUICK)
        .args(["--no-run", "--message-format=json"]);
    let output = command.output().context("cannot start cargo")?;
    if !output.status.success() {
        return Ok(None);
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut built = messages.filter_map(|message| {
        let is_test = message.pointer("/profile/test")?.as_bool()?;
        let program = message.get("executable")?.as_str()?;
        let manifest = Path::new(message.get("manifest_path")?.as_str()?);
        let folder = manifest.parent()?.to_path_buf();
        is_test.then(|| Built { program: program.into(), folder })
    });
    Ok(built.next_back())
}

/// A program's output, and whether it ended by itself. The output goes to a file, because a full
/// pipe without a reader would block the program.
fn output_of(command: &mut Command, scratch: &Scratch) -> Result<(String, bool)> {
    let file = scratch.folder().with_extension("log");
    let log = std::fs::File::create(&file)?;
    command.stdout(Stdio::from(log)).stderr(Stdio::null());
    let mut child = command.spawn().context("cannot start the test")?;
    let ended = wait(&mut child)?;
    Ok((String::from_utf8_lossy(&std::fs::read(&file)?).into_owned(), ended))
}

fn wait(child: &mut Child) -> Result<bool> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if child.try_wait()?.is_some() {
            return Ok(true);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill()?;
    child.wait()?;
    Ok(false)
}

/// How a test runner reports a test's result.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Rust,
    Tap,
}

impl Style {
    fn verdict(self, output: &str, test: &str, ended: bool) -> Verdict {
        let mut lines = output.lines().map(str::trim);
        let found = lines.find_map(|line| self.read(line, test));
        found.unwrap_or(if ended { Verdict::NotRun } else { Verdict::Hung })
    }

    fn read(self, line: &str, test: &str) -> Option<Verdict> {
        match self {
            Self::Rust => {
                let said = line.strip_prefix("test ")?.strip_prefix(test)?.strip_prefix(" ... ")?;
                match said {
                    "ok" => Some(Verdict::Passed),
                    "FAILED" => Some(Verdict::Failed),
                    _ => None,
                }
            }
            Self::Tap => {
                let (said, name) = line.split_once(" - ")?;
                if name != test {
                    return None;
                }
                let failed = said.starts_with("not ok ");
                Some(if failed { Verdict::Failed } else { Verdict::Passed })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_has_failed_if_it_says_so_by_its_whole_name() {
        let output = "running 2 tests\ntest a::b ... ok\ntest a::b_c ... FAILED\n\nfailures:\n";
        let of = |test| Style::Rust.verdict(output, test, true);
        assert_eq!(of("a::b"), Verdict::Passed);
        assert_eq!(of("a::b_c"), Verdict::Failed);
        assert_eq!(of("b_c"), Verdict::NotRun);
        assert_eq!(Style::Rust.verdict("running 1 test\n", "a", false), Verdict::Hung);
        let output = "TAP version 13\n    ok 1 - inner\nnot ok 1 - outer\n  ---\n";
        let of = |test| Style::Tap.verdict(output, test, true);
        assert_eq!((of("inner"), of("outer")), (Verdict::Passed, Verdict::Failed));
        assert_eq!(of("file.mjs"), Verdict::NotRun);
    }
}
