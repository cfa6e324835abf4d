//! Medusa's packages for the tests of `portcullis/medusa`: some 700 MB, in a folder of their own.

use super::npm;
use crate::{cmd, paths};
use anyhow::Result;

const FOLDER: &str = "tests/medusa";

/// Installs what the folder's lockfile names, and the npm package as it is packed.
pub(crate) fn medusa() -> Result<()> {
    let folder = paths::root().join(FOLDER);
    npm::install_in(&folder, npm::Lockfile::WithGaps)?;
    let modules = folder.join("node_modules");
    // A link would do for us and not for Medusa: what is imported is looked for beside the
    // importer, and Medusa's packages are here.
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
