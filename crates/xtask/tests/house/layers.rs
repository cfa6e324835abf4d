//! The layers of the issuer's crates, from the ground up. `tests/crate_graph.rs` holds the arrows
//! between the crates.

/// A layer's name and its files below the crate's `src`. A name that ends in a slash is a folder;
/// the longest name that fits a file decides. A file imports from its own layer and from those
/// before it.
pub(crate) type Layer = (&'static str, &'static [&'static str]);

/// The sources of the crates with layers, and these.
pub(crate) const CRATES: [(&str, &[Layer]); 3] =
    [("crates/issuer/src/", ISSUER), ("crates/api/src/", API), ("crates/portcullis/src/", PROGRAM)];

/// The layers of the library.
const ISSUER: &[Layer] = &[
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
    ("actions", &["actions/"]),
    ("publishing", &["publish/"]),
    ("jobs", &["backup.rs", "metrics/gather.rs", "schedule/", "upkeep.rs", "webhooks/"]),
    // The facade: one method for each operation below, and nothing else.
    ("issuer", &["issuer/"]),
    ("the whole issuer", &["doctor/", "import.rs", "init.rs", "moving/"]),
];

/// The layers of the HTTP API.
const API: &[Layer] = &[
    ("answers", &["view/"]),
    // What handlers share: what they read, what they answer, and the checks before them.
    (
        "shared",
        &[
            "caller.rs",
            "committed.rs",
            "connections/",
            "events/streams.rs",
            "extract.rs",
            "fallback.rs",
            "fields.rs",
            "idempotency.rs",
            "middleware/",
            "openapi.rs",
            "options.rs",
            "problem.rs",
            "require.rs",
        ],
    ),
    (
        "handlers",
        &[
            "admins.rs",
            "bulk_revocations.rs",
            "events/",
            "health.rs",
            "keyring.rs",
            "keys/",
            "list.rs",
            "metrics.rs",
            "owners.rs",
            "policies.rs",
            "settings.rs",
            "usage.rs",
            "webhooks.rs",
            "well_known/",
        ],
    ),
    ("router", &["router.rs", "serve.rs"]),
];

/// The layers of the program.
const PROGRAM: &[Layer] = &[
    ("configuration", &["config.rs"]),
    // What commands share: options, the issuer that they open, output and outcomes.
    (
        "shared",
        &[
            "args.rs",
            "committed.rs",
            "confirm.rs",
            "exit.rs",
            "global.rs",
            "list/adopt.rs",
            "list/answer.rs",
            "open.rs",
            "output.rs",
            "retention.rs",
            "token.rs",
        ],
    ),
    (
        "commands",
        &[
            "audit/",
            "backup.rs",
            "bulk_revocations.rs",
            "bundle.rs",
            "doctor.rs",
            "import.rs",
            "init.rs",
            "jobs.rs",
            "keyring/",
            "keys/",
            "keystore.rs",
            "list/",
            "migrate.rs",
            "owners.rs",
            "policies.rs",
            "recover.rs",
            "scan.rs",
            "serve.rs",
            "settings.rs",
            "supervisor.rs",
            "verify.rs",
            "webhooks.rs",
        ],
    ),
    ("program", &["command.rs", "log.rs", "main.rs", "parse.rs"]),
];

/// The place of `file` among the layers.
pub(crate) fn layer_of(layers: &[Layer], file: &str) -> Option<usize> {
    let fits = |name: &&str| file == *name || name.ends_with('/') && file.starts_with(*name);
    let longest = |names: &[&str]| names.iter().filter(|name| fits(name)).map(|n| n.len()).max();
    let fitting =
        layers.iter().enumerate().filter_map(|(at, (_, names))| Some((longest(names)?, at)));
    fitting.max().map(|(_, at)| at)
}
