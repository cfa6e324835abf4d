//! Installs the packed npm package next to the packages of a separate test folder; those of Medusa
//! take some 700 MB, those of Next.js 340.

use super::npm;
use crate::{cmd, paths};
use anyhow::Result;
use std::path::Path;

/// Installs the packages of the lockfile in `folder`, and the npm package as it is packed.
pub(crate) fn with_package(folder: &Path) -> Result<()> {
    npm::install_in(folder, npm::Lockfile::WithGaps)?;
    let modules = folder.join("node_modules");
    // Copied and not linked: Node resolves imports from the importer's real path, and the packages
    // that it must find are in this folder.
    let package = modules.join("portcullis");
    if package.is_dir() {
        std::fs::remove_dir_all(&package)?;
    }
    std::fs::create_dir_all(&package)?;
    let pack = ["pack", "--json", "--ignore-scripts", "--pack-destination"];
    let mut npm = cmd::new("npm");
    npm.current_dir(paths::root().join("wasm")).args(pack).arg(&modules);
    let packed: serde_json::Value = serde_json::from_str(&cmd::read(&mut npm)?)?;
    let name = packed.pointer("/0/filename").and_then(serde_json::Value::as_str);
    let file = modules.join(name.unwrap_or_default());
    let mut tar = cmd::new("tar");
    tar.arg("-xzf").arg(&file).arg("-C").arg(&package).arg("--strip-components=1");
    cmd::run(&mut tar)?;
    std::fs::remove_file(&file)?;
    Ok(())
}
