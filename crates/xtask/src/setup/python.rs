//! A Python for the second verifier, with the packages that it needs, in a venv that is created
//! once.

use super::debian;
use crate::{cmd, paths, ui};
use anyhow::{Context, Result, bail};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

const REQUIREMENTS: &str = "tests/python/requirements.txt";
/// Prints the version of a Python that can make a venv. Debian's python3 lacks ensurepip.
const PROBE: &str = "import ensurepip, sys, venv
assert sys.version_info >= (3, 11)
print(*sys.version_info[:3], sep='.')";
const MISSING: &str = "no Python 3.11 or newer with venv on this machine.
Install Python 3 with its venv module (Debian: python3-venv).";

/// The venv's Python; `None`, with a loud notice, if there is none and none can be made.
pub(crate) fn python() -> Result<Option<PathBuf>> {
    let base = base().context(MISSING);
    match base.and_then(|(program, version)| venv(&program, &version)) {
        Ok(python) => Ok(Some(python)),
        Err(error) if ui::ci() => Err(error),
        Err(error) => {
            ui::loud(&format!("the second verifier is left out: {error:#}"));
            Ok(None)
        }
    }
}

/// A Python that can make a venv, and its version.
fn base() -> Option<(PathBuf, String)> {
    if let Some(found) = find() {
        return Some(found);
    }
    if debian::can_install() {
        match debian::install(&["python3", "python3-venv"]) {
            Ok(()) => return find(),
            Err(error) => ui::note(&format!("Debian's python3-venv: {error:#}")),
        }
    }
    None
}

fn find() -> Option<(PathBuf, String)> {
    // Also tries the system's own, which apt-get can complete.
    let programs = cmd::which("python3").into_iter().chain([PathBuf::from("/usr/bin/python3")]);
    let version = |program: &PathBuf| cmd::read(cmd::new(program).args(["-c", PROBE])).ok();
    programs.filter_map(|program| version(&program).map(|found| (program, found))).next()
}

fn venv(program: &Path, version: &str) -> Result<PathBuf> {
    let requirements = paths::root().join(REQUIREMENTS);
    let text = std::fs::read_to_string(&requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let mut hasher = DefaultHasher::new();
    (program, version, text).hash(&mut hasher);
    let name = format!("python/{version}-{:016x}", hasher.finish());
    let mut folder = paths::cache()?.join(&name);
    if !folder.is_dir() {
        ui::step(&format!("venv of Python {version} (once)"), || {
            folder = paths::cached(&name, |draft| make(program, &requirements, draft))?;
            Ok(ui::Outcome::Done)
        })?;
    }
    // Only run the interpreter itself from there: scripts that pip wrote name the path of the
    // temporary folder.
    let python = folder.join("bin/python");
    if !cmd::executable(&python) {
        bail!("{} is missing: remove {} and run this again", python.display(), folder.display());
    }
    Ok(python)
}

fn make(program: &Path, requirements: &Path, draft: &Path) -> Result<()> {
    cmd::run(cmd::new(program).args(["-m", "venv"]).arg(draft))?;
    let options = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
    cmd::run(cmd::new(draft.join("bin/python")).args(options).arg(requirements))
}
