//! The cheap checks of docs/threat-model.md, which run with every `cargo test`: each row has its
//! mutation, each patch applies, and each named test exists.

use super::patch::{self, Mutation};
use super::tree::applies;
use crate::paths;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Short names of folders in the tables.
const FOLDERS: [(&str, &str); 6] = [
    ("api/", "crates/api/"),
    ("core/", "crates/core/"),
    ("gate/", "crates/gate/"),
    ("gate-worker/", "crates/gate-worker/"),
    ("issuer/", "crates/issuer/"),
    ("portcullis/", "crates/portcullis/"),
];
/// Paths of our own code. A row has a mutation if and only if its mechanism names one of them.
const OURS: [&str; 7] = [
    "api/src/",
    "core/src/",
    "gate/src/",
    "issuer/src/",
    "portcullis/src/",
    "gate-worker/src/forward.js",
    "gate-worker/entry.js",
];

/// The texts between backticks in a cell, in order.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// A row of the threat table, merged with its row in the table of proofs.
#[derive(Debug, Default)]
struct Row {
    threats: usize,
    proofs: usize,
    mechanism: String,
    /// File and name.
    tests: Vec<(PathBuf, String)>,
}

fn path_of(text: &str) -> PathBuf {
    let long = FOLDERS
        .iter()
        .find_map(|(short, long)| text.strip_prefix(short).map(|rest| [*long, rest].concat()));
    paths::root().join(long.as_deref().unwrap_or(text))
}

/// The rows of both tables. A line without an id continues the row above it.
fn rows() -> BTreeMap<String, Row> {
    let text = std::fs::read_to_string(paths::root().join("docs/threat-model.md")).unwrap();
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    let mut current = String::new();
    for line in text.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [id, middle, last] = cells[..] else { continue };
        // The row of a threat carries the anchor of its links.
        if let Some((anchor, id)) = id.rsplit_once("</a>") {
            assert_eq!(anchor, format!("<a id=\"{}\">", id.to_ascii_lowercase()));
            rows.entry(id.to_owned()).or_default().threats += 1;
            continue;
        }
        if patch::number(id).is_some() {
            id.clone_into(&mut current);
            rows.entry(current.clone()).or_default().proofs += 1;
        } else if !id.is_empty() {
            continue;
        }
        let row = rows.get_mut(&current).expect("a line goes on with a row");
        row.mechanism += middle;
        if let [file, test] = quoted(last)[..] {
            row.tests.push((path_of(file), test.to_owned()));
        }
    }
    rows
}

/// The last part of a test's path, which is the function's name in the source.
fn own_name(test: &str) -> &str {
    test.rsplit("::").next().unwrap_or(test)
}

#[test]
fn each_row_stands_in_both_tables_and_they_are_numbered_from_1_on() {
    let rows = rows();
    let expected = (1..=rows.len()).map(|at| format!("T{at:02}"));
    assert_eq!(rows.keys().cloned().collect::<BTreeSet<_>>(), expected.collect());
    assert!(rows.len() >= 40);
    for (id, row) in &rows {
        assert_eq!((row.threats, row.proofs), (1, 1), "{id}");
        assert!(!row.tests.is_empty(), "{id} is proved by nothing");
    }
}

#[test]
fn each_test_and_each_file_that_a_row_names_exists() {
    for (id, row) in rows() {
        for (file, test) in &row.tests {
            let text = std::fs::read_to_string(file)
                .unwrap_or_else(|_| panic!("{id}: there is no {}", file.display()));
            let rust = format!("fn {test}(");
            let quotes = ['\'', '`', '"'].map(|quote| format!("test({quote}{test}{quote}"));
            let is_there = text.contains(&rust) || quotes.iter().any(|one| text.contains(one));
            assert!(is_there, "{id}: {} has no test {test}", file.display());
        }
        for text in quoted(&row.mechanism).iter().filter(|text| text.contains('/')) {
            assert!(path_of(text).exists(), "{id}: there is no {text}");
        }
    }
}

#[test]
fn each_row_whose_mechanism_is_ours_has_a_mutation_that_its_test_kills() {
    let (rows, mutations) = (rows(), patch::all().unwrap());
    for (id, row) in &rows {
        let is_ours = OURS.iter().any(|ours| row.mechanism.contains(ours));
        let has_one = mutations.iter().any(|mutation| mutation.row == *id);
        assert_eq!(is_ours, has_one, "{id}: a mutation and a mechanism of ours go together");
    }
    for Mutation { name, row, test, .. } in &mutations {
        let row = rows.get(row).unwrap_or_else(|| panic!("{name}: there is no such row"));
        let is_named = row.tests.iter().any(|(_, named)| named == own_name(test));
        assert!(is_named, "{name}: its row does not name the test {test}");
    }
}

#[test]
fn each_patch_applies_to_the_tree() {
    let mutations = patch::all().unwrap();
    let stale = mutations.iter().filter(|mutation| !applies(&mutation.file));
    let stale: Vec<&str> = stale.map(|mutation| mutation.name.as_str()).collect();
    assert!(stale.is_empty(), "the code has moved on; make these patches anew: {stale:?}");
}

#[test]
fn each_promise_leads_to_a_row() {
    let security = std::fs::read_to_string(paths::root().join("SECURITY.md")).unwrap();
    let ids: BTreeSet<String> = rows().into_keys().map(|id| id.to_ascii_lowercase()).collect();
    let links = security.split("threat-model.md#t").skip(1);
    for link in links {
        let id = format!("t{}", link.split(')').next().unwrap_or_default());
        assert!(ids.contains(&id), "SECURITY.md leads to {id}, which is no row");
    }
    let promised = security.split("\n## ").find(|part| part.starts_with("What is promised"));
    for promise in promised.unwrap().split("\n- ").skip(1) {
        assert!(promise.contains("threat-model.md#t"), "no row proves this: {promise}");
    }
}
