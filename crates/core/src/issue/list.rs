//! Writing lists: bodies, head, stamp. Bodies and heads are decoded by the verifying half before
//! they are returned, so that verifiers accept what is published.

use alloc::vec::Vec;

use crate::crypto::{Context, Digest, IssuerId};
use crate::field::Field;
use crate::issue::SigningKey;
use crate::list::{
    Body, BulkEntry, Counts, FileName, ListVersion, ShardLine, TimedSlot, encode_set,
};
use crate::list::{head, stamp};
use crate::time::Time;
use crate::wire::{Put as _, WireError};

/// The contents of one shard's body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShardContents {
    /// Covered slots, 1 to 2^20.
    pub capacity: u32,
    /// Revoked slots, ascending.
    pub revoked: Vec<u32>,
    /// Suspended slots, ascending, none of them revoked.
    pub suspended: Vec<u32>,
    /// Slots with an assignment, ascending.
    pub assigned: Vec<u32>,
    /// Slots with a timed revocation, ascending, none of them revoked.
    pub timed: Vec<TimedSlot>,
}

impl ShardContents {
    /// The sizes of the sets.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let [revoked, suspended, assigned] =
            [&self.revoked, &self.suspended, &self.assigned].map(|slots| count(slots.len()));
        Counts { revoked, suspended, assigned, timed: count(self.timed.len()) }
    }
}

/// Encodes the body of a shard.
///
/// # Errors
/// [`WireError::NotCanonical`] names the field whose entries contradict another or don't ascend.
pub fn encode_body(facts: &ShardContents) -> Result<Vec<u8>, WireError> {
    if !(1..=Body::MAX_CAPACITY).contains(&facts.capacity) {
        return Err(WireError::NotCanonical(Field::Capacity));
    }
    let mut out = Vec::new();
    // A set of assigned slots is there if it isn't empty.
    let assigned = Some((Field::Assigned, &facts.assigned)).filter(|(_, slots)| !slots.is_empty());
    let flag = if assigned.is_some() { crate::list::BODY_ASSIGNED } else { 0 };
    out.put_magic(crate::list::BODY_LETTER).put_u32(facts.capacity | flag);
    let sets = [(Field::Revoked, &facts.revoked), (Field::Suspended, &facts.suspended)];
    for (field, slots) in sets.into_iter().chain(assigned) {
        // Without an early exit, so that the compiler can vectorize.
        let pairs = slots.iter().zip(slots.iter().skip(1));
        let ascends = pairs.fold(true, |ascends, (a, b)| ascends & (a < b));
        if !ascends || slots.last().is_some_and(|&last| last >= facts.capacity) {
            return Err(WireError::NotCanonical(field));
        }
        out.put_u32(count(slots.len()));
        encode_set(facts.capacity, slots, &mut out);
    }
    out.put_u32(count(facts.timed.len()));
    for entry in &facts.timed {
        out.put_u32(entry.slot).put_u32(entry.from);
    }
    Body::decode(&out)?;
    Ok(out)
}

impl ShardLine {
    /// The line of `shard`, whose body is `file`. Needs the feature `issue`.
    #[must_use]
    pub fn new(shard: u32, file: &[u8]) -> Self {
        let FileName { digest, len } = name_file(file);
        Self { shard, len, body: digest }
    }
}

/// Digest and length of a file.
#[must_use]
pub fn name_file(file: &[u8]) -> FileName {
    FileName { digest: Digest::of(file), len: count(file.len()) }
}

/// The key that signs lists, with its kid.
#[derive(Debug)]
pub struct ListSigner {
    /// The issuer.
    pub issuer: IssuerId,
    /// The key id.
    pub kid: u16,
    /// The key.
    pub key: SigningKey,
}

/// The contents of a head.
#[derive(Clone, Debug)]
pub struct HeadDraft {
    /// The list epoch.
    pub epoch: u32,
    /// The number, greater than the previous head's.
    pub number: u64,
    /// Every revocation committed before this instant is in the bodies.
    pub this_update: Time,
    /// The digest of the previous head, zeros for the first.
    pub previous: Digest,
    /// The directory of the publishable keys' policies, [`FileName::NONE`] if there are none.
    pub public_policies: FileName,
    /// The directory of the secret keys' policies, [`FileName::NONE`] if there are none.
    pub private_policies: FileName,
    /// The directory of the publishable keys' assignments, [`FileName::NONE`] if there are none.
    pub public_assignments: FileName,
    /// The directory of the secret keys' assignments, [`FileName::NONE`] if there are none.
    pub private_assignments: FileName,
    /// The shards, by ascending number, with the bodies' names.
    pub shards: Vec<ShardLine>,
    /// The bulk entries, in any order.
    pub bulk: Vec<BulkEntry>,
}

/// The contents of a stamp.
#[derive(Clone, Copy, Debug)]
pub struct StampDraft {
    /// Epoch, number and times.
    pub list_version: ListVersion,
    /// The head's name.
    pub head: FileName,
    /// The version of the current keyring.
    pub keyring_version: u32,
}

impl ListSigner {
    /// Signs a head.
    ///
    /// # Errors
    /// [`WireError::NotCanonical`] names the field that verifiers would refuse.
    pub fn sign_head(&self, draft: &HeadDraft) -> Result<Vec<u8>, WireError> {
        // The format has one order of bulk entries, without duplicates.
        let mut bulk = draft.bulk.clone();
        bulk.sort_unstable();
        bulk.dedup();
        let fields = head::Fields {
            issuer: self.issuer,
            kid: self.kid,
            epoch: draft.epoch,
            number: draft.number,
            this_update: draft.this_update,
            previous: draft.previous,
            public_policies: draft.public_policies,
            private_policies: draft.private_policies,
            public_assignments: draft.public_assignments,
            private_assignments: draft.private_assignments,
            shards: draft.shards.clone(),
            bulk,
        };
        // Read it back: never sign what verifiers would refuse.
        let bytes = fields.encode();
        head::Fields::decode(&bytes)?;
        Ok(self.key.seal(Context::HEAD, bytes))
    }

    /// Signs a stamp.
    #[must_use]
    pub fn sign_stamp(&self, draft: &StampDraft) -> Vec<u8> {
        let fields = stamp::Fields {
            issuer: self.issuer,
            kid: self.kid,
            list_version: draft.list_version,
            head: draft.head.digest,
            head_len: draft.head.len,
            keyring_version: draft.keyring_version,
        };
        self.key.seal(Context::STAMP, fields.encode())
    }
}

fn count(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}
