//! Scheduled jobs, inside `serve` or by cron. Each has a lease in the database, so that only one of
//! several issuers runs it.

mod jobs;
mod rotate;

pub use jobs::{DEFAULT_KEY_AGE_DAYS, Done, Job, NOTICE_DAYS, Options};

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::actor::Actor;
use crate::error::Error;
use crate::issuer::Issuer;
use crate::store::jobs::{self as table, JobRecord};

/// How long a lease lasts without renewal.
const LEASE_MILLIS: u64 = 30_000;
/// How often the scheduler checks for due jobs.
const POLL_INTERVAL: Duration = Duration::from_secs(5);

/// A lease: the exclusive right to run a job.
#[derive(Debug)]
pub struct Lease {
    issuer: Issuer,
    name: &'static str,
    holder: Option<String>,
    /// On the monotonic clock. If the wall clock were set back, its process would believe that it
    /// still holds a lease that has expired for all others.
    renew_at_millis: u64,
}

impl Lease {
    /// The lease of the job `name`, not taken yet.
    #[must_use]
    pub fn new(issuer: &Issuer, name: &'static str) -> Self {
        Self { issuer: issuer.clone(), name, holder: None, renew_at_millis: 0 }
    }

    /// Takes the lease, or renews it in time. Returns whether it is held.
    ///
    /// # Errors
    /// The store's.
    pub async fn hold(&mut self) -> Result<bool, Error> {
        let steady_millis = self.issuer.read_clock().steady_millis;
        if self.holder.is_some() && steady_millis < self.renew_at_millis {
            return Ok(true);
        }
        let tag = u64::from_be_bytes(*crate::random::secret()?);
        let holder =
            self.holder.take().unwrap_or_else(|| format!("{}-{tag:016x}", std::process::id()));
        let mut writing = self.issuer.store().bookkeeping().await?;
        let now = writing.now().await?;
        let until = now.plus_millis(LEASE_MILLIS);
        let held = table::take(&mut writing, self.name, &holder, now, until).await?;
        writing.save().await?;
        // Count from before the request was sent.
        self.renew_at_millis = steady_millis.saturating_add(LEASE_MILLIS / 3);
        self.holder = held.then_some(holder);
        Ok(held)
    }

    /// Releases the lease, so that another process need not wait for its end.
    pub async fn give_back(self) {
        let name = self.name;
        if let Err(error) = self.end(None).await {
            tracing::warn!(code = error.code(), job = name, "a lease is left to run out");
        }
    }

    async fn end(mut self, failure: Option<&Error>) -> Result<(), Error> {
        let Some(holder) = self.holder.take() else { return Ok(()) };
        let mut writing = self.issuer.store().bookkeeping().await?;
        let now = writing.now().await?;
        let error = failure.map(Error::chain);
        table::give_back(&mut writing, self.name, &holder, now, error.as_deref()).await?;
        writing.save().await?;
        Ok(())
    }
}

impl Issuer {
    /// Runs a job now, whether or not it is due.
    ///
    /// # Errors
    /// [`Error::JobTaken`] if another process runs it, and the job's.
    pub async fn run_job(&self, job: Job, options: &Options) -> Result<Done, Error> {
        let mut lease = Lease::new(self, job.name());
        if !lease.hold().await? {
            return Err(Error::JobTaken);
        }
        let done = jobs::run(self, job, options, &mut lease).await;
        let ended = lease.end(done.as_ref().err()).await;
        let done = done?;
        ended?;
        Ok(done)
    }

    /// The jobs and their last runs.
    ///
    /// # Errors
    /// The store's.
    pub async fn list_jobs(&self) -> Result<Vec<JobRecord>, Error> {
        table::all(&mut *self.store().read().await?).await
    }

    /// Runs each due job: one that last ended a period ago or earlier, on any issuer. Returns the
    /// results.
    ///
    /// # Errors
    /// The store's, if the due jobs can't be determined.
    pub async fn run_due_jobs(
        &self,
        options: &Options,
    ) -> Result<Vec<(Job, Result<Done, Error>)>, Error> {
        let known = self.list_jobs().await?;
        let now = self.now();
        let mut ran = Vec::new();
        for job in Job::ALL.into_iter().filter(|job| job.is_wanted(options)) {
            let last = known.iter().find(|record| record.name == job.name());
            let ended = last.and_then(|record| record.ended);
            if ended.is_some_and(|ended| now.millis_since(ended) < job.period_millis()) {
                continue;
            }
            match self.acting_as(Actor::part(job.name())).run_job(job, options).await {
                Err(Error::JobTaken) => {}
                done => ran.push((job, done)),
            }
        }
        Ok(ran)
    }
}

/// Runs jobs when they are due, until the sender of `stopped` is dropped.
pub async fn run(issuer: Issuer, options: Options, mut stopped: watch::Receiver<()>) {
    let mut ticks = tokio::time::interval(POLL_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            _ = ticks.tick() => {}
        }
        match issuer.run_due_jobs(&options).await {
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
