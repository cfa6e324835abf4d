//! A Chromium for the browser tests, which run the npm package as its users do.

use super::debian;
use crate::{cmd, ui};
use anyhow::{Result, bail};
use std::path::PathBuf;

const NAMES: [&str; 5] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];
const APPLICATIONS: [&str; 2] = [
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
];
const MISSING: &str = "no Chromium on this machine: tests in a browser are left out.
Install Chromium or Chrome, or set CHROMIUM to the program's path.";

/// The browser's path; `None`, with a loud notice, if there is none and none can be installed.
pub(crate) fn chromium() -> Result<Option<PathBuf>> {
    if let Some(set) = std::env::var_os("CHROMIUM").filter(|set| !set.is_empty()) {
        let file = PathBuf::from(set);
        if !cmd::executable(&file) {
            bail!("CHROMIUM is {}, which is no program", file.display());
        }
        return Ok(Some(file));
    }
    if let Some(found) = find() {
        return Ok(Some(found));
    }
    if debian::can_install() {
        match debian::install(&["chromium"]) {
            Ok(()) => {
                if let Some(found) = find() {
                    return Ok(Some(found));
                }
            }
            Err(error) => ui::note(&format!("Debian's chromium: {error:#}")),
        }
    }
    if ui::ci() {
        bail!(MISSING);
    }
    ui::loud(MISSING);
    Ok(None)
}

fn find() -> Option<PathBuf> {
    let applications = APPLICATIONS.iter().map(PathBuf::from);
    NAMES
        .iter()
        .find_map(|name| cmd::which(name))
        .or_else(|| applications.into_iter().find(|file| cmd::executable(file)))
}
