//! The output on a terminal or in a CI log: one line per step, with the time it took.

use anyhow::Result;
use std::io::{IsTerminal, Write, stderr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

static VERBOSE: AtomicBool = AtomicBool::new(false);

const WIDTH: usize = 44;
const FRAMES: [&str; 4] = ["-", "\\", "|", "/"];

pub(crate) fn set_verbose(on: bool) {
    VERBOSE.store(on, Ordering::Relaxed);
}

pub(crate) fn verbose() -> bool {
    VERBOSE.load(Ordering::Relaxed)
}

/// In continuous integration, a skip that is only a loud notice on a developer's machine is a
/// failure.
pub(crate) fn ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true" || value == "1")
}

/// The outcome of a step that succeeded.
pub(crate) enum Outcome {
    Done,
    Fresh,
}

/// Runs one step and prints its line. Steps must not nest, because only one of them can own the
/// line.
pub(crate) fn step(name: &str, work: impl FnOnce() -> Result<Outcome>) -> Result<()> {
    let started = Instant::now();
    let result = if stderr().is_terminal() && !verbose() {
        spin(name, started, work)
    } else {
        plain(name, work)
    };
    let took = started.elapsed().as_secs_f64();
    match &result {
        Ok(Outcome::Done) => eprintln!("{name:<WIDTH$} {took:>7.1} s"),
        Ok(Outcome::Fresh) => eprintln!("{name:<WIDTH$} {took:>7.1} s  up to date"),
        Err(_) => eprintln!("{name:<WIDTH$} {took:>7.1} s  FAILED"),
    }
    result.map(drop)
}

fn plain(name: &str, work: impl FnOnce() -> Result<Outcome>) -> Result<Outcome> {
    if verbose() {
        eprintln!("--- {name}");
    }
    work()
}

fn spin(name: &str, started: Instant, work: impl FnOnce() -> Result<Outcome>) -> Result<Outcome> {
    std::thread::scope(|scope| {
        let (stop, stopped) = channel::<()>();
        scope.spawn(move || {
            for frame in FRAMES.iter().cycle() {
                let took = started.elapsed().as_secs();
                eprint!("\r{name:<WIDTH$} {took:>5} s {frame}");
                let _ = stderr().flush();
                if stopped.recv_timeout(Duration::from_millis(120))
                    != Err(RecvTimeoutError::Timeout)
                {
                    break;
                }
            }
            clear_spinner();
        });
        let result = work();
        drop(stop);
        result
    })
}

fn clear_spinner() {
    if stderr().is_terminal() {
        eprint!("\r\x1b[2K");
    }
}

/// Prints something that the reader should know.
pub(crate) fn note(text: &str) {
    clear_spinner();
    eprintln!("  {text}");
}

/// Prints what was skipped, so that the reader can't overlook it.
pub(crate) fn loud(text: &str) {
    clear_spinner();
    eprintln!("\n  !!! {}\n", text.replace('\n', "\n  !!! "));
}

/// The most informative line of a long error, for failures that have a fallback.
pub(crate) fn gist(error: &anyhow::Error) -> String {
    let text = error.root_cause().to_string();
    let said = text.lines().find(|line| line.starts_with("error"));
    said.or_else(|| text.lines().next()).unwrap_or_default().to_owned()
}

/// Prints the output of a child that failed, set off from our own lines.
pub(crate) fn child_output(text: &str) {
    clear_spinner();
    eprintln!("\n{}\n", text.trim_end());
}

pub(crate) fn error(error: &anyhow::Error) {
    eprintln!("\nerror: {error:#}");
}
