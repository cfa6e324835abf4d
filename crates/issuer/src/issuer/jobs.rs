//! Scheduled jobs.

use tokio::sync::watch;

use crate::error::Error;
use crate::publish::Publisher;
use crate::schedule::{self, Done, Job, Lease, Options};
use crate::store::jobs::JobRecord;

/// Scheduled jobs.
///
/// See [`Issuer::jobs`](crate::Issuer::jobs).
#[derive(Clone, Copy, Debug)]
pub struct JobOperations<'a>(pub(super) &'a Publisher);

impl JobOperations<'_> {
    /// The jobs and their last runs.
    ///
    /// # Errors
    /// The store's.
    pub async fn list(self) -> Result<Vec<JobRecord>, Error> {
        schedule::list_jobs(self.0).await
    }

    /// Runs a job now, whether or not it is due.
    ///
    /// # Errors
    /// [`Error::JobTaken`] if another process runs it, and the job's.
    pub async fn run(self, job: Job, options: &Options) -> Result<Done, Error> {
        schedule::run_job(self.0, job, options).await
    }

    /// Runs each due job: one that last ended a period ago or earlier, on any issuer. Returns the
    /// results.
    ///
    /// # Errors
    /// The store's, if the due jobs can't be determined.
    pub async fn run_due(
        self,
        options: &Options,
    ) -> Result<Vec<(Job, Result<Done, Error>)>, Error> {
        schedule::run_due_jobs(self.0, options).await
    }

    /// The lease of the job `name`, not taken yet.
    #[must_use]
    pub fn lease(self, name: &'static str) -> Lease {
        Lease::new(self.0.context(), name)
    }

    /// Runs jobs when they are due, until the sender of `stopped` is dropped.
    pub async fn run_until(self, options: Options, stopped: watch::Receiver<()>) {
        schedule::run(self.0.clone(), options, stopped).await;
    }
}
