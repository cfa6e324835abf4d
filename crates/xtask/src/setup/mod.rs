//! Tools that a bare machine lacks: fetched or built once, and found again on later runs.

mod chromium;
mod debian;
mod issuer_tools;
mod npm;
mod packed;
mod postgres;
mod promtool;
mod python;
mod servers;
mod sysroot;
mod target;
mod tools;
mod wasm;

pub(crate) use chromium::chromium;
pub(crate) use issuer_tools::issuer_tools;
pub(crate) use npm::{Lockfile, Npm, install_in};
pub(crate) use packed::with_package;
pub(crate) use postgres::{Postgres, postgres, postgres_programs};
pub(crate) use promtool::promtool;
pub(crate) use python::python;
pub(crate) use servers::servers;
pub(crate) use target::TARGET;
pub(crate) use tools::Tools;
pub(crate) use wasm::{WasmToolchain, toolchain as wasm_toolchain};

use anyhow::Result;

/// Everything that a build needs.
pub(crate) struct Setup {
    pub(crate) npm: Npm,
    pub(crate) wasm: WasmToolchain,
    pub(crate) tools: Tools,
}

pub(crate) fn all() -> Result<Setup> {
    // The order makes quick failures come first: Node's version is checked, npm downloads, a
    // toolchain may be compiled, and the tools take minutes.
    let npm = npm::install()?;
    let wasm = wasm::toolchain()?;
    let tools = tools::install()?;
    Ok(Setup { npm, wasm, tools })
}
