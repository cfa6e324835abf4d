//! `cargo xtask bench`: what verifying, loading and publishing cost, compared with their peers.
//!
//! The harnesses are in `bench/`: each measures in interleaved rounds and prints JSON. This module
//! builds them, runs them one after the other and compares the results with the targets.

mod gate;
mod machine;
mod report;
mod results;
mod row;
mod rows;
mod soak;
mod units;
mod wrap;

use crate::build::{self, Built};
use crate::setup::{self, Setup, TARGET};
use crate::stamp::Stamp;
use crate::ui::{self, Outcome};
use crate::{cmd, paths, torture};
use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use results::Results;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The groups that `--only` can select.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Group {
    /// A secret key: the npm package in Node
    Node,
    /// A secret key: the npm package in workerd
    Workerd,
    /// A secret key: the core, step by step
    Native,
    /// Steps, look-ups and loading inside one wasm module
    Wasm,
    /// Publishable keys, first seen and seen again
    Ed25519,
    /// Looking a serial up
    Lookup,
    /// Bytes of the list on the wire
    Size,
    /// Building the list, and what one more revocation changes
    Build,
    /// Bytes of the npm package, and the first key of a fresh process, of Node and of workerd
    Start,
    /// The gate in workerd beside a Worker that only passes requests on
    Gate,
    /// From a revocation to its refusal at the gate, under load
    Bound,
    /// The gate's first request after its start, and what it weighs
    Cold,
    /// The gate with a request every ten seconds
    Idle,
    /// The gate's memory over five minutes with 100,000 keys
    Soak,
    /// The issuer on SQLite: keys in bulk, one revocation, a million keys
    Issuer,
}

/// The harnesses as built, and their inputs.
struct Bench {
    quick: bool,
    built: Built,
    native: PathBuf,
    wasm: PathBuf,
    /// Written by `native fixtures` for the other harnesses.
    files: PathBuf,
}

pub(crate) fn run(quick: bool, only: &[Group]) -> Result<()> {
    let setup = setup::all()?;
    let bench = prepare(quick, &setup, build::all()?)?;
    let mut results = Results::default();
    for group in Group::value_variants() {
        if only.is_empty() || only.contains(group) {
            ui::step(&format!("measuring: {}", name(*group)), || {
                for mut harness in bench.harnesses(*group)? {
                    results.add(&cmd::read(&mut harness)?)?;
                }
                Ok(Outcome::Done)
            })?;
        }
    }
    let machine = machine::describe(&bench.built)?;
    let rows = rows::all(&results);
    // Only complete runs update the committed figures in docs/.
    let folder = if quick || !only.is_empty() { bench.files } else { paths::root().join("docs") };
    let page = folder.join("benchmarks.md");
    std::fs::write(&page, report::page(&machine, &rows, &results, &torture::section()?))?;
    std::fs::write(folder.join("benchmarks.json"), results.to_json(&machine)?)?;
    eprintln!("\n{}\nwritten: {}", report::rows(&rows), page.display());
    Ok(())
}

fn name(group: Group) -> String {
    group.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

fn folder() -> PathBuf {
    paths::root().join("bench")
}

fn prepare(quick: bool, setup: &Setup, built: Built) -> Result<Bench> {
    npm()?;
    let target = paths::target().join("bench");
    let (native, wasm) = (native(&target)?, wasm(&target, setup)?);
    let files = target.join("files");
    ui::step("keys and lists to measure with", || {
        std::fs::create_dir_all(&files)?;
        cmd::run(cmd::new(&native).arg("fixtures").arg(&files))?;
        Ok(Outcome::Done)
    })?;
    Ok(Bench { quick, built, native, wasm, files })
}

fn npm() -> Result<()> {
    let lock = folder().join("package-lock.json");
    let modules = folder().join("node_modules");
    let record = modules.join(".package-lock.json");
    let stamp = Stamp::new(modules.join(".portcullis-stamp"), &[&lock], &[], vec![record])?;
    if stamp.is_fresh() {
        return Ok(());
    }
    ui::step("npm ci (peers)", || {
        let options = ["ci", "--ignore-scripts", "--no-audit", "--no-fund"];
        cmd::run(cmd::new("npm").current_dir(folder()).args(options))?;
        stamp.write()?;
        Ok(Outcome::Done)
    })
}

fn native(target: &Path) -> Result<PathBuf> {
    ui::step("native harness", || {
        let mut cargo = cmd::host_cargo();
        cargo.current_dir(folder()).env("CARGO_TARGET_DIR", target);
        cmd::run(cargo.args(["build", "--release", "-p", "bench-native"]))?;
        Ok(Outcome::Done)
    })?;
    there(target.join("release").join(format!("bench-native{}", std::env::consts::EXE_SUFFIX)))
}

/// The issuer in its release profile: a build for tests spends its time elsewhere.
fn released_issuer() -> Result<PathBuf> {
    let mut cargo = cmd::host_cargo();
    cargo.current_dir(paths::root());
    cmd::run(cargo.args(["build", "--release", "-p", "portcullis", "--bins"]))?;
    let program = format!("portcullis{}", std::env::consts::EXE_SUFFIX);
    there(paths::target().join("release").join(program))
}

fn wasm(target: &Path, setup: &Setup) -> Result<PathBuf> {
    let target = target.join("wasm");
    ui::step("wasm harness", || {
        let mut cargo = setup.wasm.cargo()?;
        cargo.current_dir(folder()).env("CARGO_TARGET_DIR", &target);
        cmd::run(cargo.args([
            "build",
            "-p",
            "bench-wasm",
            "--target",
            TARGET,
            "--profile",
            "wasm",
        ]))?;
        Ok(Outcome::Done)
    })?;
    there(target.join(TARGET).join("wasm/bench_wasm.wasm"))
}

fn there(file: PathBuf) -> Result<PathBuf> {
    if !file.is_file() {
        bail!("cargo made no {}", file.display());
    }
    Ok(file)
}

impl Bench {
    fn harnesses(&self, group: Group) -> Result<Vec<Command>> {
        let keys = self.files.join("keys.json");
        let native = |group: &str| self.harness(&self.native, &[Path::new(group)]);
        let node = |script: &str, words: &[&Path]| {
            let script = folder().join("node").join(script);
            let words: Vec<&Path> = [&[script.as_path()], words].concat();
            self.harness(&self.built.node, &words)
        };
        Ok(match group {
            Group::Node => vec![node("verify.mjs", &[&keys])],
            Group::Workerd => {
                let work = self.files.join("workerd");
                std::fs::create_dir_all(&work).context("workerd's folder")?;
                vec![node("workerd.mjs", &[&keys, &self.built.workerd, &work])]
            }
            Group::Native => vec![native("native")],
            Group::Wasm => vec![node("wasm.mjs", &[&self.wasm, &self.files])],
            Group::Ed25519 => vec![native("ed25519"), node("ed25519.mjs", &[&keys])],
            Group::Lookup => vec![native("lookup")],
            Group::Size => vec![native("size")],
            Group::Build => vec![native("build")],
            Group::Start => {
                let work = self.files.join("first");
                vec![
                    node("start.mjs", &[&keys]),
                    node("first-workerd.mjs", &[&keys, &self.built.workerd, &work]),
                ]
            }
            Group::Gate => {
                let work = self.files.join("gate");
                vec![node("gate.mjs", &[&self.built.issuer, &self.built.workerd, &work])]
            }
            Group::Bound | Group::Cold | Group::Idle | Group::Soak => {
                let script = format!("{}.mjs", name(group));
                let work = self.files.join(name(group));
                vec![node(&script, &[&released_issuer()?, &self.built.workerd, &work])]
            }
            Group::Issuer => vec![self.issuer()],
        })
    }

    /// An example of the issuer's crate, built with the program's profile.
    fn issuer(&self) -> Command {
        let mut command = cmd::host_cargo();
        let options = ["run", "--release", "--quiet", "-p", "portcullis-issuer"];
        command.current_dir(paths::root()).args(options).args(["--example", "measure", "--"]);
        if self.quick {
            command.arg("--quick");
        }
        command
    }

    fn harness(&self, program: &Path, words: &[&Path]) -> Command {
        let mut command = cmd::new(program);
        command.current_dir(folder()).args(words);
        if self.quick {
            command.arg("--quick");
        }
        command
    }
}
