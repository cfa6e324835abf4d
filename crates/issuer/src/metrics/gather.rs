//! Measures what the records, the folder and the targets say.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_core::keyring::{Keyring, State};
use portcullis_core::time::Time;
use prometheus_client::encoding::text;

use super::{SignerLabels, StateLabels, TargetLabels};
use crate::context::Context;
use crate::error::Error;
use crate::events;
use crate::reserve;
use crate::store::StoreError;
use crate::store::{self, Connection, bulk, lists, retention, shards, state, targets, webhooks};

/// How old a count of keys may be, in milliseconds, while a bulk entry is in force: counting what
/// it covers takes a scan each time.
const COUNT_EVERY_MILLIS: u64 = 30_000;

/// The current metrics in the OpenMetrics text format.
pub(crate) async fn metrics_text(context: &Context) -> Result<String, Error> {
    let metrics = context.metrics();
    let mut reading = context.store().read().await?;
    let now = context.now();
    if let Some(published) = match lists::published(&mut reading).await {
        Err(StoreError::NoList) => None,
        other => Some(other?),
    } {
        metrics.list_number.set(i64::try_from(published.number).unwrap_or(i64::MAX));
        let age = Duration::from_millis(now.millis_since(published.this_update));
        metrics.list_age.set(age.as_secs_f64());
        metrics.list_left.set(seconds_until(published.next_update, now));
    }
    let lines = shards::shards(&mut reading).await?;
    let bytes = lines.iter().filter_map(|shard| shard.line).map(|line| i64::from(line.len));
    metrics.list_bytes.set(bytes.sum());
    let (pending, dead) = webhooks::backlog(&mut reading).await?;
    metrics.backlog.set(pending);
    metrics.dead.set(dead);
    let oldest = retention::oldest(&mut reading).await?;
    let age = oldest.map_or(0, |(_, at)| now.millis_since(at));
    metrics.trail_age.set(Duration::from_millis(age).as_secs_f64());
    let removed = events::start_in(&mut reading).await?.map_or(0, |start| start.removed);
    metrics.trail_removed.set(i64::try_from(removed).unwrap_or(i64::MAX));
    measure_signers(context, &mut reading).await?;
    let restored = match targets::check_not_restored(&mut reading).await {
        Err(StoreError::Restored { .. }) => 1,
        other => other.map(|()| 0)?,
    };
    metrics.restored.set(restored);

    let mut counted = metrics.counted.lock().await;
    let fresh = counted.is_some_and(|at| now.millis().abs_diff(at) < COUNT_EVERY_MILLIS);
    let bulk = !bulk::in_force(&mut reading).await?.is_empty();
    if !(fresh && bulk) {
        let at = store::now(&mut reading, now).await?;
        for (state, count) in state::count_by_state(&mut reading, at.secs()).await? {
            metrics.keys.get_or_create(&StateLabels { state: state.name() }).set(count);
        }
        *counted = Some(now.millis());
    }
    drop(counted);
    drop(reading);
    measure_targets(context).await?;
    let is_held =
        matches!(context.store().check_clock().await, Err(StoreError::ClockImplausible { .. }));
    metrics.implausible_clock.set(i64::from(is_held));
    let free = reserve::room(context.home()).and_then(|room| i64::try_from(room).ok());
    metrics.free.set(free.unwrap_or(-1));
    let mut out = String::new();
    // Writing to a string can't fail, and an empty response would be noticed.
    let _ = text::encode(&mut out, &metrics.registry);
    Ok(out)
}

/// Measures the keyring's expiry, and the ages of the active signers.
async fn measure_signers(context: &Context, reading: &mut Connection) -> Result<(), Error> {
    let (metrics, now) = (context.metrics(), context.now());
    let mut listed: BTreeMap<u16, Time> = BTreeMap::new();
    metrics.signer_ages.clear();
    let mut newest = None;
    for (document, made) in lists::keyrings(reading).await? {
        let keyring = Keyring::open(&document, context.root())?;
        for entry in keyring.entries() {
            let first = listed.entry(entry.kid).or_insert(made);
            *first = made.min(*first);
        }
        newest = Some(keyring);
    }
    let Some(newest) = newest else { return Ok(()) };
    metrics.keyring_left.set(seconds_until(newest.not_after(), now));
    for entry in newest.entries().iter().filter(|entry| entry.state == State::Active) {
        let since = listed.get(&entry.kid).map_or(0, |at| now.millis_since(*at));
        let labels = SignerLabels { kid: entry.kid, purpose: entry.purpose.name() };
        let age = Duration::from_millis(since).as_secs_f64();
        metrics.signer_ages.get_or_create(&labels).set(age);
    }
    Ok(())
}

/// Measures how far behind each target is. Targets that no publisher has are dropped.
async fn measure_targets(context: &Context) -> Result<(), Error> {
    let (metrics, now) = (context.metrics(), context.now());
    metrics.target_lags.clear();
    metrics.target_failures.clear();
    for target in crate::publish::targets(context).await? {
        let labels = TargetLabels { target: target.name };
        let lag = target.carries.map_or(f64::INFINITY, |(_, _, at)| {
            Duration::from_millis(now.millis_since(at)).as_secs_f64()
        });
        metrics.target_lags.get_or_create(&labels).set(lag);
        metrics.target_failures.get_or_create(&labels).set(i64::from(target.failures));
    }
    Ok(())
}

/// Seconds from `now` to `end`; negative after it.
fn seconds_until(end: Time, now: Time) -> f64 {
    let left = Duration::from_millis(end.millis_since(now)).as_secs_f64();
    left - Duration::from_millis(now.millis_since(end)).as_secs_f64()
}
