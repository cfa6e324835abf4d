//! Checking the chain of digests: nothing changed, missing, added or put elsewhere.
//!
//! The chain alone does not tell that its end was cut off. Three things do: an [`Anchor`] that was
//! noted before, the position that the promised list knows of, and the heads that were signed.

use portcullis_core::crypto::Digest;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::issuer::Issuer;
use crate::names;
use crate::store::events::{self, EventRecord, EventType, Line};
use crate::store::{Connection, lists};

const PAGE: u32 = 1000;
/// Findings beyond so many are counted, not listed.
const MAX_FINDINGS: usize = 100;

/// A place in the trail and the digest that it had: what an operator notes, or a webhook brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anchor {
    /// The event's place.
    pub id: i64,
    /// Its digest.
    pub digest: Digest,
}

impl Anchor {
    /// Reads `ID:DIGEST`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (id, digest) = text.trim().split_once(':')?;
        let id = id.parse().ok().filter(|&id: &i64| id > 0)?;
        Some(Self { id, digest: names::digest(digest)? })
    }
}

impl std::fmt::Display for Anchor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.id, self.digest)
    }
}

/// Something in the trail that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The event at which it shows.
    pub id: i64,
    /// `changed`, `missing`, `reordered`, `truncated` or `anchor`.
    pub code: &'static str,
    /// What it means, as a sentence.
    pub message: String,
}

/// What the check of a trail came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many events were read.
    pub events: u64,
    /// The newest event: the anchor to note.
    pub newest: Option<Anchor>,
    /// What is wrong, by place; at most a hundred.
    pub findings: Vec<Finding>,
    /// Findings that are not listed.
    pub more: u64,
}

impl Report {
    /// Whether nothing was found.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    fn find(&mut self, id: i64, code: &'static str, message: String) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(Finding { id, code, message });
        } else {
            self.more += 1;
        }
    }
}

/// The walk along the chain.
struct Walk<'a> {
    report: Report,
    /// The newest place and the digest that stands there.
    last: Option<(i64, Digest)>,
    anchors: &'a [Anchor],
    seen: Vec<Anchor>,
}

impl<'a> Walk<'a> {
    fn new(anchors: &'a [Anchor]) -> Self {
        Self { report: Report::default(), last: None, anchors, seen: Vec::new() }
    }

    fn step(&mut self, id: i64, line: Line<'_>, digest: Digest) {
        self.report.events += 1;
        let (before_id, before) = self.last.unwrap_or((0, Digest([0; 32])));
        if id <= before_id {
            let message = format!("the event {id} stands behind the event {before_id}");
            self.report.find(id, "reordered", message);
        } else if line.digest(before) != digest {
            if id > before_id.saturating_add(1) {
                let message = format!(
                    "the event {id} does not follow the event {before_id}: what stood between \
                     them is missing, or the event {id} was changed"
                );
                self.report.find(id, "missing", message);
            } else {
                let message = format!(
                    "the digest of the event {id} is not that of its content behind the event \
                     {before_id}: it was changed, put elsewhere, or stands in another's place"
                );
                self.report.find(id, "changed", message);
            }
        }
        for anchor in self.anchors.iter().filter(|anchor| anchor.id == id) {
            self.seen.push(*anchor);
            if anchor.digest != digest {
                let message = format!(
                    "the event {id} had the digest {} when the anchor was noted: it or one before \
                     it was changed and the digests behind it made anew",
                    anchor.digest
                );
                self.report.find(id, "anchor", message);
            }
        }
        self.last = Some((id, digest));
    }

    fn end(mut self) -> Report {
        let newest = self.last.map_or(0, |(id, _)| id);
        for anchor in self.anchors.iter().filter(|anchor| !self.seen.contains(anchor)) {
            let (code, how) = if anchor.id > newest {
                ("truncated", "the trail ends before it")
            } else {
                ("missing", "it is missing")
            };
            let message = format!("an anchor names the event {}, but {how}", anchor.id);
            self.report.find(anchor.id, code, message);
        }
        self.report.newest = self.last.map(|(id, digest)| Anchor { id, digest });
        self.report
    }
}

impl Issuer {
    /// Walks the whole trail, and holds its end against `anchors`, the promised list and the heads
    /// that were signed.
    ///
    /// # Errors
    /// The store's.
    pub async fn verify_trail(&self, anchors: &[Anchor]) -> Result<Report, Error> {
        verify_in(&mut *self.store().read().await?, anchors).await
    }

    /// Walks the newest `count` events only.
    ///
    /// # Errors
    /// The store's.
    pub async fn verify_tail(&self, count: i64) -> Result<Report, Error> {
        let mut reading = self.store().read().await?;
        let start = events::position(&mut reading).await?.saturating_sub(count).max(0);
        let mut walk = Walk::new(&[]);
        let limit = u32::try_from(count).unwrap_or(u32::MAX);
        for event in events::after(&mut reading, start, limit).await? {
            if walk.last.is_none() && event.id > 1 {
                walk.report.events += 1;
                walk.last = Some((event.id, event.digest));
            } else {
                walk.step(event.id, event.line(), event.digest);
            }
        }
        let mut report = walk.end();
        check_end(&mut reading, &mut report).await?;
        Ok(report)
    }
}

/// Walks the whole trail of a database.
pub(crate) async fn verify_in(
    reading: &mut Connection,
    anchors: &[Anchor],
) -> Result<Report, Error> {
    let mut walk = Walk::new(anchors);
    let mut position = 0;
    loop {
        let page = events::after(reading, position, PAGE).await?;
        let Some(last) = page.last() else { break };
        position = last.id;
        for event in &page {
            walk.step(event.id, event.line(), event.digest);
        }
    }
    let mut report = walk.end();
    check_end(reading, &mut report).await?;
    Ok(report)
}

/// What the rest of the database knows of the trail's end.
async fn check_end(connection: &mut Connection, report: &mut Report) -> Result<(), Error> {
    let newest = report.newest.map_or(0, |anchor| anchor.id);
    if let Some(promise) = lists::promise(connection).await?
        && promise.position > newest
    {
        let message = format!(
            "the promised list knows of the event {}, and the trail ends at {newest}: its end was \
             cut off",
            promise.position
        );
        report.find(promise.position, "truncated", message);
    }
    let signed = lists::newest_head(connection).await?;
    if let Some(head) = signed {
        let filter = events::Filter { types: vec![EventType::ListPublished], ..Default::default() };
        let told = events::list(connection, &filter, 1).await?;
        let names = |event: &EventRecord| event.data.contains(&head.to_string());
        if !told.iter().any(names) {
            let message = format!("no event tells of the newest signed head {head}");
            report.find(newest.saturating_add(1), "truncated", message);
        }
    }
    Ok(())
}

/// A line of an export. `data` is the text as it was written, because the digest covers it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportLine {
    id: i64,
    at_ms: i64,
    r#type: String,
    key_id: Option<String>,
    actor: Option<String>,
    /// Lines of before there were principals lack it: what the caller said is their `actor`.
    #[serde(default, deserialize_with = "given")]
    on_behalf_of: Option<Option<String>>,
    data: String,
    digest: String,
}

/// A field that is there, be it null.
fn given<'de, D>(deserializer: D) -> Result<Option<Option<String>>, D::Error>
where
    D: serde::Deserializer<'de>,
{
    Option::deserialize(deserializer).map(Some)
}

impl From<&EventRecord> for ExportLine {
    fn from(event: &EventRecord) -> Self {
        Self {
            id: event.id,
            at_ms: event.at_ms,
            r#type: event.event.clone(),
            key_id: event.key_id.clone(),
            actor: event.actor.clone(),
            on_behalf_of: Some(event.on_behalf_of.clone()),
            data: event.data.clone(),
            digest: event.digest.to_string(),
        }
    }
}

/// Checks an export, line by line, with nothing else at hand. A whole export starts at the first
/// event; a part of one is checked from its second line on, whose digest covers the first.
///
/// # Errors
/// What `lines` brings. A line that is none is a finding.
pub fn check_export(
    lines: impl Iterator<Item = std::io::Result<String>>,
    anchors: &[Anchor],
) -> std::io::Result<Report> {
    let mut walk = Walk::new(anchors);
    for (number, text) in (1_i64..).zip(lines) {
        let text = text?;
        let line: Option<(ExportLine, Digest)> = serde_json::from_str(&text)
            .ok()
            .and_then(|line: ExportLine| names::digest(&line.digest).map(|digest| (line, digest)));
        let Some((line, digest)) = line else {
            let message = format!("the line {number} is none of an export");
            walk.report.find(number, "changed", message);
            continue;
        };
        if number == 1 && line.id > 1 {
            walk.report.events += 1;
            walk.last = Some((line.id, digest));
            continue;
        }
        let (actor, on_behalf_of) = match &line.on_behalf_of {
            Some(on_behalf_of) => (line.actor.as_deref(), on_behalf_of.as_deref()),
            None => (None, line.actor.as_deref()),
        };
        let event = Line {
            at_ms: line.at_ms,
            event: &line.r#type,
            key_id: line.key_id.as_deref(),
            actor,
            on_behalf_of,
            data: &line.data,
        };
        walk.step(line.id, event, digest);
    }
    Ok(walk.end())
}
