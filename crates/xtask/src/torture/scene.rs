//! What a campaign runs with.

use crate::build::Built;
use crate::{cmd, paths, setup, ui};
use anyhow::Result;
use clap::ValueEnum;
use std::path::{Path, PathBuf};
use std::process::Command;

const CAMPAIGN: &str = "tests/torture/main.mjs";

/// The databases of a campaign's issuers.
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
pub(super) struct Scene<'a> {
    pub(super) built: &'a Built,
    python: PathBuf,
    postgres: Option<PathBuf>,
}

impl<'a> Scene<'a> {
    /// `None`, with a loud notice, if there is no Python for the reader.
    pub(super) fn new(built: &'a Built, database: Databases) -> Result<Option<Self>> {
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
    pub(super) fn campaign(
        &self,
        issuer: &Path,
        database: Databases,
        minutes: f64,
        seed: u32,
    ) -> Command {
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
    pub(super) const fn possible(&self, wanted: Databases) -> Option<Databases> {
        match (wanted, &self.postgres) {
            (Databases::Postgres, None) => None,
            (Databases::Both, None) => Some(Databases::Sqlite),
            (wanted, _) => Some(wanted),
        }
    }
}
