//! Running other programs: without prompts, quiet unless they fail, and without our own environment
//! variables.

use crate::{paths, ui};
use anyhow::{Context, Result, bail};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// `cargo run` describes the xtask's own crate in the environment, and puts its toolchain's
/// libraries on the loader's path. Children must see neither: another distribution's rustc would
/// load the wrong LLVM, and crates that read `CARGO_*` at build time would be rebuilt.
const OURS: [&str; 6] = [
    "CARGO_PKG_",
    "CARGO_MANIFEST_",
    "CARGO_BIN_",
    "CARGO_CRATE_",
    "CARGO_PRIMARY_PACKAGE",
    "OUT_DIR",
];
const LOADER_PATHS: [&str; 2] = ["LD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"];

/// A command in the caller's environment, without the variables that `cargo run` added.
pub(crate) fn new(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stdin(Stdio::null());
    for (key, _) in std::env::vars_os() {
        if key.to_str().is_some_and(|key| OURS.iter().any(|ours| key.starts_with(ours))) {
            command.env_remove(key);
        }
    }
    let toolchain = host_cargo_path();
    let toolchain = toolchain.parent().and_then(Path::parent);
    let target = paths::target();
    for key in LOADER_PATHS {
        let Some(value) = std::env::var_os(key) else { continue };
        let kept: Vec<PathBuf> = std::env::split_paths(&value)
            .filter(|path| !path.as_os_str().is_empty())
            .filter(|path| !path.starts_with(&target))
            .filter(|path| toolchain.is_none_or(|toolchain| !path.starts_with(toolchain)))
            .collect();
        match std::env::join_paths(&kept) {
            Ok(value) if !kept.is_empty() => command.env(key, value),
            Ok(_) | Err(_) => command.env_remove(key),
        };
    }
    command
}

fn host_cargo_path() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}

/// The cargo that runs this xtask, from the toolchain that the user chose for this machine.
pub(crate) fn host_cargo() -> Command {
    let mut command = new(host_cargo_path());
    command.current_dir(paths::root()).env("CARGO_TARGET_DIR", paths::target());
    command
}

/// Runs to the end. The output is shown only if the program fails, or always with `--verbose`.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    if ui::verbose() {
        ui::note(&format!("$ {}", shown(command)));
        return stream(command);
    }
    let output = command.output().with_context(|| not_started(command))?;
    if output.status.success() {
        return Ok(());
    }
    let text = [output.stdout, output.stderr].concat();
    ui::child_output(&String::from_utf8_lossy(&text));
    bail!("`{}` failed: {}", shown(command), output.status)
}

/// Runs to the end, inheriting our standard streams.
pub(crate) fn stream(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| not_started(command))?;
    if !status.success() {
        bail!("`{}` failed: {status}", shown(command));
    }
    Ok(())
}

/// Runs the program and returns its standard output, trimmed.
pub(crate) fn read(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| not_started(command))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("`{}` failed: {}\n{}", shown(command), output.status, stderr.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The first program of this name on PATH.
pub(crate) fn which(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| executable(file))
}

#[cfg(unix)]
pub(crate) fn executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
pub(crate) fn executable(file: &Path) -> bool {
    file.is_file()
}

/// PATH with these folders first.
pub(crate) fn path_with(first: &[&Path]) -> Result<OsString> {
    let rest = std::env::var_os("PATH").unwrap_or_default();
    let folders = first.iter().map(PathBuf::from).chain(std::env::split_paths(&rest));
    std::env::join_paths(folders).context("a folder on PATH holds the separator")
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str());
    std::iter::once(name)
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect::<Vec<_>>()
        .join(" ")
}

fn not_started(command: &Command) -> String {
    format!("cannot start `{}`", command.get_program().to_string_lossy())
}
