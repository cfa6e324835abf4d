//! Forwarding reports of uses from a queue to the issuer.
//!
//! Messages are untrusted: anyone with access to the queue may have written them. A message that
//! isn't a report is dropped, since a retry can't help. One that did not reach the issuer is
//! retried, with growing delays. A queue delivers at least once: a batch that arrived but was not
//! acknowledged is counted twice.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::host::Host;
use crate::telemetry::log::Event;
use crate::telemetry::usage::TIMEOUT;
use crate::telemetry::usage_report::{
    CanaryLine, Line, Lines, MAX_CANARIES, MAX_USES, MessageError,
};

/// Seconds before a retry of a message, at least
const SOONEST: u32 = 10;
/// and at most. A hundred retries take nearly the four days for which a queue keeps a message.
const LATEST: u32 = 3_600;

/// A message from the queue.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its text, if it has one.
    pub body: Option<String>,
    /// Seconds since it was sent.
    pub age_secs: u32,
}

/// The outcome for a message.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageOutcome {
    /// The issuer has it.
    Delivered,
    /// It isn't a report.
    Dropped,
    /// To be retried.
    Retry {
        /// After this many seconds: as long as the message has been in the queue, but 10 at least
        /// and 3600 at most.
        seconds: u32,
    },
}

/// Messages that go to the issuer in one report.
#[derive(Default)]
struct Group {
    places: Vec<usize>,
    /// Uses and last use by public name.
    keys: HashMap<String, (u32, u32)>,
    /// Uses of canaries are not joined: each says where it came from.
    canaries: Vec<CanaryLine>,
}

impl Group {
    fn has_room(&self, lines: &Lines) -> bool {
        // Counts a line even if its key is in the group already: a few more requests do no harm.
        self.keys.len() + lines.uses.len() <= MAX_USES
            && self.canaries.len() + lines.canaries.len() <= MAX_CANARIES
    }

    fn add(&mut self, place: usize, lines: Lines) {
        self.places.push(place);
        self.canaries.extend(lines.canaries);
        for Line { key, uses, last_used_at } in lines.uses {
            match self.keys.entry(key) {
                Entry::Occupied(mut held) => {
                    let (sum, last) = held.get_mut();
                    *sum = sum.saturating_add(uses);
                    *last = last_used_at.max(*last);
                }
                Entry::Vacant(free) => {
                    free.insert((uses, last_used_at));
                }
            }
        }
    }

    fn body(self) -> String {
        let line = |(key, (uses, last_used_at))| Line { key, uses, last_used_at };
        let uses = self.keys.into_iter().map(line).collect();
        Lines { uses, canaries: self.canaries }.body()
    }
}

/// Delivers a batch to the issuer, in as few reports as possible. Returns each message's outcome,
/// in the order of the messages. After a failed report the following ones are not tried: the issuer
/// is unreachable.
pub async fn forward<H: Host>(host: &H, messages: &[Message]) -> Vec<MessageOutcome> {
    let again = |message: &Message| {
        let seconds = message.age_secs.clamp(SOONEST, LATEST);
        MessageOutcome::Retry { seconds }
    };
    let mut outcomes: Vec<MessageOutcome> = messages.iter().map(again).collect();
    let mut settle = |places: &[usize], how: MessageOutcome| {
        for place in places {
            if let Some(outcome) = outcomes.get_mut(*place) {
                *outcome = how;
            }
        }
    };
    // Drop what isn't a report, and group the rest.
    let mut groups: Vec<Group> = Vec::new();
    for (place, message) in messages.iter().enumerate() {
        match message.body.as_deref().ok_or(MessageError::Form).and_then(Lines::read) {
            Err(error) => {
                host.log(&Event::Message(error));
                settle(&[place], MessageOutcome::Dropped);
            }
            Ok(lines) => match groups.last_mut().filter(|group| group.has_room(&lines)) {
                Some(group) => group.add(place, lines),
                None => {
                    let mut group = Group::default();
                    group.add(place, lines);
                    groups.push(group);
                }
            },
        }
    }
    // Deliver each group.
    for mut group in groups {
        let places = core::mem::take(&mut group.places);
        match host.deliver_usage(group.body(), TIMEOUT).await {
            Ok(()) => settle(&places, MessageOutcome::Delivered),
            Err(error) => {
                host.log(&Event::Usage(error));
                break;
            }
        }
    }
    outcomes
}
