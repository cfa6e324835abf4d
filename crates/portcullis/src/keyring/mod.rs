//! `portcullis keyring …`: the issuer's own signers.

mod answer;
mod change;
mod export;
mod labels;
mod root;
mod show;

use anyhow::Result;
use portcullis_issuer::Issuer;

use super::exit::Exit;
use super::output::Out;

/// Show, change and export the keyring, which lists the issuer's signers
#[derive(Debug, clap::Subcommand)]
#[command(
    after_help = "Example:\n  portcullis keyring rotate --purpose token --environment live\n  \
                        portcullis keyring promote 6\n  portcullis keyring retire 1"
)]
pub(crate) enum Keyring {
    Show(show::Show),
    Rotate(change::Rotate),
    Promote(change::Promote),
    Retire(change::Retire),
    Renew(change::Renew),
    Labels(Box<labels::Labels>),
    Export(export::Export),
}

impl Keyring {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        match self {
            Self::Show(_) => show::show(issuer, out).await,
            Self::Rotate(command) => command.run(issuer, out).await,
            Self::Promote(command) => command.run(issuer, out).await,
            Self::Retire(command) => command.run(issuer, out).await,
            Self::Renew(command) => command.run(issuer, out).await,
            Self::Labels(command) => command.run(issuer, out).await,
            Self::Export(command) => command.run(issuer, out).await,
        }
    }
}
