//! Imports point one way: no files import each other in a circle, and no layer of the
//! issuer's crates imports from one above it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod graph;
mod layers;
mod modules;
mod scripts;
mod tokens;

use std::fs;
use std::path::{Path, PathBuf};

use graph::Arrows;
use layers::{CRATES, layer_of};
use modules::Crate;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The arrows between all files that are built.
fn arrows() -> Arrows {
    let root = root();
    let mut arrows = Arrows::new(&root);
    let wasm = ["", "bindgen", "bindgen/bindgen-module", "npm-module", "primitives"];
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
    let arrows = arrows();
    if let Some(circle) = arrows.told() {
        panic!("{circle}");
    }
}

#[test]
fn the_issuers_layers_point_down() {
    let arrows = arrows();
    let mut faults = Vec::new();
    for (src, layers) in CRATES {
        for (from, to, cause) in arrows.each() {
            let (Some(file), Some(other)) = (from.strip_prefix(src), to.strip_prefix(src)) else {
                continue;
            };
            match (layer_of(layers, file), layer_of(layers, other)) {
                // The root of a library names everything.
                _ if file == "lib.rs" => {}
                (Some(layer), Some(above)) if above > layer => {
                    let [(layer, _), (above, _)] = [layers[layer], layers[above]];
                    faults.push(format!("{from} ({layer}) -> {other} ({above}): {cause}"));
                }
                (Some(_), Some(_)) => {}
                (None, _) => faults.push(format!("{from} is in no layer")),
                (_, None) => faults.push(format!("{to} is in no layer")),
            }
        }
    }
    assert!(faults.is_empty(), "arrows up; see `layers.rs`:\n{}", faults.join("\n"));
}
