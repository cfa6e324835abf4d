//! A backup that was restored while nobody carries the list that was out: what can be known without
//! a witness.
//!
//! Keys of the lost window are revoked, as with a witness. What was revoked in it is lost: those keys
//! count again, and whoever recovers is told the window. What was published meanwhile is unknown as
//! well, so that
//!
//! - the number moves on by more lists than can have been made since;
//! - shards that were opened since are unknown: keys of theirs are told from later ones by when they
//!   were issued.

use portcullis_core::list::{Body, BulkEntry, BulkScope, BulkState, IssuedAt, ListVersion};
use portcullis_core::time::Time;
use portcullis_core::token::Serial;
use serde_json::json;

use super::recover::{BY, LEAP, Recovered, last_commit};
use crate::error::Error;
use crate::issuer::Issuer;
use crate::store::events::{self, Event, EventType};
use crate::store::lists::{self, Promise};
use crate::store::{Connection, Database, bulk, shards, targets};

impl Issuer {
    /// Brings a restored backup into use without a witness: revokes keys that were issued since its
    /// last commit, closes its shards, and publishes.
    ///
    /// # Errors
    /// [`Error::Target`] if the database is not taken for a restored backup, and the store's:
    /// then nothing was changed. A PostgreSQL server's is believed to be one, since it is restored by
    /// other tools.
    pub async fn recover_alone(&self) -> Result<Recovered, Error> {
        let mut writing = self.store().write().await?;
        let now = writing.now().await?;
        let connection = &mut *writing;
        let marked = targets::is_restored(connection).await?;
        if !marked && matches!(self.store().database(), Database::File(_)) {
            let reason = "the database is not taken for a restored backup; nothing to do";
            return Err(Error::Target { target: "recover".into(), reason: reason.into() });
        }
        let lost_from = last_commit(connection).await?;
        let promise = lists::promise(connection).await?.ok_or(Error::NoList)?;
        revoke_window(connection, lost_from, now).await?;
        let valid_for = self.valid_for_millis(Some(&promise.list_version));
        // No list takes less than a millisecond.
        let lists_since = now.millis_since(lost_from).saturating_add(LEAP);
        let number = promise.list_version.number.saturating_add(lists_since);
        let promise = Promise {
            list_version: ListVersion { number, ..promise.list_version },
            // All that is said is weighed anew.
            position: 0,
            latest: promise.latest.max(now.plus_millis(valid_for)),
            ..promise
        };
        lists::set_promise(connection, &promise).await?;
        targets::clear_restored(connection).await?;
        let mut recovered = Recovered {
            number,
            lost_from: crate::view::seconds(lost_from.secs()),
            lost_until: Some(crate::view::seconds(now.secs())),
            ..Recovered::default()
        };
        let (event, data) = (EventType::ListRecovered, json!(recovered));
        let event = Event { event, key_id: None, who: self.who(Some(BY)), data };
        events::append(connection, now, &event).await?;
        writing.commit().await?;
        // What is held in memory is of before.
        self.policy_trees().lock().await.take();
        recovered.number = self.publish().await?.number;
        Ok(recovered)
    }
}

/// Revokes what was issued in the window, in the shards that there are and in those that may have
/// been opened in it.
async fn revoke_window(
    connection: &mut Connection,
    lost_from: Time,
    now: Time,
) -> Result<(), Error> {
    let held = shards::shards(connection).await?;
    let last = held.last().map_or(0, |shard| shard.shard);
    let open = held.iter().find(|shard| shard.closed.is_none()).map_or(last, |shard| shard.shard);
    let from = lost_from.secs();
    let known = (Serial::at(open, 0), Serial::at(last, Body::MAX_CAPACITY - 1), u32::MAX);
    // Keys that are made from now on have these serials too.
    let until = now.secs().saturating_add(1);
    let unknown = (
        Serial::at(last.saturating_add(1), 0),
        Serial::at((1 << 28) - 1, Body::MAX_CAPACITY - 1),
        until,
    );
    for (first, last, before) in [known, unknown] {
        let Some((first, last)) = first.zip(last) else { continue };
        let scope = BulkScope::Serials { first, last };
        let issued = IssuedAt { from, before };
        let entry = BulkEntry { scope, state: BulkState::Revoked, issued };
        bulk::insert(connection, &entry, Some(BY), now).await?;
    }
    shards::close_all(connection, now).await?;
    shards::forget_bodies(connection, now).await
}
