//! Scheduled jobs, inside `serve` or by cron. Each has a lease in the database, so that only one of
//! several issuers runs it.

mod job;
mod jobs;
mod rotate;

pub use crate::lease::Lease;
pub use job::{DEFAULT_KEY_AGE_DAYS, Done, Job, Options};
pub use jobs::NOTICE_DAYS;

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::actor::Actor;
use crate::error::Error;
use crate::publish::Publisher;
use crate::store::jobs::{self as table, JobRecord};

/// How often the scheduler checks for due jobs.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// Runs a job now, whether or not it is due.
pub(crate) async fn run_job(
    publisher: &Publisher,
    job: Job,
    options: &Options,
) -> Result<Done, Error> {
    let mut lease = Lease::new(publisher.context(), job.name());
    if !lease.hold().await? {
        return Err(Error::JobTaken);
    }
    let done = jobs::run(publisher, job, options, &mut lease).await;
    let ended = lease.end(done.as_ref().err()).await;
    let done = done?;
    ended?;
    Ok(done)
}

/// The jobs and their last runs.
pub(crate) async fn list_jobs(publisher: &Publisher) -> Result<Vec<JobRecord>, Error> {
    Ok(table::all(&mut *publisher.context().store().read().await?).await?)
}

/// Runs each due job: one that last ended a period ago or earlier, on any issuer. Returns the
/// results.
pub(crate) async fn run_due_jobs(
    publisher: &Publisher,
    options: &Options,
) -> Result<Vec<(Job, Result<Done, Error>)>, Error> {
    let known = list_jobs(publisher).await?;
    let now = publisher.context().now();
    let mut ran = Vec::new();
    for job in Job::ALL.into_iter().filter(|job| job.is_wanted(options)) {
        let last = known.iter().find(|record| record.name == job.name());
        let ended = last.and_then(|record| record.ended);
        if ended.is_some_and(|ended| now.millis_since(ended) < job.period_millis()) {
            continue;
        }
        let acting = publisher.with(publisher.context().acting_as(Actor::part(job.name())));
        match run_job(&acting, job, options).await {
            Err(Error::JobTaken) => {}
            done => ran.push((job, done)),
        }
    }
    Ok(ran)
}

/// Runs jobs when they are due, until the sender of `stopped` is dropped.
pub(crate) async fn run(publisher: Publisher, options: Options, mut stopped: watch::Receiver<()>) {
    let mut ticks = tokio::time::interval(POLL_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            _ = ticks.tick() => {}
        }
        match run_due_jobs(&publisher, &options).await {
            Ok(ran) => ran.iter().for_each(report),
            Err(error) => tracing::error!(code = error.code(), "jobs wait: {}", error.chain()),
        }
    }
}

fn report((job, done): &(Job, Result<Done, Error>)) {
    let job = job.name();
    match done {
        Ok(done) if done.is_notable() => tracing::info!(job, "{}", done.summary()),
        Ok(_) => tracing::debug!(job, "nothing to do"),
        Err(error) => {
            tracing::error!(job, code = error.code(), "a job failed: {}", error.chain());
        }
    }
}
