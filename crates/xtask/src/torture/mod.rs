//! `cargo xtask torture`: a campaign against the real issuer, its databases, its targets and the
//! gates behind it, with an oracle of its own. The campaign is in `tests/torture`.

mod planted;
mod record;

pub(crate) use record::section;

use crate::build::{self, Built};
use crate::{cmd, paths, setup, ui};
use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const CAMPAIGN: &str = "tests/torture/main.mjs";

/// What `cargo xtask torture` is told.
#[derive(Args)]
pub(crate) struct Options {
    /// For how long, all databases together. What has to happen at least happens, however short
    /// that is
    #[arg(long, value_name = "N", default_value_t = 2.0)]
    minutes: f64,
    /// Which random choices
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u32,
    /// Where the records are
    #[arg(long, value_enum, default_value_t = Databases::Both)]
    database: Databases,
    /// Print the figures as JSON
    #[arg(long)]
    json: bool,
    /// Keep the figures in docs/torture.json and write them into docs/benchmarks.md
    #[arg(long, conflicts_with = "planted")]
    record: bool,
    /// Plant each of the bugs in tests/torture/planted, one after the other: the campaign must find it
    #[arg(long)]
    planted: bool,
    /// Plant only this one (may be given more than once)
    #[arg(long, value_name = "NAME", requires = "planted")]
    only: Vec<String>,
}

/// Which databases the records are in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Databases {
    Sqlite,
    Postgres,
    /// One after the other, each for half of the time
    Both,
}

impl Databases {
    const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Both => "both",
        }
    }
}

/// What a campaign needs besides the tree.
struct Scene<'a> {
    built: &'a Built,
    python: PathBuf,
    postgres: Option<PathBuf>,
}

impl<'a> Scene<'a> {
    /// `None`, with a loud notice, if there is no Python for the reader.
    fn new(built: &'a Built, database: Databases) -> Result<Option<Self>> {
        let Some(python) = setup::python()? else {
            ui::loud("the campaign is left out: the second verifier is its oracle");
            return Ok(None);
        };
        let postgres =
            if database == Databases::Sqlite { None } else { setup::postgres_programs()? };
        // The campaign itself reports what it skips without libfaketime.
        setup::issuer_tools();
        Ok(Some(Self { built, python, postgres }))
    }

    /// The command of a campaign against `issuer`.
    fn campaign(&self, issuer: &Path, database: Databases, minutes: f64, seed: u32) -> Command {
        let mut command = cmd::new(&self.built.node);
        command
            .current_dir(paths::root())
            .arg(CAMPAIGN)
            .args(["--minutes", &minutes.to_string(), "--seed", &seed.to_string()])
            .args(["--database", database.name()])
            .env("PORTCULLIS_BIN", issuer)
            .env("PORTCULLIS_WORKERD", &self.built.workerd)
            .env("PORTCULLIS_PYTHON", &self.python)
            .envs(self.postgres.as_ref().map(|bin| ("PORTCULLIS_POSTGRES_BIN", bin)));
        command
    }

    /// The wanted databases that are available.
    const fn possible(&self, wanted: Databases) -> Option<Databases> {
        match (wanted, &self.postgres) {
            (Databases::Postgres, None) => None,
            (Databases::Both, None) => Some(Databases::Sqlite),
            (wanted, _) => Some(wanted),
        }
    }
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if options.planted {
        return planted::run(&options.only, options.seed);
    }
    let built = build::all()?;
    let Some(scene) = Scene::new(&built, options.database)? else {
        bail!("there is no Python for the reader");
    };
    let Some(database) = scene.possible(options.database) else { bail!("there is no PostgreSQL") };
    let issuer = &scene.built.issuer;
    let mut command = scene.campaign(issuer, database, options.minutes, options.seed);
    if options.record {
        let figures = cmd::read(command.arg("--json").stderr(Stdio::inherit()))?;
        print!("{figures}");
        return record::keep(&figures);
    }
    if options.json {
        command.arg("--json");
    }
    cmd::stream(&mut command)
}

/// The step of `cargo xtask test`.
pub(crate) fn step(built: &Built, minutes: f64) -> Result<()> {
    let Some(scene) = Scene::new(built, Databases::Both)? else { return Ok(()) };
    let Some(database) = scene.possible(Databases::Both) else { return Ok(()) };
    cmd::stream(&mut scene.campaign(&scene.built.issuer, database, minutes, 1))
}
