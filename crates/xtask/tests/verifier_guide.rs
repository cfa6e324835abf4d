//! `docs/writing-a-verifier.md` covers the shared vectors: each belongs to exactly one of its
//! steps, and it names no vector that isn't there.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The first cell of a table of vectors.
const HEADING: &str = "| vectors |";

/// The patterns of each step, by the step's heading. A pattern is a name, or the beginning of names
/// and a `*`.
type Steps<'p> = Vec<(&'p str, Vec<&'p str>)>;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

fn page() -> String {
    fs::read_to_string(root().join("docs/writing-a-verifier.md")).unwrap()
}

/// The names of all vectors, without `.json`, as paths from `tests/vectors`.
fn vectors() -> BTreeSet<String> {
    let top = root().join("tests/vectors");
    let mut found = BTreeSet::new();
    let mut folders = vec![top.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "json") {
                let name = path.strip_prefix(&top).unwrap().with_extension("");
                let name = name.to_str().unwrap().replace(std::path::MAIN_SEPARATOR, "/");
                found.insert(name);
            }
        }
    }
    found
}

/// The texts between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Reads the steps: each is a heading `## 1. …`, and its patterns are in the first column of the
/// tables that begin with [`HEADING`].
fn steps(page: &str) -> Steps<'_> {
    let mut steps = Steps::new();
    let mut in_table = false;
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            let number = heading.split_once(". ").and_then(|(number, _)| number.parse().ok());
            let expected = steps.len() + 1;
            assert!(number.is_none_or(|number: usize| number == expected), "no step {expected}");
            if number.is_some() {
                steps.push((heading, Vec::new()));
            }
        }
        in_table = line.starts_with(HEADING) || in_table && line.starts_with('|');
        if in_table && !line.starts_with(HEADING) {
            let cell = line.trim_start_matches('|').split('|').next().unwrap();
            let (_, patterns) = steps.last_mut().unwrap();
            patterns.extend(quoted(cell));
        }
    }
    steps
}

fn fits(pattern: &str, name: &str) -> bool {
    pattern.strip_suffix('*').map_or(pattern == name, |beginning| name.starts_with(beginning))
}

/// What is wrong with the steps.
fn faults(steps: &Steps<'_>, vectors: &BTreeSet<String>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut owner = BTreeMap::new();
    for (step, patterns) in steps {
        for pattern in patterns {
            if let Some(other) = owner.insert(*pattern, *step) {
                faults.push(format!("`{pattern}` is in \"{other}\" and in \"{step}\""));
            }
        }
    }
    // Of the patterns that fit, the longest counts. Two of the same length are a name and a
    // beginning: `ab` and `a*`.
    let mut unused: BTreeSet<&str> = owner.keys().copied().collect();
    for name in vectors {
        let fitting = owner.keys().filter(|pattern| fits(pattern, name));
        let longest = fitting.max_by_key(|pattern| (pattern.len(), !pattern.ends_with('*')));
        match longest {
            Some(pattern) => drop(unused.remove(pattern)),
            None => faults.push(format!("no step has `{name}`")),
        }
    }
    faults.extend(unused.iter().map(|pattern| format!("`{pattern}` fits no vector of its own")));
    faults
}

#[test]
fn each_vector_belongs_to_one_step() {
    let page = page();
    let steps = steps(&page);
    let faults = faults(&steps, &vectors());
    assert!(faults.is_empty(), "docs/writing-a-verifier.md:\n{}", faults.join("\n"));
    assert!(steps.iter().filter(|(_, patterns)| !patterns.is_empty()).count() > 9, "{steps:?}");
}

#[test]
fn each_vector_that_the_page_names_is_there() {
    let vectors = vectors();
    let group = |name: &str| name.split_once(['-', '/']).map(|(group, _)| group.to_owned());
    let groups: BTreeSet<_> = vectors.iter().filter_map(|name| group(name)).collect();
    let page = page();
    // Every second part is outside of the blocks of code.
    let prose: String = page.split("```").step_by(2).collect();
    let named =
        quoted(&prose).filter(|name| group(name).is_some_and(|group| groups.contains(&group)));
    let missing: Vec<_> =
        named.filter(|name| !vectors.iter().any(|vector| fits(name, vector))).collect();
    assert!(missing.is_empty(), "docs/writing-a-verifier.md names {missing:?}");
}

#[test]
fn faults_are_found() {
    let vectors = ["a-b", "a-c", "a/b", "d"].map(str::to_owned).into();
    let of = |patterns: &'static [&'static str]| vec![("1. One", patterns.to_vec())];
    assert_eq!(faults(&of(&["a*", "d"]), &vectors), [""; 0]);
    assert_eq!(faults(&of(&["a-*", "a-b", "a/*", "d"]), &vectors), [""; 0]);
    assert_eq!(faults(&of(&["a*"]), &vectors), ["no step has `d`"]);
    assert_eq!(faults(&of(&["a*", "d", "e*"]), &vectors), ["`e*` fits no vector of its own"]);
    assert_eq!(
        faults(&of(&["a*", "a-*", "a/*", "d"]), &vectors),
        ["`a*` fits no vector of its own"]
    );
    assert_eq!(faults(&of(&["a*", "d", "d"]), &vectors).len(), 1);
    let page = "## Before\n\n## 1. One\n| vectors | x |\n|---|---|\n| `a`, `b-*` | `c` |\n\n| other |\n| `e` |\n## 2. Two\n";
    assert_eq!(steps(page), [("1. One", vec!["a", "b-*"]), ("2. Two", vec![])]);
}
