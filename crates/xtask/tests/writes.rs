//! The issuer writes to its database through one type, and one type describes every committed
//! change.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// The files that commit a write transaction: the store's changes, its migrations, and a move to
/// another database, during which no issuer runs.
const COMMITS: [&str; 6] = [
    "moving/back.rs",
    "moving/ends.rs",
    "moving/run.rs",
    "store/change.rs",
    "store/mod.rs",
    "store/moves.rs",
];
/// The files that write without an event. None of them acts on keys, owners, policies or settings.
const BOOKKEEPING: [&str; 14] = [
    "actions/usage.rs",
    "backup.rs",
    "init.rs",
    "publish/leader.rs",
    "publish/publisher.rs",
    "publish/push.rs",
    "publish/reclock.rs",
    "publish/recover.rs",
    "publish/status.rs",
    "schedule/jobs.rs",
    "lease.rs",
    "store/mod.rs",
    "upkeep.rs",
    "webhooks/deliver.rs",
];

/// The library, whose files are named without it, and the crates above it.
const LIBRARY: &str = "issuer/src/";
const SOURCES: [&str; 3] = [LIBRARY, "api/src", "portcullis/src"];

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The files below `folder`, with their text.
fn files(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(crates()).unwrap();
            let name = name.to_str().unwrap().replace(std::path::MAIN_SEPARATOR, "/");
            found.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

/// The files with a line of code, comments excluded, that contains one of `texts`.
fn holding(texts: &[&str]) -> BTreeSet<String> {
    let holds = |line: &str| {
        !line.trim_start().starts_with("//") && texts.iter().any(|text| line.contains(text))
    };
    let found = SOURCES.iter().flat_map(|source| files(&crates().join(source)));
    let found = found.filter(|(_, text)| text.lines().any(holds));
    found.map(|(name, _)| name.strip_prefix(LIBRARY).unwrap_or(&name).to_owned()).collect()
}

fn named(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(ToString::to_string).collect()
}

#[test]
fn a_write_transaction_is_committed_by_a_change() {
    assert_eq!(holding(&[".commit()"]), named(&COMMITS));
    assert_eq!(holding(&["pool.begin_with(\"BEGIN IMMEDIATE\")"]).len(), 2, "in `store` alone");
}

#[test]
fn events_are_written_by_a_change() {
    assert_eq!(holding(&["events::append"]), named(&["store/change.rs"]));
    assert_eq!(holding(&["INTO events", "\"events ("]), named(&["store/events.rs"]));
}

#[test]
fn what_writes_without_an_event_is_named_here() {
    assert_eq!(holding(&["bookkeeping()"]), named(&BOOKKEEPING));
}

#[test]
fn the_facade_stands_in_one_file() {
    assert_eq!(holding(&["impl Issuer {"]), named(&["issuer/mod.rs"]));
}

#[test]
fn one_type_says_whether_a_committed_change_is_published() {
    let field = ["published: Result<Published", "published: Option<Result<Published"];
    assert_eq!(holding(&field), named(&["committed.rs"]));
}
