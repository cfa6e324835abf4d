//! The layers of the issuer, from the ground up.

/// A layer's name and its files below `crates/issuer/src`. A name that ends in a slash is a folder;
/// the longest name that fits a file decides. A file imports from its own layer and from those
/// before it.
pub(crate) const ISSUER: &[(&str, &[&str])] = &[
    (
        "ground",
        &[
            "actor.rs",
            "clock.rs",
            "conceal.rs",
            "files.rs",
            "invalid.rs",
            "names.rs",
            "random.rs",
            "sources.rs",
            "sparse.rs",
            "text.rs",
            "time_format.rs",
        ],
    ),
    ("records", &["record.rs", "settings.rs", "policy_rules.rs"]),
    ("keystore", &["keystore/"]),
    ("store", &["store/"]),
    ("status lists", &["status/"]),
    // The domain's error names what the layers below refuse, and two errors of rules above.
    ("errors", &["error.rs", "actions/rotation.rs", "moving/error.rs"]),
    (
        "folder and clock",
        &[
            "at_rest.rs",
            "clock_bound.rs",
            "health.rs",
            "home.rs",
            "local_verifier.rs",
            "reserve.rs",
        ],
    ),
    (
        "publishing, without the issuer",
        &[
            "publish/destination/",
            "publish/list_builder.rs",
            "publish/policies.rs",
            "publish/queue.rs",
        ],
    ),
    ("counters", &["metrics/mod.rs"]),
    ("changes", &["change.rs", "committed.rs", "context.rs"]),
    // The handle. Its methods stand with their subjects, in the layers above.
    ("issuer", &["issuer.rs"]),
    ("trail", &["lease.rs", "events/"]),
    ("actions", &["actions/", "view/bulk.rs"]),
    ("publishing", &["publish/"]),
    ("consumers", &["import.rs", "metrics/gather.rs", "schedule/", "upkeep.rs", "webhooks/"]),
    ("the whole issuer", &["backup.rs", "doctor/", "init.rs", "moving/"]),
    ("scanner", &["scan.rs", "scan/"]),
    ("answers", &["view.rs", "view/"]),
    ("http", &["http/"]),
    ("program", &["config.rs", "cli/", "main.rs"]),
];

/// The place of `file` among the layers.
pub(crate) fn layer_of(file: &str) -> Option<usize> {
    let fits = |name: &&str| file == *name || name.ends_with('/') && file.starts_with(*name);
    let longest = |names: &[&str]| names.iter().filter(|name| fits(name)).map(|n| n.len()).max();
    let fitting =
        ISSUER.iter().enumerate().filter_map(|(at, (_, names))| Some((longest(names)?, at)));
    fitting.max().map(|(_, at)| at)
}
