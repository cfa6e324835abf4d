//! Tools that come from npm, at the versions in the top-level lockfile.

use crate::stamp::Stamp;
use crate::{cmd, paths, ui};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

const OLDEST_NODE: u32 = 20;

/// Programs from `node_modules`, and Node itself.
pub(crate) struct Npm {
    pub(crate) node: PathBuf,
    pub(crate) esbuild: PathBuf,
    pub(crate) wasm_opt: PathBuf,
    pub(crate) workerd: PathBuf,
}

pub(crate) fn install() -> Result<Npm> {
    let node = node()?;
    install_in(paths::root(), Lockfile::Whole)?;
    let modules = paths::root().join("node_modules");
    let bin = |name: &str| -> Result<PathBuf> {
        let file = modules.join(".bin").join(name);
        if !cmd::executable(&file) {
            bail!("{} is missing: remove node_modules and run this again", file.display());
        }
        Ok(file)
    };
    Ok(Npm { node, esbuild: bin("esbuild")?, wasm_opt: bin("wasm-opt")?, workerd: workerd()? })
}

/// How strictly npm follows a lockfile.
#[derive(Clone, Copy)]
pub(crate) enum Lockfile {
    /// Exactly the packages that it names.
    Whole,
    /// Like `Whole`, except that the lockfile may lack optional packages of other platforms,
    /// because the registry that it was made with had none of that version. `npm ci` refuses such a
    /// lockfile.
    WithGaps,
}

/// Installs the packages of the lockfile in `folder`, unless they are installed already.
pub(crate) fn install_in(folder: &Path, lockfile: Lockfile) -> Result<()> {
    let modules = folder.join("node_modules");
    let lock = folder.join("package-lock.json");
    // npm's own record of the installed packages: it is missing or changed if someone ran npm by
    // hand.
    let record = modules.join(".package-lock.json");
    // Kept inside `node_modules`, so that it is deleted with the folder.
    let stamp = Stamp::new(modules.join(".portcullis-stamp"), &[&lock], &[], vec![record])?;
    if stamp.is_fresh() {
        return Ok(());
    }
    let within = folder.strip_prefix(paths::root()).unwrap_or(folder).display().to_string();
    let name = if within.is_empty() { "npm ci".into() } else { format!("npm ci ({within})") };
    ui::step(&name, || {
        let how: &[&str] = match lockfile {
            Lockfile::Whole => &["ci"],
            Lockfile::WithGaps => &["install", "--no-save"],
        };
        // Install scripts are third-party programs, and none of our packages needs its own.
        let options = ["--ignore-scripts", "--no-audit", "--no-fund"];
        cmd::run(cmd::new("npm").current_dir(folder).args(how).args(options))?;
        stamp.write()?;
        Ok(ui::Outcome::Done)
    })
}

fn node() -> Result<PathBuf> {
    let node = cmd::which("node")
        .with_context(|| format!("Node {OLDEST_NODE} or newer is needed: there is no `node`"))?;
    let version = cmd::read(cmd::new(&node).arg("--version"))?;
    let major = version.trim_start_matches('v').split('.').next().unwrap_or_default();
    if major.parse::<u32>().is_ok_and(|major| major >= OLDEST_NODE) {
        Ok(node)
    } else {
        bail!("Node {OLDEST_NODE} or newer is needed: `node` is {version}")
    }
}

/// The binary itself: npm's wrapper in `.bin` starts it as a child that outlives a killed parent.
fn workerd() -> Result<PathBuf> {
    let package = match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => "workerd-linux-64",
        ("linux", "aarch64") => "workerd-linux-arm64",
        ("macos", "x86_64") => "workerd-darwin-64",
        ("macos", "aarch64") => "workerd-darwin-arm64",
        (os, arch) => bail!("npm has no workerd for {os} on {arch}"),
    };
    let file =
        paths::root().join("node_modules/@cloudflare").join(package).join("bin").join("workerd");
    if cmd::executable(&file) {
        return Ok(file);
    }
    bail!("{} is missing: remove node_modules and run this again", file.display())
}
