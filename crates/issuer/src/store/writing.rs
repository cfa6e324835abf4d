//! A transaction that writes, and its time.
//!
//! The clock is read once, by the check that lets the transaction in. Whatever the transaction
//! writes bears that reading. A clock that is set while a transaction waits for its turn, or while
//! it works, therefore changes nothing in it.

use std::ops::{Deref, DerefMut};

use portcullis_core::time::Time;
use sqlx::{Any, Transaction};

use super::Connection;
use super::clock::MAX_AHEAD_MILLIS;
use crate::clock::Reading;
use crate::error::Error;

/// A transaction that excludes all others that write from its start: it sees every change that was
/// committed, and no other commits before it. Dropped without a commit, it leaves nothing.
#[derive(Debug)]
pub struct Writing {
    transaction: Transaction<'static, Any>,
    reading: Reading,
}

impl Writing {
    pub(super) const fn new(transaction: Transaction<'static, Any>, reading: Reading) -> Self {
        Self { transaction, reading }
    }

    /// What the clock said when it was checked.
    #[must_use]
    pub const fn clock(&self) -> Time {
        self.reading.wall
    }

    /// What both clocks said when they were checked.
    #[must_use]
    pub const fn reading(&self) -> &Reading {
        &self.reading
    }

    /// The instant of this transaction by the store's clock: [`super::now`].
    ///
    /// # Errors
    /// The database's.
    pub async fn now(&mut self) -> Result<Time, Error> {
        super::now(&mut self.transaction, self.reading.wall).await
    }

    /// Commits.
    ///
    /// # Errors
    /// The database's: then it is not known whether the transaction was committed.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        self.transaction.commit().await
    }

    /// Ends it, and leaves nothing of it.
    ///
    /// # Errors
    /// The database's.
    pub async fn rollback(self) -> Result<(), sqlx::Error> {
        self.transaction.rollback().await
    }
}

impl Deref for Writing {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.transaction
    }
}

impl DerefMut for Writing {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.transaction
    }
}

/// For how long somebody does something alone, in milliseconds as the store keeps them.
pub(super) struct Lease {
    pub(super) now: i64,
    pub(super) until: i64,
    /// No lease ends later that was taken by a clock which the check lets pass. One that does is of
    /// a clock that was far ahead, and counts for nothing: otherwise it would last until then.
    pub(super) longest: i64,
}

impl Lease {
    pub(super) fn from(now: Time, millis: u64) -> Self {
        let until = now.plus_millis(millis);
        let longest = until.plus_millis(MAX_AHEAD_MILLIS);
        Self {
            now: super::millis(now),
            until: super::millis(until),
            longest: super::millis(longest),
        }
    }
}
