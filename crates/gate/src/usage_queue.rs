//! Reports of uses that came over a queue, on their way to the issuer.
//!
//! A message is a stranger's: whoever may send to the queue can have written it. One that is no
//! report is dropped, since it would be none the next time either; one that did not reach the
//! issuer comes again, later each time. A queue delivers at least once: a batch that arrived, and
//! whose end the queue was not told of, is counted twice.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::host::Host;
use crate::log::Event;
use crate::report::{Line, MOST_USES, MessageError, body, read};
use crate::usage::PATIENCE;

/// When a message comes again, in seconds, at the earliest
const SOONEST: u32 = 10;
/// and at the latest. A hundred times are nearly the four days for which a queue keeps it.
const LATEST: u32 = 3_600;

/// A message as it was received.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its text, where it has one.
    pub body: Option<String>,
    /// How long ago it was sent.
    pub age_secs: u32,
}

/// What becomes of a message.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The issuer has it.
    Arrived,
    /// It is no report.
    Dropped,
    /// It is to come again.
    Again {
        /// After so many seconds: as long as it has been on its way already.
        seconds: u32,
    },
}

/// Messages that go to the issuer as one report.
#[derive(Default)]
struct Group {
    places: Vec<usize>,
    /// Uses and last use by public name.
    keys: HashMap<String, (u32, u32)>,
}

impl Group {
    fn has_room(&self, lines: &[Line]) -> bool {
        // Each line counts, known or not: a few requests more do no harm.
        self.keys.len() + lines.len() <= MOST_USES
    }

    fn add(&mut self, place: usize, lines: Vec<Line>) {
        self.places.push(place);
        for Line { key, uses, last_used_at } in lines {
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
        body(self.keys.into_iter().map(|(key, (uses, last))| (key, uses, last)))
    }
}

/// Hands the issuer what is in a batch, in as few reports as it takes. What becomes of each message
/// is said in their order. Where one report fails those behind it are not tried: the issuer is away.
pub async fn forward<H: Host>(host: &H, messages: &[Message]) -> Vec<Settled> {
    let again = |message: &Message| {
        let seconds = message.age_secs.clamp(SOONEST, LATEST);
        Settled::Again { seconds }
    };
    let mut settled: Vec<Settled> = messages.iter().map(again).collect();
    let mut settle = |places: &[usize], how: Settled| {
        for place in places {
            if let Some(settled) = settled.get_mut(*place) {
                *settled = how;
            }
        }
    };
    let mut groups: Vec<Group> = Vec::new();
    for (place, message) in messages.iter().enumerate() {
        match message.body.as_deref().ok_or(MessageError::Form).and_then(read) {
            Err(error) => {
                host.log(&Event::Message(error));
                settle(&[place], Settled::Dropped);
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
    for mut group in groups {
        let places = core::mem::take(&mut group.places);
        match host.deliver(group.body(), PATIENCE).await {
            Ok(()) => settle(&places, Settled::Arrived),
            Err(error) => {
                host.log(&Event::Usage(error));
                break;
            }
        }
    }
    settled
}
