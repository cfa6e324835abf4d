//! `portcullis keys delete` and `undo`.

use std::io::Write;

use anyhow::Result;
use portcullis_api::view::keys::DeletedManyAnswer;
use portcullis_issuer::Issuer;
use portcullis_issuer::record::KeyRecord;

use crate::args::Reason;
use crate::committed;
use crate::exit::Exit;
use crate::output::{Out, field};

/// Delete the records of revoked keys, all or none
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis keys delete apk_0123456789abcdefghijkl")]
pub(crate) struct Delete {
    /// The keys' ids, apk_…
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
    #[command(flatten)]
    reason: Reason,
}

impl Delete {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        let issuer = &issuer.because(self.reason.text())?;
        let ids = issuer.keys().delete(&self.ids, None).await?;
        let answer = DeletedManyAnswer::of(ids);
        out.answer(&answer, |o| answer.ids.iter().try_for_each(|id| field(o, "Deleted", id)))?;
        Ok(Exit::Done)
    }
}

/// Undo the creation of keys: revoke and delete them in one step, and publish
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis keys undo apk_0123456789abcdefghijkl")]
pub(crate) struct Undo {
    /// The keys' ids, apk_…
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
    #[command(flatten)]
    reason: Reason,
}

impl Undo {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        let issuer = &issuer.because(self.reason.text())?;
        let undone = issuer.keys().undo_create(&self.ids, None).await?;
        let ids = |records: Vec<KeyRecord>| records.into_iter().map(|record| record.id).collect();
        let undone = undone.map(|records| DeletedManyAnswer::of(ids(records)));
        let text = |o: &mut dyn Write, it: &DeletedManyAnswer| {
            it.ids.iter().try_for_each(|id| field(o, "Undone", id))
        };
        committed::answer(issuer, out, undone, None, text).await
    }
}
