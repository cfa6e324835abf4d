//! The two ways to write: a change, and bookkeeping.
//!
//! ```text
//! Change        records and the trail: who does what, when, and why
//! Bookkeeping   what the trail leaves out: leases, deliveries, the state of targets, reports of use
//! ```
//!
//! Nothing else starts or commits a write transaction, and only a [`Change`] writes events.

use std::ops::{Deref, DerefMut};

use portcullis_core::time::Time;
use serde_json::Value;
use sqlx::{Any, Transaction};

use super::connection::Connection;
use super::events::{self, Event, EventType};
use super::held::Held;
use super::lists::now;
use crate::actor::Who;
use crate::clock::Reading;
use crate::store::error::StoreError;

/// A change of records in one transaction, with its instant and its actor, which both its records
/// and its events carry. Dropping it without [`Change::save`] rolls it back.
#[derive(Debug)]
pub struct Change<'a> {
    writing: Bookkeeping,
    now: Time,
    who: Who<'a>,
}

/// A write transaction without an event. It excludes all other writers from its start: it sees
/// every committed change, and no other transaction commits before it ends.
///
/// It has a single time, read and checked when it began. Everything it writes carries that time,
/// even if the clock is set meanwhile. Dropping it without [`Bookkeeping::save`] rolls it back.
#[derive(Debug)]
pub struct Bookkeeping {
    transaction: Transaction<'static, Any>,
    reading: Reading,
    held: Held,
}

impl<'a> Change<'a> {
    /// The instant of the change. It is never before the last promised list, so that records show
    /// which changes were committed before an update.
    #[must_use]
    pub const fn now(&self) -> Time {
        self.now
    }

    /// The wall clock at the start, which may be behind [`Change::now`].
    #[must_use]
    pub const fn clock(&self) -> Time {
        self.writing.clock()
    }

    /// The actor, the person it acts for, and the reason.
    #[must_use]
    pub const fn who(&self) -> Who<'a> {
        self.who
    }

    /// Writes an event of the change's actor.
    ///
    /// # Errors
    /// As [`Change::events`].
    pub async fn event(
        &mut self,
        event: EventType,
        key_id: Option<&str>,
        data: Value,
    ) -> Result<(), StoreError> {
        let event = Event { event, key_id, who: self.who, data };
        self.events(std::slice::from_ref(&event)).await
    }

    /// Writes events in order. Each names its actor, since one change may be made for several
    /// people.
    ///
    /// # Errors
    /// [`StoreError::NoActor`], [`StoreError::ReasonRequired`], and the database's.
    pub async fn events(&mut self, all: &[Event<'_>]) -> Result<(), StoreError> {
        events::append(&mut self.writing, self.now, all).await
    }

    /// Commits. Publishes nothing: a change that lists carry ends with
    /// `Unannounced::commit`.
    ///
    /// # Errors
    /// As [`Bookkeeping::save`].
    pub async fn save(self) -> Result<(), StoreError> {
        self.writing.save().await
    }

    /// Rolls back now instead of when dropped.
    ///
    /// # Errors
    /// The database's.
    pub async fn rollback(self) -> Result<(), StoreError> {
        self.writing.rollback().await
    }
}

impl Bookkeeping {
    pub(super) const fn new(
        transaction: Transaction<'static, Any>,
        reading: Reading,
        held: Held,
    ) -> Self {
        Self { transaction, reading, held }
    }

    /// The change that `who` makes in this transaction, at the transaction's instant.
    ///
    /// # Errors
    /// The database's.
    pub async fn into_change(mut self, who: Who<'_>) -> Result<Change<'_>, StoreError> {
        let now = self.now().await?;
        Ok(self.into_change_at(who, now))
    }

    /// As [`Bookkeeping::into_change`], at another instant: publishing and recovery work at the
    /// instant of a list.
    #[must_use]
    pub const fn into_change_at(self, who: Who<'_>, now: Time) -> Change<'_> {
        Change { writing: self, now, who }
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

    /// The transaction's instant, as [`Change::now`].
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
    pub async fn save(self) -> Result<(), StoreError> {
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

impl Deref for Change<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.writing
    }
}

impl DerefMut for Change<'_> {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.writing
    }
}

impl Deref for Bookkeeping {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.transaction
    }
}

impl DerefMut for Bookkeeping {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.transaction
    }
}
