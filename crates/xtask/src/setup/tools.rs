//! Tools written in Rust, compiled once into the cache at exactly the version that the build needs.

use crate::{cmd, paths, ui};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// Must have the minor version of the `worker` crate, because each refuses any other.
const WORKER_BUILD: &str = "0.8.7";

pub(crate) struct Tools {
    pub(crate) wasm_bindgen: PathBuf,
    pub(crate) wasm_bindgen_version: String,
    pub(crate) worker_build: PathBuf,
    pub(crate) worker_build_version: &'static str,
}

pub(crate) fn install() -> Result<Tools> {
    let lock = paths::root().join("Cargo.lock");
    let text = std::fs::read_to_string(&lock)
        .with_context(|| format!("cannot read {}", lock.display()))?;
    let version = locked_version(&text, "wasm-bindgen")
        .context("Cargo.lock names no wasm-bindgen: no crate of the workspace depends on it yet")?;
    Ok(Tools {
        wasm_bindgen: tool("wasm-bindgen-cli", version, "wasm-bindgen")?,
        wasm_bindgen_version: version.to_owned(),
        worker_build: tool("worker-build", WORKER_BUILD, "worker-build")?,
        worker_build_version: WORKER_BUILD,
    })
}

fn tool(package: &str, version: &str, program: &str) -> Result<PathBuf> {
    let folder = format!("tools/{package}-{version}");
    let mut root = paths::cache()?.join(&folder);
    if !root.is_dir() {
        ui::step(&format!("{package} {version} (once, minutes)"), || {
            root = paths::cached(&folder, |draft| compile(package, version, draft))?;
            Ok(ui::Outcome::Done)
        })?;
    }
    let file = root.join("bin").join(format!("{program}{}", std::env::consts::EXE_SUFFIX));
    if !cmd::executable(&file) {
        bail!("{} is missing: remove {} and run this again", file.display(), root.display());
    }
    Ok(file)
}

fn compile(package: &str, version: &str, root: &Path) -> Result<()> {
    // A registry mirror that lags behind may lack a version that the tool's own lockfile names.
    // Retry without `--locked`; the tool's own version stays the same.
    if let Err(error) = cmd::read(&mut cargo_install(package, version, root, &["--locked"])) {
        let gist = ui::gist(&error);
        ui::note(&format!("{package}: not with its own lockfile, trying without ({gist})"));
        cmd::run(&mut cargo_install(package, version, root, &[]))?;
    }
    Ok(())
}

fn cargo_install(
    package: &str,
    version: &str,
    root: &Path,
    options: &[&str],
) -> std::process::Command {
    let mut cargo = cmd::host_cargo();
    cargo
        // Outside the workspace, so that its settings don't apply to the tools.
        .current_dir(root)
        .env_remove("CARGO_TARGET_DIR")
        .args(["install", package, "--version", version, "--root"])
        .arg(root)
        .args(options);
    cargo
}

/// The version of a package in the text of a Cargo.lock.
fn locked_version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    lines.nth(1)?.strip_prefix("version = \"")?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::locked_version;

    #[test]
    fn reads_the_version_of_exactly_the_package_asked_for() {
        let lock = "version = 4\n\n[[package]]\nname = \"wasm-bindgen-macro\"\nversion = \"0.1.0\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\nsource = \"x\"\n";
        assert_eq!(locked_version(lock, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(locked_version(lock, "wasm"), None);
    }
}
