//! `portcullis list …`: the revocation list.

pub(super) mod adopt;
pub(super) mod answer;
mod show;
mod verify;

use anyhow::Result;
use portcullis_issuer::Issuer;
use show::show;

use super::exit::Exit;
use super::global::Global;
use super::open::with_issuer;
use super::output::Out;

/// Publish, show and verify the revocation list
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  portcullis list show")]
pub(crate) enum List {
    /// Publish now: a new list if something changed, and a new stamp
    #[command(after_help = "Example:\n  portcullis list publish --valid-for 10m")]
    Publish,
    /// Show the published list: its number, age and shards
    #[command(after_help = "Example:\n  portcullis list show --json")]
    Show,
    Verify(Box<verify::VerifyList>),
}

impl List {
    pub(super) async fn run(&self, global: &Global, out: &Out) -> Result<Exit> {
        match self {
            Self::Publish => {
                let publish = async |issuer: &Issuer| {
                    issuer.list().publish().await?;
                    issuer.list().renew_status_lists().await?;
                    show(issuer, out).await
                };
                with_issuer(global, publish).await
            }
            Self::Show => with_issuer(global, async |issuer| show(issuer, out).await).await,
            Self::Verify(command) => command.run(global, out).await,
        }
    }
}
