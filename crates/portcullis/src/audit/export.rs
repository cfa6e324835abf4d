//! `portcullis audit export`.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::Result;
use portcullis_issuer::Issuer;
use portcullis_issuer::events::{EventQuery, ExportLine, MAX_PAGE};
use portcullis_issuer::files::{Privacy, write_atomic};

use super::filter::EventFilter;
use crate::exit::Exit;
use crate::output::Out;

/// Write events with their digests as JSON lines. A complete export can be verified without a
/// database
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  portcullis audit export --output trail.jsonl\n  portcullis audit verify --file trail.jsonl"
)]
pub(crate) struct Export {
    #[command(flatten)]
    filter: EventFilter,
    /// Write to this file instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Export {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        let mut written = 0_u64;
        match &self.output {
            None => {
                let mut stdout = BufWriter::new(std::io::stdout());
                let done = self.write(issuer, &mut stdout, &mut written).await;
                match done {
                    Err(error) if is_broken_pipe(&error) => return Ok(Exit::Done),
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
        Ok(Exit::Done)
    }

    async fn write(&self, issuer: &Issuer, to: &mut impl Write, written: &mut u64) -> Result<()> {
        let mut query =
            EventQuery { filter: self.filter.filter(true), cursor: None, limit: Some(MAX_PAGE) };
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
