//! Checking the chain of digests: nothing changed, missing, added or put elsewhere.
//!
//! The chain alone does not tell that its end was cut off. Three things do: an [`Anchor`] that was
//! noted before, the position that the promised list knows of, and the heads that were signed. That
//! its beginning was removed by retention, and not cut off, is what the signed [`Start`] tells.

use std::path::PathBuf;

use portcullis_core::crypto::Digest;
use serde::Serialize;
use serde_json::Value;

use super::exports::check_files;
use super::start::Start;
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
    /// `changed`, `missing`, `reordered`, `truncated`, `anchor`, `start` or `removed`.
    pub code: &'static str,
    /// What it means, as a sentence.
    pub message: String,
}

/// What the check of a trail came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many events were read.
    pub events: u64,
    /// The oldest event that was read.
    pub first: Option<i64>,
    /// What was removed before the events of the database.
    pub start: Option<Start>,
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

    /// Both as one: `other` is of what follows.
    fn joined(self, other: Self) -> Self {
        let mut whole = Self {
            events: self.events + other.events,
            first: self.first.or(other.first),
            start: self.start.or(other.start),
            newest: other.newest.or(self.newest),
            findings: self.findings,
            more: self.more + other.more,
        };
        for Finding { id, code, message } in other.findings {
            whole.find(id, code, message);
        }
        whole
    }

    pub(super) fn find(&mut self, id: i64, code: &'static str, message: String) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(Finding { id, code, message });
        } else {
            self.more += 1;
        }
    }
}

/// The walk along the chain.
pub(super) struct Walk {
    pub(super) report: Report,
    /// The newest place and the digest that stands there.
    pub(super) last: Option<(i64, Digest)>,
    /// What must be met, each with how it is known.
    anchors: Vec<(Anchor, &'static str)>,
    seen: Vec<Anchor>,
    /// Events up to this place were counted before.
    counted: i64,
}

const NOTED: &str = "when the anchor was noted";
const IN_FILES: &str = "in the export before";

impl Walk {
    pub(super) fn new(anchors: &[Anchor]) -> Self {
        Self {
            report: Report::default(),
            last: None,
            anchors: anchors.iter().map(|anchor| (*anchor, NOTED)).collect(),
            seen: Vec::new(),
            counted: 0,
        }
    }

    /// Starts behind the events that retention removed.
    fn behind(anchors: &[Anchor], start: Option<&Start>) -> Self {
        let mut walk = Self::new(anchors);
        let Some(start) = start else { return walk };
        let Anchor { id: last, digest } = start.last;
        for anchor in anchors.iter().filter(|anchor| anchor.id < last) {
            walk.seen.push(*anchor);
            let message = format!(
                "an anchor names the event {}, which retention removed: note a newer anchor, or \
                 bring the files of what was removed with --archive",
                anchor.id
            );
            walk.report.find(anchor.id, "removed", message);
        }
        walk.meet(last, digest);
        walk.last = Some((last, digest));
        walk
    }

    /// What is walked over goes on with what an export ended with.
    fn after(&mut self, export: Anchor) {
        self.anchors.push((export, IN_FILES));
        self.counted = export.id;
    }

    /// The first line of a file: whether it is taken as it is, because nothing at hand precedes it.
    /// The next line's digest covers it. If the file before it goes further, both must agree on that
    /// file's last event.
    pub(super) fn begin_file(&mut self, id: i64, digest: Digest) -> bool {
        match self.last {
            None if id <= 1 => return false,
            Some((last, _)) if last < id => return false,
            Some((last, digest)) => self.after(Anchor { id: last, digest }),
            None => {}
        }
        self.begin(id, digest);
        true
    }

    fn begin(&mut self, id: i64, digest: Digest) {
        self.count(id);
        self.meet(id, digest);
        self.last = Some((id, digest));
    }

    fn count(&mut self, id: i64) {
        self.report.events += u64::from(id > self.counted);
        self.report.first = self.report.first.or(Some(id));
    }

    fn meet(&mut self, id: i64, digest: Digest) {
        for (anchor, known) in self.anchors.iter().filter(|(anchor, _)| anchor.id == id) {
            self.seen.push(*anchor);
            if anchor.digest != digest {
                let message = format!(
                    "the event {id} had the digest {} {known}: it or one before it was changed and \
                     the digests behind it made anew",
                    anchor.digest
                );
                self.report.find(id, "anchor", message);
            }
        }
    }

    pub(super) fn step(&mut self, id: i64, line: Line<'_>, digest: Digest) {
        self.count(id);
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
        self.meet(id, digest);
        self.last = Some((id, digest));
    }

    pub(super) fn end(mut self) -> Report {
        let newest = self.last.map_or(0, |(id, _)| id);
        for (anchor, _) in self.anchors.iter().filter(|(anchor, _)| !self.seen.contains(anchor)) {
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
        self.verify_trail_behind(&[], anchors).await
    }

    /// The same, as one chain with exports of what retention has removed. The files are given in the
    /// order of their events, and may hold events that are in the database as well.
    ///
    /// # Errors
    /// The store's, and [`Error::Io`] of the files.
    pub async fn verify_trail_behind(
        &self,
        archive: &[PathBuf],
        anchors: &[Anchor],
    ) -> Result<Report, Error> {
        let mut reading = self.store().read().await?;
        let mut found = Report::default();
        let start = self.check_start(&mut reading, &mut found).await?;
        let removed = start.map_or(0, |start| start.last.id);
        let (mut of_archive, mut of_database): (Vec<Anchor>, Vec<Anchor>) =
            anchors.iter().partition(|anchor| anchor.id < removed);
        let mut whole = found;
        let mut ends = None;
        if archive.is_empty() {
            of_database.append(&mut of_archive);
        } else {
            let report = check_archive(archive, start.map(|start| start.last), of_archive)?;
            ends = report.newest;
            whole = whole.joined(report);
        }
        let mut walk = Walk::behind(&of_database, start.as_ref());
        if let Some(ends) = ends.filter(|ends| ends.id > removed) {
            walk.after(ends);
        }
        let mut position = removed;
        loop {
            let page = events::after(&mut reading, position, PAGE).await?;
            let Some(last) = page.last() else { break };
            position = last.id;
            for event in &page {
                walk.step(event.id, event.line(), event.digest);
            }
        }
        let mut report = walk.end();
        report.start = start;
        check_end(&mut reading, &mut report).await?;
        Ok(whole.joined(report))
    }

    /// Walks the newest `count` events only.
    ///
    /// # Errors
    /// The store's.
    pub async fn verify_tail(&self, count: i64) -> Result<Report, Error> {
        let mut reading = self.store().read().await?;
        let mut found = Report::default();
        let start = self.check_start(&mut reading, &mut found).await?;
        let removed = start.map_or(0, |start| start.last.id);
        let position = events::position(&mut reading).await?.saturating_sub(count).max(0);
        let from_start = position <= removed;
        let mut walk = Walk::behind(&[], start.as_ref().filter(|_| from_start));
        let limit = u32::try_from(count).unwrap_or(u32::MAX);
        for event in events::after(&mut reading, position.max(removed), limit).await? {
            if walk.last.is_none() && !from_start {
                walk.begin(event.id, event.digest);
            } else {
                walk.step(event.id, event.line(), event.digest);
            }
        }
        let mut report = walk.end();
        report.start = start;
        check_end(&mut reading, &mut report).await?;
        Ok(found.joined(report))
    }

    /// Checks the start's signature, and that the newest `trail.trimmed` names the same event. An
    /// unsigned start is a finding; the walk goes on from it, to find what else is wrong.
    async fn check_start(
        &self,
        connection: &mut Connection,
        report: &mut Report,
    ) -> Result<Option<Start>, Error> {
        let filter = events::Filter { types: vec![EventType::TrailTrimmed], ..Default::default() };
        let told = events::list(connection, &filter, 1).await?;
        let told = told.first().map(|event| (event.id, through(event)));
        let (start, is_signed) = match self.signed_start(connection).await? {
            Some((Some(start), is_signed)) => (start, is_signed),
            Some((None, _)) => {
                let message = "what the database holds as the trail's start is none".to_owned();
                report.find(1, "start", message);
                return Ok(None);
            }
            None => {
                if let Some((id, _)) = told {
                    let message = format!(
                        "the event {id} tells that events were removed, and the trail's signed \
                         start is missing"
                    );
                    report.find(id, "start", message);
                }
                return Ok(None);
            }
        };
        let id = start.last.id;
        if !is_signed {
            let message = format!(
                "no signer of lists of this issuer signed that the trail starts behind the event \
                 {id}: its beginning was cut off"
            );
            report.find(id, "start", message);
        }
        if told.and_then(|(_, through)| through) != Some(start.last) {
            let message = format!(
                "the newest trail.trimmed does not tell that the events up to {id} were removed, \
                 as the trail's start does"
            );
            report.find(id, "start", message);
        }
        Ok(Some(start))
    }
}

/// Checks the files of what was removed; the last event that was removed must be in them.
fn check_archive(
    files: &[PathBuf],
    behind: Option<Anchor>,
    mut anchors: Vec<Anchor>,
) -> Result<Report, Error> {
    anchors.extend(behind);
    let mut report = check_files(files, &anchors)?;
    let ends = report.newest.map_or(0, |newest| newest.id);
    if let Some(behind) = behind.filter(|behind| ends < behind.id) {
        report.findings.retain(|finding| (finding.id, finding.code) != (behind.id, "truncated"));
        let message = format!(
            "the files end with the event {ends}, and those up to {} were removed: the files of \
             what stood between are missing",
            behind.id
        );
        report.find(behind.id, "truncated", message);
    }
    Ok(report)
}

/// The last event that a `trail.trimmed` says was removed.
fn through(event: &EventRecord) -> Option<Anchor> {
    let data: Value = serde_json::from_str(&event.data).ok()?;
    let id = data.get("through")?.as_i64()?;
    Some(Anchor { id, digest: names::digest(data.get("digest")?.as_str()?)? })
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
        let is_told = match told.first() {
            Some(event) => event.data.contains(&head.to_string()),
            // Nothing was published for so long that retention has removed the newest of them.
            None => report.start.is_some_and(|start| start.head == Some(head)),
        };
        if !is_told {
            let message = format!("no event tells of the newest signed head {head}");
            report.find(newest.saturating_add(1), "truncated", message);
        }
    }
    Ok(())
}
