//! What the jobs do. Each is idempotent and may run at any time.

use std::collections::BTreeMap;

use portcullis_core::time::Time;
use serde_json::json;

use super::job::{DAY_MILLIS, Done, Job, Options};
use super::rotate;
use crate::actions::idle::suspend_idle;
use crate::actions::{Idle, prune_usage_days};
use crate::context::Context;
use crate::error::Error;
use crate::events::trim;
use crate::lease::Lease;
use crate::publish::{Publisher, RETENTION_SECS};
use crate::settings::Class;
use crate::store::events::EventType;
use crate::store::{jobs as table, shards, state, webhooks};
use crate::time_format::seconds;

/// The days before expiry at which a key's notices are given, once each.
pub const NOTICE_DAYS: [u32; 3] = [14, 3, 1];
/// The most notices in one transaction.
const BATCH: u32 = 500;
/// How many days finished deliveries remain visible.
const DELIVERED_DAYS: u64 = 7;

pub(super) async fn run(
    publisher: &Publisher,
    job: Job,
    options: &Options,
    lease: &mut Lease,
) -> Result<Done, Error> {
    match job {
        Job::ExpiryNotices => expiry_notices(publisher.context(), lease).await,
        Job::Prune => prune(publisher.context()).await,
        Job::KeyAge => rotate::key_age(publisher, options, lease).await,
        Job::IdleKeys => idle_keys(publisher, lease).await,
        Job::TrimEvents => match &options.retention {
            Some(retention) => {
                Ok(Done::TrimEvents(trim(publisher.context(), retention, lease).await?))
            }
            None => {
                let reason = "must say for how long events are kept, such as 400d";
                Err(Error::Invalid { field: "keep_events", reason })
            }
        },
    }
}

/// Gives the shortest notice first, so that a key with several overdue notices gets the most
/// accurate one. A key with a lifetime no longer than a notice period doesn't get that notice.
async fn expiry_notices(context: &Context, lease: &mut Lease) -> Result<Done, Error> {
    let mut notices = 0;
    for days in NOTICE_DAYS.into_iter().rev() {
        loop {
            if !lease.hold().await? {
                return Ok(Done::ExpiryNotices { notices });
            }
            // Each batch records its notices and appends their events in one transaction.
            let mut change = context.change(None).await?;
            let now = change.now();
            let due = table::expiring(&mut change, days, now.secs(), BATCH).await?;
            if due.is_empty() {
                break;
            }
            for key in &due {
                table::note_notice(&mut change, &key.id, days, now).await?;
                let expires_at = u32::try_from(key.expires_at).unwrap_or(u32::MAX);
                let data = json!({
                    "days": days,
                    "expires_at": expires_at,
                    "expires": seconds(expires_at),
                    "title": key.title,
                });
                change.event(EventType::Expiring, Some(&key.id), data).await?;
                notices += 1;
            }
            change.save().await?;
        }
    }
    Ok(Done::ExpiryNotices { notices })
}

/// Suspends idle keys batch by batch, each in its own transaction, and publishes once at the end.
/// If publishing fails, the next publication includes them.
async fn idle_keys(publisher: &Publisher, lease: &mut Lease) -> Result<Done, Error> {
    let (mut suspended, mut waits) = (BTreeMap::new(), BTreeMap::new());
    for class in Class::ALL {
        let mut after = Some(0);
        while let Some(place) = after {
            if !lease.hold().await? {
                break;
            }
            let (idle, next) = suspend_idle(publisher.context(), class, place).await?;
            after = next;
            match idle {
                Idle::Off => {}
                Idle::Waits(why) => {
                    waits.insert(class.name(), why);
                }
                Idle::Keys(many) => *suspended.entry(class.name()).or_insert(0) += many,
            }
        }
    }
    if suspended.values().any(|many| *many > 0)
        && let Err(error) = publisher.publish().await
    {
        tracing::warn!(code = error.code(), "{}", error.chain());
    }
    Ok(Done::IdleKeys { suspended, waits })
}

async fn prune(context: &Context) -> Result<Done, Error> {
    let mut writing = context.store().bookkeeping().await?;
    let now = writing.now().await?;
    let back = |millis: u64| Time::from_millis(now.millis().saturating_sub(millis));
    let (idempotency, notices) = table::prune(&mut writing, now).await?;
    let deliveries = webhooks::prune(&mut writing, back(DELIVERED_DAYS * DAY_MILLIS)).await?;
    state::settle_counts(&mut writing, now.secs()).await?;
    shards::prune_bodies(&mut writing, back(u64::from(RETENTION_SECS) * 1000)).await?;
    prune_usage_days(&mut writing, now).await?;
    writing.save().await?;
    Ok(Done::Prune { idempotency, notices, deliveries })
}
