//! The command line: arguments and exit codes.
//!
//! Exit codes: 0 done or accepted; 1 refused or not found; 2 misuse, or the command could not do
//! it.

mod args;
mod audit;
mod audit_trim;
mod backup;
mod bundle;
mod committed;
mod doctor;
mod import;
mod init;
mod jobs;
mod keyring;
mod keys;
mod keys_acts;
mod keys_bulk;
mod keys_list;
mod keys_revoke;
mod keystore;
mod list;
mod migrate;
mod out;
mod owners;
mod policies;
mod recover;
mod revoke;
mod scan;
mod serve;
mod settings;
mod supervisor;
mod sure;
mod verify;
mod webhooks;

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use clap::{CommandFactory as _, FromArgMatches as _, Parser as _};
use portcullis_issuer::clock::SystemClock;
use portcullis_issuer::conceal::concealed;
use portcullis_issuer::config::Config;
use portcullis_issuer::files::FileError;
use portcullis_issuer::http::LETS_GO_WITHIN;
use portcullis_issuer::invalid::Invalid;
use portcullis_issuer::keystore::KeystoreError;
use portcullis_issuer::publish::PublishOptions;
use portcullis_issuer::random::NoRandomness;
use portcullis_issuer::store::StoreError;
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
    Revoke(revoke::Revoke),
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

/// How a command that did not fail ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// Done, or accepted.
    Yes,
    /// Refused.
    No,
    /// Something was left undone, and the output says what.
    Unfinished,
}

/// Runs the program with the process's arguments.
pub(crate) fn run() -> ExitCode {
    let cli = match parse(std::env::args_os().collect()) {
        Ok(cli) => cli,
        Err(error) => return fail(&Out::new(false), &error),
    };
    start_log(matches!(cli.command, Command::Serve(_)), cli.global.log_format == "json");
    let out = Out::new(cli.global.json);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&out, &anyhow::Error::new(error)),
    };
    let outcome = runtime.block_on(dispatch(&cli, &out));
    // A thread that waits for a disk or a name server must not keep the process alive.
    runtime.shutdown_timeout(LETS_GO_WITHIN);
    match outcome {
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
            at_work_on_any(global, global.publish_options()?, recover).await
        }
        Command::Serve(command) => {
            let publish_options = global.publish_options_of_server()?;
            at_work_on(global, publish_options, async |i| command.run(i, global, out).await).await
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

/// Opens the issuer, checks against its witnesses, if there are any, whether its database is a
/// restored backup, works with it, and closes its database in any case.
async fn with_issuer<T>(
    global: &Global,
    work: impl AsyncFnOnce(&Issuer) -> Result<T>,
) -> Result<T> {
    at_work_on(global, global.publish_options()?, work).await
}

/// As [`with_issuer`], with these options for publishing.
async fn at_work_on<T>(
    global: &Global,
    publish_options: PublishOptions,
    work: impl AsyncFnOnce(&Issuer) -> Result<T>,
) -> Result<T> {
    let witnesses = global.witnesses()?;
    let watched = async |issuer: &Issuer| {
        match issuer.recovery().check_witnesses(&witnesses).await {
            // Commands that only read may continue. Commands that write run into the same error
            // themselves.
            Err(Error::Store(StoreError::Restored { witness })) => {
                tracing::warn!("{}", Error::Store(StoreError::Restored { witness }));
            }
            other => {
                other?;
            }
        }
        work(issuer).await
    };
    at_work_on_any(global, publish_options, watched).await
}

/// Opens the issuer, works with it, and closes its database in any case.
async fn at_work_on_any<T>(
    global: &Global,
    publish_options: PublishOptions,
    work: impl AsyncFnOnce(&Issuer) -> Result<T>,
) -> Result<T> {
    let home = global.home()?;
    let issuer = Issuer::open_with(&home, Arc::new(SystemClock), publish_options).await?;
    let done = work(&issuer).await;
    issuer.store().close().await;
    done
}

fn fail(out: &Out, error: &anyhow::Error) -> ExitCode {
    let known = error.downcast_ref::<Error>();
    let mut message = format!("{error:#}");
    if let Some(Error::SomeAlreadyRevoked { ids, .. } | Error::SomeNotEarlier(ids)) = known {
        message.push_str(&format!("\nWith --if-revoked skip these are left: {}", ids.join(", ")));
    }
    out.error(code_of(error), &message);
    ExitCode::from(if known.is_some_and(is_no) { 1 } else { 2 })
}

/// Whether the answer is no, rather than that the command could not do its work.
const fn is_no(error: &Error) -> bool {
    match error {
        Error::NotFound
        | Error::NoSuchKeys(_)
        | Error::NoWebhook
        | Error::JobTaken
        | Error::AlreadyRevoked
        | Error::SomeAlreadyRevoked { .. }
        | Error::SomeNotEarlier(_)
        | Error::LastAdmin { .. }
        | Error::NotTheCount { .. }
        | Error::SettingsChanged { .. }
        | Error::NotEarlier
        | Error::NotRevoked(_)
        | Error::NotSuspended
        | Error::NotAuthentic
        | Error::Suspended
        | Error::Expired => true,
        Error::Invalid { .. }
        | Error::NothingSelected
        | Error::Fixed { .. }
        | Error::NotConfirmed { .. }
        | Error::NotPublishable
        | Error::SharedPolicy
        | Error::IdempotencyMismatch
        | Error::PublicText
        | Error::Unknown { .. }
        | Error::InUse { .. }
        | Error::BulkRevoked
        | Error::Target { .. }
        | Error::TargetFull { .. }
        | Error::HttpClient(_)
        | Error::EventsRemoved { .. }
        | Error::TrailBroken { .. }
        | Error::NoSigner
        | Error::LabelNotListed { .. }
        | Error::NoStatusSigner
        | Error::ShardFull
        | Error::NotInitialised { .. }
        | Error::KeystoreLost { .. }
        | Error::AlreadyInitialised { .. }
        | Error::RootExists { .. }
        | Error::Rotation(_)
        | Error::Scope { .. }
        | Error::OutlivesMaker { .. }
        | Error::LifetimeTooLong { .. }
        | Error::ExpiryRequired { .. }
        | Error::OwnerRequired { .. }
        | Error::Backup { .. }
        | Error::Move(_)
        | Error::Descriptors { .. }
        | Error::ClockWentBack { .. }
        | Error::ClockNotBehind
        | Error::ValidFor { .. }
        | Error::Store(_)
        | Error::Keystore(_)
        | Error::File(_)
        | Error::NoActor(_)
        | Error::Random(_)
        | Error::SelfCheck
        | Error::Keyring(_)
        | Error::List(_)
        | Error::Wire(_)
        | Error::PublicKey(_) => false,
    }
}

/// The code of an error, whichever layer it comes from.
fn code_of(error: &anyhow::Error) -> &'static str {
    None.or_else(|| error.downcast_ref().map(Error::code))
        .or_else(|| error.downcast_ref().map(StoreError::code))
        .or_else(|| error.downcast_ref().map(KeystoreError::code))
        .or_else(|| error.downcast_ref().map(FileError::code))
        .or_else(|| error.downcast_ref().map(|Invalid { .. }| "invalid"))
        .or_else(|| error.downcast_ref().map(|NoRandomness| "random"))
        .unwrap_or("failed")
}

/// Settings come from flags, then the environment, then the file. The file's values replace clap's
/// built-in defaults, which clap uses last.
fn parse(args: Vec<OsString>) -> Result<Cli> {
    let Some(path) = config_path(&args) else {
        return Ok(Cli::try_parse_from(args).unwrap_or_else(|error| refuse(&error)));
    };
    let command = Cli::command();
    let names = |command: &clap::Command| -> Vec<String> {
        let set = command
            .get_arguments()
            .filter(|arg| !["config", "help", "version"].contains(&arg.get_id().as_str()));
        set.filter_map(|arg| arg.get_long().map(|long| long.replace('-', "_"))).collect()
    };
    let (global, serve) = (names(&command), command.find_subcommand("serve").map(names));
    let serve = serve.unwrap_or_default();
    let global: Vec<&str> = global.iter().map(String::as_str).collect();
    let serve: Vec<&str> = serve.iter().map(String::as_str).collect();
    let config = Config::read(&path, &global, &serve)?;
    let set = |command: clap::Command, settings: Vec<(String, String)>| {
        settings.into_iter().fold(command, |command, (name, value)| {
            let id = command
                .get_arguments()
                .find(|arg| arg.get_long().is_some_and(|long| long.replace('-', "_") == name));
            let Some(id) = id.map(|arg| arg.get_id().clone()) else { return command };
            // Read once, and needed until the process ends.
            let value: &'static str = value.leak();
            command.mut_arg(id, |arg| arg.default_value(value))
        })
    };
    let command = set(command, config.global);
    let command = command.mut_subcommand("serve", |serve| set(serve, config.serve));
    let matches = command.try_get_matches_from(args).unwrap_or_else(|error| refuse(&error));
    let mut cli = Cli::from_arg_matches(&matches)?;
    cli.global.database_url = cli.global.database_url.or(config.database_url);
    Ok(cli)
}

/// Exits as clap would, but shows no key that was typed in a wrong place.
fn refuse(error: &clap::Error) -> ! {
    let plain = error.render().to_string();
    match concealed(&plain) {
        Cow::Owned(shown) => eprint!("{shown}"),
        Cow::Borrowed(_) => {
            let _ = error.print();
        }
    }
    std::process::exit(error.exit_code())
}

/// Finds the configuration file's path, which is needed before clap can parse the arguments.
fn config_path(args: &[OsString]) -> Option<PathBuf> {
    let mut args = args.iter().take_while(|arg| *arg != "--");
    while let Some(arg) = args.next() {
        if arg == "--config" {
            return args.next().map(PathBuf::from);
        }
        if let Some(path) = arg.to_str().and_then(|arg| arg.strip_prefix("--config=")) {
            return Some(path.into());
        }
    }
    std::env::var_os("PORTCULLIS_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// Starts the log. It never holds a token: requests are logged by their route, errors by their
/// kind.
fn start_log(serving: bool, json: bool) {
    let by_default = if serving { "info" } else { "warn" };
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(by_default));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if json {
        log.json().flatten_event(true).with_current_span(true).with_span_list(false).init();
    } else {
        log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init();
    }
}

#[cfg(test)]
mod tests {
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
