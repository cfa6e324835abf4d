//! The revocation list: its publication, and the targets that carry it.

use std::time::Duration;

use portcullis_core::list::Head;
use tokio::sync::watch;

use crate::error::Error;
use crate::local_verifier::PublishedState;
use crate::publish::{self, GateFile, Publisher, Target};
use crate::store::lists::Published;
use crate::store::shards::Shard;
use crate::store::targets::TargetRecord;

/// The revocation list: its publication, and the targets that carry it.
///
/// See [`Issuer::list`](crate::Issuer::list).
#[derive(Clone, Copy, Debug)]
pub struct ListOperations<'a>(pub(super) &'a Publisher);

impl ListOperations<'_> {
    /// Publishes: a new stamp, and a new head if the content has changed. Returns the published
    /// list, which may be another process's.
    ///
    /// If several calls wait, the first publication that begins after they were made serves them
    /// all: it contains everything committed before the calls.
    ///
    /// # Errors
    /// [`Error::ClockWentBack`], [`StoreError::Restored`](crate::store::StoreError::Restored), the
    /// database's, and the verifying half's if it refuses the result. On error the published list
    /// is unchanged.
    pub async fn publish(self) -> Result<Published, Error> {
        self.0.publish().await
    }

    /// The published list, from the database.
    ///
    /// # Errors
    /// [`StoreError::NoList`](crate::store::StoreError::NoList) and the database's.
    pub async fn published(self) -> Result<Published, Error> {
        self.0.context().published().await
    }

    /// The published state, as a verifier sees it.
    ///
    /// # Errors
    /// The database's.
    pub async fn state(self) -> Result<PublishedState, Error> {
        let context = self.0.context();
        context.published_state(&mut *context.store().read().await?).await
    }

    /// The published list, and all shards.
    ///
    /// # Errors
    /// As [`ListOperations::published`].
    pub async fn overview(self) -> Result<(Published, Vec<Shard>), Error> {
        self.0.context().overview().await
    }

    /// The published keyring, stamp, head and bodies as one file.
    ///
    /// # Errors
    /// As [`ListOperations::published`].
    pub async fn bundle(self) -> Result<Vec<u8>, Error> {
        self.0.context().bundle().await
    }

    /// Combines `bundle` and the policy files under its `head` into one file of at most `max_len`
    /// bytes, and of no more policies than a gate holds. Directories come first, then bodies, by
    /// number.
    ///
    /// # Errors
    /// The database's, and
    /// [`ListError::WrongDigest`](portcullis_core::list::ListError::WrongDigest) if a file no
    /// longer exists because a newer list was published.
    pub async fn gate_file(
        self,
        bundle: &[u8],
        head: &Head,
        max_len: usize,
    ) -> Result<GateFile, Error> {
        publish::gate_file(self.0.context(), bundle, head, max_len).await
    }

    /// The targets that publishers have, with their last recorded status.
    pub async fn targets(self) -> Result<Vec<TargetRecord>, Error> {
        publish::targets(self.0.context()).await
    }

    /// Waits until every target carries `list`, an epoch and a number, or a later one, for at most
    /// `patience`. Returns the targets at the end.
    ///
    /// # Errors
    /// The database's.
    pub async fn wait_for(
        self,
        list: (u32, u64),
        patience: Duration,
    ) -> Result<Vec<TargetRecord>, Error> {
        publish::wait_for(self.0.context(), list, patience).await
    }

    /// Updates the status lists to the published list: those with changed facts, and those past
    /// half of their validity. Does nothing if status lists are off.
    ///
    /// # Errors
    /// [`Error::NoStatusSigner`], and the database's. Lists stored before remain.
    pub async fn renew_status_lists(self) -> Result<(), Error> {
        publish::renew_status_lists(self.0).await
    }

    /// Publishes every `period` while this issuer leads, and serves the targets, until the sender
    /// of `stopped` is dropped or sends. A failure is logged, recorded and retried: gates use the
    /// published list until its next update.
    pub async fn lead(self, period: Duration, targets: Vec<Target>, stopped: watch::Receiver<()>) {
        publish::run_leader(self.0.reserved(), period, targets, stopped).await;
    }

    /// Renews the status lists whenever a list is published, until the sender of `stopped` is
    /// dropped or sends.
    pub async fn follow_with_status_lists(self, stopped: watch::Receiver<()>) {
        publish::follow_with_status_lists(self.0.reserved(), stopped).await;
    }
}
