//! The files that `node --test` runs.

use crate::paths;
use anyhow::Result;
use std::path::{Path, PathBuf};

pub(crate) const TYPES_TESTS: &str = "tests/types";
/// The infix before `.test.mjs` in the name of a test that needs another runtime than Node.
const RUNTIMES: [&str; 2] = [".workerd", ".chromium"];

/// Lists the files here because Node 20 accepts no glob patterns. The paths are relative, which
/// keeps the output readable.
pub(crate) fn tests_in(folder: &Path, runtime: &str) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.to_string_lossy();
        let Some(stem) = name.strip_suffix(".test.mjs") else { continue };
        let needs = RUNTIMES.iter().find(|runtime| stem.ends_with(*runtime)).unwrap_or(&"");
        if *needs == runtime {
            files.push(path.strip_prefix(paths::root()).unwrap_or(&path).to_path_buf());
        }
    }
    files.sort();
    Ok(files)
}
