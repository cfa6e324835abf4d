//! `portcullis keys suspend` and `resume`.

use anyhow::Result;
use portcullis_issuer::Issuer;

use super::answer::changed;
use crate::args::{By, Reason};
use crate::exit::Exit;
use crate::output::Out;

/// Suspend a key until it is resumed, and publish
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis keys suspend apk_0123456789abcdefghijkl")]
pub(crate) struct Suspend {
    /// The key's id, apk_…
    id: String,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    reason: Reason,
}

impl Suspend {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        let issuer = &issuer.because(self.reason.text())?;
        changed(issuer, issuer.keys().suspend(&self.id, self.by.name()).await?, out).await
    }
}

/// Resume a suspended key, and publish
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis keys resume apk_0123456789abcdefghijkl")]
pub(crate) struct Resume {
    /// The key's id, apk_…
    id: String,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    reason: Reason,
}

impl Resume {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        let issuer = &issuer.because(self.reason.text())?;
        changed(issuer, issuer.keys().resume(&self.id, self.by.name()).await?, out).await
    }
}
