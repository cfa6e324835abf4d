//! The only module that prints: text for people, JSON for programs, colours only on a terminal.

use std::fmt::Display;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use portcullis_issuer::conceal::concealed;
use serde::Serialize;

const LABEL: Style = Style::new().dimmed();
const ERROR: Style = AnsiColor::Red.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default();
const SOON: Style = AnsiColor::Yellow.on_default();

/// The output of answers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Out {
    json: bool,
}

impl Out {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints the answer: as JSON, or as the lines that `text` writes.
    pub(crate) fn answer(
        &self,
        json: &impl Serialize,
        text: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Result<()> {
        let mut stdout = anstream::stdout().lock();
        let written = if self.json {
            let text = serde_json::to_string_pretty(json)?;
            writeln!(stdout, "{text}")
        } else {
            text(&mut stdout)
        };
        quiet_when_nobody_reads(written.and_then(|()| stdout.flush()))
    }

    /// Prints one line that is the same in text and JSON mode.
    pub(crate) fn line(&self, line: &str) -> Result<()> {
        let mut stdout = anstream::stdout().lock();
        let written = writeln!(stdout, "{line}");
        quiet_when_nobody_reads(written.and_then(|()| stdout.flush()))
    }

    /// Prints a note for people, apart from the answer.
    pub(crate) fn note(&self, note: &str) {
        if !self.json {
            let _ = writeln!(anstream::stderr(), "{note}");
        }
    }

    /// Prints why something failed. An error of this write can't be reported anywhere, so it is
    /// ignored.
    pub(crate) fn error(&self, code: &str, message: &str) {
        let message = concealed(message);
        let mut stderr = anstream::stderr();
        let _ = if self.json {
            let answer = ErrorAnswer { error: ErrorView { code, message: &message } };
            writeln!(stderr, "{}", serde_json::to_string(&answer).unwrap_or_default())
        } else {
            writeln!(stderr, "{ERROR}error:{ERROR:#} {message}")
        };
    }
}

/// Why a command failed.
#[derive(Serialize)]
struct ErrorAnswer<'a> {
    error: ErrorView<'a>,
}

#[derive(Serialize)]
struct ErrorView<'a> {
    code: &'a str,
    message: &'a str,
}

fn quiet_when_nobody_reads(written: io::Result<()>) -> Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}

/// Writes `label  value`, the labels in one column.
pub(crate) fn field(out: &mut dyn Write, label: &str, value: impl Display) -> io::Result<()> {
    writeln!(out, "{LABEL}{label:<13}{LABEL:#} {value}")
}

/// Writes rows in columns as wide as their widest cell; the first row is the heading.
pub(crate) fn table<const N: usize>(out: &mut dyn Write, rows: &[[String; N]]) -> io::Result<()> {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    for (at, row) in rows.iter().enumerate() {
        let style = if at == 0 { LABEL } else { Style::new() };
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        writeln!(out, "{style}{}{style:#}", line.trim_end())?;
    }
    Ok(())
}

/// A key's state in its colour.
pub(crate) fn state(name: &str) -> String {
    let style = match name {
        "active" => GOOD,
        "scheduled" => SOON,
        _ => BAD,
    };
    format!("{style}{name}{style:#}")
}

/// A progress bar on standard error, if that is a terminal.
pub(crate) fn progress(length: u64) -> ProgressBar {
    let bar = ProgressBar::new(length);
    let template = "{wide_bar} {human_pos} of {human_len}  {per_sec}  {eta} left";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}
