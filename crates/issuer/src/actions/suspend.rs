//! Suspends and resumes keys. Gates refuse a suspended key.

use serde_json::json;

use crate::actions::canary::check_not_canary;
use crate::actions::check_by;
use crate::committed::Unannounced;
use crate::context::Context;
use crate::error::Error;
use crate::record::KeyState;
use crate::store::bulk::{self, EffectiveKey};
use crate::store::events::EventType;
use crate::store::keys;

/// Suspends a key, and commits.
pub(crate) async fn suspend(
    context: &Context,
    id: &str,
    by: Option<&str>,
) -> Result<Unannounced<EffectiveKey>, Error> {
    set_suspended(context, id, true, by).await
}

/// Resumes a suspended key, and commits.
pub(crate) async fn resume(
    context: &Context,
    id: &str,
    by: Option<&str>,
) -> Result<Unannounced<EffectiveKey>, Error> {
    set_suspended(context, id, false, by).await
}

async fn set_suspended(
    context: &Context,
    id: &str,
    suspend: bool,
    by: Option<&str>,
) -> Result<Unannounced<EffectiveKey>, Error> {
    check_by("by", by)?;
    let mut change = context.change(by).await?;
    let now = change.now();
    let mut record = keys::find(&mut change, id).await?.ok_or(Error::NotFound)?;
    check_not_canary(&record)?;
    if bulk::effective(&mut change, record.clone()).await?.state(now) == KeyState::Revoked {
        return Err(Error::AlreadyRevoked);
    }
    // Bulk suspensions are independent: the key's own suspension outlasts them.
    match (record.state(now), suspend) {
        (KeyState::Revoked, _) => return Err(Error::AlreadyRevoked),
        (KeyState::Expired, _) => return Err(Error::Expired),
        (KeyState::Suspended, true) => return Err(Error::Suspended),
        (KeyState::Active | KeyState::Scheduled, false) => return Err(Error::NotSuspended),
        (KeyState::Suspended, false) | (KeyState::Active | KeyState::Scheduled, true) => {}
    }
    record.suspended = suspend.then_some(now);
    if !suspend {
        // The idle period starts again.
        record.resumed = Some(now);
    }
    record.suspended_by = suspend.then(|| change.who().shown().into());
    keys::update(&mut change, &mut record, now).await?;
    let event = if suspend { EventType::Suspended } else { EventType::Resumed };
    change.event(event, Some(&record.id), json!({})).await?;
    let key = bulk::effective(&mut change, record).await?;
    Unannounced::commit(change, key).await
}
