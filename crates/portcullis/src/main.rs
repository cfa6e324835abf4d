//! The program `portcullis`: the issuer's command line and server.
//!
//! Exit codes: 0 done or accepted; 1 refused or not found; 2 misuse, or the command could not do
//! it.

mod args;
mod audit;
mod backup;
mod bulk_revocations;
mod bundle;
mod command;
mod committed;
mod config;
mod confirm;
mod doctor;
mod exit;
mod global;
mod import;
mod init;
mod jobs;
mod keyring;
mod keys;
mod keystore;
mod list;
mod log;
mod migrate;
mod open;
mod output;
mod owners;
mod parse;
mod policies;
mod recover;
mod retention;
mod scan;
mod serve;
mod settings;
mod supervisor;
mod token;
mod verify;
mod webhooks;

use std::process::ExitCode;

use portcullis_api::LETS_GO_WITHIN;

use command::dispatch;
use exit::fail;
use output::Out;

fn main() -> ExitCode {
    let cli = match parse::parse(std::env::args_os().collect()) {
        Ok(cli) => cli,
        Err(error) => return fail(&Out::new(false), &error),
    };
    log::start(cli.command.is_serve(), cli.global.log_format == "json");
    let out = Out::new(cli.global.json);
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&out, &anyhow::Error::new(error)),
    };
    let ended = runtime.block_on(dispatch(&cli, &out));
    // A thread that waits for a disk or a name server must not keep the process alive.
    runtime.shutdown_timeout(LETS_GO_WITHIN);
    match ended {
        Ok(exit) => exit.code(),
        Err(error) => fail(&out, &error),
    }
}
