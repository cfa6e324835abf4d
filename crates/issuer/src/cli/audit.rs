//! `portcullis audit …`: the trail of events.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::Result;
use portcullis_core::time::Time;
use portcullis_issuer::Issuer;
use portcullis_issuer::events::{
    Anchor, EventPage, EventQuery, EventView, EventsAnswer, ExportLine, Finding, MAX_PAGE,
    RemovedView, Report, Start, check_files,
};
use portcullis_issuer::files::{Privacy, write_atomic};
use portcullis_issuer::store::events::{EventType, Filter};
use portcullis_issuer::view::rfc3339_millis;
use serde::Serialize;

use super::args::{self, Global};
use super::out::{Out, field, table};
use super::{Outcome, with_issuer};

/// List, export, check and trim the events: who did what, when
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  portcullis audit verify")]
pub(crate) enum Audit {
    List(List),
    Export(Export),
    Verify(Verify),
    Trim(super::audit_trim::Trim),
}

/// Which events
#[derive(Debug, clap::Args)]
struct Chosen {
    /// Only these types, such as api-key.revoked, separated by commas
    #[arg(long = "type", value_name = "TYPES", value_delimiter = ',', value_parser = event_type)]
    types: Vec<EventType>,
    /// Only those of this key
    #[arg(long, value_name = "ID")]
    key: Option<String>,
    /// Only what this one did: an admin key's id, user@host, or a job
    #[arg(long, value_name = "WHO")]
    actor: Option<String>,
    /// Only what is said to be on this one's behalf
    #[arg(long, value_name = "WHO")]
    on_behalf_of: Option<String>,
    /// Only from this time on (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = args::instant)]
    since: Option<Time>,
    /// Only before this time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = args::instant)]
    until: Option<Time>,
}

pub(super) fn event_type(text: &str) -> Result<EventType, String> {
    EventType::from_name(text).ok_or_else(|| {
        let names = EventType::ALL.map(EventType::name);
        format!("no event type; there are {}", names.join(", "))
    })
}

impl Chosen {
    fn filter(&self, ascending: bool) -> Filter {
        Filter {
            types: self.types.clone(),
            key_id: self.key.clone(),
            actor: self.actor.clone(),
            on_behalf_of: self.on_behalf_of.clone(),
            since: self.since,
            until: self.until,
            ascending,
            ..Filter::default()
        }
    }
}

/// List events, newest first
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  portcullis audit list --type api-key.revoked --since 2026-01-01T00:00:00Z"
)]
pub(crate) struct List {
    #[command(flatten)]
    chosen: Chosen,
    /// At most so many, 1 to 1000
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    /// Go on where the page before ended
    #[arg(long)]
    cursor: Option<String>,
    /// Oldest first
    #[arg(long)]
    oldest_first: bool,
}

/// Write events as JSON lines with their digests; the whole trail can be checked without a database
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  portcullis audit export --output trail.jsonl\n  portcullis audit verify --file trail.jsonl"
)]
pub(crate) struct Export {
    #[command(flatten)]
    chosen: Chosen,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Walk the chain of digests: is anything changed, missing, put elsewhere or cut off?
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portcullis audit verify\n  \
                        portcullis audit verify --anchor 41:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n  \
                        portcullis audit verify --file trail.jsonl\n  \
                        portcullis audit verify --archive /srv/trail/*.jsonl")]
pub(crate) struct Verify {
    /// Exports to check as one chain, instead of the database; in the order of their events
    #[arg(long = "file", value_name = "FILE", num_args = 1..)]
    files: Vec<PathBuf>,
    /// Exports of what retention has removed, to check as one chain with the database; in the order
    /// of their events
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "files")]
    archive: Vec<PathBuf>,
    /// A place and the digest that it had, as an earlier check printed it; may be given again
    #[arg(long = "anchor", value_name = "ID:DIGEST", value_parser = anchor)]
    anchors: Vec<Anchor>,
}

fn anchor(text: &str) -> Result<Anchor, String> {
    Anchor::parse(text).ok_or_else(|| "write it as 41:<64 hexadecimal digits>".to_owned())
}

impl Audit {
    pub(super) async fn run(&self, global: &Global, out: &Out) -> Result<Outcome> {
        match self {
            Self::List(command) => with_issuer(global, async |i| command.run(i, out).await).await,
            Self::Export(command) => with_issuer(global, async |i| command.run(i, out).await).await,
            Self::Verify(command) => command.run(global, out).await,
            Self::Trim(command) => with_issuer(global, async |i| command.run(i, out).await).await,
        }
    }
}

impl List {
    async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Outcome> {
        let query = EventQuery {
            filter: self.chosen.filter(self.oldest_first),
            cursor: self.cursor.clone(),
            limit: Some(self.limit),
        };
        let EventPage { events, next_cursor, removed } = issuer.trail().list(&query).await?;
        let answer = EventsAnswer {
            events: events.iter().map(EventView::new).collect(),
            next_cursor: next_cursor.clone(),
            removed: removed.as_ref().map(RemovedView::from),
        };
        out.answer(&answer, |o| {
            let mut rows =
                vec![["ID", "AT", "TYPE", "KEY", "ACTOR", "ON BEHALF OF"].map(String::from)];
            rows.extend(events.iter().map(|event| {
                [
                    event.id.to_string(),
                    rfc3339_millis(event.at()),
                    event.event.clone(),
                    event.key_id.clone().unwrap_or_default(),
                    event.actor.clone().unwrap_or_default(),
                    event.on_behalf_of.clone().unwrap_or_default(),
                ]
            }));
            table(o, &rows)?;
            next_cursor.iter().try_for_each(|cursor| writeln!(o, "\nmore: --cursor {cursor}"))
        })?;
        if let Some(start) = removed.filter(|_| next_cursor.is_none() || self.oldest_first) {
            out.note(&of_before(&start));
        }
        Ok(Outcome::Yes)
    }
}

impl Export {
    async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Outcome> {
        let mut written = 0_u64;
        match &self.output {
            None => {
                let mut stdout = BufWriter::new(std::io::stdout());
                let done = self.write(issuer, &mut stdout, &mut written).await;
                match done {
                    Err(error) if is_broken_pipe(&error) => return Ok(Outcome::Yes),
                    done => done?,
                }
            }
            Some(path) => {
                let mut bytes = Vec::new();
                self.write(issuer, &mut bytes, &mut written).await?;
                write_atomic(path, &bytes, Privacy::Secret)?;
            }
        }
        out.note(&format!("wrote {written} events"));
        Ok(Outcome::Yes)
    }

    async fn write(&self, issuer: &Issuer, to: &mut impl Write, written: &mut u64) -> Result<()> {
        let mut query =
            EventQuery { filter: self.chosen.filter(true), cursor: None, limit: Some(MAX_PAGE) };
        loop {
            let page = issuer.trail().list(&query).await?;
            for event in &page.events {
                serde_json::to_writer(&mut *to, &ExportLine::from(event))?;
                to.write_all(b"\n")?;
                *written += 1;
            }
            if page.next_cursor.is_none() {
                to.flush()?;
                return Ok(());
            }
            query.cursor = page.next_cursor;
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let kind = |error: &std::io::Error| error.kind() == std::io::ErrorKind::BrokenPipe;
    error.downcast_ref::<std::io::Error>().is_some_and(kind)
        || error
            .downcast_ref::<serde_json::Error>()
            .is_some_and(|error| error.io_error_kind() == Some(std::io::ErrorKind::BrokenPipe))
}

impl Verify {
    async fn run(&self, global: &Global, out: &Out) -> Result<Outcome> {
        let report = if self.files.is_empty() {
            let verify = async |issuer: &Issuer| {
                Ok(issuer.trail().verify_behind(&self.archive, &self.anchors).await?)
            };
            with_issuer(global, verify).await?
        } else {
            check_files(&self.files, &self.anchors)?
        };
        say(&report, out)?;
        Ok(if report.is_sound() { Outcome::Yes } else { Outcome::No })
    }
}

/// The range that was removed before the trail's start, as a sentence.
fn of_before(start: &Start) -> String {
    format!(
        "{} events up to {}, the last of them of {}, were removed by retention on {}",
        start.removed,
        start.last.id,
        rfc3339_millis(start.last_at),
        rfc3339_millis(start.at)
    )
}

/// What was found in the trail.
#[derive(Serialize)]
struct ReportAnswer<'a> {
    anchor: Option<&'a str>,
    events: u64,
    findings: &'a [Finding],
    first: Option<i64>,
    more_findings: u64,
    ok: bool,
    removed: Option<RemovedView>,
}

fn say(report: &Report, out: &Out) -> Result<()> {
    let anchor = report.newest.map(|anchor| anchor.to_string());
    let answer = ReportAnswer {
        anchor: anchor.as_deref(),
        events: report.events,
        findings: &report.findings,
        first: report.first,
        more_findings: report.more,
        ok: report.is_sound(),
        removed: report.start.as_ref().map(RemovedView::from),
    };
    out.answer(&answer, |o| {
        for finding in &report.findings {
            field(o, finding.code, &finding.message)?;
        }
        if report.more > 0 {
            writeln!(o, "and {} more", report.more)?;
        }
        let word = if report.is_sound() { "sound" } else { "NOT as it was written" };
        let from = report.first.filter(|first| *first > 1);
        let from = from.map(|first| format!(" from {first} on")).unwrap_or_default();
        field(o, "Trail", format_args!("{} events{from}, {word}", report.events))?;
        if let Some(start) = &report.start {
            field(o, "Removed", of_before(start))?;
        }
        match &anchor {
            Some(anchor) if report.is_sound() => {
                field(o, "Anchor", anchor)?;
                writeln!(
                    o,
                    "\nKeep the anchor elsewhere: with --anchor the next check finds that the \
                     trail was\ncut off or made anew."
                )
            }
            _ => Ok(()),
        }
    })
}
