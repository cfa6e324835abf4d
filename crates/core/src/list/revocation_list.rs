//! A whole list in memory, and the state of a key in it.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::crypto::{Digest, IssuerId};
use crate::list::{Body, BulkState, Head, ListVersion, SlotState, Stamp};
use crate::time::Time;
use crate::token::{Claims, Serial};

/// A whole list: every part is verified, every body is in memory.
#[derive(Clone, Debug)]
pub struct RevocationList {
    stamp: Stamp,
    head: Head,
    shards: Vec<(u32, Arc<Body>)>,
}

/// The state of one key at one instant.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The serial is covered and no entry applies.
    Good,
    /// A revocation is in effect.
    Revoked,
    /// A suspension is in effect.
    Suspended,
    /// The list doesn't cover the serial: the list is older than the key, or the key was never
    /// issued.
    NotCovered,
}

impl RevocationList {
    /// Assembles a list from parts that were opened and checked against each other. `shards` holds
    /// the body of each of the head's lines.
    pub(crate) const fn assemble(stamp: Stamp, head: Head, shards: Vec<(u32, Arc<Body>)>) -> Self {
        Self { stamp, head, shards }
    }

    /// The issuer.
    #[must_use]
    pub fn issuer(&self) -> IssuerId {
        self.stamp.issuer()
    }

    /// Epoch, number and times, as signed.
    #[must_use]
    pub fn list_version(&self) -> ListVersion {
        self.stamp.list_version()
    }

    /// The stamp.
    #[must_use]
    pub fn stamp(&self) -> &Stamp {
        &self.stamp
    }

    /// The head.
    #[must_use]
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The held bodies, with the digests that the head names.
    pub(crate) fn bodies(&self) -> impl Iterator<Item = (Digest, Arc<Body>)> {
        self.head
            .shards()
            .iter()
            .zip(&self.shards)
            .map(|(line, (_, body))| (line.body, Arc::clone(body)))
    }

    /// Replaces the stamp by a newer one for the same head.
    pub(crate) fn renew(&mut self, stamp: Stamp) {
        self.stamp = stamp;
    }

    /// The state at `now` of the key with these claims, whether or not the list is valid then; and
    /// whether the key has an assignment.
    #[inline]
    pub(crate) fn status(&self, claims: &Claims, now: Time) -> (Status, bool) {
        let serial: Serial = claims.serial;
        let shard = self.shards.binary_search_by_key(&serial.shard(), |(shard, _)| *shard);
        let body = shard.ok().and_then(|at| self.shards.get(at));
        let (slot, is_assigned) = body.map_or((SlotState::NotCovered, false), |(_, body)| {
            (body.state(serial.slot(), now), body.is_assigned(serial.slot()))
        });
        (self.status_of(slot, claims), is_assigned)
    }

    /// The state of a key whose slot has this state. A bulk entry for an owner looks at the owner
    /// in the token, whatever is assigned.
    fn status_of(&self, slot: SlotState, claims: &Claims) -> Status {
        // Precedence: revoked, then not covered, then suspended.
        let bulk = self.head.bulk().iter().filter(|entry| entry.applies_to(claims));
        match (slot, bulk.map(|entry| entry.state).max()) {
            (SlotState::Revoked, _) | (_, Some(BulkState::Revoked)) => Status::Revoked,
            (SlotState::NotCovered, _) => Status::NotCovered,
            (SlotState::Suspended, _) | (_, Some(BulkState::Suspended)) => Status::Suspended,
            (SlotState::Good, None) => Status::Good,
        }
    }
}
