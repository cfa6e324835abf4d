//! The statuses of a shard: one or two bits per slot, least significant bits first, compressed.

use std::io::{self, Write as _};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use portcullis_core::list::{Body, BulkState};
use portcullis_core::time::Time;

/// The registered values.
const INVALID: u8 = 1;
const SUSPENDED: u8 = 2;

/// The statuses of a shard's slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statuses {
    /// Bits per slot: 1, or 2 if any slot is suspended.
    pub bits: u8,
    /// The packed statuses of the whole capacity.
    pub bytes: Vec<u8>,
}

impl Statuses {
    /// The list's status of each slot at `at`: from `body`, and from the slots that bulk entries
    /// cover, in any order. A revocation overrides a suspension.
    #[must_use]
    pub fn new(body: &Body, bulk: &[(u32, BulkState)], at: Time) -> Self {
        let mut values = vec![0_u8; body.capacity() as usize];
        let mut set = |slot: u32, value: u8| {
            if let Some(status) = values.get_mut(slot as usize) {
                *status = value;
            }
        };
        let of = |state| bulk.iter().filter(move |entry| entry.1 == state).map(|entry| entry.0);
        let struck = body.timed().iter().filter(|entry| at >= Time::from_secs(entry.from));
        for slot in body.suspended().slots().into_iter().chain(of(BulkState::Suspended)) {
            set(slot, SUSPENDED);
        }
        let revoked = body.revoked().slots().into_iter().chain(of(BulkState::Revoked));
        for slot in revoked.chain(struck.map(|entry| entry.slot)) {
            set(slot, INVALID);
        }
        let bits = if values.contains(&SUSPENDED) { 2 } else { 1 };
        let bytes = values.chunks(8 / usize::from(bits)).map(|chunk| {
            let places = (0_u32..).step_by(usize::from(bits));
            chunk.iter().zip(places).fold(0, |byte, (value, place)| byte | value << place)
        });
        Self { bits, bytes: bytes.collect() }
    }

    /// The status at `slot`; `None` beyond the end.
    #[must_use]
    pub fn get(&self, slot: u32) -> Option<u8> {
        let per_byte = 8 / u32::from(self.bits);
        let byte = *self.bytes.get((slot / per_byte) as usize)?;
        let mask = (1_u8 << self.bits) - 1;
        Some(byte >> (slot % per_byte * u32::from(self.bits)) & mask)
    }

    /// The bytes in ZLIB format (RFC 1950), at the best compression.
    ///
    /// # Errors
    /// None: it writes to memory.
    pub fn compress(&self) -> io::Result<Vec<u8>> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(&self.bytes)?;
        encoder.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use portcullis_core::issue::{ShardContents, encode_body};
    use portcullis_core::list::{SlotState, TimedSlot};
    use proptest::prelude::*;

    use super::*;

    fn body(facts: &ShardContents) -> Body {
        Body::decode(&encode_body(facts).unwrap()).unwrap()
    }

    fn inflate(bytes: &[u8]) -> Vec<u8> {
        let mut plain = Vec::new();
        flate2::read::ZlibDecoder::new(bytes).read_to_end(&mut plain).unwrap();
        plain
    }

    #[test]
    fn the_draft_s_small_lists() {
        let revoked = vec![0, 3, 4, 5, 7, 8, 9, 13, 15];
        let facts = ShardContents { capacity: 16, revoked, ..ShardContents::default() };
        let statuses = Statuses::new(&body(&facts), &[], Time::from_secs(0));
        assert_eq!((statuses.bits, statuses.bytes.as_slice()), (1, [0xB9, 0xA3].as_slice()));
        assert_eq!(inflate(&statuses.compress().unwrap()), statuses.bytes);
    }

    #[test]
    fn two_bits_only_where_a_key_is_suspended() {
        let facts = ShardContents { capacity: 8, suspended: vec![2], ..ShardContents::default() };
        let suspended = Statuses::new(&body(&facts), &[], Time::from_secs(0));
        assert_eq!((suspended.bits, suspended.bytes.as_slice()), (2, [0x20, 0].as_slice()));
        // Revoked as well, by its owner's entry, so no slot is suspended.
        let bulk = [(2, BulkState::Suspended), (2, BulkState::Revoked)];
        let revoked = Statuses::new(&body(&facts), &bulk, Time::from_secs(0));
        assert_eq!((revoked.bits, revoked.bytes.as_slice()), (1, [4].as_slice()));
    }

    #[test]
    fn a_sparse_shard_is_small() {
        let revoked = (0..1 << 20).step_by(1000).collect();
        let facts = ShardContents { capacity: 1 << 20, revoked, ..ShardContents::default() };
        let packed = Statuses::new(&body(&facts), &[], Time::from_secs(0)).compress().unwrap();
        assert!(packed.len() < 3_000, "{}", packed.len());
    }

    /// Each slot is revoked, suspended, timed, several of these or none, and covered by bulk
    /// entries or not.
    fn any_facts() -> impl Strategy<Value = (ShardContents, Vec<(u32, BulkState)>)> {
        let slots = proptest::collection::vec((0_u8..6, 0_u32..100, 0_u8..4), 1..300);
        slots.prop_map(|slots| {
            let capacity = u32::try_from(slots.len()).unwrap();
            let mut facts = ShardContents { capacity, ..ShardContents::default() };
            let mut bulk = Vec::new();
            for (slot, (kind, from, by_bulk)) in (0..).zip(slots) {
                match kind {
                    0 => facts.revoked.push(slot),
                    1 | 2 => facts.suspended.push(slot),
                    _ => {}
                }
                if kind == 2 || kind == 3 {
                    facts.timed.push(TimedSlot { slot, from });
                }
                if by_bulk & 1 != 0 {
                    bulk.push((slot, BulkState::Suspended));
                }
                if by_bulk & 2 != 0 {
                    bulk.push((slot, BulkState::Revoked));
                }
            }
            (facts, bulk)
        })
    }

    proptest! {
        /// For any facts and time, each slot's status equals that of the revocation list.
        #[test]
        fn it_says_what_the_revocation_list_says((facts, bulk) in any_facts(), at in 0_u32..100) {
            let (body, at) = (body(&facts), Time::from_secs(at));
            let statuses = Statuses::new(&body, &bulk, at);
            prop_assert_eq!(statuses.bytes.len(), (facts.capacity as usize * usize::from(statuses.bits)).div_ceil(8));
            let mut suspended = false;
            for slot in 0..facts.capacity {
                let bulk = bulk.iter().filter(|entry| entry.0 == slot).map(|entry| entry.1).max();
                let expected = match (body.state(slot, at), bulk) {
                    (SlotState::Revoked, _) | (_, Some(BulkState::Revoked)) => 1,
                    (SlotState::Suspended, _) | (_, Some(BulkState::Suspended)) => 2,
                    (SlotState::Good | SlotState::NotCovered, None) => 0,
                };
                suspended |= expected == 2;
                prop_assert_eq!(statuses.get(slot), Some(expected), "slot {}", slot);
            }
            prop_assert_eq!(statuses.bits, if suspended { 2 } else { 1 });
            prop_assert_eq!(inflate(&statuses.compress().unwrap()), statuses.bytes);
        }
    }
}
