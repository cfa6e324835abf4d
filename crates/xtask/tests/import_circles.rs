//! Files import in one direction: no file imports another that imports it again, however many files
//! are between them. A parent that only re-exports what a child defines doesn't import it.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The sources that are free of circles.
const SOURCES: [&str; 1] = ["crates/core/src"];

/// A module's path, `["list", "head"]`; the root's is empty.
type Module = Vec<String>;

/// What one file says of others.
#[derive(Default)]
struct File {
    /// The full paths that it names.
    named: BTreeSet<Module>,
    /// The names that it re-exports, and where they come from.
    exported: BTreeMap<String, Module>,
}

fn sources(folder: &Path, module: &[String], found: &mut BTreeMap<Module, String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            sources(&path, &[module, &[name]].concat(), found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            let here = matches!(name.as_str(), "lib" | "main" | "mod");
            let own = if here { module.to_vec() } else { [module, &[name]].concat() };
            found.insert(own, without_comments(&std::fs::read_to_string(&path).unwrap()));
        }
    }
}

fn without_comments(text: &str) -> String {
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// The paths of a use tree: `a::{b, c::d}` is `a::b` and `a::c::d`.
fn expand(tree: &str) -> Vec<String> {
    let Some((front, rest)) = tree.split_once('{') else {
        return vec![tree.split(" as ").next().unwrap_or_default().trim().to_owned()];
    };
    let inside = rest.rsplit_once('}').unwrap().0;
    let (mut depth, mut start, mut parts) = (0_usize, 0, Vec::new());
    for (at, character) in inside.char_indices() {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&inside[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&inside[start..]);
    let parts = parts.into_iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| expand(&format!("{}{}", front.trim(), part.trim()))).collect()
}

/// The full path of what `module` calls `path`; `None` for other crates and for the module's own
/// items.
fn full(path: &str, module: &[String], known: &BTreeMap<Module, String>) -> Option<Module> {
    let parts: Vec<String> = path.split("::").map(|part| part.trim().to_owned()).collect();
    let (first, rest) = parts.split_first()?;
    match first.as_str() {
        "crate" => Some(rest.to_vec()),
        "self" => Some([module, rest].concat()),
        "super" => {
            let (_, parent) = module.split_last()?;
            Some([parent, rest].concat())
        }
        _ => {
            let child = [module, std::slice::from_ref(first)].concat();
            known.contains_key(&child).then(|| [module, &parts].concat())
        }
    }
}

/// Paths in the code itself: `crate::a::b`, and `child::item` of a parent.
fn inline_paths(code: &str) -> impl Iterator<Item = &str> {
    let words = code.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'));
    words.filter(|word| word.contains("::")).map(|word| word.trim_matches(':'))
}

fn read(module: &[String], text: &str, known: &BTreeMap<Module, String>) -> File {
    let mut file = File::default();
    let has_tests = text.contains("mod tests {");
    let mut code = String::new();
    let mut exported = Vec::new();
    for statement in text.split_inclusive([';', '}']) {
        // A use tree may hold braces, so statements are joined again up to the semicolon.
        code.push_str(statement);
        let Some(at) = code.rfind("use ").filter(|_| code.ends_with(';')) else { continue };
        let before = code[..at].lines().last().unwrap_or_default().trim().to_owned();
        if !(before.is_empty() || before == "pub" || before.starts_with("pub(")) {
            continue;
        }
        let tree = code[at + 4..code.len() - 1].split_whitespace().collect::<Vec<_>>().join(" ");
        code.truncate(at);
        for path in expand(&tree) {
            // Within a file's tests `super` is the file.
            if path.starts_with("super") && has_tests {
                continue;
            }
            let Some(path) = full(&path, module, known) else { continue };
            if before.is_empty() {
                file.named.insert(path);
            } else if let Some(name) = path.last().cloned() {
                exported.push(name.clone());
                file.exported.insert(name, path);
            }
        }
    }
    file.named.extend(inline_paths(&code).filter_map(|path| full(path, module, known)));
    // A re-exported name that the file uses itself is an import too.
    let words: BTreeSet<&str> =
        code.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).collect();
    for name in exported.iter().filter(|name| words.contains(name.as_str())) {
        file.named.insert(file.exported[name].clone());
    }
    file
}

/// The file that defines what a path names.
fn definition(path: &[String], files: &BTreeMap<Module, File>, depth: usize) -> Option<Module> {
    let len = (0..=path.len()).rev().find(|len| files.contains_key(&path[..*len]))?;
    let exported = path.get(len).and_then(|name| files[&path[..len]].exported.get(name));
    match exported {
        Some(other) if depth < 8 => definition(other, files, depth + 1),
        _ => Some(path[..len].to_vec()),
    }
}

/// The imports that are part of a circle, or between circles.
fn circles(source: &Path) -> Vec<String> {
    let mut texts = BTreeMap::new();
    sources(source, &[], &mut texts);
    let files: BTreeMap<Module, File> =
        texts.iter().map(|(module, text)| (module.clone(), read(module, text, &texts))).collect();
    let mut imports: BTreeSet<(Module, Module)> = BTreeSet::new();
    for (module, file) in &files {
        for path in &file.named {
            let other = definition(path, &files, 0);
            // The root declares the modules; nothing else is defined in it.
            imports.extend(
                other
                    .filter(|other| other != module && !other.is_empty())
                    .map(|other| (module.clone(), other)),
            );
        }
    }
    // Take away the imports of files that import nothing any more, until none is left to take.
    loop {
        let importing: BTreeSet<Module> = imports.iter().map(|(from, _)| from.clone()).collect();
        let before = imports.len();
        imports.retain(|(_, to)| importing.contains(to));
        if imports.len() == before {
            break;
        }
    }
    let name = |module: &Module| module.join("::");
    imports.iter().map(|(from, to)| format!("{} -> {}", name(from), name(to))).collect()
}

#[test]
fn files_import_in_one_direction() {
    for source in SOURCES {
        let found = circles(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(source));
        assert!(found.is_empty(), "{source}: a circle of imports is among {found:#?}");
    }
}

#[test]
fn a_circle_is_found_through_a_re_export_and_an_inline_path() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("circle");
    std::fs::create_dir_all(folder.join("a")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write("lib.rs", "mod a;\nmod b;\n");
    write("a/mod.rs", "mod inner;\npub use inner::Item;\n");
    write("a/inner.rs", "pub struct Item;\nfn f() { crate::b::g() }\n");
    write("b.rs", "use core::fmt;\npub fn g() {}\n");
    assert_eq!(circles(&folder), Vec::<String>::new());
    write("b.rs", "use crate::a::{\n    Item,\n};\npub fn g() {}\n");
    assert_eq!(circles(&folder), ["a::inner -> b", "b -> a::inner"]);
}
