//! `portcullis keys …`: a file for each verb.

mod answer;
mod authenticate;
mod create;
mod create_many;
mod delete;
mod filter;
mod idempotency;
mod list;

mod revoke;
mod roll;
mod sales_channels;
mod self_revoke;
mod suspend;
mod update;

use anyhow::Result;
use portcullis_issuer::Issuer;

use super::exit::Exit;
use super::output::Out;

/// Create, list, update, revoke, roll and delete keys
#[derive(Debug, clap::Subcommand)]
#[command(
    after_help = "Example:\n  portcullis keys create --title 'Billing service' --expires-in 90d"
)]
pub(crate) enum Keys {
    Create(Box<create::Create>),
    List(Box<list::List>),
    Show(list::Show),
    Update(update::Update),
    SalesChannels(sales_channels::SalesChannels),
    Suspend(suspend::Suspend),
    Resume(suspend::Resume),
    Revoke(Box<revoke::Revoke>),
    SelfRevoke(self_revoke::SelfRevoke),
    Roll(roll::RollKey),
    Delete(delete::Delete),
    Undo(delete::Undo),
    Authenticate(authenticate::Authenticate),
}

impl Keys {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        match self {
            Self::Create(command) => command.run(issuer, out).await,
            Self::List(command) => command.run(issuer, out).await,
            Self::Show(command) => command.run(issuer, out).await,
            Self::Update(command) => command.run(issuer, out).await,
            Self::SalesChannels(command) => command.run(issuer, out).await,
            Self::Suspend(command) => command.run(issuer, out).await,
            Self::Resume(command) => command.run(issuer, out).await,
            Self::Revoke(command) => command.run(issuer, out).await,
            Self::SelfRevoke(command) => command.run(issuer, out).await,
            Self::Roll(command) => command.run(issuer, out).await,
            Self::Delete(command) => command.run(issuer, out).await,
            Self::Undo(command) => command.run(issuer, out).await,
            Self::Authenticate(command) => command.run(issuer, out).await,
        }
    }
}
