//! `portcullis migrate`.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;

use anyhow::Result;
use indicatif::ProgressBar;
use portcullis_issuer::Error;
use portcullis_issuer::clock::SystemClock;
use portcullis_issuer::moving::{
    Back, Move, MoveError, Moved, Options, Preview, Progress, check_argument,
};
use serde::Serialize;

use super::exit::Exit;
use super::global::Global;
use super::output::{Out, field, progress, table};

/// Move the records from issuer.db to PostgreSQL. A repeated command continues after the last one
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  portcullis migrate --to postgres://portcullis@db.internal/portcullis --dry-run\n  \
                        DATABASE_URL=postgres://… portcullis migrate --yes\n  \
                        DATABASE_URL=postgres://… portcullis migrate --back\n\n\
                        Stop the server first. See docs/operations/moving-to-postgresql.md."
)]
pub(crate) struct Migrate {
    /// The database to move to, without an issuer [default: DATABASE_URL]. Don't pass a password
    /// here, but in PGPASSWORD, a passfile or DATABASE_URL
    #[arg(long, value_name = "URL")]
    to: Option<String>,
    /// Only show what would be done
    #[arg(long)]
    dry_run: bool,
    /// Don't ask for confirmation. Without a terminal and without --yes, nothing is done (exit code
    /// 2)
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
    /// Undo the move: issuer.db becomes the issuer's database again, if nothing was written to the
    /// other one
    #[arg(long, conflicts_with_all = ["dry_run", "start_over"])]
    back: bool,
    /// Empty a partly filled database, and copy everything again
    #[arg(long)]
    start_over: bool,
    /// The number of rows in one transaction
    #[arg(long, value_name = "N", default_value_t = Options::default().batch,
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    batch: u32,
}

impl Migrate {
    pub(super) async fn run(&self, global: &Global, out: &Out) -> Result<Exit> {
        let home = global.folder()?;
        let url = self.url(global.database_url.as_deref())?;
        let plan = Move::new(&home, url, Arc::new(SystemClock), global.publish_options()?)?;
        if self.back {
            return self.back(&plan, out).await;
        }
        // Preview the move, and ask before it.
        let witnesses = global.witnesses()?;
        let options = Options { batch: self.batch, start_over: self.start_over };
        let preview = plan.look(&witnesses, options).await?;
        if self.dry_run {
            out.answer(&preview, |o| show(o, &preview))?;
            return Ok(Exit::Done);
        }
        let rows: u64 = preview.tables.iter().map(|table| table.rows).sum();
        let what = format!("this moves {rows} rows to {}", preview.place);
        if !self.is_sure(out, &what, &preview)? {
            return Ok(Exit::Refused);
        }
        // Each row counts twice: it is copied, then compared.
        let bar = progress(rows.saturating_mul(2));
        let mut shown = Shown::new(&bar, out);
        let moved = plan.go(&witnesses, options, &mut |step| shown.step(step)).await;
        bar.finish_and_clear();
        let moved = moved?;
        out.answer(&moved, |o| done(o, &moved))?;
        if moved.trail_findings > 0 {
            out.note(
                "\nThe trail has findings, which it had before: look with `portcullis audit verify`.",
            );
        }
        out.note(&format!(
            "\nissuer.db is used no more. Give the server DATABASE_URL, which leads to {}, and start \
             it.\nUntil something is written there, `portcullis migrate --back` takes the move back.",
            moved.place
        ));
        Ok(Exit::Done)
    }

    /// The target: an argument without a password, or the environment.
    fn url<'a>(&'a self, environment: Option<&'a str>) -> Result<&'a str, Error> {
        match (self.to.as_deref(), environment) {
            (Some(url), environment) => {
                check_argument(url)?;
                if environment.is_some_and(|other| other != url) {
                    return Err(MoveError::TwoTargets.into());
                }
                Ok(url)
            }
            (None, Some(url)) => Ok(url),
            (None, None) => Err(MoveError::NoTarget.into()),
        }
    }

    fn is_sure(&self, out: &Out, what: &str, preview: &Preview) -> Result<bool> {
        if self.yes || preview.next == "nothing" {
            return Ok(true);
        }
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return Err(Error::NotConfirmed { what: what.into() }.into());
        }
        let mut stderr = anstream::stderr();
        show(&mut stderr, preview)?;
        write!(stderr, "\n{what}. Type yes to go on: ")?;
        stderr.flush()?;
        let mut line = String::new();
        std::io::stdin().read_line(&mut line)?;
        if line.trim() == "yes" {
            return Ok(true);
        }
        out.note("Nothing was changed.");
        Ok(false)
    }

    async fn back(&self, plan: &Move, out: &Out) -> Result<Exit> {
        let what = format!("this takes the move to {} back", plan.place());
        if !self.yes {
            if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
                return Err(Error::NotConfirmed { what }.into());
            }
            let mut stderr = anstream::stderr();
            write!(stderr, "{what}. Type yes to go on: ")?;
            stderr.flush()?;
            let mut line = String::new();
            std::io::stdin().read_line(&mut line)?;
            if line.trim() != "yes" {
                out.note("Nothing was changed.");
                return Ok(Exit::Refused);
            }
        }
        let bar = progress(0);
        let back = plan.back(&mut |step| count(&bar, step)).await;
        bar.finish_and_clear();
        let Back { place, left_in } = &back?;
        let answer = BackAnswer { left_in: left_in.as_deref(), place };
        out.answer(&answer, |o| {
            field(o, "Taken back", format_args!("from {place}"))?;
            field(o, "Records", "in issuer.db, as before the move")?;
            match left_in {
                Some(schema) => field(o, "Left there", format_args!("schema {schema}")),
                None => Ok(()),
            }
        })?;
        out.note("\nTake DATABASE_URL out of the server's environment, and start it.");
        Ok(Exit::Done)
    }
}

fn count(bar: &ProgressBar, step: Progress<'_>) {
    match step {
        Progress::Copied { rows, .. } | Progress::Verified { rows, .. } => bar.inc(rows),
    }
}

/// Progress: a bar on a terminal, else a line for each table.
struct Shown<'a> {
    bar: &'a ProgressBar,
    out: &'a Out,
    last: Option<(&'static str, String)>,
}

impl<'a> Shown<'a> {
    const fn new(bar: &'a ProgressBar, out: &'a Out) -> Self {
        Self { bar, out, last: None }
    }

    fn step(&mut self, step: Progress<'_>) {
        count(self.bar, step);
        let (what, table, rows) = match step {
            Progress::Copied { table, rows } => ("copying", table, rows),
            Progress::Verified { table, rows } => ("verifying", table, rows),
        };
        let is_same = self.last.as_ref().is_some_and(|(done, of)| *done == what && of == table);
        if rows == 0 || is_same || !self.bar.is_hidden() {
            return;
        }
        self.out.note(&format!("{what} {table}"));
        self.last = Some((what, table.to_owned()));
    }
}

fn show(o: &mut dyn std::io::Write, preview: &Preview) -> std::io::Result<()> {
    let next = match preview.next {
        "begin" => "copy these rows, verify them, and use issuer.db no more",
        "go_on" => "go on with a move that was begun",
        "finish" => "say in issuer.db that all is moved, which it is",
        _ => "nothing: it is done",
    };
    field(o, "Move to", &preview.place)?;
    field(o, "Next", next)?;
    if let Some(running) = &preview.running {
        field(o, "Running", format_args!("{running}: stop it first"))?;
    }
    if let Some(until) = &preview.list_until {
        let text =
            format_args!("in force until {until}; nothing is published before the move is done");
        field(o, "List", text)?;
    }
    let mut rows = vec![["TABLE", "ROWS"].map(String::from)];
    rows.extend(preview.tables.iter().map(|one| [one.table.clone(), one.rows.to_string()]));
    writeln!(o)?;
    table(o, &rows)
}

fn done(o: &mut dyn std::io::Write, moved: &Moved) -> std::io::Result<()> {
    field(o, "Moved to", &moved.place)?;
    if moved.before {
        return field(o, "Done", "before; nothing was copied");
    }
    let rows: u64 = moved.tables.iter().map(|table| table.rows).sum();
    let verified = format_args!("{rows} rows in {} tables, each as it was", moved.tables.len());
    field(o, "Verified", verified)?;
    if let Some((epoch, number)) = moved.list {
        field(o, "List", format_args!("number {number}, epoch {epoch}"))?;
    }
    match &moved.anchor {
        Some(anchor) => field(o, "Trail", format_args!("ends with {anchor}")),
        None => Ok(()),
    }
}

/// The database that the move was undone from, and the schema that still holds the records.
#[derive(Serialize)]
struct BackAnswer<'a> {
    left_in: Option<&'a str>,
    place: &'a str,
}
