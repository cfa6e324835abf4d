//! Paths: the workspace, its target folder, and the cache that outlives both.

use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
    // Read at run time, so that a checkout that was moved doesn't build into its old folder.
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let ours = manifest.as_deref().and_then(Path::parent).and_then(Path::parent);
    let here = || std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    ours.map_or_else(here, Path::to_path_buf)
});

/// The workspace's folder.
pub(crate) fn root() -> &'static Path {
    &ROOT
}

/// Cargo's target folder for the host's programs.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) if !folder.is_empty() => root().join(folder),
        Some(_) | None => root().join("target"),
    }
}

/// Separate from the host's folder: the wasm toolchain may be another cargo, and two cargos in one
/// folder wait for each other and rebuild each other's output.
pub(crate) fn wasm_target() -> PathBuf {
    target().join("wasm")
}

/// The folder for tools and toolchains that are built once for all checkouts.
pub(crate) fn cache() -> Result<PathBuf> {
    let set = |key: &str| std::env::var_os(key).filter(|value| !value.is_empty());
    let folder = if let Some(folder) = set("PORTCULLIS_CACHE") {
        PathBuf::from(folder)
    } else if let Some(folder) = set("XDG_CACHE_HOME") {
        Path::new(&folder).join("portcullis")
    } else {
        let home = std::env::home_dir()
            .context("no home folder to keep built tools in: set PORTCULLIS_CACHE to a folder")?;
        home.join(".cache/portcullis")
    };
    std::fs::create_dir_all(&folder)
        .with_context(|| format!("cannot make the cache folder {}", folder.display()))?;
    std::path::absolute(&folder).context("the cache folder has no absolute path")
}

/// A folder in the cache that appears complete or not at all. It is built under a temporary name
/// and then renamed, so that an interrupted build leaves nothing that looks finished.
pub(crate) fn cached(relative: &str, make: impl FnOnce(&Path) -> Result<()>) -> Result<PathBuf> {
    let folder = cache()?.join(relative);
    if folder.is_dir() {
        return Ok(folder);
    }
    let parent = folder.parent().context("a cached folder has a parent")?;
    let name = relative.replace('/', "-");
    let draft = parent.join(format!(".{name}.{}", std::process::id()));
    remove(&draft)?;
    std::fs::create_dir_all(&draft)?;
    let made = make(&draft).and_then(|()| match std::fs::rename(&draft, &folder) {
        // Another run finished the same folder first: use that one.
        Err(_) if folder.is_dir() => Ok(()),
        renamed => renamed.with_context(|| format!("cannot make {}", folder.display())),
    });
    remove(&draft)?;
    made.map(|()| folder)
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}
