//! The body of a shard: what its sets say of a slot, and the encodings that are refused.

use portcullis_core::error::{Field, WireError};
use portcullis_core::issue::{ShardContents, encode_body};
use portcullis_core::list::{Body, SlotState, TimedSlot};
use portcullis_core::time::Time;

fn facts() -> ShardContents {
    ShardContents {
        capacity: 1000,
        revoked: vec![3, 999],
        suspended: vec![0, 7],
        assigned: vec![2, 7, 9],
        timed: vec![TimedSlot { slot: 7, from: 50 }, TimedSlot { slot: 8, from: 60 }],
    }
}

#[test]
fn each_set_speaks_for_its_slots() {
    let body = Body::decode(&encode_body(&facts()).unwrap()).unwrap();
    let at = |slot, millis| body.state(slot, Time::from_millis(millis));
    assert_eq!(at(3, 0), SlotState::Revoked);
    assert_eq!(at(0, 0), SlotState::Suspended);
    assert_eq!(at(7, 49_999), SlotState::Suspended);
    assert_eq!(at(7, 50_000), SlotState::Revoked);
    assert_eq!(at(8, 59_999), SlotState::Good);
    assert_eq!(at(8, 60_000), SlotState::Revoked);
    assert_eq!(at(998, u64::MAX), SlotState::Good);
    assert_eq!(at(1000, 0), SlotState::NotCovered);
}

#[test]
fn contradictions_are_refused() {
    let both = |change: fn(&mut ShardContents)| {
        let mut facts = facts();
        change(&mut facts);
        encode_body(&facts)
    };
    assert!(both(|f| f.suspended.push(999)).is_err());
    assert!(both(|f| f.timed[0].slot = 3).is_err());
    assert!(both(|f| f.timed.swap(0, 1)).is_err());
    assert!(both(|f| f.capacity = 999).is_err());
    assert!(both(|f| f.capacity = 0).is_err());
    assert!(both(|f| f.revoked.swap(0, 1)).is_err());
}

#[test]
fn a_slot_is_not_both_however_many_are_either() {
    let all = |len| (0..len).collect::<Vec<u32>>();
    let read = |revoked, suspended| {
        let facts =
            ShardContents { capacity: 1000, revoked, suspended, ..ShardContents::default() };
        encode_body(&facts).map(|bytes| Body::decode(&bytes).unwrap())
    };
    let both = Err(WireError::NotCanonical(Field::Suspended));
    for few in [vec![], vec![3], all(500)] {
        let rest: Vec<u32> = (0..1000).filter(|slot| !few.contains(slot)).collect();
        for (revoked, suspended) in [(few.clone(), rest.clone()), (rest, few.clone())] {
            let body = read(revoked.clone(), suspended.clone()).unwrap();
            assert_eq!((body.revoked().slots(), body.suspended().slots()), (revoked, suspended));
        }
    }
    assert_eq!(read(all(1000), vec![3]).map(|_| ()), both);
    assert_eq!(read(vec![3], all(1000)).map(|_| ()), both);
    assert_eq!(read(all(400), vec![399, 400]).map(|_| ()), both);
    assert_eq!(read(vec![399, 400], all(400)).map(|_| ()), both);
}

#[test]
fn every_cut_and_every_added_byte_is_refused() {
    let bytes = encode_body(&facts()).unwrap();
    for len in 0..bytes.len() {
        assert!(Body::decode(&bytes[..len]).is_err());
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(Body::decode(&longer).unwrap_err(), WireError::TrailingBytes);
}
