//! The exclusive right of one process to run a job.

use crate::context::Context;
use crate::error::Error;
use crate::store::jobs as table;

/// How long a lease lasts without renewal.
const LEASE_MILLIS: u64 = 30_000;

/// A lease: the exclusive right to run a job.
#[derive(Debug)]
pub struct Lease {
    context: Context,
    name: &'static str,
    holder: Option<String>,
    /// On the monotonic clock. If the wall clock were set back, its process would believe that it
    /// still holds a lease that has expired for all others.
    renew_at_millis: u64,
}

impl Lease {
    /// The lease of the job `name`, not taken yet.
    #[must_use]
    pub fn new(context: &Context, name: &'static str) -> Self {
        Self { context: context.clone(), name, holder: None, renew_at_millis: 0 }
    }

    /// Takes the lease, or renews it in time. Returns whether it is held.
    ///
    /// # Errors
    /// The store's.
    pub async fn hold(&mut self) -> Result<bool, Error> {
        let steady_millis = self.context.read_clock().steady_millis;
        if self.holder.is_some() && steady_millis < self.renew_at_millis {
            return Ok(true);
        }
        let tag = u64::from_be_bytes(*crate::random::secret()?);
        let holder =
            self.holder.take().unwrap_or_else(|| format!("{}-{tag:016x}", std::process::id()));
        let mut writing = self.context.store().bookkeeping().await?;
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

    /// Releases the lease and records how the job ended.
    pub(crate) async fn end(mut self, failure: Option<&Error>) -> Result<(), Error> {
        let Some(holder) = self.holder.take() else { return Ok(()) };
        let mut writing = self.context.store().bookkeeping().await?;
        let now = writing.now().await?;
        let error = failure.map(Error::chain);
        table::give_back(&mut writing, self.name, &holder, now, error.as_deref()).await?;
        writing.save().await?;
        Ok(())
    }
}
