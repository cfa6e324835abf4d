//! The step `medusa`: the tests of `tests/medusa` on the newest Medusa, and with `--full` on the
//! oldest too.

use crate::build::Built;
use crate::node_tests::{TYPES_TESTS, tests_in};
use crate::{cmd, paths, setup};
use anyhow::{Context, Result};
use std::path::Path;

const NEWEST: &str = "tests/medusa";
/// A package of its own. The tests are copied next to its `node_modules`, because Node resolves
/// imports from there. The folder has the same depth as the other one, so that relative imports
/// resolve too.
const OLDEST: &str = "tests/medusa-oldest";
/// Entries that belong to each folder: the versions, the installed packages, and the Admin built
/// from them.
const OWN: [&str; 5] = ["node_modules", ".admin", ".npmrc", "package.json", "package-lock.json"];

pub(crate) fn step(built: &Built, full: bool) -> Result<()> {
    let Some(postgres) = setup::postgres()? else {
        // setup::postgres has already printed a notice, and fails in continuous integration.
        return Ok(());
    };
    // Without Chromium, the tests of the dashboard skip themselves.
    let chromium = setup::chromium()?;
    // Installed for its TypeScript compiler.
    setup::install_in(&paths::root().join(TYPES_TESTS), setup::Lockfile::Whole)?;
    let run = |folder: &str| {
        let folder = paths::root().join(folder);
        setup::with_package(&folder)?;
        let mut command = cmd::new(&built.node);
        command
            .current_dir(paths::root())
            .arg("--test")
            .args(two_at_a_time(&built.node))
            .args(tests_in(&folder, "")?)
            .env("PORTCULLIS_BIN", &built.issuer)
            .envs([postgres.variable()])
            .envs(chromium.as_ref().map(|program| ("CHROMIUM", program)));
        cmd::stream(&mut command)
    };
    run(NEWEST)?;
    if full {
        copy_tests(&paths::root().join(NEWEST), &paths::root().join(OLDEST))?;
        run(OLDEST).context("on the oldest Medusa that the package takes")?;
    }
    Ok(())
}

/// A test file spends most of its time waiting for applications to start and for lists to arrive.
/// Node before 20.10 runs one file at a time on two cores and has no option to change that.
fn two_at_a_time(node: &Path) -> Option<&'static str> {
    const OPTION: &str = "--test-concurrency=2";
    cmd::read(cmd::new(node).args([OPTION, "--version"])).is_ok().then_some(OPTION)
}

/// Makes `to` a copy of `from`, except for the entries in `OWN`.
fn copy_tests(from: &Path, to: &Path) -> Result<()> {
    let others = |folder: &Path| -> Result<Vec<_>> {
        let entries = std::fs::read_dir(folder)
            .with_context(|| format!("cannot read {}", folder.display()))?
            .collect::<Result<Vec<_>, _>>()?;
        let is_own = |name: std::ffi::OsString| OWN.iter().any(|own| name == *own);
        Ok(entries.into_iter().filter(|entry| !is_own(entry.file_name())).collect())
    };
    for left in others(to)? {
        if left.file_type()?.is_dir() {
            std::fs::remove_dir_all(left.path())?;
        } else {
            std::fs::remove_file(left.path())?;
        }
    }
    for entry in others(from)? {
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        std::fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
        return Ok(());
    }
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_copied_and_what_is_each_folders_own_stays() {
        let folder = std::env::temp_dir().join(format!("xtask-medusa-{}", std::process::id()));
        let (from, to) = (folder.join("newest"), folder.join("oldest"));
        let put = |folder: &Path, name: &str, text: &str| {
            let file = folder.join(name);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, text).unwrap();
        };
        put(&from, "one.test.mjs", "new");
        put(&from, "app/src/route.js", "new");
        put(&from, "package.json", "new");
        put(&from, "node_modules/medusa/index.js", "new");
        put(&to, "package.json", "old");
        put(&to, "node_modules/medusa/index.js", "old");
        put(&to, "one.test.mjs", "old");
        put(&to, "gone.test.mjs", "old");
        put(&to, "app/src/gone.js", "old");

        copy_tests(&from, &to).unwrap();

        let read = |name: &str| std::fs::read_to_string(to.join(name)).ok();
        assert_eq!(read("one.test.mjs").as_deref(), Some("new"));
        assert_eq!(read("app/src/route.js").as_deref(), Some("new"));
        assert_eq!(read("package.json").as_deref(), Some("old"));
        assert_eq!(read("node_modules/medusa/index.js").as_deref(), Some("old"));
        assert_eq!(read("gone.test.mjs"), None);
        assert_eq!(read("app/src/gone.js"), None);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
