//! A Rust that compiles for `wasm32-unknown-unknown`: the first of three ways that works.

use super::target::TARGET;
use super::{debian, sysroot};
use crate::{cmd, paths, ui};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

const RUSTFLAGS: &str = "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS";

const NO_WAY: &str = "no Rust on this machine compiles for wasm32-unknown-unknown. Do one of:
  - rustup target add wasm32-unknown-unknown
  - on Debian 12, as root: cargo xtask setup (takes Debian's rustc-web)
  - install your distribution's standard library for that target (often called rust-std-wasm32)";

/// The environment in which `cargo build --target wasm32-unknown-unknown` works.
pub(crate) struct WasmToolchain {
    /// The output of `rustc -vV`; compiled output depends on it.
    pub(crate) id: String,
    /// A folder with the `cargo` and `rustc` to use. `None` uses the machine's own.
    bin: Option<PathBuf>,
    /// Set if the toolchain brings no linker of its own.
    linker: Option<String>,
}

/// Finds or makes the toolchain, and prints which of the three ways it took.
pub(crate) fn toolchain() -> Result<WasmToolchain> {
    if has_target(&cmd::read(rustc().args(["--print", "sysroot"]))?) {
        return own("installed already");
    }
    // Try this before rustup: if this toolchain exists, rustup failed once and would fail slowly
    // each time.
    if let Some(found) = debian_built()? {
        return Ok(found);
    }
    match rustup() {
        Ok(()) => return own("added by rustup"),
        Err(error) => ui::note(&format!("rustup cannot add {TARGET}: {}", ui::gist(&error))),
    }
    debian_toolchain()
}

fn rustc() -> Command {
    cmd::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

fn has_target(sysroot: &str) -> bool {
    Path::new(sysroot).join("lib/rustlib").join(TARGET).join("lib").is_dir()
}

fn own(how: &str) -> Result<WasmToolchain> {
    let sysroot = cmd::read(rustc().args(["--print", "sysroot"]))?;
    if !has_target(&sysroot) {
        bail!("rustup added {TARGET} to another toolchain than the one in {sysroot}");
    }
    let id = cmd::read(rustc().arg("-vV"))?;
    say(how, &id);
    Ok(WasmToolchain { linker: linker_for(&sysroot, &id), id, bin: None })
}

fn rustup() -> Result<()> {
    let rustup = cmd::which("rustup").context("there is no rustup")?;
    let name = format!("rustup target add {TARGET}");
    // Captured even with --verbose: on some machines this step fails, and the next way is tried.
    let added = cmd::read(cmd::new(rustup).args(["target", "add", TARGET]));
    added.map(drop).context(name)
}

/// Debian's toolchain, if an earlier run made it for the rustc version that is still installed.
fn debian_built() -> Result<Option<WasmToolchain>> {
    let Some(version) = debian::installed(sysroot::RUSTC_PACKAGE) else { return Ok(None) };
    let folder = sysroot::folder(&version)?;
    if folder.is_dir() { debian_from(&folder).map(Some) } else { Ok(None) }
}

fn debian_toolchain() -> Result<WasmToolchain> {
    let installed = sysroot::PACKAGES.iter().all(|package| debian::installed(package).is_some());
    if !installed && !debian::can_install() {
        bail!(NO_WAY);
    }
    debian::install(&sysroot::PACKAGES).context(NO_WAY)?;
    if wasm_ld().is_none() {
        debian::install(&["lld-19"]).context(NO_WAY)?;
    }
    let version = debian::installed(sysroot::RUSTC_PACKAGE).context(NO_WAY)?;
    let mut folder = sysroot::folder(&version)?;
    if !folder.is_dir() {
        ui::step(&format!("std for {TARGET} (once, a minute)"), || {
            folder = sysroot::build(&version)?;
            Ok(ui::Outcome::Done)
        })?;
    }
    debian_from(&folder)
}

fn debian_from(folder: &Path) -> Result<WasmToolchain> {
    let bin = folder.join("bin");
    let id = cmd::read(cmd::new(bin.join("rustc")).arg("-vV"))?;
    say("Debian's Rust, with a standard library built here", &id);
    let linker = wasm_ld().context("Debian's Rust needs wasm-ld: apt-get install lld-19")?;
    Ok(WasmToolchain { id, bin: Some(bin), linker: Some(linker) })
}

fn say(how: &str, id: &str) {
    let version = id.lines().next().unwrap_or_default();
    ui::note(&format!("{TARGET}: {how} ({version})"));
}

/// rustup's toolchains bring `rust-lld`; a distribution's may leave the linker to its own LLVM.
fn linker_for(sysroot: &str, id: &str) -> Option<String> {
    let host = id.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
    let bin = Path::new(sysroot).join("lib/rustlib").join(host).join("bin");
    if bin.join("rust-lld").is_file() || cmd::which("rust-lld").is_some() {
        return None;
    }
    wasm_ld()
}

/// `wasm-ld`, or the newest of Debian's numbered ones.
fn wasm_ld() -> Option<String> {
    let plain = cmd::which("wasm-ld").map(|_| "wasm-ld".to_owned());
    plain.or_else(|| {
        let numbered = |version: &u32| cmd::which(&format!("wasm-ld-{version}")).is_some();
        (14..40).rev().find(numbered).map(|version| format!("wasm-ld-{version}"))
    })
}

/// With SIMD, the compression functions of SHA-256 and SHA-512 take a third less time and a sixth
/// of the space. Every engine has supported it since 2023 at the latest, on most machines.
const SIMD: &str = "-Ctarget-feature=+simd128";

impl WasmToolchain {
    /// Whether this toolchain also compiles for the host.
    pub(crate) const fn is_hosts(&self) -> bool {
        self.bin.is_none()
    }

    /// This toolchain's cargo, in the environment that it needs.
    pub(crate) fn cargo(&self) -> Result<Command> {
        let mut command = match &self.bin {
            Some(bin) => cmd::new(bin.join("cargo")),
            None => cmd::host_cargo(),
        };
        command.current_dir(paths::root());
        self.apply(&mut command)?;
        Ok(command)
    }

    /// Sets the environment for a program that runs cargo and rustc by name.
    pub(crate) fn apply(&self, command: &mut Command) -> Result<()> {
        if let Some(bin) = &self.bin {
            command
                .env("PATH", cmd::path_with(&[bin])?)
                .env("CARGO", bin.join("cargo"))
                .env("RUSTC", bin.join("rustc"))
                .env_remove("RUSTDOC")
                .env_remove("RUSTUP_TOOLCHAIN");
        }
        if let Some(linker) = &self.linker {
            command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        command
            .env("CARGO_TARGET_DIR", paths::wasm_target())
            .env(RUSTFLAGS, format!("{} {SIMD}", remap()));
        Ok(())
    }
}

/// Panic messages name source files. Without the builder's folders in them, the module is smaller,
/// reveals nothing about the builder's machine, and is identical on every machine.
fn remap() -> String {
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let sources = home.map(|home| home.join("registry/src"));
    [(Some(paths::root().to_path_buf()), "portcullis"), (sources, "crates")]
        .into_iter()
        .filter_map(|(from, to)| Some((from?.to_str()?.to_owned(), to)))
        // Cargo splits this variable at spaces.
        .filter(|(from, _)| !from.contains(' '))
        .map(|(from, to)| format!("--remap-path-prefix={from}={to}"))
        .collect::<Vec<_>>()
        .join(" ")
}
