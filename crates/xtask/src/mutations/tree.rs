//! The scratch copy of the tree, from which the mutations remove mechanisms.

use crate::setup::Postgres;
use crate::{cmd, paths};
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A copy of every file that git tracks or would add, with uncommitted changes.
pub(crate) struct Scratch {
    folder: PathBuf,
    /// The server that tests may use.
    pub(crate) postgres: Option<Postgres>,
}

impl Scratch {
    /// Below the target folder, so that the copy and its build output persist between runs.
    pub(crate) fn new() -> Result<Self> {
        let scratch = Self { folder: base().join("tree"), postgres: None };
        scratch.reset()?;
        Ok(scratch)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A target folder of its own: in a shared one, cargo would wait for other builds.
    pub(crate) fn target() -> PathBuf {
        base().join("target")
    }

    /// Makes the copy equal to the tree again. A file that is equal keeps its modification time, so
    /// that cargo recompiles only what a patch changed.
    pub(crate) fn reset(&self) -> Result<()> {
        let listed =
            ["ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"];
        let listed = cmd::read(cmd::new("git").current_dir(paths::root()).args(listed))?;
        let names: BTreeSet<PathBuf> =
            listed.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect();
        for name in &names {
            let (from, to) = (paths::root().join(name), self.folder.join(name));
            // A deleted file stays listed until the deletion is committed.
            let Ok(wanted) = std::fs::read(&from) else { continue };
            if std::fs::read(&to).is_ok_and(|held| held == wanted) {
                continue;
            }
            if let Some(parent) = to.parent() {
                std::fs::create_dir_all(parent)?;
            }
            std::fs::write(&to, wanted)
                .with_context(|| format!("cannot write {}", to.display()))?;
        }
        self.remove_others(&self.folder, &names)
    }

    /// Removes files that a failed test left behind, such as the saved case of a failed property.
    fn remove_others(&self, folder: &Path, names: &BTreeSet<PathBuf>) -> Result<()> {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                self.remove_others(&path, names)?;
            } else if path
                .strip_prefix(&self.folder)
                .is_ok_and(|name| !names.contains(name) || !paths::root().join(name).exists())
            {
                std::fs::remove_file(&path)?;
            }
        }
        Ok(())
    }

    /// Applies the patch; returns false if it doesn't apply.
    pub(crate) fn apply(&self, patch: &Path) -> Result<bool> {
        let output = git_apply(&self.folder).arg(patch).output().context("cannot start `git`")?;
        Ok(output.status.success())
    }
}

/// Whether a patch applies to the tree.
#[cfg(test)]
pub(crate) fn applies(patch: &Path) -> bool {
    let checked = git_apply(paths::root()).arg("--check").arg(patch).output();
    checked.is_ok_and(|output| output.status.success())
}

/// Inside a repository's folder, git skips files that don't belong to that repository.
fn git_apply(folder: &Path) -> Command {
    let mut command = cmd::new("git");
    command.current_dir(folder).env("GIT_CEILING_DIRECTORIES", base());
    command.args(["apply", "--whitespace=nowarn"]);
    command
}

fn base() -> PathBuf {
    paths::target().join("mutations")
}
