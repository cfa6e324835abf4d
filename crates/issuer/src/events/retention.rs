//! Removes the oldest events, in order and without gaps, so that the rest still verifies.
//!
//! ```text
//! look       choose the events that are old enough and no longer needed; walk their chain
//! archive    write them to a file and sync it, if a folder is set
//! remove     in one transaction: sign the start, append `trail.trimmed`, remove the events
//! ```
//!
//! A run works batch by batch. A killed run has removed whole batches, and may have left a file of
//! events that are still in the database.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use portcullis_core::crypto::Digest;
use portcullis_core::time::Time;
use serde::Serialize;
use serde_json::{Value, json};

use super::anchor::Anchor;
use super::archive;
use super::start::Start;
use crate::context::Context;
use crate::error::Error;
use crate::lease::Lease;
use crate::store::events::{self, EventRecord, EventType};
use crate::store::{self, Connection, lists, retention, targets};
use crate::time_format::rfc3339_millis;

/// The least age of removed events. Webhook deliveries are retried for three days and shown for
/// seven.
pub const MIN_KEEP: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// The most events that one transaction removes.
const BATCH: u32 = 2_000;
const LIST: &str = "list";

/// The events to remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retention {
    /// The age limit.
    pub age: Age,
    /// The folder to archive them in before the removal.
    pub archive: Option<PathBuf>,
    /// Whether to remove events although their chain is broken. Their digests are accepted as they
    /// are.
    pub even_if_broken: bool,
}

/// The age limit of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// Remove events older than this.
    Keep(Duration),
    /// Remove events committed before this instant.
    Before(Time),
}

/// Why old enough events are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The first event kept.
    pub from: i64,
    /// A webhook's id, or `list` if the published list doesn't include the events yet.
    pub by: String,
}

/// The preview of a removal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlook {
    /// The number of events.
    pub events: u64,
    /// The last of them.
    pub through: Option<i64>,
    /// The age limit as an instant.
    pub before: Time,
    /// Why other old enough events are kept.
    pub held: Option<Held>,
}

/// The result of a removal.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Trimmed {
    /// The number of events removed.
    pub removed: u64,
    /// The last of them.
    pub through: Option<i64>,
    /// The files that they were archived in.
    pub files: Vec<PathBuf>,
    /// Why other old enough events are kept.
    pub held: Option<Held>,
}

impl Trimmed {
    /// A summary as a sentence.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut told = match self.through {
            None => "no event was removed".to_owned(),
            Some(through) => format!("{} events were removed, up to {through}", self.removed),
        };
        if !self.files.is_empty() {
            told.push_str(&format!("; they are in {} files", self.files.len()));
        }
        if let Some(held) = &self.held {
            told.push_str(&format!("; {held}"));
        }
        told
    }
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, by } = self;
        if by == LIST {
            write!(f, "from {from} on they are kept until the list that knows of them is published")
        } else {
            write!(
                f,
                "from {from} on they are kept for the webhook {by}, which is still to be told of \
                 them: enable it, mend its endpoint, or delete it"
            )
        }
    }
}

impl Age {
    /// The instant that events must predate to be old enough.
    ///
    /// # Errors
    /// [`Error::Invalid`] for less than [`MIN_KEEP`].
    pub fn before(self, now: Time) -> Result<Time, Error> {
        let least = u64::try_from(MIN_KEEP.as_millis()).unwrap_or(u64::MAX);
        match self {
            Self::Keep(keep) if keep < MIN_KEEP => {
                let reason = "must be 7d at least: a webhook's deliveries are tried again for three \
                              days and shown for seven";
                Err(Error::Invalid { field: "keep_events", reason })
            }
            Self::Keep(keep) => {
                let keep = u64::try_from(keep.as_millis()).unwrap_or(u64::MAX);
                Ok(Time::from_millis(now.millis().saturating_sub(keep)))
            }
            Self::Before(before) if before > now || now.millis_since(before) < least => {
                let reason = "must lie seven days back at least: a webhook's deliveries are tried \
                              again for three days and shown for seven";
                Err(Error::Invalid { field: "before", reason })
            }
            Self::Before(before) => Ok(before),
        }
    }
}

/// The last event that may be removed, and what holds back the rest.
struct Reach {
    last: i64,
    held: Option<Held>,
}

/// The state of the chain before the oldest kept event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Before {
    last: Option<Anchor>,
    removed: u64,
    head: Option<Digest>,
}

/// The events that one transaction removes.
struct Batch {
    before: Before,
    events: Vec<EventRecord>,
    /// The first event with a digest that doesn't follow from its predecessor.
    broken: Option<i64>,
}

/// Previews a removal.
pub(crate) async fn preview_trim(context: &Context, age: Age) -> Result<Outlook, Error> {
    let mut reading = context.store().read().await?;
    let before = age.before(store::now(&mut reading, context.now()).await?)?;
    let Some(reach) = reach(&mut reading, before).await? else {
        return Ok(Outlook { events: 0, through: None, before, held: None });
    };
    let count = retention::count_through(&mut reading, reach.last).await?;
    let events = u64::try_from(count).unwrap_or(0);
    let through = (events > 0).then_some(reach.last);
    Ok(Outlook { events, through, before, held: reach.held })
}

/// Removes the old enough events, batch by batch, as long as the lease is held.
pub(crate) async fn trim(
    context: &Context,
    retention: &Retention,
    lease: &mut Lease,
) -> Result<Trimmed, Error> {
    let now = store::now(&mut *context.store().read().await?, context.now()).await?;
    let before = retention.age.before(now)?;
    let mut done = Trimmed::default();
    while lease.hold().await? {
        let (batch, held) = look(context, retention, before).await?;
        done.held = held;
        let Some(batch) = batch else { break };
        let file = match &retention.archive {
            Some(folder) => {
                let issuer = context.keystore().issuer();
                Some(archive::write(folder, issuer, &batch.events)?)
            }
            None => None,
        };
        let Some(last) = remove(context, &batch, before, file.as_deref()).await? else { continue };
        done.removed += u64::try_from(batch.events.len()).unwrap_or(0);
        done.through = Some(last.id);
        done.files.extend(file);
    }
    Ok(done)
}

/// The next batch, if there is one.
async fn look(
    context: &Context,
    retention: &Retention,
    before: Time,
) -> Result<(Option<Batch>, Option<Held>), Error> {
    let mut reading = context.store().read().await?;
    let Some(reach) = reach(&mut reading, before).await? else { return Ok((None, None)) };
    let standing = standing(context, &mut reading, retention.even_if_broken).await?;
    let mut events = events::after(&mut reading, 0, BATCH).await?;
    events.retain(|event| event.id <= reach.last);
    let mut digest = standing.last.map_or(Digest([0; 32]), |last| last.digest);
    let mut broken = None;
    for event in &events {
        if event.line().digest(digest) != event.digest {
            broken = broken.or(Some(event.id));
        }
        digest = event.digest;
    }
    if let Some(id) = broken.filter(|_| !retention.even_if_broken) {
        return Err(Error::TrailBroken { id });
    }
    let batch = Batch { before: standing, events, broken };
    Ok((Some(batch).filter(|batch| !batch.events.is_empty()), reach.held))
}

/// The state of the chain before the oldest event.
async fn standing(
    context: &Context,
    connection: &mut Connection,
    even_if_broken: bool,
) -> Result<Before, Error> {
    let Some((start, is_signed)) =
        crate::events::start::signed_start(context, &mut *connection).await?
    else {
        return Ok(Before::default());
    };
    let oldest = retention::oldest(connection).await?.map_or(0, |(id, _)| id);
    match start {
        Some(start) if is_signed || even_if_broken => {
            Ok(Before { last: Some(start.last), removed: start.removed, head: start.head })
        }
        None if even_if_broken => Ok(Before::default()),
        // An unsigned start may hide a truncation, which a new signed start would cover up.
        Some(_) | None => Err(Error::TrailBroken { id: oldest }),
    }
}

/// Removes a batch, unless another process removed it or something needs it now.
async fn remove(
    context: &Context,
    batch: &Batch,
    before: Time,
    file: Option<&Path>,
) -> Result<Option<Anchor>, Error> {
    let Some(last) = batch.events.last() else { return Ok(None) };
    let count = u64::try_from(batch.events.len()).unwrap_or(0);
    let mut change = context.change(None).await?;
    targets::check_not_restored(&mut change).await?;
    let now = change.now();
    let standing = standing(context, &mut change, true).await?;
    let reach = reach(&mut change, before).await?;
    if standing != batch.before || reach.is_none_or(|reach| reach.last < last.id) {
        return Ok(None);
    }
    let signer = context.keystore().list_signer().ok_or(Error::NoSigner)?;
    let anchor = Anchor { id: last.id, digest: last.digest };
    let start = Start {
        issuer: signer.issuer,
        kid: signer.kid,
        last: anchor,
        last_at: last.at(),
        removed: standing.removed.saturating_add(count),
        at: now,
        head: newest_head(&batch.events).or(standing.head),
    };
    retention::set_start(&mut change, &start.sign(&signer)).await?;
    let mut data = json!({
        "through": last.id,
        "digest": last.digest.to_string(),
        "last_at": rfc3339_millis(last.at()),
        "removed": count,
        "removed_in_all": start.removed,
        "before": rfc3339_millis(before),
    });
    if let Some(data) = data.as_object_mut() {
        let name = file.and_then(Path::file_name).map(|name| name.to_string_lossy());
        data.extend(name.map(|name| ("file".into(), Value::from(name))));
        data.extend(batch.broken.map(|id| ("broken_at".into(), Value::from(id))));
    }
    // Append first: the event's digest covers the newest event, which may be removed here.
    change.event(EventType::TrailTrimmed, None, data).await?;
    if retention::remove_through(&mut change, last.id).await? != count {
        // The database holds other events than the batch, so roll back.
        return Err(Error::TrailBroken { id: last.id });
    }
    change.save().await?;
    Ok(Some(anchor))
}

/// The last event that may be removed among those committed before `before`: the list and all
/// webhooks must be past it.
async fn reach(connection: &mut Connection, before: Time) -> Result<Option<Reach>, Error> {
    let Some(old) = retention::newest_before(connection, before).await? else { return Ok(None) };
    let mut reach = Reach { last: old, held: None };
    let mut hold = |done: i64, by: String| {
        if done < reach.last {
            reach = Reach { last: done, held: Some(Held { from: done.saturating_add(1), by }) };
        }
    };
    // The next list processes the events after the promise's position.
    hold(lists::promise(connection).await?.map_or(0, |promise| promise.position), LIST.into());
    if let Some((id, done)) = retention::furthest_behind(connection).await? {
        hold(done, id);
    }
    Ok(Some(reach))
}

/// The head of the newest list published in these events.
fn newest_head(events: &[EventRecord]) -> Option<Digest> {
    let lists = events.iter().rev().filter(|event| event.event == EventType::ListPublished.name());
    lists.filter_map(head_of).next()
}

/// The head that a `list.published` event names.
fn head_of(event: &EventRecord) -> Option<Digest> {
    let data: Value = serde_json::from_str(&event.data).ok()?;
    data.get("head")?.as_str()?.parse().ok()
}
