//! Debian ships a Rust that is new enough, but no standard library for wasm32. This module builds
//! it from Debian's own sources into a sysroot in our cache. Nothing is written under /usr.

use super::target::TARGET;
use crate::{cmd, paths};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

pub(crate) const RUSTC_PACKAGE: &str = "rustc-web";
pub(crate) const PACKAGES: [&str; 3] = [RUSTC_PACKAGE, "cargo-web", "rust-web-src"];

const BIN: &str = "/usr/bin";
const RUSTLIB: &str = "/usr/lib/rustlib";
const EMPTY: &str = "portcullis_empty";

/// The folder of the sysroot for this version of Debian's rustc, whether or not it exists.
pub(crate) fn folder(version: &str) -> Result<PathBuf> {
    Ok(paths::cache()?.join(relative(version)))
}

fn relative(version: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    let version: String = version.chars().map(|c| if plain(c) { c } else { '_' }).collect();
    format!("wasm-sysroot-{version}")
}

pub(crate) fn build(version: &str) -> Result<PathBuf> {
    paths::cached(&relative(version), |draft| {
        let work = draft.join("work");
        let rlibs = compile(&work)?;
        let lib = draft.join("lib/rustlib").join(TARGET).join("lib");
        std::fs::create_dir_all(&lib)?;
        for rlib in rlibs {
            let name = rlib.file_name().context("a library has a name")?;
            std::fs::copy(&rlib, lib.join(name))?;
        }
        std::fs::remove_dir_all(&work)?;
        link_host(&draft.join("lib/rustlib"))?;
        write_bin(&draft.join("bin"))
    })
}

/// Builds an empty crate, and with it the standard library; returns the library's parts.
fn compile(work: &Path) -> Result<Vec<PathBuf>> {
    std::fs::create_dir_all(work.join("src"))?;
    std::fs::write(work.join("src/lib.rs"), "")?;
    let manifest = format!(
        "[package]\nname = \"{EMPTY}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n"
    );
    std::fs::write(work.join("Cargo.toml"), manifest)?;

    let mut cargo = cmd::new(format!("{BIN}/cargo"));
    cargo
        .current_dir(work)
        .args(["build", "--release", "--target", TARGET, "--target-dir"])
        .arg(work.join("target"))
        .arg("-Zbuild-std=std,panic_abort,panic_unwind,test")
        .env("PATH", cmd::path_with(&[Path::new(BIN)])?)
        .env("CARGO", format!("{BIN}/cargo"))
        .env("RUSTC", format!("{BIN}/rustc"))
        // Building std is unstable, and Debian's compiler is a stable one.
        .env("RUSTC_BOOTSTRAP", "1")
        // Without bitcode in std, link-time optimisation of crates that use it fails.
        .env("RUSTFLAGS", "-Cembed-bitcode=yes")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("RUSTUP_TOOLCHAIN");
    cmd::run(&mut cargo).context("building std from Debian's rust-web-src")?;

    let deps = work.join("target").join(TARGET).join("release/deps");
    let mut rlibs = Vec::new();
    for entry in std::fs::read_dir(&deps)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.ends_with(".rlib") && !name.contains(EMPTY) {
            rlibs.push(path);
        }
    }
    if !rlibs.iter().any(|path| path.to_string_lossy().contains("libstd-")) {
        bail!("building std left no libstd in {}", deps.display());
    }
    Ok(rlibs)
}

/// Links the host's libraries that Debian ships: procedural macros and build scripts run on the
/// host.
#[cfg(unix)]
fn link_host(rustlib: &Path) -> Result<()> {
    for entry in std::fs::read_dir(RUSTLIB)? {
        let entry = entry?;
        let link = rustlib.join(entry.file_name());
        if !link.exists() {
            std::os::unix::fs::symlink(entry.path(), link)?;
        }
    }
    Ok(())
}

/// Writes a `rustc` with the sysroot built in. worker-build calls rustc by name to get the path of
/// the target's libraries, so a flag to cargo would not be enough.
#[cfg(unix)]
fn write_bin(bin: &Path) -> Result<()> {
    use std::os::unix::fs::{PermissionsExt, symlink};
    std::fs::create_dir_all(bin)?;
    let rustc = bin.join("rustc");
    let script = format!("#!/bin/sh\nexec {BIN}/rustc --sysroot \"${{0%/*}}/..\" \"$@\"\n");
    std::fs::write(&rustc, script)?;
    std::fs::set_permissions(&rustc, std::fs::Permissions::from_mode(0o755))?;
    symlink(format!("{BIN}/cargo"), bin.join("cargo"))?;
    Ok(())
}

#[cfg(not(unix))]
fn link_host(_: &Path) -> Result<()> {
    bail!("Debian's Rust runs on Debian")
}

#[cfg(not(unix))]
fn write_bin(_: &Path) -> Result<()> {
    bail!("Debian's Rust runs on Debian")
}

#[cfg(test)]
mod tests {
    use super::relative;

    #[test]
    fn a_debian_version_becomes_one_plain_folder_name() {
        assert_eq!(relative("1.96.0+dfsg1-1~deb12u2"), "wasm-sysroot-1.96.0_dfsg1-1_deb12u2");
        assert_eq!(relative("1:2/3"), "wasm-sysroot-1_2_3");
    }
}
