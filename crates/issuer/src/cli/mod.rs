//! The command line: arguments, exit codes, and one printing door.
//!
//! Exit codes: 0 done or accepted; 1 no: refused, or there is no such thing; 2 misuse, or it could
//! not be done.

mod args;
mod audit;
mod init;
mod jobs;
mod keyring;
mod keys;
mod list;
mod out;
mod scan;
mod serve;
mod verify;
mod webhooks;

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use clap::Parser as _;
use portcullis_issuer::clock::SystemClock;
use portcullis_issuer::{Error, Issuer};

use args::Global;
use out::Out;

/// API keys that prove themselves at the edge, and die everywhere within seconds.
#[derive(Debug, clap::Parser)]
#[command(name = "portcullis", version, arg_required_else_help = true, after_help = EXAMPLE)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLE: &str = "Example:\n  portcullis init\n  portcullis keys create --title 'Billing service'\n  \
                       portcullis serve";

#[derive(Debug, clap::Subcommand)]
enum Command {
    Init(init::Init),
    #[command(subcommand)]
    Keys(keys::Keys),
    #[command(subcommand)]
    List(list::List),
    #[command(subcommand)]
    Keyring(keyring::Keyring),
    Verify(verify::Verify),
    Scan(Box<scan::Scan>),
    #[command(subcommand)]
    Audit(audit::Audit),
    #[command(subcommand)]
    Webhooks(Box<webhooks::Webhooks>),
    #[command(subcommand)]
    Jobs(jobs::Jobs),
    Serve(serve::Serve),
}

/// How a command that did not fail ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Done, or accepted.
    Yes,
    /// Refused.
    No,
    /// Something was left undone; it has been said what.
    Unfinished,
}

/// Runs the program on the process's arguments.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    start_log(matches!(cli.command, Command::Serve(_)));
    let out = Out::new(cli.global.json);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&out, &anyhow::Error::new(error)),
    };
    match runtime.block_on(dispatch(&cli, &out)) {
        Ok(Outcome::Yes) => ExitCode::SUCCESS,
        Ok(Outcome::No) => ExitCode::from(1),
        Ok(Outcome::Unfinished) => ExitCode::from(2),
        Err(error) => fail(&out, &error),
    }
}

async fn dispatch(cli: &Cli, out: &Out) -> Result<Outcome> {
    let global = &cli.global;
    match &cli.command {
        Command::Init(command) => command.run(global, out).await,
        Command::Keys(command) => at_work(global, async |i| command.run(i, out).await).await,
        Command::List(command) => command.run(global, out).await,
        Command::Keyring(command) => at_work(global, async |i| command.run(i, out).await).await,
        Command::Verify(command) => at_work(global, async |i| command.run(i, out).await).await,
        Command::Scan(command) => command.run(global, out).await,
        Command::Audit(command) => command.run(global, out).await,
        Command::Webhooks(command) => at_work(global, async |i| command.run(i, out).await).await,
        Command::Jobs(command) => at_work(global, async |i| command.run(i, out).await).await,
        Command::Serve(command) => at_work(global, async |i| command.run(i, out).await).await,
    }
}

/// Opens the issuer, works with it, and closes its database however that ended.
async fn at_work<T>(global: &Global, work: impl AsyncFnOnce(&Issuer) -> Result<T>) -> Result<T> {
    let home = global.home()?;
    let issuer = Issuer::open(&home, Arc::new(SystemClock), global.valid_for).await?;
    let done = work(&issuer).await;
    issuer.store().close().await;
    done
}

fn fail(out: &Out, error: &anyhow::Error) -> ExitCode {
    let known = error.downcast_ref::<Error>();
    out.error(known.map_or("failed", Error::code), &format!("{error:#}"));
    let is_no = match known {
        Some(
            Error::NotFound
            | Error::NoWebhook
            | Error::JobTaken
            | Error::AlreadyRevoked
            | Error::NotEarlier
            | Error::Expired,
        ) => true,
        Some(_) | None => false,
    };
    ExitCode::from(if is_no { 1 } else { 2 })
}

fn start_log(serving: bool) {
    let by_default = if serving { "info" } else { "warn" };
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(by_default));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

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
