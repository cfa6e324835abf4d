//! Recovers a restored backup without a witness that carries the published list.
//!
//! Keys made since the backup are revoked, as with a witness. Revocations since the backup are
//! lost: those keys are in force again, and the report gives the period. The published number and
//! shards are unknown too, so:
//!
//! - the number advances by more lists than can have been made since;
//! - shards opened since are unknown. Their lost keys are distinguished from later keys by the time
//!   of issue.

use portcullis_core::list::{Body, BulkEntry, BulkScope, BulkState, IssuedAt, ListVersion};
use portcullis_core::time::Time;
use portcullis_core::token::Serial;
use serde_json::json;

use super::publisher::Publisher;
use super::recovered::{BY, LEAP, Recovered, last_commit};
use crate::error::Error;
use crate::store::StoreError;
use crate::store::events::EventType;
use crate::store::lists::{self, Promise};
use crate::store::{Connection, Database, bulk, shards, targets};

/// Brings a restored backup into use without a witness: revokes the keys issued since its last
/// commit, closes its shards, and publishes.
pub(crate) async fn recover_alone(publisher: &Publisher) -> Result<Recovered, Error> {
    let mut change = publisher.context().change(Some(BY)).await?;
    let now = change.now();
    let connection = &mut *change;
    let marked = targets::is_restored(connection).await?;
    if !marked && matches!(publisher.context().store().database(), Database::File(_)) {
        let reason = "the database is not taken for a restored backup; nothing to do";
        return Err(Error::Target { target: "recover".into(), reason: reason.into() });
    }
    let lost_from = last_commit(connection).await?;
    let promise = lists::promise(connection).await?.ok_or(StoreError::NoList)?;
    revoke_window(connection, lost_from, now).await?;
    let valid_for = publisher.valid_for_millis(Some(&promise.list_version));
    // Publishing a list takes at least a millisecond.
    let lists_since = now.millis_since(lost_from).saturating_add(LEAP);
    let number = promise.list_version.number.saturating_add(lists_since);
    let promise = Promise {
        list_version: ListVersion { number, ..promise.list_version },
        // Position 0, so that the next publication rebuilds everything.
        position: 0,
        latest: promise.latest.max(now.plus_millis(valid_for)),
        ..promise
    };
    lists::set_promise(connection, &promise).await?;
    targets::clear_restored(connection).await?;
    let mut recovered = Recovered {
        number,
        lost_from: crate::time_format::seconds(lost_from.secs()),
        lost_until: Some(crate::time_format::seconds(now.secs())),
        ..Recovered::default()
    };
    change.event(EventType::ListRecovered, None, json!(recovered)).await?;
    change.save().await?;
    // The cached trees predate the recovery.
    publisher.forget_policy_trees().await;
    recovered.number = publisher.publish().await?.number;
    Ok(recovered)
}

/// Revokes the keys issued since the last commit, in the known shards and in those that may have
/// been opened since.
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
    // Future keys use these serials too, so the entry needs an end.
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
    Ok(shards::forget_bodies(connection, now).await?)
}
