//! The followers of the audit trail. One task reads the database for all of them, and each
//! follower's key is checked again before anything is sent.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use portcullis_issuer::issuer::Issuer;
use portcullis_issuer::store::events::EventRecord;
use tokio::sync::broadcast;

use crate::problem::Problem;

/// How often the task looks for new events.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// How many events it reads at once.
pub(super) const BATCH: u32 = 200;
/// How many batches a follower may fall behind before it reads the database itself.
const BEHIND: usize = 16;

/// How many streams there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamLimits {
    /// In total.
    pub max: usize,
    /// With one admin key.
    pub max_per_key: usize,
}

impl Default for StreamLimits {
    fn default() -> Self {
        Self { max: 64, max_per_key: 8 }
    }
}

/// Consecutive events.
#[derive(Debug)]
pub(super) struct Batch {
    /// The id of the event before them.
    pub(super) after: i64,
    pub(super) events: Vec<EventRecord>,
}

/// All streams of a process.
#[derive(Clone, Debug)]
pub(crate) struct Streams(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limits: StreamLimits,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    by_key: HashMap<String, usize>,
    open: usize,
    news: Option<broadcast::Sender<Arc<Batch>>>,
}

/// A stream's entry in the counts, removed when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    streams: Streams,
    key: String,
}

impl Streams {
    pub(crate) fn new(limits: StreamLimits) -> Self {
        Self(Arc::new(Inner { limits, table: Mutex::default() }))
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts another stream of the key, and returns the receiver of new events.
    pub(super) fn join(
        &self,
        issuer: &Issuer,
        key: &str,
    ) -> Result<(Seat, broadcast::Receiver<Arc<Batch>>), Problem> {
        let limits = self.0.limits;
        let mut table = self.table();
        let has = table.by_key.get(key).copied().unwrap_or(0);
        let detail = if has >= limits.max_per_key {
            format!("this admin key follows {has} streams, as many as it may; end one first")
        } else if table.open >= limits.max {
            format!("{} streams are followed, as many as there may be; try again later", table.open)
        } else {
            String::new()
        };
        if !detail.is_empty() {
            return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_streams", detail));
        }
        *table.by_key.entry(key.to_owned()).or_default() += 1;
        table.open += 1;
        let news = if let Some(news) = &table.news {
            news.subscribe()
        } else {
            let (sender, news) = broadcast::channel(BEHIND);
            table.news = Some(sender.clone());
            tokio::spawn(look(issuer.clone(), self.clone(), sender));
            news
        };
        drop(table);
        Ok((Seat { streams: self.clone(), key: key.to_owned() }, news))
    }

    /// Whether all streams have ended, or have to end because the server is stopping. The next
    /// follower then needs a new task.
    fn are_over(&self, ending: bool) -> bool {
        let mut table = self.table();
        if table.open > 0 && !ending {
            return false;
        }
        table.news = None;
        true
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut table = self.streams.table();
        table.open = table.open.saturating_sub(1);
        if let Some(has) = table.by_key.get_mut(&self.key) {
            *has = has.saturating_sub(1);
            if *has == 0 {
                table.by_key.remove(&self.key);
            }
        }
    }
}

/// Reads new events for all followers, as long as there are any.
async fn look(issuer: Issuer, streams: Streams, news: broadcast::Sender<Arc<Batch>>) {
    let mut place = None;
    while !streams.are_over(issuer.is_ending()) {
        let found = match place {
            // Each follower reads the earlier events itself.
            None => issuer.trail().last().await.map(|last| (last, Vec::new())),
            Some(after) => issuer.trail().after(after, BATCH).await.map(|events| (after, events)),
        };
        let more = match found {
            Ok((after, events)) => {
                let (first, more) = (place.is_none(), !events.is_empty());
                place = Some(events.last().map_or(after, |event| event.id));
                if first || more {
                    // A send error means that the last follower has just left.
                    let _ = news.send(Arc::new(Batch { after, events }));
                }
                more
            }
            Err(error) => {
                tracing::warn!(code = error.code(), "event streams wait: {}", error.chain());
                false
            }
        };
        if !more {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }
}
