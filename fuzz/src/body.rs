//! Bodies of shards: as bytes, and as facts that are written and read back.

use portcullis_core::issue::{ShardContents, encode_body};
use portcullis_core::list::{Body, SlotSet, SlotState, TimedSlot};
use portcullis_core::time::Time;

use super::Source;

/// Runs the target.
pub fn run(bytes: &[u8]) {
    if let Ok(body) = Body::decode(bytes) {
        // The encoding is unique: writing what was read gives the same bytes.
        let facts = facts_of(&body);
        assert_eq!(encode_body(&facts).as_deref(), Ok(bytes));
        check(&body, &facts);
    }
    let facts = facts(bytes);
    if let Ok(file) = encode_body(&facts) {
        let body = Body::decode(&file).unwrap();
        assert_eq!(facts_of(&body), facts);
        check(&body, &facts);
    }
}

fn facts_of(body: &Body) -> ShardContents {
    ShardContents {
        capacity: body.capacity(),
        revoked: body.revoked().slots(),
        suspended: body.suspended().slots(),
        assigned: body.assigned().map(SlotSet::slots).unwrap_or_default(),
        timed: body.timed().to_vec(),
    }
}

/// Checks that look-ups agree with the sets, at both ends and around some of the listed slots.
fn check(body: &Body, facts: &ShardContents) {
    let listed = facts.revoked.iter().chain(&facts.suspended).chain(&facts.assigned);
    let every = listed.clone().count() / 16 + 1;
    let near = listed.step_by(every).chain(facts.timed.iter().take(16).map(|entry| &entry.slot));
    let near = near.flat_map(|slot| [slot.saturating_sub(1), *slot, slot + 1]);
    let now = Time::from_secs(facts.timed.first().map_or(0, |entry| entry.from));
    for slot in [0, facts.capacity - 1, facts.capacity, u32::MAX].into_iter().chain(near) {
        let struck = facts
            .timed
            .iter()
            .any(|entry| entry.slot == slot && Time::from_secs(entry.from) <= now);
        let expected = if slot >= facts.capacity {
            SlotState::NotCovered
        } else if struck || facts.revoked.binary_search(&slot).is_ok() {
            SlotState::Revoked
        } else if facts.suspended.binary_search(&slot).is_ok() {
            SlotState::Suspended
        } else {
            SlotState::Good
        };
        assert_eq!(body.state(slot, now), expected, "slot {slot}");
        let assigned = facts.assigned.binary_search(&slot).is_ok();
        assert_eq!(body.is_assigned(slot), assigned, "slot {slot}");
    }
    assert_eq!(body.counts(), facts.counts());
}

/// Facts with arbitrary values: runs of slots, each a gap, a length and a state.
fn facts(bytes: &[u8]) -> ShardContents {
    let mut source = Source(bytes);
    let capacity = match source.u16() {
        // The one capacity that issuers use; rare, because it is slow.
        u16::MAX => Body::MAX_CAPACITY,
        small => u32::from(small) % 0x1000,
    };
    let mut facts = ShardContents { capacity, ..ShardContents::default() };
    let mut slot = 0_u32;
    while !source.0.is_empty() {
        let what = source.u8();
        slot = slot.saturating_add(match what >> 2 & 3 {
            0 => 0,
            1 => u32::from(source.u8()),
            2 => u32::from(source.u16()),
            _ => source.u32() >> 12,
        });
        let last = slot.saturating_add(u32::from(what >> 4).pow(2)).min(capacity);
        match what & 3 {
            // The second half of the lengths is for assigned slots.
            0 | 2 if what >> 7 == 1 => facts.assigned.extend(slot..last),
            0 => facts.revoked.extend(slot..last),
            1 => facts.suspended.extend(slot..last),
            // Every other slot, which makes a set that is dense in the middle.
            2 => facts.revoked.extend((slot..last).step_by(2)),
            _ => facts.timed.push(TimedSlot { slot, from: source.u32() }),
        }
        slot = last.max(slot.saturating_add(1));
    }
    facts
}
