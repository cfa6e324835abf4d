//! `cargo xtask torture`: a campaign against the real issuer, its databases, its targets and the
//! gates behind it, with an oracle of its own. The campaign is in `tests/torture`.

mod planted;
mod record;
mod scene;

pub(crate) use record::section;

use crate::build::{self, Built};
use crate::cmd;
use anyhow::{Result, bail};
use clap::Args;
use scene::{Databases, Scene};
use std::process::Stdio;

/// The options of `cargo xtask torture`.
#[derive(Args)]
pub(crate) struct Options {
    /// The duration in minutes, for all databases together. A campaign runs longer if the actions
    /// that it must perform take longer
    #[arg(long, value_name = "N", default_value_t = 2.0)]
    minutes: f64,
    /// The seed of the random choices
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u32,
    /// The databases to test
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
