//! Deletes records of revoked keys, and undoes the making of keys.
//!
//! Readers no longer see a deleted record. The list still names the key until it expires.

use serde_json::json;

use crate::actions::care::Care;
use crate::actions::revoke::{check_care, revoke_all_in};
use crate::actions::{check_by, find_all};
use crate::committed::Unannounced;
use crate::context::Context;
use crate::error::Error;
use crate::record::{KeyRecord, KeyState};
use crate::store::events::{Event, EventType};
use crate::store::{Change, bulk, channels, idempotency, keys};

/// Deletes the records of revoked keys, all or none.
pub(crate) async fn delete(
    context: &Context,
    ids: &[String],
    by: Option<&str>,
) -> Result<Vec<String>, Error> {
    check_by("by", by)?;
    let mut change = context.change(by).await?;
    let now = change.now();
    let records = find_all(&mut change, ids).await?;
    let effective = bulk::effective_all(&mut change, records.clone()).await?;
    let counts = effective.iter().filter(|key| key.state(now) != KeyState::Revoked);
    let counts: Vec<String> = counts.map(|key| key.id.clone()).collect();
    if !counts.is_empty() {
        return Err(Error::NotRevoked(counts));
    }
    delete_in(&mut change, &records).await?;
    change.save().await?;
    Ok(records.into_iter().map(|record| record.id).collect())
}

/// Undoes the making of keys, all or none: revokes and deletes them in one transaction.
/// Their idempotency keys become available again. Returns the records as they were
/// before.
pub(crate) async fn undo_create(
    context: &Context,
    ids: &[String],
    by: Option<&str>,
) -> Result<Unannounced<Vec<KeyRecord>>, Error> {
    check_by("by", by)?;
    let mut change = context.change(by).await?;
    let now = change.now();
    let mut records = find_all(&mut change, ids).await?;
    check_care(&mut change, &records, &Care::default(), now).await?;
    let who = change.who();
    revoke_all_in(&mut change, &mut records, now.secs(), who).await?;
    delete_in(&mut change, &records).await?;
    let ids: Vec<&str> = records.iter().map(|record| record.id.as_str()).collect();
    idempotency::forget(&mut change, &ids).await?;
    Unannounced::commit(change, records).await
}

async fn delete_in(change: &mut Change<'_>, records: &[KeyRecord]) -> Result<(), Error> {
    let (now, who) = (change.now(), change.who());
    let ids: Vec<&str> = records.iter().map(|record| record.id.as_str()).collect();
    keys::delete(change, &ids, now).await?;
    channels::delete(change, &ids, now).await?;
    let event = |record| {
        let record: &KeyRecord = record;
        let data = json!({ "kind": record.kind.name(), "revoked_at": record.revoked_at });
        Event { event: EventType::Deleted, key_id: Some(record.id.as_str()), who, data }
    };
    let events: Vec<Event<'_>> = records.iter().map(event).collect();
    Ok(change.events(&events).await?)
}
