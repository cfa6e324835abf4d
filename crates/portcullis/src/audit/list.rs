//! `portcullis audit list`.

use anyhow::Result;
use portcullis_issuer::Issuer;
use portcullis_issuer::events::{EventPage, EventQuery, EventView, EventsAnswer, RemovedView};
use portcullis_issuer::time_format::rfc3339_millis;

use super::answer::removed_sentence;
use super::filter::EventFilter;
use crate::exit::Exit;
use crate::output::{Out, table};

/// List events, newest first
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  portcullis audit list --type api-key.revoked --since 2026-01-01T00:00:00Z"
)]
pub(crate) struct List {
    #[command(flatten)]
    filter: EventFilter,
    /// The most events to list, 1 to 1000
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    /// Continue after the previous page, with the cursor that it printed
    #[arg(long)]
    cursor: Option<String>,
    /// List the oldest events first
    #[arg(long)]
    oldest_first: bool,
}

impl List {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        let query = EventQuery {
            filter: self.filter.filter(self.oldest_first),
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
            out.note(&removed_sentence(&start));
        }
        Ok(Exit::Done)
    }
}
