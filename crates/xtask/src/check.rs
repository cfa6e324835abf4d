//! `cargo xtask test`: every check in order, stopping at the first that fails.

use crate::build::{self, Built};
use crate::node_tests::{TYPES_TESTS, tests_in};
use crate::setup;
use crate::{cmd, medusa, paths, torture, ui};
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use std::path::Path;

/// The checks, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// cargo fmt --check
    Fmt,
    /// cargo clippy, warnings denied, on the host and for wasm
    Clippy,
    /// cargo doc, warnings denied: of the workspace, and of core as docs.rs builds it
    Docs,
    /// cargo test
    Rust,
    /// Core compiles where there is no standard library
    NoStd,
    /// The second verifier, in Python: its tests, and random cases that both verifiers verify
    Python,
    /// node --test in Node alone: *.test.mjs
    Node,
    /// node --test on real workerd: *.workerd.test.mjs
    Workerd,
    /// node --test on real Chromium: *.chromium.test.mjs
    Chromium,
    /// The types of the issuer's client: out of docs/openapi.json, and as its users compile them
    Types,
    /// node --test in real Medusa applications on PostgreSQL: tests/medusa, and with --full on the
    /// oldest Medusa too
    Medusa,
    /// node --test on a Next.js application, built and run: tests/next
    Next,
    /// cargo check of bench and fuzz, which are workspaces of their own: only with --full
    Harnesses,
    /// A campaign of `cargo xtask torture`: a short one with --only torture, an hour with --full
    Torture,
}

/// How the gate is fuzzed, in the step `workerd`.
#[derive(Args)]
pub(crate) struct Fuzz {
    /// How many random requests go through the gate [default: 2000]
    #[arg(long = "fuzz-requests", value_name = "N")]
    requests: Option<u32>,
    /// Which random requests they are; a failure prints its seed [default: always the same]
    #[arg(long = "fuzz-seed", value_name = "S")]
    seed: Option<u32>,
}

impl Fuzz {
    /// The environment variables that pass the options to the tests, which have the defaults.
    fn variables(&self) -> impl Iterator<Item = (&'static str, String)> {
        let all =
            [("PORTCULLIS_FUZZ_REQUESTS", self.requests), ("PORTCULLIS_FUZZ_SEED", self.seed)];
        all.into_iter().filter_map(|(name, value)| value.map(|value| (name, value.to_string())))
    }
}

/// Targets without a standard library. One of them is enough.
const BARE: [&str; 5] = [
    "thumbv7em-none-eabi",
    "thumbv7em-none-eabihf",
    "aarch64-unknown-none",
    "riscv32imac-unknown-none-elf",
    "x86_64-unknown-none",
];
/// Packages that are compiled for wasm only.
const WASM_PACKAGES: [&str; 6] = [
    "portcullis-gate-worker",
    "portcullis-gate-module",
    "example-rust-worker",
    "portcullis-bindgen-module",
    "portcullis-npm-module",
    "portcullis-primitives",
];
const NODE_TESTS: [&str; 2] = ["tests/e2e", "wasm/test"];
const NEXT_TESTS: &str = "tests/next";
/// The duration of the campaign in minutes, by default and with `--full`. A campaign runs longer if
/// the actions that it must perform take longer.
const TORTURE_MINUTES: f64 = 0.5;
const FULL_TORTURE_MINUTES: f64 = 60.0;

pub(crate) fn run(only: &[Step], fuzz: &Fuzz, full: bool) -> Result<()> {
    // Other load on the machine disturbs a campaign, so it only runs on request.
    let by_default = |step: &Step| full || !matches!(step, Step::Torture | Step::Harnesses);
    let wanted = |step: &Step| if only.is_empty() { by_default(step) } else { only.contains(step) };
    // Formatting and lints read only sources, so if they are selected alone, nothing is built.
    let runs_what_was_built =
        [Step::Node, Step::Workerd, Step::Chromium, Step::Medusa, Step::Next, Step::Torture]
            .iter()
            .any(wanted);
    let built = if runs_what_was_built { Some(build::all()?) } else { None };
    for step in Step::value_variants().iter().filter(|step| wanted(step)) {
        eprintln!("\n=== {} ===", name(*step));
        match step {
            Step::Fmt => fmt(),
            Step::Clippy => clippy(),
            Step::Docs => docs(),
            Step::Rust => rust(),
            Step::NoStd => no_std(),
            Step::Python => python(),
            Step::Node => built.as_ref().map_or(Ok(()), |built| node(built, "", fuzz)),
            Step::Workerd => built.as_ref().map_or(Ok(()), |built| node(built, ".workerd", fuzz)),
            Step::Chromium => built.as_ref().map_or(Ok(()), |built| node(built, ".chromium", fuzz)),
            Step::Types => types(),
            Step::Medusa => built.as_ref().map_or(Ok(()), |built| medusa::step(built, full)),
            Step::Next => built.as_ref().map_or(Ok(()), next),
            Step::Harnesses => harnesses(),
            Step::Torture => built.as_ref().map_or(Ok(()), |built| {
                let minutes = if full { FULL_TORTURE_MINUTES } else { TORTURE_MINUTES };
                torture::step(built, minutes)
            }),
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
        Step::Docs => "docs",
        Step::Rust => "rust",
        Step::NoStd => "no-std",
        Step::Python => "python",
        Step::Node => "node",
        Step::Workerd => "workerd",
        Step::Chromium => "chromium",
        Step::Types => "types",
        Step::Medusa => "medusa",
        Step::Next => "next",
        Step::Harnesses => "harnesses",
        Step::Torture => "torture",
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
        wasm_clippy()?;
    }
    Ok(())
}

/// On the host these crates are empty or nearly so. A separate toolchain for wasm has no clippy.
fn wasm_clippy() -> Result<()> {
    let wasm = setup::wasm_toolchain()?;
    if !wasm.is_hosts() {
        ui::loud("another toolchain compiles for wasm: what only wasm compiles is not linted");
        return Ok(());
    }
    let packages = WASM_PACKAGES.iter().flat_map(|package| ["-p", package]);
    let mut clippy = wasm.cargo()?;
    clippy.args(["clippy", "--target", setup::TARGET]).args(packages);
    cmd::stream(clippy.args(["--", "-D", "warnings"]))
}

/// A link to an item that was renamed or made private is a warning of rustdoc alone.
fn docs() -> Result<()> {
    const DENY: &str = "-D warnings";
    let mut workspace = cmd::host_cargo();
    workspace.args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", DENY);
    cmd::stream(&mut workspace)?;
    // docs.rs documents every feature and labels its items, which takes an unstable rustdoc. A
    // separate target folder, because `RUSTC_BOOTSTRAP` makes cargo compile dependencies again.
    let mut docs_rs = cmd::host_cargo();
    docs_rs
        .args(["doc", "-p", "portcullis-core", "--all-features", "--no-deps"])
        .env("RUSTDOCFLAGS", format!("{DENY} --cfg docsrs"))
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_TARGET_DIR", paths::target().join("docs-rs"));
    cmd::stream(&mut docs_rs)
}

/// The suite builds no harness, since their dependencies are no one else's. A rename that forgets
/// them would be found only by the next benchmark or the next campaign of fuzzing.
fn harnesses() -> Result<()> {
    for (folder, package) in [("bench", "bench-native"), ("fuzz", "portcullis-fuzz")] {
        let mut check = cmd::host_cargo();
        check
            .current_dir(paths::root().join(folder))
            .env("CARGO_TARGET_DIR", paths::target().join(folder));
        cmd::stream(check.args(["check", "-p", package, "--all-targets"]))?;
    }
    // It writes rows of the issuer's tables by itself: a migration that it doesn't follow shows only
    // when it runs.
    let measure = ["run", "--quiet", "-p", "portcullis-issuer", "--example", "measure"];
    let mut run = cmd::host_cargo();
    cmd::read(run.current_dir(paths::root()).args(measure).args(["--", "--quick"]))?;
    Ok(())
}

/// Whether a component of the toolchain works, after trying to add it.
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

/// Compiles core for a target without `std`, if the toolchain has one or can install it. Otherwise
/// the step is skipped, in continuous integration too: the WebAssembly build has no `std` either
/// and proves the same on every machine.
fn no_std() -> Result<()> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let sysroot = cmd::read(cmd::new(rustc).args(["--print", "sysroot"]))?;
    let targets = Path::new(&sysroot).join("lib/rustlib");
    let installed =
        || BARE.iter().find(|target| targets.join(target).join("lib").is_dir()).copied();
    let target = installed().or_else(|| {
        ui::note(&format!("rustup target add {}", BARE[0]));
        cmd::read(cmd::new("rustup").args(["target", "add", BARE[0]])).ok()?;
        installed()
    });
    let Some(target) = target else {
        ui::loud(&format!("none of {} can be had: this check is left out", BARE.join(", ")));
        return Ok(());
    };
    let options = ["check", "-p", "portcullis-core", "--no-default-features", "--target", target];
    cmd::stream(cmd::host_cargo().args(options))?;
    cmd::stream(cmd::host_cargo().args(options).args(["--features", "issue"]))
}

fn rust() -> Result<()> {
    let postgres = setup::postgres()?;
    setup::issuer_tools();
    let mut command = cmd::host_cargo();
    command.args(["test", "--workspace"]);
    command.envs(postgres.as_ref().map(setup::Postgres::variable));
    cmd::stream(&mut command)
}

fn python() -> Result<()> {
    let Some(python) = setup::python()? else {
        // setup::python has already printed a notice, and fails in continuous integration.
        return Ok(());
    };
    let run = |arguments: &[&str]| {
        let mut command = cmd::new(&python);
        command
            .current_dir(paths::root())
            .args(arguments)
            // For the cases, which cargo builds and runs.
            .env("CARGO_TARGET_DIR", paths::target())
            .env("PYTHONDONTWRITEBYTECODE", "1");
        cmd::stream(&mut command)
    };
    run(&["-m", "unittest", "discover", "-s", "tests/python"])?;
    run(&["tests/python/differential.py"])
}

fn node(built: &Built, runtime: &str, fuzz: &Fuzz) -> Result<()> {
    let chromium = if runtime == ".chromium" { setup::chromium()? } else { None };
    if runtime == ".chromium" && chromium.is_none() {
        // setup::chromium has already printed a notice, and fails in continuous integration.
        return Ok(());
    }
    let mut files = Vec::new();
    for folder in NODE_TESTS {
        files.extend(tests_in(&paths::root().join(folder), runtime)?);
    }
    let on_workerd = runtime == ".workerd";
    let rust_worker = if on_workerd { Some(build::rust_worker()?) } else { None };
    let servers = if on_workerd { setup::servers()? } else { Vec::new() };
    let python = if on_workerd { setup::python()? } else { None };
    let promtool = if runtime.is_empty() { setup::promtool()? } else { None };
    // One of the drills moves an issuer to PostgreSQL. The server stops when this binding is
    // dropped.
    let postgres = if on_workerd { setup::postgres()? } else { None };
    if on_workerd {
        // The drills set clocks with these tools.
        setup::issuer_tools();
    }
    if files.is_empty() {
        bail!("there are no *{runtime}.test.mjs files to run");
    }
    let mut command = cmd::new(&built.node);
    command
        .current_dir(paths::root())
        .arg("--test")
        .args(files)
        .env("PORTCULLIS_BIN", &built.issuer)
        .env("PORTCULLIS_GATE", &built.gate)
        .env("PORTCULLIS_WORKERD", &built.workerd)
        .env("PORTCULLIS_NPM_DIST", &built.npm_dist)
        .env("PORTCULLIS_PRIMITIVES", build::primitives()?)
        .envs(rust_worker.map(|folder| ("PORTCULLIS_RUST_WORKER", folder)))
        .envs(servers)
        .envs(python.map(|program| ("PORTCULLIS_PYTHON", program)))
        .envs(postgres.as_ref().map(setup::Postgres::variable))
        .envs(promtool.map(|program| ("PORTCULLIS_PROMTOOL", program)))
        .envs(fuzz.variables())
        .envs(chromium.map(|program| ("CHROMIUM", program)));
    cmd::stream(&mut command)
}

fn types() -> Result<()> {
    let folder = paths::root().join(TYPES_TESTS);
    setup::install_in(&folder, setup::Lockfile::Whole)?;
    let mut command = cmd::new("node");
    command.current_dir(paths::root()).arg("--test").args(tests_in(&folder, "")?);
    cmd::stream(&mut command)
}

fn next(built: &Built) -> Result<()> {
    let folder = paths::root().join(NEXT_TESTS);
    setup::with_package(&folder)?;
    let mut command = cmd::new(&built.node);
    command.current_dir(paths::root()).arg("--test").args(tests_in(&folder, "")?);
    cmd::stream(&mut command)
}
