//! The options for the retention of events by `serve` and `jobs`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use portcullis_core::time::Time;
use portcullis_issuer::events::{Age, Retention};

use super::args;

/// The retention of events.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct RetentionArgs {
    /// Remove events that are older than this, once a day, such as 400d; at least 7d [default: keep
    /// all events]
    #[arg(long, value_name = "DURATION", env = "PORTCULLIS_KEEP_EVENTS", value_parser = args::duration)]
    pub(super) keep_events: Option<Duration>,
    /// Write events to files in this folder before they are removed
    #[arg(long, value_name = "DIR", env = "PORTCULLIS_ARCHIVE_EVENTS")]
    pub(super) archive_events: Option<PathBuf>,
}

impl RetentionArgs {
    /// Checks the settings at the start, so that an error shows at once and not in a nightly job.
    pub(super) fn retention(&self, now: Time) -> Result<Option<Retention>> {
        let Some(keep) = self.keep_events else {
            if self.archive_events.is_some() {
                bail!("--archive-events needs --keep-events: without it no event is removed");
            }
            return Ok(None);
        };
        let age = Age::Keep(keep);
        age.before(now)?;
        check_folder(self.archive_events.as_deref())?;
        let archive = self.archive_events.clone();
        Ok(Some(Retention { age, archive, even_if_broken: false }))
    }
}

/// Checks the folder to which events are written before they are removed.
pub(super) fn check_folder(folder: Option<&Path>) -> Result<()> {
    let Some(folder) = folder else { return Ok(()) };
    let found = std::fs::metadata(folder).with_context(|| {
        format!("the archive {} can't be used; make that folder", folder.display())
    })?;
    if !found.is_dir() {
        bail!("the archive {} is no folder", folder.display());
    }
    Ok(())
}
