//! `portcullis audit verify`.

use std::path::PathBuf;

use anyhow::Result;
use portcullis_issuer::Issuer;
use portcullis_issuer::events::{Anchor, Finding, RemovedView, Report, check_files};
use serde::Serialize;

use super::answer::removed_sentence;
use crate::exit::Exit;
use crate::global::Global;
use crate::open::with_issuer;
use crate::output::{Out, field};

/// Verify the chain of digests: finds events that were changed, removed, moved or cut off
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portcullis audit verify\n  \
                        portcullis audit verify --anchor 41:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08\n  \
                        portcullis audit verify --file trail.jsonl\n  \
                        portcullis audit verify --archive /srv/trail/*.jsonl")]
pub(crate) struct Verify {
    /// Verify these exports as one chain, instead of the database; in the order of their events
    #[arg(long = "file", value_name = "FILE", num_args = 1..)]
    files: Vec<PathBuf>,
    /// Verify these exports of removed events as one chain with the database; in the order of their
    /// events
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "files")]
    archive: Vec<PathBuf>,
    /// An anchor (event id and digest) that an earlier verification printed; repeatable
    #[arg(long = "anchor", value_name = "ID:DIGEST", value_parser = anchor)]
    anchors: Vec<Anchor>,
}

fn anchor(text: &str) -> Result<Anchor, String> {
    Anchor::parse(text).ok_or_else(|| "write it as 41:<64 hexadecimal digits>".to_owned())
}

impl Verify {
    pub(super) async fn run(&self, global: &Global, out: &Out) -> Result<Exit> {
        let report = if self.files.is_empty() {
            let verify = async |issuer: &Issuer| {
                Ok(issuer.trail().verify_behind(&self.archive, &self.anchors).await?)
            };
            with_issuer(global, verify).await?
        } else {
            check_files(&self.files, &self.anchors)?
        };
        answer(&report, out)?;
        Ok(if report.is_sound() { Exit::Done } else { Exit::Refused })
    }
}

/// The findings in the trail.
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

fn answer(report: &Report, out: &Out) -> Result<()> {
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
            field(o, "Removed", removed_sentence(start))?;
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
