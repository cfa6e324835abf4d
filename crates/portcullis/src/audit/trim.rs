//! `portcullis audit trim`.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;

use anyhow::Result;
use portcullis_core::time::Time;
use portcullis_issuer::events::{Age, Held, Outlook, Retention};
use portcullis_issuer::schedule::{Done, Job, Options};
use portcullis_issuer::time_format::rfc3339_millis;
use portcullis_issuer::{Error, Issuer};
use serde::Serialize;

use crate::args;
use crate::exit::Exit;
use crate::output::{Out, field};
use crate::retention::check_folder;

/// Remove the oldest events permanently, as `serve --keep-events` does once a day
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  portcullis audit trim --before 2025-01-01T00:00:00Z --dry-run\n  \
                        portcullis audit trim --before 2025-01-01T00:00:00Z --archive /srv/trail"
)]
pub(crate) struct Trim {
    /// Remove events that were committed before this time (RFC 3339), at least seven days ago
    #[arg(long, value_name = "TIME", value_parser = args::instant)]
    before: Time,
    /// Write the events to files in this folder first
    #[arg(long, value_name = "DIR")]
    archive: Option<PathBuf>,
    /// Only show what would be done
    #[arg(long)]
    dry_run: bool,
    /// Don't ask for confirmation. Without a terminal and without --yes, nothing is done (exit code
    /// 2)
    #[arg(long, conflicts_with = "dry_run")]
    yes: bool,
    /// Remove the events even if their chain of digests is broken; find out the cause first
    #[arg(long)]
    even_if_broken: bool,
}

impl Trim {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        check_folder(self.archive.as_deref())?;
        let age = Age::Before(self.before);
        let outlook = issuer.trail().preview_trim(age).await?;
        if self.dry_run || outlook.events == 0 {
            return self.preview(&outlook, out);
        }
        if !self.yes && !self.ask(&outlook, out)? {
            return Ok(Exit::Refused);
        }
        let retention =
            Retention { age, archive: self.archive.clone(), even_if_broken: self.even_if_broken };
        let options = Options { retention: Some(retention), ..Options::default() };
        let done = issuer.jobs().run(Job::TrimEvents, &options).await?;
        let Done::TrimEvents(trimmed) = &done else { return Ok(Exit::Unfinished) };
        let answer = TrimAnswer {
            dry_run: false,
            events: trimmed.removed,
            files: &trimmed.files,
            held: trimmed.held.as_ref(),
            through: trimmed.through,
        };
        out.answer(&answer, |o| {
            for file in &trimmed.files {
                field(o, "Written", file.display())?;
            }
            field(o, "Done", trimmed.summary())
        })?;
        Ok(Exit::Done)
    }

    fn preview(&self, outlook: &Outlook, out: &Out) -> Result<Exit> {
        let answer = TrimAnswer {
            dry_run: self.dry_run,
            events: outlook.events,
            files: &[],
            held: outlook.held.as_ref(),
            through: outlook.through,
        };
        out.answer(&answer, |o| {
            field(o, "Would", outlook_sentence(outlook))?;
            outlook.held.iter().try_for_each(|held| field(o, "Held", held))
        })?;
        Ok(Exit::Done)
    }

    fn ask(&self, outlook: &Outlook, out: &Out) -> Result<bool> {
        let mut what = outlook_sentence(outlook);
        if self.archive.is_none() {
            what.push_str(", and they are written nowhere first");
        }
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return Err(Error::NotConfirmed { what: format!("this would {what}") }.into());
        }
        let mut stderr = anstream::stderr();
        writeln!(stderr, "This would {what}. It can't be undone.")?;
        write!(stderr, "Type the number of events to go on: ")?;
        stderr.flush()?;
        let mut line = String::new();
        std::io::stdin().read_line(&mut line)?;
        let meant = line.trim() == outlook.events.to_string();
        if !meant {
            out.note("Nothing was removed.");
        }
        Ok(meant)
    }
}

fn outlook_sentence(outlook: &Outlook) -> String {
    let before = rfc3339_millis(outlook.before);
    match outlook.through {
        Some(through) => {
            format!("remove {} events of before {before}, up to {through}", outlook.events)
        }
        None => format!("remove no event: none of before {before} may go"),
    }
}

/// The events that were removed or would be removed.
#[derive(Serialize)]
struct TrimAnswer<'a> {
    dry_run: bool,
    events: u64,
    files: &'a [PathBuf],
    held: Option<&'a Held>,
    through: Option<i64>,
}
