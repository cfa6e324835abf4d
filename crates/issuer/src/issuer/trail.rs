//! The audit trail: the events of all changes.

use std::path::PathBuf;

use crate::error::Error;
use crate::events::{
    self, Age, Anchor, EventPage, EventQuery, Outlook, Report, Retention, Start, Trimmed,
};
use crate::publish::Publisher;
use crate::schedule::Lease;
use crate::store::events::EventRecord;

/// The audit trail: the events of all changes.
///
/// See [`Issuer::trail`](crate::Issuer::trail).
#[derive(Clone, Copy, Debug)]
pub struct TrailOperations<'a>(pub(super) &'a Publisher);

impl TrailOperations<'_> {
    /// A page of events, newest first by default.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an invalid limit or cursor; in ascending order
    /// [`Error::EventsRemoved`], if events after the cursor were removed since; and the store's.
    pub async fn list(self, query: &EventQuery) -> Result<EventPage, Error> {
        events::list_events(self.0.context(), query).await
    }

    /// The events after `position`, oldest first, for consumers of the outbox.
    ///
    /// # Errors
    /// [`Error::EventsRemoved`] if one of them was removed, and the store's.
    pub async fn after(self, position: i64, limit: u32) -> Result<Vec<EventRecord>, Error> {
        events::events_after(self.0.context(), position, limit).await
    }

    /// Refuses a position if events after it were removed.
    ///
    /// # Errors
    /// As [`TrailOperations::after`].
    pub async fn check_after(self, position: i64) -> Result<(), Error> {
        events::check_events_after(self.0.context(), position).await
    }

    /// The newest event's id; 0 if there is none.
    ///
    /// # Errors
    /// The store's.
    pub async fn last(self) -> Result<i64, Error> {
        events::last_event(self.0.context()).await
    }

    /// Verifies the whole trail, and checks its end against `anchors`, the promised list and the
    /// signed heads.
    ///
    /// # Errors
    /// The store's.
    pub async fn verify(self, anchors: &[Anchor]) -> Result<Report, Error> {
        events::verify_trail(self.0.context(), anchors).await
    }

    /// Like [`TrailOperations::verify`], with exports of removed events as the first part of the
    /// chain. The files must be in the order of their events, and may overlap with the database.
    ///
    /// # Errors
    /// The store's, and [`FileError::Io`](crate::files::FileError::Io) of the files.
    pub async fn verify_behind(
        self,
        archive: &[PathBuf],
        anchors: &[Anchor],
    ) -> Result<Report, Error> {
        events::verify_trail_behind(self.0.context(), archive, anchors).await
    }

    /// Verifies only the newest `count` events.
    ///
    /// # Errors
    /// The store's.
    pub async fn verify_tail(self, count: i64) -> Result<Report, Error> {
        events::verify_tail(self.0.context(), count).await
    }

    /// The start in the database. [`TrailOperations::verify`] verifies its signature.
    ///
    /// # Errors
    /// The store's.
    pub async fn start(self) -> Result<Option<Start>, Error> {
        events::trail_start(self.0.context()).await
    }

    /// Previews a removal.
    ///
    /// # Errors
    /// As [`Age::before`], and the store's.
    pub async fn preview_trim(self, age: Age) -> Result<Outlook, Error> {
        events::preview_trim(self.0.context(), age).await
    }

    /// Removes the old enough events, batch by batch, as long as the lease is held.
    ///
    /// # Errors
    /// As [`Age::before`]; [`Error::TrailBroken`] for a broken chain;
    /// [`StoreError::Restored`](crate::store::StoreError::Restored),
    /// [`Error::NoSigner`], the archive folder's, and the store's. Each batch is removed as a whole
    /// or not at all.
    pub async fn trim(self, retention: &Retention, lease: &mut Lease) -> Result<Trimmed, Error> {
        events::trim(self.0.context(), retention, lease).await
    }
}
