//! A transaction that writes, with the time that it writes.

use std::ops::{Deref, DerefMut};

use portcullis_core::time::Time;
use sqlx::{Any, Transaction};

use super::held::Held;
use super::{Connection, now};
use crate::clock::Reading;
use crate::error::Error;

/// A transaction that excludes all others that write from its start: whoever has one sees every
/// change that was committed and nobody else commits before it.
///
/// It has one time, that of the clock when the transaction began, which was compared with others
/// then. Whatever it writes bears that time: the clock may be set while it is at work.
#[derive(Debug)]
pub struct Writing {
    transaction: Transaction<'static, Any>,
    reading: Reading,
    held: Held,
}

impl Writing {
    pub(super) const fn new(
        transaction: Transaction<'static, Any>,
        reading: Reading,
        held: Held,
    ) -> Self {
        Self { transaction, reading, held }
    }

    /// What both clocks said when it began.
    #[must_use]
    pub const fn reading(&self) -> &Reading {
        &self.reading
    }

    /// What the clock said when it began: the time of leases and of what is tried again.
    #[must_use]
    pub const fn clock(&self) -> Time {
        self.reading.wall
    }

    /// Its instant: never before the list that was last promised, so that "committed before this
    /// update" can be read off the records.
    ///
    /// # Errors
    /// The database's.
    pub async fn now(&mut self) -> Result<Time, Error> {
        now(&mut self.transaction, self.reading.wall).await
    }

    /// Commits. What went into a file that has been deleted or replaced is lost with this process,
    /// so that counts as not committed.
    ///
    /// # Errors
    /// The database's; [`Error::DatabaseMissing`], [`Error::DatabaseReplaced`].
    pub async fn commit(self) -> Result<(), Error> {
        self.transaction.commit().await?;
        self.held.check()
    }

    /// Leaves nothing of it, now and not when it is dropped.
    ///
    /// # Errors
    /// The database's.
    pub async fn rollback(self) -> Result<(), Error> {
        Ok(self.transaction.rollback().await?)
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
