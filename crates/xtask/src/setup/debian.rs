//! Debian's packages, for machines that reach little else.

use crate::{cmd, ui};
use anyhow::Result;
use std::process::Command;
use std::sync::OnceLock;

/// Whether packages may be installed without a prompt: only as root and on Debian itself, since its
/// derivatives name packages differently.
pub(crate) fn can_install() -> bool {
    is_debian() && is_root() && cmd::which("apt-get").is_some()
}

fn is_debian() -> bool {
    std::fs::read_to_string("/etc/os-release")
        .is_ok_and(|text| text.lines().any(|line| line.trim() == "ID=debian"))
}

fn is_root() -> bool {
    cmd::read(cmd::new("id").arg("-u")).is_ok_and(|uid| uid == "0")
}

/// The installed version of a package.
pub(crate) fn installed(package: &str) -> Option<String> {
    let format = "${db:Status-Status} ${Version}";
    let text = cmd::read(cmd::new("dpkg-query").args(["-W", "-f", format, package])).ok()?;
    text.strip_prefix("installed ").map(str::to_owned)
}

/// Prints the missing packages, then installs them.
pub(crate) fn install(packages: &[&str]) -> Result<()> {
    let missing: Vec<&str> =
        packages.iter().copied().filter(|package| installed(package).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.join(" ");
    ui::note(&format!("Debian packages that will be installed now: {names}"));
    update()?;
    ui::step(&format!("apt-get install {names}"), || {
        // --no-remove: we don't remove a package that the user chose.
        let options = ["install", "-y", "--no-install-recommends", "--no-remove"];
        cmd::run(apt().args(options).args(&missing))?;
        Ok(ui::Outcome::Done)
    })
}

/// Downloads a package's archive into `folder` without installing it.
pub(crate) fn download(package: &str, folder: &std::path::Path) -> Result<()> {
    update()?;
    ui::step(&format!("apt-get download {package}"), || {
        cmd::run(apt().current_dir(folder).args(["download", package]))?;
        Ok(ui::Outcome::Done)
    })
}

/// Once per run: the lists do not change between two packages.
fn update() -> Result<()> {
    static UPDATED: OnceLock<()> = OnceLock::new();
    if UPDATED.get().is_some() {
        return Ok(());
    }
    ui::step("apt-get update", || {
        cmd::run(apt().arg("update"))?;
        Ok(ui::Outcome::Done)
    })?;
    UPDATED.get_or_init(|| ());
    Ok(())
}

fn apt() -> Command {
    let mut command = cmd::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}
