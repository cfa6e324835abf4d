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
        &["publish/destination/", "publish/list_builder.rs", "publish/policies.rs"],
    ),
    ("counters", &["metrics/mod.rs"]),
    // What actions get, and what they return.
    ("context", &["committed.rs", "context.rs"]),
    ("trail", &["lease.rs", "events/"]),
    // Actions don't publish.
    ("actions", &["actions/", "view/bulk.rs"]),
    ("publishing", &["publish/"]),
    ("jobs", &["backup.rs", "metrics/gather.rs", "schedule/", "upkeep.rs", "webhooks/"]),
    // The facade: one method for each operation below, and nothing else.
    ("issuer", &["issuer/"]),
    ("the whole issuer", &["doctor/", "import.rs", "init.rs", "moving/"]),
    ("scanner", &["scan/"]),
    ("answers", &["view/"]),
    // What handlers share: what they read, what they answer, and the checks before them.
    (
        "http, shared",
        &[
            "http/caller.rs",
            "http/committed.rs",
            "http/connections/",
            "http/events/streams.rs",
            "http/extract.rs",
            "http/fallback.rs",
            "http/fields.rs",
            "http/idempotency.rs",
            "http/middleware/",
            "http/openapi.rs",
            "http/options.rs",
            "http/problem.rs",
            "http/require.rs",
        ],
    ),
    ("http handlers", &["http/"]),
    ("http router", &["http/mod.rs", "http/router.rs", "http/serve.rs"]),
    ("configuration", &["config.rs"]),
    // What commands share: options, the issuer that they open, output and outcomes.
    (
        "commands, shared",
        &[
            "cli/args.rs",
            "cli/committed.rs",
            "cli/confirm.rs",
            "cli/exit.rs",
            "cli/global.rs",
            "cli/list/adopt.rs",
            "cli/list/answer.rs",
            "cli/open.rs",
            "cli/output.rs",
            "cli/retention.rs",
            "cli/token.rs",
        ],
    ),
    ("commands", &["cli/"]),
    ("program", &["cli/command.rs", "cli/log.rs", "cli/mod.rs", "cli/parse.rs", "main.rs"]),
];

/// The place of `file` among the layers.
pub(crate) fn layer_of(file: &str) -> Option<usize> {
    let fits = |name: &&str| file == *name || name.ends_with('/') && file.starts_with(*name);
    let longest = |names: &[&str]| names.iter().filter(|name| fits(name)).map(|n| n.len()).max();
    let fitting =
        ISSUER.iter().enumerate().filter_map(|(at, (_, names))| Some((longest(names)?, at)));
    fitting.max().map(|(_, at)| at)
}
