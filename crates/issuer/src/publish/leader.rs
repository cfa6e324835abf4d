//! The publishing loop. One of several issuers renews the stamp and serves the targets; the others
//! take over when it goes silent.
//!
//! The lease only saves work. The promise fences publications, and conditional puts fence the
//! targets. Any issuer still publishes its own revocations at once.

use std::time::Duration;

use portcullis_core::time::Time;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

use super::destination::Target;
use super::publisher::Publisher;
use super::push::{Known, push};
use super::report::{note_failure, report};
use super::status::{KnownStatus, push_status_lists, status_revision};
use crate::context::Context;
use crate::error::Error;
use crate::reserve;
use crate::sources::chain;
use crate::store::StoreError;
use crate::store::session::{DEADLINE, within};
use crate::store::targets::{self, TargetRecord};

/// How often the outbox is polled for the targets.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// The longest pause between attempts at a failing target.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The time limit of one attempt.
const TIMEOUT: Duration = Duration::from_secs(120);
/// How often temporary files of killed writers are removed.
const SWEEP_EVERY: Duration = Duration::from_secs(600);
/// A target that no publisher has had for this long is forgotten.
const FORGOTTEN_MILLIS: u64 = 10 * 60 * 1000;

/// Publishes every `period` while this issuer leads, and serves the targets, until the sender of
/// `stopped` is dropped or sends. A failure is logged, recorded and retried: gates use the
/// published list until its next update.
pub(crate) async fn run_leader(
    publisher: Publisher,
    period: Duration,
    targets: Vec<Target>,
    mut stopped: watch::Receiver<()>,
) {
    let context = publisher.context();
    let holder = match crate::random::secret::<8>() {
        Ok(bytes) => format!("{:016x}", u64::from_be_bytes(*bytes)),
        Err(_) => format!("process {}", std::process::id()),
    };
    let (leads, leading) = watch::channel(false);
    let mut pushers = tokio::task::JoinSet::new();
    for target in targets {
        pushers.spawn(serve_target(publisher.clone(), target, leading.clone()));
    }
    let mut ticks = tokio::time::interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // An issuer that misses three renewals loses the lease.
    let lease = period.saturating_mul(3).max(Duration::from_secs(3));
    let mut failing = false;
    context.health().beats_every(period);
    loop {
        tokio::select! {
            _ = stopped.changed() => break,
            _ = ticks.tick() => {}
        }
        let beat =
            within(DEADLINE, beat(&publisher, &holder, lease)).await.map_err(Error::from).flatten();
        match &beat {
            Err(Error::Store(StoreError::Full(_))) => make_room(context).await,
            Err(_) => {}
            Ok(_) => reserve::keep(context.home()),
        }
        // If the database can't answer, keep serving the targets with what can be read.
        leads.send_if_modified(|leads| match beat {
            Ok(now) if now != *leads => {
                *leads = now;
                true
            }
            _ => false,
        });
        context.health().beat(beat.as_ref().err());
        report(context, beat.map(|_| ()), ("list", "the list is"), &mut failing).await;
    }
    drop(leads);
    while pushers.join_next().await.is_some() {}
    if let Ok(mut writing) = context.store().bookkeeping().await
        && targets::resign(&mut writing, &holder).await.is_ok()
    {
        let _ = writing.save().await;
    }
}

/// Frees disk space for the next publication.
async fn make_room(context: &Context) {
    if reserve::give_up(context.home()) {
        tracing::error!(
            "the disk is full: the reserve is given up, no key is made until there is room"
        );
    }
    if let Err(error) = context.store().empty_log().await {
        tracing::warn!(code = error.code(), "the database's log stays: {}", chain(&error));
    }
}

/// Takes or renews the lease, and publishes if it is held. Returns whether it is.
async fn beat(publisher: &Publisher, holder: &str, lease: Duration) -> Result<bool, Error> {
    let mut writing = publisher.context().store().bookkeeping().await?;
    let now = writing.clock();
    let until = now.plus_millis(u64::try_from(lease.as_millis()).unwrap_or(u64::MAX));
    let leads = targets::lead(&mut writing, holder, (now, until)).await?;
    writing.save().await?;
    if leads {
        publisher.publish().await?;
    }
    Ok(leads)
}

/// Updates a target whenever a new head is published, and renews its stamp, while this issuer leads
/// and until the sender of `leading` is dropped.
async fn serve_target(publisher: Publisher, target: Target, mut leading: watch::Receiver<bool>) {
    let context = publisher.context();
    let (mut known, mut known_status) = (Known::default(), KnownStatus::default());
    let (mut there, mut due, mut failures) = (None, Instant::now(), 0_u32);
    let mut sweep_at = Instant::now();
    let mut ticks = tokio::time::interval(POLL_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            gone = leading.changed() => if gone.is_err() { return },
            _ = ticks.tick() => {}
        }
        if !*leading.borrow() {
            continue;
        }
        let look = async {
            Ok::<_, Error>((context.published().await?.digest, status_revision(&publisher).await?))
        };
        let Ok(out) = within(DEADLINE, look).await.map_err(Error::from).flatten() else { continue };
        let out = Some(out);
        let news = failures == 0 && there != out;
        if !news && Instant::now() < due {
            continue;
        }
        let push = async {
            note_seen(context, &target).await?;
            push(context, &target, &mut known).await?;
            push_status_lists(&publisher, &target, &mut known_status).await
        };
        let pushed = tokio::time::timeout(TIMEOUT, push).await;
        let reason = "was not brought up to date within two minutes".to_owned();
        match pushed.unwrap_or(Err(Error::Target { target: target.name.clone(), reason })) {
            Ok(()) => {
                if failures > 0 {
                    tracing::info!(target = target.name, "the target is up to date again");
                }
                there = out;
                failures = 0;
                due = Instant::now() + target.every;
                if Instant::now() >= sweep_at {
                    sweep_at = Instant::now() + SWEEP_EVERY;
                    match target.destination.sweep().await {
                        Ok(0) => {}
                        Ok(files) => tracing::info!(target = target.name, files, "swept"),
                        Err(fault) => tracing::warn!("not swept: {}", fault.at(&target.name)),
                    }
                }
            }
            Err(error) => {
                // The target's content is unknown after a failure.
                (known, known_status) = (Known::default(), KnownStatus::default());
                failures = failures.saturating_add(1);
                let pause = Duration::from_millis(500).saturating_mul(1 << failures.min(10));
                due = Instant::now() + pause.min(LONGEST_PAUSE);
                tracing::error!(target = target.name, code = error.code(), "{}", error.chain());
                let note = async {
                    if failures == 1 {
                        note_failure(context, Some(&target.name), &error).await;
                    }
                    note_failed(context, &target, &error).await
                };
                let _ = within(DEADLINE, note).await;
            }
        }
    }
}

async fn note_seen(context: &Context, target: &Target) -> Result<(), Error> {
    let mut writing = context.store().bookkeeping().await?;
    let kind = target.destination.kind();
    let now = writing.clock();
    targets::seen(&mut writing, (&target.name, kind), now).await?;
    Ok(writing.save().await?)
}

async fn note_failed(context: &Context, target: &Target, error: &Error) -> Result<(), Error> {
    let mut writing = context.store().bookkeeping().await?;
    let now = writing.clock();
    targets::failed(&mut writing, &target.name, &error.chain(), now).await?;
    Ok(writing.save().await?)
}

/// The targets that publishers have, with their last recorded status.
pub(crate) async fn targets(context: &Context) -> Result<Vec<TargetRecord>, Error> {
    let since = Time::from_millis(context.now().millis().saturating_sub(FORGOTTEN_MILLIS));
    Ok(targets::all(&mut *context.store().read().await?, since).await?)
}

/// Waits until every target carries the list `number` of `epoch` or a later one, for at most
/// `patience`. Returns the targets at the end.
pub(crate) async fn wait_for(
    context: &Context,
    (epoch, number): (u32, u64),
    patience: Duration,
) -> Result<Vec<TargetRecord>, Error> {
    let deadline = Instant::now() + patience.min(Duration::from_secs(300));
    loop {
        let targets = targets(context).await?;
        let done = targets.iter().all(|target| has(target, (epoch, number)));
        if done || Instant::now() >= deadline {
            return Ok(targets);
        }
        tokio::time::sleep(POLL_INTERVAL / 2).await;
    }
}

/// Whether a target carries this list or a later one.
#[must_use]
pub fn has(target: &TargetRecord, list: (u32, u64)) -> bool {
    target.carries.is_some_and(|(epoch, number, _)| (epoch, number) >= list)
}
