//! Checks every serial of lists with one million and ten million slots, at densities from one in
//! ten thousand to 99 in a hundred: each answer is right, and the list is no larger than specified.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use portcullis_core::error::{Field, WireError};
use portcullis_core::issue::{ShardContents, encode_body};
use portcullis_core::list::{Body, SlotState};
use portcullis_core::time::Time;

/// Revoked slots per ten thousand.
const DENSITIES: [u64; 9] = [1, 10, 100, 1_000, 2_500, 3_800, 5_000, 7_500, 9_900];

/// SplitMix64 (Steele, Lea and Flood 2014), for sets that are the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ z >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ z >> 31
    }
}

fn shards(serials: u32) -> impl Iterator<Item = u32> {
    let whole = serials / Body::MAX_CAPACITY;
    let last = serials % Body::MAX_CAPACITY;
    (0..whole).map(|_| Body::MAX_CAPACITY).chain((last > 0).then_some(last))
}

/// log2 of `n!`, by Stirling's series, whose error is below one bit from 1 on.
fn log2_factorial(n: u64) -> f64 {
    if n < 2 {
        return 0.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
    let n = n as f64;
    let ln = n * n.ln() - n + 0.5 * (2.0 * std::f64::consts::PI * n).ln() + 1.0 / (12.0 * n);
    ln / std::f64::consts::LN_2
}

fn check(serials: u32) {
    for density in DENSITIES {
        let mut random = Random(density);
        let (mut bytes, mut revoked_in_all, mut shard_count) = (0, 0, 0);
        // Every slot has the right state, and the slot after the last is not covered.
        for capacity in shards(serials) {
            let revoked: Vec<u32> =
                (0..capacity).filter(|_| random.next() % 10_000 < density).collect();
            revoked_in_all += revoked.len() as u64;
            let facts = ShardContents { capacity, revoked, ..ShardContents::default() };
            let file = encode_body(&facts).unwrap();
            bytes += file.len();
            shard_count += 1;
            let body = Body::decode(&file).unwrap();
            let mut members = facts.revoked.iter().copied().peekable();
            for slot in 0..capacity {
                let expected = match members.next_if_eq(&slot) {
                    Some(_) => SlotState::Revoked,
                    None => SlotState::Good,
                };
                assert_eq!(body.state(slot, Time::from_millis(0)), expected, "slot {slot}");
            }
            assert_eq!(body.state(capacity, Time::from_millis(0)), SlotState::NotCovered);
        }
        // The size stays within the allowance over the information-theoretic bound, log2 C(n, k)
        // bits.
        let all = u64::from(serials);
        let bound = (log2_factorial(all)
            - log2_factorial(revoked_in_all)
            - log2_factorial(all - revoked_in_all))
            / 8.0;
        let allowed = bound * 1.015 + 300.0 + 64.0 * f64::from(shard_count);
        let head_and_stamp = 218 + 52 * shard_count;
        let size = f64::from(u32::try_from(bytes).unwrap() + head_and_stamp);
        assert!(size <= allowed, "{density} of 10,000: {size} bytes, the bound is {bound}");
    }
}

#[test]
fn a_million() {
    check(1_000_000);
}

#[test]
fn ten_million() {
    check(10_000_000);
}

#[test]
fn a_slot_that_is_named_twice_is_refused() {
    for slots in [vec![3, 3], vec![0, 0], vec![4, 3]] {
        let facts =
            ShardContents { capacity: 10, revoked: slots.clone(), ..ShardContents::default() };
        assert_eq!(encode_body(&facts), Err(WireError::NotCanonical(Field::Revoked)));
        let facts = ShardContents { capacity: 10, suspended: slots, ..ShardContents::default() };
        assert_eq!(encode_body(&facts), Err(WireError::NotCanonical(Field::Suspended)));
        assert_eq!((facts.counts().revoked, facts.counts().suspended), (0, 2));
    }
}
