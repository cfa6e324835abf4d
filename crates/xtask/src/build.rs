//! `cargo xtask build`: the issuer, the gate and the npm package, each only when it changed.

use crate::setup::{self, Setup, TARGET};
use crate::stamp::Stamp;
use crate::ui::{self, Outcome};
use crate::{cmd, paths};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

const PROFILE: &str = "wasm";

/// What Rust's wasm32 target emits and Node 20, every current browser and workerd understand.
/// Named one by one: with `--all-features` wasm-opt may use encodings that engines lack still.
const FEATURES: [&str; 6] = [
    "--enable-mutable-globals",
    "--enable-sign-ext",
    "--enable-nontrapping-float-to-int",
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-reference-types",
];
const NPM_FILES: [&str; 4] =
    ["portcullis.js", "portcullis.d.ts", "portcullis_bg.wasm", "portcullis_bg.wasm.d.ts"];

/// Where everything that was built is.
pub(crate) struct Built {
    /// The program `portcullis`.
    pub(crate) issuer: PathBuf,
    /// The folder with `index.js` and `index_bg.wasm`, as wrangler and workerd take them.
    pub(crate) gate: PathBuf,
    /// The npm package's `portcullis.js` and `portcullis_bg.wasm`.
    pub(crate) npm_dist: PathBuf,
    /// The workerd program itself, not npm's wrapper.
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
        cmd::run(cmd::host_cargo().args(["build", "-p", "portcullis-issuer"]))?;
        Ok(Outcome::Done)
    })?;
    let program = format!("portcullis{}", std::env::consts::EXE_SUFFIX);
    let program = paths::target().join("debug").join(program);
    if !program.is_file() {
        bail!("portcullis-issuer was built, but makes no program {}", program.display());
    }
    Ok(program)
}

fn gate(setup: &Setup) -> Result<PathBuf> {
    let crate_folder = paths::root().join("crates/edge");
    let out = crate_folder.join("build");
    ui::step("gate", || {
        // worker-build sets this for its own cargo: with the same, its build finds this one done.
        let wasm = wasm(setup, "portcullis-edge", &[("WASM_BINDGEN_USE_JS_SYS", "1")])?;
        let outputs = ["index.js", "index_bg.wasm"].map(|name| out.join(name)).to_vec();
        let stamp = stamp(setup, "gate", &wasm, setup.tools.worker_build_version, outputs)?;
        if stamp.is_fresh() {
            return Ok(Outcome::Fresh);
        }
        let mut command = cmd::new(&setup.tools.worker_build);
        command
            .current_dir(&crate_folder)
            .args(["--profile", PROFILE])
            // It downloads each of these when it is not told where they are.
            .env("WASM_BINDGEN_BIN", &setup.tools.wasm_bindgen)
            .env("ESBUILD_BIN", &setup.npm.esbuild)
            .env("WASM_OPT_BIN", &setup.npm.wasm_opt);
        setup.wasm.apply(&mut command)?;
        cmd::run(&mut command)?;
        stamp.write()?;
        Ok(Outcome::Done)
    })?;
    Ok(out)
}

fn npm_package(setup: &Setup) -> Result<PathBuf> {
    let dist = paths::root().join("wasm/dist");
    ui::step("npm package", || {
        let wasm = wasm(setup, "portcullis-wasm", &[])?;
        let outputs = NPM_FILES.map(|name| dist.join(name)).to_vec();
        let stamp = stamp(setup, "npm", &wasm, &FEATURES.join(" "), outputs)?;
        if stamp.is_fresh() {
            return Ok(Outcome::Fresh);
        }
        let draft = paths::wasm_target().join("npm-dist");
        let mut bindgen = cmd::new(&setup.tools.wasm_bindgen);
        bindgen
            .args(["--target", "web", "--out-name", "portcullis"])
            .args(["--remove-name-section", "--remove-producers-section", "--out-dir"])
            .args([&draft, &wasm]);
        cmd::run(&mut bindgen)?;
        let module = draft.join("portcullis_bg.wasm");
        let mut opt = cmd::new(&setup.npm.wasm_opt);
        opt.arg("-Os").args(FEATURES).arg(&module).arg("-o").arg(&module);
        cmd::run(&mut opt)?;
        std::fs::create_dir_all(&dist)?;
        for name in NPM_FILES {
            std::fs::copy(draft.join(name), dist.join(name))
                .with_context(|| format!("wasm-bindgen made no {name}"))?;
        }
        stamp.write()?;
        Ok(Outcome::Done)
    })?;
    Ok(dist)
}

/// Cargo alone knows all that a module is made from, so it is always asked; what follows it is
/// skipped when the module is the one of last time.
fn wasm(setup: &Setup, package: &str, env: &[(&str, &str)]) -> Result<PathBuf> {
    let mut cargo = setup.wasm.cargo()?;
    cargo.args(["build", "-p", package, "--lib", "--target", TARGET, "--profile", PROFILE]);
    cmd::run(cargo.envs(env.iter().copied()))?;
    let file = format!("{}.wasm", package.replace('-', "_"));
    let file = paths::wasm_target().join(TARGET).join(PROFILE).join(file);
    if !file.is_file() {
        bail!("{package} makes no wasm module: its [lib] crate-type must name \"cdylib\"");
    }
    Ok(file)
}

fn stamp(
    setup: &Setup,
    name: &str,
    wasm: &Path,
    settings: &str,
    outputs: Vec<PathBuf>,
) -> Result<Stamp> {
    let lock = paths::root().join("package-lock.json");
    let settings = [settings, &setup.tools.wasm_bindgen_version, &setup.wasm.id];
    let file = paths::wasm_target().join("stamps").join(name);
    Stamp::new(file, &[wasm, &lock], &settings, outputs)
}
