//! `cargo xtask test`: every check in order, stopping at the first that fails.

use crate::build::{self, Built};
use crate::setup;
use crate::{cmd, paths, ui};
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use std::path::{Path, PathBuf};

/// The checks, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// cargo fmt --check
    Fmt,
    /// cargo clippy, warnings denied
    Clippy,
    /// cargo test
    Rust,
    /// node --test on what was built
    Node,
}

const NODE_TESTS: [&str; 2] = ["tests/e2e", "wasm/test"];

pub(crate) fn run(only: &[Step]) -> Result<()> {
    let wanted = |step: &Step| only.is_empty() || only.contains(step);
    // Formatting and lints look at sources alone; asked for by themselves they need no build.
    let built = if only.is_empty() || wanted(&Step::Node) { Some(build::all()?) } else { None };
    for step in Step::value_variants().iter().filter(|step| wanted(step)) {
        eprintln!("\n=== {} ===", name(*step));
        match step {
            Step::Fmt => fmt(),
            Step::Clippy => clippy(),
            Step::Rust => cmd::stream(cmd::host_cargo().args(["test", "--workspace"])),
            Step::Node => built.as_ref().map_or(Ok(()), node),
        }
        .with_context(|| format!("the step `{}` failed", name(*step)))?;
    }
    eprintln!("\nall checks passed");
    Ok(())
}

fn name(step: Step) -> &'static str {
    match step {
        Step::Fmt => "fmt",
        Step::Clippy => "clippy",
        Step::Rust => "rust",
        Step::Node => "node",
    }
}

fn fmt() -> Result<()> {
    if component("fmt", "rustfmt")? {
        cmd::stream(cmd::host_cargo().args(["fmt", "--all", "--check"]))?;
    }
    Ok(())
}

fn clippy() -> Result<()> {
    if component("clippy", "clippy")? {
        let options = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
        cmd::stream(cmd::host_cargo().args(options))?;
    }
    Ok(())
}

/// Whether a part of the toolchain is there, after trying to add it.
fn component(subcommand: &str, component: &str) -> Result<bool> {
    let works = || cmd::read(cmd::host_cargo().args([subcommand, "--version"])).is_ok();
    if works() {
        return Ok(true);
    }
    ui::note(&format!("rustup component add {component}"));
    let added = cmd::read(cmd::new("rustup").args(["component", "add", component]));
    if added.is_ok() && works() {
        return Ok(true);
    }
    let missing = format!("`cargo {subcommand}` is not on this machine: this check is left out");
    if ui::ci() {
        bail!(missing);
    }
    ui::loud(&missing);
    Ok(false)
}

fn node(built: &Built) -> Result<()> {
    let mut files = Vec::new();
    for folder in NODE_TESTS {
        files.extend(tests_in(&paths::root().join(folder))?);
    }
    if files.is_empty() {
        ui::loud("there are no *.test.mjs files to run");
        return Ok(());
    }
    let mut command = cmd::new(&built.node);
    command
        .current_dir(paths::root())
        .args(["--test", "--test-reporter=spec"])
        .args(files)
        .env("PORTCULLIS_BIN", &built.issuer)
        .env("PORTCULLIS_GATE", &built.gate)
        .env("PORTCULLIS_WORKERD", &built.workerd)
        .env("PORTCULLIS_NPM_DIST", &built.npm_dist);
    match setup::chromium()? {
        Some(chromium) => command.env("CHROMIUM", chromium),
        None => command.env_remove("CHROMIUM"),
    };
    cmd::stream(&mut command)
}

/// Listed here because Node 20 takes no patterns. Relative, as a reader of the output wants them.
fn tests_in(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.to_string_lossy().ends_with(".test.mjs") {
            files.push(path.strip_prefix(paths::root()).unwrap_or(&path).to_path_buf());
        }
    }
    files.sort();
    Ok(files)
}
