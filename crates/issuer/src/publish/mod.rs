//! Publishing the revocation list: the one path by which a list gets out.
//!
//! ```text
//! one transaction   clock, outbox position, facts -> bodies, head -> (number, digest, this update)
//! then              sign the stamp, read it back with the verifying half
//! one transaction   publish it, unless a newer one is published
//! ```
//!
//! The first transaction holds the database's write lock. So every revocation committed before the
//! list's this update is in its head, however many processes publish. A publisher that is overtaken
//! between the two transactions finds a newer stamp, which covers everything its own would have.

mod deployment;
mod destination;
mod leader;
mod list_builder;
mod policies;
mod push;
mod queue;
mod reclock;
mod recover;
mod recover_alone;
mod report;
mod status;

use std::sync::atomic::Ordering;

use portcullis_core::crypto::Digest;
use portcullis_core::issue::{ListSigner, StampDraft, name_file};
use portcullis_core::list::{FileName, Head, ListError, ListVersion};
use portcullis_core::time::Time;

use crate::clock_bound::{MAX_BEHIND_MILLIS, not_behind};
use crate::error::Error;
use crate::issuer::Issuer;
use crate::store::lists::{self, Promise, Published};
use crate::store::session::{DEADLINE, within};
use crate::store::{Connection, bulk, clock, events, shards};
pub use deployment::GateFile;
pub use destination::Target;
pub use leader::{has, run_leader};
pub use list_builder::RETENTION_SECS;
use list_builder::{renew_bodies, retention_cutoff, write_head};
pub(crate) use policies::PolicyTrees;
use policies::renew_policies;
pub(crate) use queue::PublishQueue;
pub use reclock::Reclocked;
pub use recover::Recovered;
pub(crate) use status::follow as follow_with_status_lists;

impl Issuer {
    /// Publishes: a new stamp, and a new head if the content has changed. Returns the published
    /// list, which may be another process's.
    ///
    /// If several calls wait, the first publication that begins after they were made serves them
    /// all: it contains everything committed before the calls.
    ///
    /// # Errors
    /// [`Error::ClockWentBack`], [`StoreError::Restored`](crate::store::StoreError::Restored), the
    /// database's, and the verifying half's if it refuses the result. On error the published list is unchanged.
    pub async fn publish(&self) -> Result<Published, Error> {
        let publish_queue = self.publish_queue();
        let begun_before = publish_queue.begun.load(Ordering::SeqCst);
        let mut last = publish_queue.last.lock().await;
        if let Some((begun, published)) = &*last
            && *begun > begun_before
        {
            return Ok(published.clone());
        }
        let begun = publish_queue.begun.fetch_add(1, Ordering::SeqCst).saturating_add(1);
        let start = std::time::Instant::now();
        // Limit the time, since all other publications wait for this one.
        let published =
            within(DEADLINE, self.publishing().publish_now()).await.map_err(Error::from).flatten();
        self.metrics().publication(published.is_ok(), start.elapsed());
        let published = published?;
        *last = Some((begun, published.clone()));
        Ok(published)
    }

    async fn publish_now(&self) -> Result<Published, Error> {
        let (signer, promise, head_len, keyring_version) = self.promise().await?;
        let name = FileName { digest: promise.digest, len: head_len };
        let draft = StampDraft { list_version: promise.list_version, head: name, keyring_version };
        let stamp = signer.sign_stamp(&draft);
        let published = self.put_out(&promise, &stamp).await?;
        self.status_wanted().notify_one();
        Ok(published)
    }

    /// Commits to the number, digest and this update before the stamp is signed.
    async fn promise(&self) -> Result<(ListSigner, Promise, u32, u32), Error> {
        let mut policy_trees = self.policy_trees().lock().await;
        // Taken out, and put back only after the commit: otherwise the trees would refer to files
        // that were rolled back.
        let mut held = policy_trees.take();
        let mut writing = self.store().bookkeeping().await?;
        crate::store::targets::check_not_restored(&mut writing).await?;
        let view = self.view_in(&mut writing).await?;
        let keyring = view.verifier().keyring();
        // Read the signer after the view has loaded the newest keyring.
        let signer = self.keystore().list_signer().ok_or(Error::NoSigner)?;
        let max_secs = keyring.max_validity_millis() / 1000;
        let last = lists::promise(&mut writing).await?;
        let valid_for = self.valid_for_millis(last.as_ref().map(|last| &last.list_version));
        if !(1000..=keyring.max_validity_millis()).contains(&valid_for) {
            return Err(Error::ValidFor { max_secs });
        }
        // Use the transaction's reading. The clock may have been set since, and an unchecked time
        // must neither be recorded nor signed.
        let reading = writing.reading().clone();
        let this_update = next_instant(reading.wall, last.as_ref())?;
        // The records and the event of this list carry its this update.
        let mut change = writing.into_change_at(self.who(None), this_update);
        let next_update = this_update.plus_millis(valid_for);
        let list_version =
            |number| ListVersion { epoch: keyring.epoch(), number, this_update, next_update };
        let position = events::position(&mut change).await?;
        let since = last.map_or(0, |last| last.position);
        shards::open_ahead(&mut change).await?;
        let bodies = renew_bodies(&mut change, last.as_ref(), this_update).await?;
        let instants = (this_update, retention_cutoff(this_update));
        let salt = self.keystore().salt_key();
        let policies =
            renew_policies(&mut change, &mut held, &salt, (since, position), instants).await?;
        let bulk = bulk::changed_since(&mut change, since).await?;
        // A head is valid only as long as its signer, so a new signer needs a new head.
        let signed = is_signed_by(&mut change, last.as_ref(), signer.kid).await?;
        // A new shard is usable only when the latest earlier stamp has expired everywhere,
        // including on clocks that are behind this one.
        let latest = last.map(|last| last.latest);
        let usable = latest.map_or(this_update, |latest| latest.plus_millis(MAX_BEHIND_MILLIS));
        shards::set_covered(&mut change, this_update, usable).await?;
        let latest = latest.map_or(next_update, |latest| latest.max(next_update));
        let same_epoch = last.filter(|last| last.list_version.epoch == keyring.epoch());
        let promise = match same_epoch {
            Some(last) if signed && !(bodies || policies || bulk) => {
                let list_version = list_version(last.list_version.number);
                Promise { list_version, digest: last.digest, position, latest }
            }
            same_epoch => {
                let number =
                    same_epoch.map_or(0, |last| last.list_version.number).saturating_add(1);
                let previous = last.map_or(Digest([0; 32]), |last| last.digest);
                let list_version = list_version(number);
                let digest = write_head(&mut change, &signer, &list_version, previous).await?;
                Promise { list_version, digest, position, latest }
            }
        };
        lists::set_promise(&mut change, &promise).await?;
        clock::note(&mut change, &reading).await?;
        let (head, _) = crate::local_verifier::stored_head(&mut change, promise.digest).await?;
        let head_len = name_file(&head).len;
        change.save().await?;
        *policy_trees = held;
        Ok((signer, promise, head_len, keyring.version()))
    }

    async fn put_out(&self, promise: &Promise, stamp: &[u8]) -> Result<Published, Error> {
        let mut writing = self.store().bookkeeping().await?;
        match self.read_back_in(&mut writing, stamp).await {
            // Another process has published since, and this one's mirror has seen it.
            Ok(()) | Err(Error::List(ListError::Rollback { .. })) => {}
            Err(error) => return Err(error),
        }
        lists::set_published(&mut writing, promise, stamp).await?;
        let published = lists::published(&mut writing).await?;
        writing.save().await?;
        Ok(published)
    }
}

/// Whether this signer signed the head of the last promise.
async fn is_signed_by(
    connection: &mut Connection,
    last: Option<&Promise>,
    kid: u16,
) -> Result<bool, Error> {
    let Some(last) = last else { return Ok(false) };
    let (head, _) = crate::local_verifier::stored_head(connection, last.digest).await?;
    Ok(Head::signer_of(&head)? == kid)
}

/// The this update to promise: the clock's time, but always later than the previous one.
fn next_instant(clock: Time, last: Option<&Promise>) -> Result<Time, Error> {
    let Some(last) = last else { return Ok(clock) };
    let last = last.list_version.this_update;
    not_behind(clock, last)?;
    Ok(clock.max(last.plus_millis(1)))
}
