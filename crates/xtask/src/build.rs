//! `cargo xtask build`: builds the issuer, the gate and the npm package, each only if it changed.

use crate::setup::{self, Setup, TARGET};
use crate::stamp::Stamp;
use crate::ui::{self, Outcome};
use crate::{cmd, paths};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

const PROFILE: &str = "wasm";

/// The wasm features that Rust's wasm32 target emits and that Node 20, every current browser and
/// workerd support. They are named one by one because `--all-features` lets wasm-opt use encodings
/// that some engines still lack.
const FEATURES: [&str; 7] = [
    "--enable-mutable-globals",
    "--enable-sign-ext",
    "--enable-nontrapping-float-to-int",
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-reference-types",
    // For the gate only: wasm-bindgen catches JavaScript exceptions.
    "--enable-exception-handling",
];
/// If an engine lacks SIMD, the npm package falls back to JavaScript.
const SIMD: &str = "--enable-simd";
/// The compiler has already inlined what is worth inlining. The first kilobyte of memory is the far
/// end of the stack and holds no data, hence `--low-memory-unused`.
const OPTIMIZE: [&str; 3] =
    ["-O3", "--one-caller-inline-max-function-size=0", "--low-memory-unused"];
const MODULE: &str = "portcullis.wasm";
/// What wasm-bindgen writes of the package's class, and its names in the package.
const CLASS: [(&str, &str); 3] = [
    ("bindgen_bg.wasm", "bindgen.wasm"),
    ("bindgen_bg.js", "bindgen.js"),
    ("bindgen.d.ts", "bindgen.d.ts"),
];

/// The paths of everything that was built.
pub(crate) struct Built {
    /// The program `portcullis`.
    pub(crate) issuer: PathBuf,
    /// The folder with `index.js` and `index_bg.wasm`, as wrangler and workerd take them.
    pub(crate) gate: PathBuf,
    /// The npm package's module and the files generated from it.
    pub(crate) npm_dist: PathBuf,
    /// The workerd binary itself, not npm's wrapper.
    pub(crate) workerd: PathBuf,
    pub(crate) node: PathBuf,
}

pub(crate) fn all() -> Result<Built> {
    let setup = setup::all()?;
    let issuer = issuer()?;
    let gate = gate(&setup)?;
    let npm_dist = npm_package(&setup)?;
    Ok(Built { issuer, gate, npm_dist, workerd: setup.npm.workerd, node: setup.npm.node })
}

fn issuer() -> Result<PathBuf> {
    ui::step("issuer", || {
        cmd::run(cmd::host_cargo().args(["build", "-p", "portcullis"]))?;
        Ok(Outcome::Done)
    })?;
    let program = format!("portcullis{}", std::env::consts::EXE_SUFFIX);
    let program = paths::target().join("debug").join(program);
    if !program.is_file() {
        bail!("portcullis was built, but makes no program {}", program.display());
    }
    Ok(program)
}

fn gate(setup: &Setup) -> Result<PathBuf> {
    // The gate's entry imports this file, so it must exist. A deployment may fill it.
    let bundle = paths::root().join("crates/gate-worker/bundle.bin");
    if !bundle.is_file() {
        std::fs::write(&bundle, [])?;
    }
    let out = paths::root().join("crates/gate-worker/build");
    worker(setup, "gate", ("portcullis-gate-module", "crates/gate-worker/gate-module"), &out)?;
    Ok(out)
}

/// The example of a Rust Worker that verifies keys itself. It has the gate's dependencies.
pub(crate) fn rust_worker() -> Result<PathBuf> {
    const FOLDER: &str = "crates/gate-worker/examples/rust-worker";
    let out = paths::root().join(FOLDER).join("build");
    worker(&setup::all()?, "Rust Worker", ("example-rust-worker", FOLDER), &out)?;
    Ok(out)
}

/// Runs worker-build on a crate, which writes `index.js` and `index_bg.wasm` to the folder `out`.
fn worker(setup: &Setup, name: &str, (package, folder): (&str, &str), out: &Path) -> Result<()> {
    ui::step(name, || {
        // worker-build sets this variable for its own cargo. With the same value here, its build
        // finds this one done.
        let mut cargo = setup.wasm.cargo()?;
        cargo.env("WASM_BINDGEN_USE_JS_SYS", "1").arg("build");
        let wasm = wasm(cargo, package, &paths::wasm_target())?;
        let module = out.join("index_bg.wasm");
        let outputs = vec![out.join("index.js"), module.clone()];
        let settings = [setup.tools.worker_build_version, &options()];
        let stamp = stamp(setup, package, &[&wasm], &settings, outputs)?;
        if stamp.is_fresh() {
            return Ok(Outcome::Fresh);
        }
        let mut command = cmd::new(&setup.tools.worker_build);
        command
            .current_dir(paths::root().join(folder))
            // worker-build would run wasm-opt without enabling SIMD.
            .args(["--profile", PROFILE, "--no-opt", "--out-dir"])
            .arg(out)
            // worker-build downloads each tool that has no path set.
            .env("WASM_BINDGEN_BIN", &setup.tools.wasm_bindgen)
            .env("ESBUILD_BIN", &setup.npm.esbuild)
            .env("WASM_OPT_BIN", &setup.npm.wasm_opt);
        setup.wasm.apply(&mut command)?;
        cmd::run(&mut command)?;
        optimize(setup, &module, &module, &[SIMD])?;
        stamp.write()?;
        Ok(Outcome::Done)
    })
}

fn npm_package(setup: &Setup) -> Result<PathBuf> {
    let dist = paths::root().join("wasm/dist");
    ui::step("npm package", || {
        let mut cargo = setup.wasm.cargo()?;
        cargo.arg("build");
        let module = wasm(cargo, "portcullis-npm-module", &paths::wasm_target())?;
        // The gate's builds share the target folder, and set this variable: see `worker`.
        let mut cargo = setup.wasm.cargo()?;
        cargo.env("WASM_BINDGEN_USE_JS_SYS", "1").arg("build");
        let class = wasm(cargo, "portcullis-bindgen-module", &paths::wasm_target())?;
        let outputs = [MODULE].into_iter().chain(CLASS.map(|(_, file)| file));
        let outputs = outputs.map(|file| dist.join(file)).collect();
        let stamp = stamp(setup, "npm", &[&module, &class], &[&options()], outputs)?;
        if stamp.is_fresh() {
            return Ok(Outcome::Fresh);
        }
        // Everything in this folder is packed, so remove what an earlier build left.
        if dist.is_dir() {
            std::fs::remove_dir_all(&dist)?;
        }
        std::fs::create_dir_all(&dist)?;
        optimize(setup, &module, &dist.join(MODULE), &[SIMD])?;
        bindgen(setup, &class, &dist)?;
        stamp.write()?;
        Ok(Outcome::Done)
    })?;
    // This step takes about a second and depends on every script of the package, so it always runs.
    // It prints the package's size.
    cmd::stream(cmd::new(&setup.npm.node).arg(paths::root().join("wasm/build.mjs")))?;
    Ok(dist)
}

/// Runs wasm-bindgen on the module of the npm package's class. Of the targets, `bundler` alone
/// leaves it to the package's entries how the module is loaded.
fn bindgen(setup: &Setup, module: &Path, dist: &Path) -> Result<()> {
    let draft = paths::wasm_target().join("bindgen");
    let mut command = cmd::new(&setup.tools.wasm_bindgen);
    command.args(["--target", "bundler", "--out-name", "bindgen", "--out-dir"]).arg(&draft);
    cmd::run(command.arg(module))?;
    for (written, file) in CLASS {
        let (written, file) = (draft.join(written), dist.join(file));
        if written.extension().is_some_and(|extension| extension == "wasm") {
            optimize(setup, &written, &file, &[SIMD])?;
        } else {
            std::fs::copy(&written, &file)
                .with_context(|| format!("wasm-bindgen wrote no {}", written.display()))?;
        }
    }
    Ok(())
}

/// The test-only module that runs third-party test vectors, built like the package's module.
pub(crate) fn primitives() -> Result<PathBuf> {
    const PACKAGE: &str = "portcullis-primitives";
    let setup = setup::all()?;
    let out = paths::wasm_target().join("primitives.wasm");
    ui::step("module of the primitives", || {
        let mut cargo = setup.wasm.cargo()?;
        cargo.arg("build");
        let module = wasm(cargo, PACKAGE, &paths::wasm_target())?;
        let stamp = stamp(&setup, PACKAGE, &[&module], &[&options()], vec![out.clone()])?;
        if stamp.is_fresh() {
            return Ok(Outcome::Fresh);
        }
        optimize(&setup, &module, &out, &[SIMD])?;
        stamp.write()?;
        Ok(Outcome::Done)
    })?;
    Ok(out)
}

/// Part of the stamp: a change of these options rebuilds the module.
fn options() -> String {
    [&OPTIMIZE[..], &FEATURES].concat().join(" ")
}

fn optimize(setup: &Setup, from: &Path, to: &Path, features: &[&str]) -> Result<()> {
    let mut opt = cmd::new(&setup.npm.wasm_opt);
    opt.args(OPTIMIZE).args(FEATURES).args(features).arg(from).arg("-o").arg(to);
    cmd::run(&mut opt)
}

/// Only cargo knows all inputs of a module, so cargo always runs. The steps after it are skipped if
/// the module is unchanged.
fn wasm(mut cargo: Command, package: &str, target: &Path) -> Result<PathBuf> {
    cargo.args(["-p", package, "--lib", "--target", TARGET, "--profile", PROFILE]);
    cmd::run(&mut cargo)?;
    let file = format!("{}.wasm", package.replace('-', "_"));
    let file = target.join(TARGET).join(PROFILE).join(file);
    if !file.is_file() {
        bail!("{package} makes no wasm module: its [lib] crate-type must name \"cdylib\"");
    }
    Ok(file)
}

fn stamp(
    setup: &Setup,
    name: &str,
    modules: &[&Path],
    settings: &[&str],
    outputs: Vec<PathBuf>,
) -> Result<Stamp> {
    let lock = paths::root().join("package-lock.json");
    let inputs = [modules, &[&lock]].concat();
    let tools = [setup.tools.wasm_bindgen_version.as_str(), &setup.wasm.id];
    let file = paths::wasm_target().join("stamps").join(name);
    Stamp::new(file, &inputs, &[settings, &tools].concat(), outputs)
}
