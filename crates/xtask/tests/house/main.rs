//! Imports point one way: no files import each other in a circle, and no layer of the issuer
//! imports from one above it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod graph;
mod layers;
mod modules;
mod scripts;
mod tokens;

use std::fs;
use std::path::{Path, PathBuf};

use graph::Arrows;
use modules::Crate;

/// The arrows in circles that are still to be mended, each with its cause: from, to, cause. A path
/// that ends in a slash means all files below it.
const KNOWN: &[(&str, &str, &str)] = &[
    (
        "crates/issuer/src/actions/mint.rs",
        "crates/issuer/src/actions/create.rs",
        "`NewKey`, `Minted`",
    ),
    (
        "crates/issuer/src/cli/",
        "crates/issuer/src/cli/",
        "the folder's root defines what commands share",
    ),
    (
        "crates/issuer/src/http/",
        "crates/issuer/src/http/",
        "the folder's root defines what handlers share",
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The arrows between all files that are built.
fn arrows() -> Arrows {
    let root = root();
    let mut arrows = Arrows::new(&root);
    let wasm = ["", "bindgen", "bindgen/module", "module", "primitives"];
    let mut crates: Vec<PathBuf> = wasm.map(|folder| root.join("wasm").join(folder)).into();
    crates.extend(fs::read_dir(root.join("crates")).unwrap().map(|entry| entry.unwrap().path()));
    for folder in crates {
        let roots = ["src/lib.rs", "src/main.rs"].map(|file| folder.join(file));
        let roots: Vec<&PathBuf> = roots.iter().filter(|file| file.exists()).collect();
        assert!(!roots.is_empty(), "{}: no crate", folder.display());
        roots.into_iter().for_each(|file| Crate::read(file).arrows(&mut arrows));
    }
    scripts::arrows(&root.join("wasm/js"), &mut arrows);
    arrows
}

#[test]
fn no_files_import_each_other() {
    let mut arrows = arrows();
    let groups = arrows.groups();
    for (from, to, cause) in KNOWN {
        // Forget what is known, and don't keep what is mended.
        let is_part =
            |file: &str, of: &str| file == of || of.ends_with('/') && file.starts_with(of);
        let in_circle = |one: &str, other: &str| {
            is_part(one, from)
                && is_part(other, to)
                && groups.iter().any(|group| {
                    group.iter().any(|file| file == one) && group.iter().any(|file| file == other)
                })
        };
        let removed = arrows.remove(in_circle);
        assert!(removed > 0, "mended, so take it out of `KNOWN`: {from} -> {to}, {cause}");
    }
    if let Some(circle) = arrows.told() {
        panic!("{circle}");
    }
}

#[test]
fn the_issuers_layers_point_down() {
    const SRC: &str = "crates/issuer/src/";
    let arrows = arrows();
    let mut faults = Vec::new();
    for (from, to, cause) in arrows.each() {
        let (Some(file), Some(other)) = (from.strip_prefix(SRC), to.strip_prefix(SRC)) else {
            continue;
        };
        match (layers::layer_of(file), layers::layer_of(other)) {
            // The root of the library names everything.
            _ if file == "lib.rs" => {}
            (Some(layer), Some(above)) if above > layer => {
                let [(layer, _), (above, _)] = [layers::ISSUER[layer], layers::ISSUER[above]];
                faults.push(format!("{file} ({layer}) -> {other} ({above}): {cause}"));
            }
            (Some(_), Some(_)) => {}
            (None, _) => faults.push(format!("{file} is in no layer")),
            (_, None) => faults.push(format!("{other} is in no layer")),
        }
    }
    assert!(faults.is_empty(), "arrows up; see `layers.rs`:\n{}", faults.join("\n"));
}
