//! `cargo xtask`: from a bare checkout to a built, tested and running Portcullis, in one command.

mod bench;
mod build;
mod check;
mod cmd;
mod medusa;
mod mutations;
mod node_tests;
mod paths;
mod setup;
mod stamp;
mod torture;
mod ui;
mod up;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Sets up, builds, tests and starts Portcullis.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    /// Show the output of every program that is run, not only of one that fails
    #[arg(long, short, global = true)]
    verbose: bool,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Fetch and build the tools that the other tasks need, and nothing else
    Setup,
    /// Build the issuer, the gate and the npm package
    Build,
    /// Build, then run every check in order; stops at the first that fails
    Test {
        /// Run only this step (may be given more than once)
        #[arg(long, value_enum, value_name = "STEP")]
        only: Vec<check::Step>,
        #[command(flatten)]
        fuzz: check::Fuzz,
        /// The step `torture` for an hour, and the step `medusa` on the oldest Medusa as well
        #[arg(long)]
        full: bool,
    },
    /// Measure keys and lists beside their peers, and write docs/benchmarks.md
    Bench {
        /// Fewer and shorter rounds; docs/ is left as it is
        #[arg(long)]
        quick: bool,
        /// Measure only this (may be given more than once); docs/ is left as it is
        #[arg(long, value_enum, value_name = "NAME")]
        only: Vec<bench::Group>,
    },
    /// Take out each mechanism that docs/threat-model.md names; the test of its row must fail
    Mutations {
        /// Try only this one, by its name or its row (may be given more than once)
        #[arg(long, value_name = "NAME")]
        only: Vec<String>,
        /// Say what there is, and do nothing
        #[arg(long)]
        list: bool,
    },
    /// Kill, freeze, starve and lie to issuers, databases and gates, and hold all that is published
    /// and accepted against a model of its own
    Torture(torture::Options),
    /// Build, then start the issuer, the gate and an example origin on this machine
    Up {
        /// Walk through issuing, verifying and revoking a key, then stop
        #[arg(long)]
        check: bool,
    },
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Setup => setup::all().map(drop),
        Task::Build => build::all().map(drop),
        Task::Test { only, fuzz, full } => check::run(&only, &fuzz, full),
        Task::Bench { quick, only } => bench::run(quick, &only),
        Task::Mutations { list: true, .. } => mutations::list(),
        Task::Mutations { only, list: false } => mutations::run(&only),
        Task::Torture(options) => torture::run(&options),
        Task::Up { check } => up::run(check, &build::all()?),
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    ui::set_verbose(cli.verbose);
    match run(cli.task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            ui::error(&error);
            ExitCode::FAILURE
        }
    }
}
