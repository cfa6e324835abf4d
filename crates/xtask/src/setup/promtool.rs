//! Prometheus' `promtool`, which checks the alerts and runs their tests. Debian ships it in the
//! server's package, which is only unpacked: installing it would start a server.

use super::debian;
use crate::{cmd, paths, ui};
use anyhow::{Context as _, Result, bail};
use std::path::PathBuf;

const MISSING: &str = "no promtool on this machine: the tests of the alerts are left out.
Install Prometheus, or its promtool alone.";

/// The program's path; `None`, with a loud notice, if there is none and none can be fetched.
pub(crate) fn promtool() -> Result<Option<PathBuf>> {
    if let Some(found) = cmd::which("promtool") {
        return Ok(Some(found));
    }
    if debian::can_install() {
        match unpacked() {
            Ok(found) => return Ok(Some(found)),
            Err(error) => ui::note(&format!("Debian's prometheus: {error:#}")),
        }
    }
    if ui::ci() {
        bail!(MISSING);
    }
    ui::loud(MISSING);
    Ok(None)
}

fn unpacked() -> Result<PathBuf> {
    let folder = paths::cached("promtool", |draft| {
        debian::download("prometheus", draft)?;
        let archive = std::fs::read_dir(draft)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
            .context("nothing was downloaded")?;
        cmd::run(cmd::new("dpkg-deb").arg("-x").arg(&archive).arg(draft))?;
        std::fs::remove_file(archive)?;
        Ok(())
    })?;
    let program = folder.join("usr/bin/promtool");
    if !cmd::executable(&program) {
        bail!("the package has no promtool");
    }
    Ok(program)
}
