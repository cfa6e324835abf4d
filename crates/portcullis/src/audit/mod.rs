//! `portcullis audit …`: the trail of events.

mod answer;
mod export;
mod filter;
mod list;
mod trim;
mod verify;

use anyhow::Result;

use super::exit::Exit;
use super::global::Global;
use super::open::with_issuer;
use super::output::Out;

/// List, export, verify and trim the audit trail
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  portcullis audit verify")]
pub(crate) enum Audit {
    List(list::List),
    Export(export::Export),
    Verify(verify::Verify),
    Trim(trim::Trim),
}

impl Audit {
    pub(super) async fn run(&self, global: &Global, out: &Out) -> Result<Exit> {
        match self {
            Self::List(command) => with_issuer(global, async |i| command.run(i, out).await).await,
            Self::Export(command) => with_issuer(global, async |i| command.run(i, out).await).await,
            Self::Verify(command) => command.run(global, out).await,
            Self::Trim(command) => with_issuer(global, async |i| command.run(i, out).await).await,
        }
    }
}
