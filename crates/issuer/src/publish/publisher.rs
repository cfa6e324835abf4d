//! Makes, signs and publishes a list. Every publication goes through here.
//!
//! ```text
//! one transaction   clock, outbox position, facts -> bodies, head -> (number, digest, thisUpdate)
//! then              sign the stamp
//! one transaction   read it back with the verifying half; publish it, unless a newer one is published
//! ```
//!
//! The first transaction holds the database's write lock. So every revocation committed before the
//! list's `thisUpdate` is in its head, however many processes publish. A publisher that is overtaken
//! between the two transactions finds a newer stamp, which covers everything its own would have.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use portcullis_core::WireError;
use portcullis_core::crypto::Digest;
use portcullis_core::error::Field;
use portcullis_core::issue::{ListSigner, StampDraft, name_file};
use portcullis_core::list::{Body, FileName, Head, ListError, ListVersion, Part};
use portcullis_core::time::Time;
use tokio::sync::{Mutex, Notify};

use super::list_builder::{renew_bodies, retention_cutoff, write_head};
use super::policies::{PolicyTrees, renew_policies};
use crate::clock_bound::{MAX_BEHIND_MILLIS, not_behind};
use crate::committed::{Committed, Unannounced};
use crate::context::Context;
use crate::error::Error;
use crate::local_verifier::{PublishedState, stored_head};
use crate::status::StatusLists;
use crate::store::lists::{self, Promise, Published};
use crate::store::session::{DEADLINE, within};
use crate::store::{Connection, bulk, clock, events, shards, targets};

/// The validity of the first stamp, if none is set.
pub const DEFAULT_VALID_FOR: Duration = Duration::from_secs(5 * 60);

/// Publishes. It holds the caller's [`Context`]; clones share everything else.
#[derive(Clone)]
pub(crate) struct Publisher {
    context: Context,
    shared: Arc<Shared>,
}

struct Shared {
    options: PublishOptions,
    /// How many publications have begun.
    begun: AtomicU64,
    /// The last publication, and how many had begun before it. Locked while one is made, so that
    /// callers that wait at the same time share the next one.
    last: Mutex<Option<(u64, Published)>>,
    /// The policy trees of the last publication.
    policy_trees: Mutex<Option<PolicyTrees>>,
    /// Notified after each published list.
    list_published: Notify,
}

/// The terms of publishing.
#[derive(Clone, Debug, Default)]
pub struct PublishOptions {
    /// The validity of each stamp. The default is that of the previous one.
    pub valid_for: Option<Duration>,
    /// The status lists, if they are published.
    pub status_lists: Option<StatusLists>,
    /// Trust the clock without comparing it.
    pub trust_clock: bool,
}

impl Publisher {
    pub(crate) fn new(context: Context, options: PublishOptions) -> Self {
        let shared = Shared {
            options,
            begun: AtomicU64::new(0),
            last: Mutex::new(None),
            policy_trees: Mutex::new(None),
            list_published: Notify::new(),
        };
        Self { context, shared: Arc::new(shared) }
    }

    /// The same publisher with another context, whose actor its events name.
    pub(crate) fn with(&self, context: Context) -> Self {
        Self { context, shared: Arc::clone(&self.shared) }
    }

    /// The same publisher on the database connections reserved for publishing.
    pub(crate) fn reserved(&self) -> Self {
        self.with(self.context.publishing())
    }

    /// The context: what publishing may touch, and in whose name.
    pub(crate) const fn context(&self) -> &Context {
        &self.context
    }

    /// The status lists, if they are published.
    pub(crate) fn status_lists(&self) -> Option<&StatusLists> {
        self.shared.options.status_lists.as_ref()
    }

    /// Waits until a list was published since the last call.
    pub(super) async fn list_published(&self) {
        self.shared.list_published.notified().await;
    }

    /// Forgets the trees of policies: they predate a recovery.
    pub(super) async fn forget_policy_trees(&self) {
        self.shared.policy_trees.lock().await.take();
    }

    /// The validity in milliseconds of the stamp after `last`.
    pub(super) fn valid_for_millis(&self, last: Option<&ListVersion>) -> u64 {
        let millis = |valid: Duration| u64::try_from(valid.as_millis()).unwrap_or(u64::MAX);
        let as_last = || {
            last.map(|list_version| list_version.next_update.millis_since(list_version.this_update))
        };
        let set = self.shared.options.valid_for.map(millis).or_else(as_last);
        set.unwrap_or(millis(DEFAULT_VALID_FOR))
    }

    /// Publishes what an action has saved, if lists carry it.
    pub(crate) async fn announce<T>(&self, saved: Unannounced<T>) -> Committed<T> {
        let (value, listed) = saved.into_parts();
        if listed {
            Committed::new(value, self.publish().await)
        } else {
            Committed::unlisted(value)
        }
    }

    /// Publishes: a new stamp, and a new head if the content has changed. Returns the published
    /// list, which may be another process's.
    ///
    /// If several calls wait, the first publication that begins after they were made serves them
    /// all: it contains everything committed before the calls.
    ///
    /// # Errors
    /// [`Error::ListTooNew`], [`Error::ClockWentBack`],
    /// [`StoreError::Restored`](crate::store::StoreError::Restored), the database's, and the
    /// verifying half's if it refuses the result. On error the published list is unchanged.
    pub(crate) async fn publish(&self) -> Result<Published, Error> {
        let begun_before = self.shared.begun.load(Ordering::SeqCst);
        let mut last = self.shared.last.lock().await;
        if let Some((begun, published)) = &*last
            && *begun > begun_before
        {
            return Ok(published.clone());
        }
        let begun = self.shared.begun.fetch_add(1, Ordering::SeqCst).saturating_add(1);
        let start = std::time::Instant::now();
        // Limit the time, since all other publications wait for this one.
        let published =
            within(DEADLINE, self.reserved().publish_now()).await.map_err(Error::from).flatten();
        self.context.metrics().publication(published.is_ok(), start.elapsed());
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
        self.shared.list_published.notify_one();
        Ok(published)
    }

    /// Commits to the number, the digest and the `thisUpdate` before the stamp is signed.
    async fn promise(&self) -> Result<(ListSigner, Promise, u32, u32), Error> {
        let mut policy_trees = self.shared.policy_trees.lock().await;
        // Taken out, and put back only after the commit: otherwise the trees would refer to files
        // that were rolled back.
        let mut held = policy_trees.take();
        let mut writing = self.context.store().bookkeeping().await?;
        targets::check_not_restored(&mut writing).await?;
        let view = self.context.published_state(&mut writing).await?;
        let keyring = view.verifier().keyring();
        // Read the signer after the view has loaded the newest keyring.
        let signer = self.context.keystore().list_signer().ok_or(Error::NoSigner)?;
        let max_secs = keyring.max_validity_millis() / 1000;
        let last = lists::promise(&mut writing).await?;
        let signed_by = last_signer(&mut writing, last.as_ref(), &view).await?;
        let valid_for = self.valid_for_millis(last.as_ref().map(|last| &last.list_version));
        if !(1000..=keyring.max_validity_millis()).contains(&valid_for) {
            return Err(Error::ValidFor { max_secs });
        }
        // Use the transaction's reading. The clock may have been set since, and an unchecked time
        // must neither be recorded nor signed.
        let reading = writing.reading().clone();
        let this_update = next_instant(reading.wall, last.as_ref())?;
        // The records and the event of this list carry its `thisUpdate`.
        let mut change = writing.into_change_at(self.context.who(None), this_update);
        let next_update = this_update.plus_millis(valid_for);
        let list_version =
            |number| ListVersion { epoch: keyring.epoch(), number, this_update, next_update };
        let position = events::position(&mut change).await?;
        let since = last.map_or(0, |last| last.position);
        shards::open_ahead(&mut change).await?;
        let bodies = renew_bodies(&mut change, last.as_ref(), this_update).await?;
        let instants = (this_update, retention_cutoff(this_update));
        let salt = self.context.keystore().salt_key();
        let policies =
            renew_policies(&mut change, &mut held, &salt, (since, position), instants).await?;
        let bulk = bulk::changed_since(&mut change, since).await?;
        // A head is valid only as long as its signer, so a new signer needs a new head.
        let signed = signed_by == Some(signer.kid);
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
        let (head, _) = stored_head(&mut change, promise.digest).await?;
        let head_len = name_file(&head).len;
        change.save().await?;
        *policy_trees = held;
        Ok((signer, promise, head_len, keyring.version()))
    }

    async fn put_out(&self, promise: &Promise, stamp: &[u8]) -> Result<Published, Error> {
        let mut writing = self.context.store().bookkeeping().await?;
        match self.context.read_back(&mut writing, stamp).await {
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

/// The kid of the signer of the last promise's head.
///
/// A list of a newer program is an error. The records give no way to tell what this program doesn't
/// know, so its own list would lack it, and gates would accept what the newer list forbids.
async fn last_signer(
    connection: &mut Connection,
    last: Option<&Promise>,
    view: &PublishedState,
) -> Result<Option<u16>, Error> {
    let Some(last) = last else { return Ok(None) };
    let (head, bodies) = stored_head(connection, last.digest).await?;
    let refused = |part, error| ListError::Wire { part, error };
    let kid = Head::signer_of(&head).map_err(|error| refused(Part::Head, error));
    let kid = kid.map_err(|error| {
        if error.is_too_new() { Error::ListTooNew(error) } else { Error::List(error) }
    })?;
    // No record here says what was assigned to a key, so this program's list would drop it.
    if Head::names_assignments(&head)? {
        let error = WireError::TooNew(Field::Directories);
        return Err(Error::ListTooNew(refused(Part::Head, error)));
    }
    // The replica has read every body of the list that it holds.
    let held = view.verifier().list().map(|list| list.stamp().head());
    if held != Some(last.digest) {
        for digest in bodies {
            let body = shards::body(connection, digest).await?.unwrap_or_default();
            // A body that can't be read for another reason is written anew when it changes.
            if let Err(error @ WireError::TooNew(_)) = Body::decode(&body) {
                return Err(Error::ListTooNew(refused(Part::Body, error)));
            }
        }
    }
    Ok(Some(kid))
}

/// The `thisUpdate` to promise: the clock's time, but always later than the previous one.
fn next_instant(clock: Time, last: Option<&Promise>) -> Result<Time, Error> {
    let Some(last) = last else { return Ok(clock) };
    let last = last.list_version.this_update;
    not_behind(clock, last)?;
    Ok(clock.max(last.plus_millis(1)))
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Publisher({:?})", self.context)
    }
}
