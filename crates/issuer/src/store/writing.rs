//! A writing transaction and its time.

use std::ops::{Deref, DerefMut};

use portcullis_core::time::Time;
use sqlx::{Any, Transaction};

use super::connection::Connection;
use super::held::Held;
use super::lists::now;
use crate::clock::Reading;
use crate::store::error::StoreError;

/// A writing transaction. It excludes all other writers from its start: it sees every committed
/// change, and no other transaction commits before it ends.
///
/// It has a single time, read and checked when it began. Everything it writes carries that time,
/// even if the clock is set meanwhile.
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

    /// Both clocks' readings at the start.
    #[must_use]
    pub const fn reading(&self) -> &Reading {
        &self.reading
    }

    /// The wall clock at the start: the time for leases and retries.
    #[must_use]
    pub const fn clock(&self) -> Time {
        self.reading.wall
    }

    /// The transaction's instant. It is never before the last promised list, so that records show
    /// which changes were committed before an update.
    ///
    /// # Errors
    /// The database's.
    pub async fn now(&mut self) -> Result<Time, StoreError> {
        now(&mut self.transaction, self.reading.wall).await
    }

    /// Commits. If the file was deleted or replaced, the data is lost when this process ends, so
    /// the transaction counts as not committed.
    ///
    /// # Errors
    /// The database's; [`StoreError::Missing`], [`StoreError::Replaced`].
    pub async fn commit(self) -> Result<(), StoreError> {
        self.transaction.commit().await?;
        self.held.check()
    }

    /// Rolls back now instead of when dropped.
    ///
    /// # Errors
    /// The database's.
    pub async fn rollback(self) -> Result<(), StoreError> {
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
