//! Plants bugs in a copy of the tree: the campaign must find each of them.

use super::scene::{Databases, Scene};
use crate::mutations::Scratch;
use crate::{build, cmd, paths};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::PathBuf;
use std::time::Instant;

const FOLDER: &str = "tests/torture/planted";
/// In minutes. The actions that every campaign must perform fill most of a campaign this short.
const MINUTES: f64 = 1.0;
const WIDTH: usize = 30;

/// A patch and the fields of its header.
struct Planted {
    name: String,
    file: PathBuf,
    /// The names of the findings that the campaign may report for it; one of them is enough.
    finds: Vec<String>,
}

fn all() -> Result<Vec<Planted>> {
    let folder = paths::root().join(FOLDER);
    let mut planted = Vec::new();
    for entry in std::fs::read_dir(&folder)? {
        let file = entry?.path();
        if file.extension().is_none_or(|extension| extension != "patch") {
            continue;
        }
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file)?;
        let finds = text.lines().find_map(|line| line.strip_prefix("# finds: "));
        let finds =
            finds.with_context(|| format!("{name}: the header has no line `# finds: …`"))?;
        let finds = finds.split(" | ").map(str::to_owned).collect();
        planted.push(Planted { name, file, finds });
    }
    planted.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(planted)
}

pub(super) fn run(only: &[String], seed: u32) -> Result<()> {
    let mut planted = all()?;
    if let Some(unknown) = only.iter().find(|name| !planted.iter().any(|one| one.name == **name)) {
        bail!("there is no planted bug `{unknown}` in {FOLDER}");
    }
    planted.retain(|one| only.is_empty() || only.contains(&one.name));
    let built = build::all()?;
    let Some(scene) = Scene::new(&built, Databases::Sqlite)? else {
        bail!("there is no Python for the reader");
    };
    let scratch = Scratch::new()?;
    let mut missed = Vec::new();
    for one in &planted {
        let started = Instant::now();
        let found = found(&scene, &scratch, one, seed)?;
        let took = started.elapsed().as_secs_f64();
        let is_found = one.finds.iter().any(|name| found.contains(name));
        let told = if is_found { "found" } else { "NOT FOUND" };
        eprintln!("{:<WIDTH$} {took:>6.1} s  {told}: {}", one.name, found.join(", "));
        if !is_found {
            missed.push(one.name.as_str());
        }
    }
    scratch.reset()?;
    if missed.is_empty() { Ok(()) } else { bail!("not found: {}", missed.join(", ")) }
}

/// The names of the campaign's findings in an issuer with this bug.
fn found(
    scene: &Scene<'_>,
    scratch: &Scratch,
    planted: &Planted,
    seed: u32,
) -> Result<Vec<String>> {
    scratch.reset()?;
    if !scratch.apply(&planted.file)? {
        bail!("{} does not apply: the patch must follow the code", planted.name);
    }
    let mut cargo = cmd::host_cargo();
    cargo.current_dir(scratch.folder()).env("CARGO_TARGET_DIR", Scratch::target());
    cmd::run(cargo.args(["build", "-p", "portcullis"]))?;
    let program = format!("portcullis{}", std::env::consts::EXE_SUFFIX);
    let issuer = Scratch::target().join("debug").join(program);
    let mut campaign = scene.campaign(&issuer, Databases::Sqlite, MINUTES, seed);
    let output = campaign.arg("--json").output().context("cannot start the campaign")?;
    let runs: Value = serde_json::from_slice(&output.stdout).context("the campaign's figures")?;
    let found = runs.pointer("/0/found").and_then(Value::as_object);
    let found: Vec<String> = found.into_iter().flatten().map(|(name, _)| name.clone()).collect();
    if output.status.success() != found.is_empty() {
        bail!("{}: the exit code says something else than the figures", planted.name);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_planted_bug_applies_and_says_what_finds_it() {
        let planted = all().unwrap();
        assert!(planted.len() >= 4);
        let campaign = ["watch", "acts", "faults", "gates"];
        let read =
            |name| std::fs::read_to_string(paths::root().join(format!("tests/torture/{name}.mjs")));
        let text: String = campaign.into_iter().map(|name| read(name).unwrap()).collect();
        for one in planted {
            assert!(crate::mutations::applies(&one.file), "{} does not apply", one.name);
            for name in one.finds {
                assert!(text.contains(&format!("'{name}'")), "{}: nothing finds {name}", one.name);
            }
        }
    }
}
