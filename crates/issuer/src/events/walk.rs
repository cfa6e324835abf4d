//! Walks along a chain of digests, from the database or from exports, and collects findings.

use portcullis_core::crypto::Digest;
use serde::Serialize;

use super::anchor::Anchor;
use super::start::Start;
use crate::store::events::Line;

/// Findings beyond this number are only counted.
const MAX_FINDINGS: usize = 100;

/// A deviation of the trail from what was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The event that shows it.
    pub id: i64,
    /// `changed`, `missing`, `reordered`, `truncated`, `anchor`, `start` or `removed`.
    pub code: &'static str,
    /// An explanation as a sentence.
    pub message: String,
}

/// The result of verifying a trail.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The number of events read.
    pub events: u64,
    /// The oldest event read.
    pub first: Option<i64>,
    /// What was removed before the events of the database.
    pub start: Option<Start>,
    /// The newest event: the anchor to note.
    pub newest: Option<Anchor>,
    /// The findings in order, at most a hundred.
    pub findings: Vec<Finding>,
    /// The number of findings not listed.
    pub more: u64,
}

impl Report {
    /// Whether nothing was found.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    /// Joins two reports; `other` covers the part that follows.
    pub(super) fn joined(self, other: Self) -> Self {
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

/// A walk along the chain.
pub(super) struct Walk {
    pub(super) report: Report,
    /// The id and digest of the last event.
    pub(super) last: Option<(i64, Digest)>,
    /// The anchors to check, each with its origin for messages.
    anchors: Vec<(Anchor, &'static str)>,
    seen: Vec<Anchor>,
    /// Events up to this id were counted already.
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

    /// Starts after the events that retention removed.
    pub(super) fn behind(anchors: &[Anchor], start: Option<&Start>) -> Self {
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

    /// Requires the walk to continue from an export's last event.
    pub(super) fn after(&mut self, export: Anchor) {
        self.anchors.push((export, IN_FILES));
        self.counted = export.id;
    }

    /// Handles the first line of a file. Returns whether the line is accepted unverified because
    /// its predecessor is unavailable; the next line's digest covers it. If the previous file goes
    /// further, the two must agree on that file's last event.
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

    pub(super) fn begin(&mut self, id: i64, digest: Digest) {
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
