//! The commands, and what each of them works with.

use anyhow::Result;
use portcullis_issuer::Issuer;

use super::exit::Exit;
use super::global::Global;
use super::open::{with_issuer, with_options, with_options_unchecked};
use super::output::Out;
use super::{
    audit, backup, bulk_revocations, bundle, doctor, import, init, jobs, keyring, keys, keystore,
    list, migrate, owners, policies, recover, scan, serve, settings, verify, webhooks,
};

/// API keys that gates verify without a network call, and that are revoked everywhere within
/// seconds.
#[derive(Debug, clap::Parser)]
#[command(name = "portcullis", version, arg_required_else_help = true, after_help = EXAMPLE)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLE: &str = "Example:\n  portcullis init\n  portcullis keys create --title 'Billing service'\n  \
                       portcullis serve";

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    Init(init::Init),
    #[command(subcommand)]
    Keys(Box<keys::Keys>),
    Import(import::Import),
    #[command(subcommand)]
    List(list::List),
    Bundle(bundle::Bundle),
    #[command(subcommand)]
    Keyring(keyring::Keyring),
    #[command(subcommand)]
    Owners(owners::Owners),
    #[command(subcommand)]
    Policies(policies::Policies),
    Revoke(bulk_revocations::Revoke),
    Recover(recover::Recover),
    #[command(subcommand)]
    Keystore(keystore::Keystore),
    Backup(backup::Backup),
    Restore(backup::Restore),
    Migrate(migrate::Migrate),
    Verify(verify::Verify),
    Scan(Box<scan::Scan>),
    #[command(subcommand)]
    Audit(audit::Audit),
    #[command(subcommand)]
    Webhooks(Box<webhooks::Webhooks>),
    #[command(subcommand)]
    Jobs(jobs::Jobs),
    #[command(subcommand)]
    Settings(settings::Settings),
    Doctor(doctor::Doctor),
    Serve(serve::Serve),
}

impl Command {
    pub(crate) const fn is_serve(&self) -> bool {
        matches!(self, Self::Serve(_))
    }
}

pub(crate) async fn dispatch(cli: &Cli, out: &Out) -> Result<Exit> {
    let global = &cli.global;
    match &cli.command {
        Command::Init(command) => command.run(global, out).await,
        Command::Keys(command) => with_issuer(global, async |i| command.run(i, out).await).await,
        Command::Import(command) => with_issuer(global, async |i| command.run(i, out).await).await,
        Command::List(command) => command.run(global, out).await,
        Command::Bundle(command) => command.run(global, out).await,
        Command::Keyring(command) => with_issuer(global, async |i| command.run(i, out).await).await,
        Command::Keystore(command) => command.run(global, out),
        Command::Backup(command) => with_issuer(global, async |i| command.run(i, out).await).await,
        Command::Restore(command) => command.run(global, out),
        Command::Migrate(command) => command.run(global, out).await,
        Command::Verify(command) => with_issuer(global, async |i| command.run(i, out).await).await,
        Command::Scan(command) => command.run(global, out).await,
        Command::Owners(command) => with_issuer(global, async |i| command.run(i, out).await).await,
        Command::Policies(command) => {
            with_issuer(global, async |i| command.run(i, out).await).await
        }
        Command::Revoke(command) => with_issuer(global, async |i| command.run(i, out).await).await,
        Command::Recover(command) => {
            let recover = async |i: &Issuer| command.run(i, global, out).await;
            with_options_unchecked(global, global.publish_options()?, recover).await
        }
        Command::Serve(command) => {
            let publish_options = global.publish_options_of_server()?;
            with_options(global, publish_options, async |i| command.run(i, global, out).await).await
        }
        Command::Audit(command) => command.run(global, out).await,
        Command::Webhooks(command) => {
            with_issuer(global, async |i| command.run(i, out).await).await
        }
        Command::Settings(command) => {
            with_issuer(global, async |i| command.run(i, out).await).await
        }
        Command::Doctor(command) => command.run(global, out).await,
        Command::Jobs(command) => with_issuer(global, async |i| command.run(i, out).await).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_command_has_an_example() {
        fn check(command: &clap::Command) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example"), "{}", command.get_name());
            command.get_subcommands().for_each(check);
        }
        let command = Cli::command();
        command.clone().debug_assert();
        check(&command);
    }
}
