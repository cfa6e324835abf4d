//! `portcullis keys sales-channels`.

use anyhow::Result;
use portcullis_issuer::Issuer;

use super::answer::changed;
use crate::exit::Exit;
use crate::output::Out;

/// Add and remove sales channels of a publishable key, and publish
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  portcullis keys sales-channels apk_0123456789abcdefghijkl --add web --remove app"
)]
pub(crate) struct SalesChannels {
    /// The key's id, apk_…
    id: String,
    /// Add this sales channel; repeatable
    #[arg(long, value_name = "CHANNEL")]
    add: Vec<String>,
    /// Remove this sales channel; repeatable
    #[arg(long, value_name = "CHANNEL")]
    remove: Vec<String>,
}

impl SalesChannels {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        let done = issuer.keys().change_sales_channels(&self.id, &self.add, &self.remove, None);
        changed(issuer, done.await?, out).await
    }
}
