//! Reads the arguments, and the configuration file that they name.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::Result;
use clap::{CommandFactory as _, FromArgMatches as _, Parser as _};
use portcullis_issuer::conceal::concealed;

use super::command::Cli;
use super::config::Config;

/// Settings come from flags, then the environment, then the file. The file's values replace clap's
/// built-in defaults, which clap uses last.
pub(crate) fn parse(args: Vec<OsString>) -> Result<Cli> {
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

/// Exits as clap does, but conceals keys that were passed as the wrong argument.
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
