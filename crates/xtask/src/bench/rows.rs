//! The targets, and whether each is met.

use super::gate;
use super::results::Results;
use super::row::Row;
use super::soak;
use super::units::{bytes, time};

/// The target for a ratio.
#[derive(Clone, Copy)]
enum Target {
    /// The peer takes at least this many times as long; the second number is the stretch goal.
    Faster(f64, f64),
    /// We take at most this many times as long.
    Within(f64),
    /// No target: the ratio is only shown.
    Shown,
}

type Comparison =
    (&'static str, &'static str, &'static [&'static str], &'static [&'static str], Target);

const LIST: [&str; 2] = ["look-up, list, hit", "look-up, list, miss"];
const CLUBCARD: [&str; 2] = ["look-up, clubcard, hit", "look-up, clubcard, miss"];
const WASM_LIST: [&str; 2] = ["wasm, look-up, list, hit", "wasm, look-up, list, miss"];
const WASM_CLUBCARD: [&str; 2] = ["wasm, look-up, clubcard, hit", "wasm, look-up, clubcard, miss"];

const SECRET: &str = "secret key, npm package in Node";
const WORKERD: &str = "secret key, npm package in workerd";
const FIRST: &str = "publishable key at first sight, npm package";
const AGAIN: &str = "publishable key seen before";

/// Description, peer, our subjects, the peer's subjects, target.
const COMPARISONS: [Comparison; 27] = [
    (
        SECRET,
        "`jose` HS256, 64 in flight",
        &["npm verify"],
        &["jose HS256, 64 in flight"],
        Target::Faster(50.0, 60.0),
    ),
    (SECRET, "`fast-jwt` HS256", &["npm verify"], &["fast-jwt HS256"], Target::Faster(17.0, 22.0)),
    (
        SECRET,
        "`node:crypto` HMAC, same token",
        &["npm verify"],
        &["node:crypto HMAC, same token"],
        Target::Faster(7.0, 9.0),
    ),
    (
        SECRET,
        "the same, token in base64url",
        &["npm verify"],
        &["node:crypto HMAC, base64url"],
        Target::Faster(7.0, 9.0),
    ),
    (
        WORKERD,
        "WebCrypto HMAC, same token",
        &["workerd, npm verify"],
        &["workerd, WebCrypto HMAC, same token"],
        Target::Faster(8.0, 10.0),
    ),
    (
        WORKERD,
        "the same, token in base64url",
        &["workerd, npm verify"],
        &["workerd, WebCrypto HMAC, base64url"],
        Target::Faster(8.0, 10.0),
    ),
    (
        WORKERD,
        "`jose` HS256",
        &["workerd, npm verify"],
        &["workerd, jose HS256"],
        Target::Faster(25.0, 32.0),
    ),
    (
        "secret key, native, with look-up",
        "two compressions of SHA-256",
        &["verify"],
        &["two compressions"],
        Target::Within(2.5),
    ),
    (
        AGAIN,
        "a secret key, native",
        &["publishable, seen before"],
        &["secret"],
        Target::Within(1.5),
    ),
    (
        AGAIN,
        "a secret key, npm package",
        &["npm publishable, seen before"],
        &["npm secret"],
        Target::Within(1.5),
    ),
    (
        FIRST,
        "WebCrypto Ed25519 in Node",
        &["npm publishable, first sight"],
        &["WebCrypto Ed25519"],
        Target::Within(1.7),
    ),
    (
        FIRST,
        "WebCrypto Ed25519 in workerd",
        &["workerd, npm publishable, first sight"],
        &["workerd, WebCrypto Ed25519"],
        Target::Within(1.7),
    ),
    ("look-up, 1e7 issued, 1 % revoked, native", "clubcard", &LIST, &CLUBCARD, Target::Within(1.0)),
    (
        "look-up, 1e7 issued, 1 % revoked, wasm",
        "clubcard",
        &WASM_LIST,
        &WASM_CLUBCARD,
        Target::Within(1.0),
    ),
    (
        "loading that list, wasm",
        "SHA-256 of the same bytes",
        &["wasm, load"],
        &["wasm, SHA-256 of the same"],
        Target::Within(3.5),
    ),
    (
        "building the list, 1 % revoked",
        "clubcard",
        &["build, list"],
        &["build, clubcard"],
        Target::Faster(500.0, 1000.0),
    ),
    (
        "first verdict of a fresh process",
        "biscuit-wasm",
        &["start, portcullis, total"],
        &["start, biscuit, total"],
        Target::Shown,
    ),
    (
        "first verdict of a fresh workerd, from the start of the process",
        "a Worker that only answers",
        &["start in workerd, portcullis, to the first answer"],
        &["start in workerd, only an answer, to the first answer"],
        Target::Shown,
    ),
    (
        "a key issued in bulk, SQLite, durable, with its event",
        "a plain row of the same table",
        &["issue in bulk, a key"],
        &["plain row"],
        Target::Within(2.0),
    ),
    (
        "one revocation at 1e8 serials, commit to stamp",
        "every shard anew from the store",
        &["revoke, commit to stamp"],
        &["publish, every shard anew"],
        Target::Faster(50.0, 50.0),
    ),
    (
        "a page of 1,000,000 keys",
        "the same of 10,000",
        &["page, many"],
        &["page, few"],
        Target::Within(2.0),
    ),
    (
        "a search by redacted form in 1,000,000 keys",
        "the same in 10,000",
        &["search, many"],
        &["search, few"],
        Target::Within(2.0),
    ),
    (
        "a revocation among 1,000,000 keys, published",
        "the same among 10,000",
        &["revoke, many"],
        &["revoke, few"],
        Target::Within(2.0),
    ),
    (
        "the gate in workerd, processor time of a request",
        "a Worker that only passes it on",
        &["gate, CPU of a request"],
        &["pass-through, CPU of a request"],
        Target::Within(1.10),
    ),
    (
        "the gate in workerd, time between answers",
        "a Worker that only passes requests on",
        &["gate, a request"],
        &["pass-through, a request"],
        // At least 0.92 of the requests per second.
        Target::Within(1.087),
    ),
    (
        "the gate in workerd, processor time of a request",
        "a Worker that passes it on and has it copied once",
        &["gate, CPU of a request"],
        &["lean pass-through, CPU of a request"],
        Target::Shown,
    ),
    (
        "control: the Worker that only passes requests on",
        "a copy of it",
        &["pass-through, a copy, CPU of a request"],
        &["pass-through, CPU of a request"],
        Target::Shown,
    ),
];

/// The rows of everything that was measured.
pub(crate) fn all(results: &Results) -> Vec<Row> {
    let compared = COMPARISONS.iter().filter_map(|comparison| compare(results, comparison));
    compared.chain(weighed(results)).chain(gate::rows(results)).chain(soak::row(results)).collect()
}

fn compare(results: &Results, (what, peer, ours, theirs, target): &Comparison) -> Option<Row> {
    let (our, their) = (results.spread(ours)?, results.spread(theirs)?);
    let (ratio, met, target) = match *target {
        Target::Faster(least, stretch) => {
            let ratio = results.ratio(theirs, ours)?;
            let target = format!("at least {least}x; stretch {stretch}x");
            (format!("{ratio:.1}x faster"), Some(ratio >= least), target)
        }
        Target::Within(most) => {
            let ratio = results.ratio(ours, theirs)?;
            (format!("{ratio:.2}x the time"), Some(ratio <= most), format!("at most {most}x"))
        }
        Target::Shown => {
            (format!("{:.1}x faster", results.ratio(theirs, ours)?), None, "none set".to_owned())
        }
    };
    Some(Row {
        what: (*what).to_owned(),
        peer: (*peer).to_owned(),
        ours: time(our.median),
        theirs: time(their.median),
        ratio,
        target,
        met,
    })
}

/// The rows measured in bytes.
fn weighed(results: &Results) -> Vec<Row> {
    let fact = |name: &str| results.fact(name);
    let mut rows = Vec::new();
    let mut push = |what: &str, peer: &str, ours: Option<f64>, theirs: Option<f64>, most: f64| {
        if let (Some(ours), Some(theirs)) = (ours, theirs) {
            rows.push(Row {
                what: what.to_owned(),
                peer: peer.to_owned(),
                ours: bytes(ours),
                theirs: bytes(theirs),
                ratio: format!("{:.4}x the bytes", ours / theirs),
                target: format!("at most {}", bytes(most)),
                met: Some(ours <= most),
            });
        }
    };
    let sum = |names: &[&str]| names.iter().map(|name| fact(name)).sum::<Option<f64>>();
    for capacity in CAPACITIES {
        // Pick the density that comes nearest to its bound, or exceeds it most.
        let worst = sizes(results, capacity).max_by(|a, b| a.share().total_cmp(&b.share()));
        if let Some(size) = worst {
            let what =
                format!("list on the wire, {capacity} serials, worst density ({} %)", size.density);
            push(
                &what,
                "log2 C(capacity, revoked)",
                Some(size.list),
                Some(size.bound),
                size.allowed(),
            );
        }
    }
    let update = sum(&["update, stamp", "update, head", "update, body"]);
    push(
        "one revocation more, to fetch",
        "the whole list",
        update,
        fact("update, whole"),
        25_000.0,
    );
    push(
        "nothing changed, to fetch",
        "the whole list",
        fact("update, stamp"),
        fact("update, whole"),
        200.0,
    );
    let ours = sum(&["start, portcullis module, brotli", "start, portcullis glue, brotli"]);
    let theirs = sum(&["start, biscuit module, brotli", "start, biscuit glue, brotli"]);
    push("verifier module and glue, brotli", "biscuit-wasm", ours, theirs, 35_000.0);
    rows
}

/// The capacities at which lists are measured.
pub(crate) const CAPACITIES: [u32; 3] = [1_000_000, 10_000_000, 100_000_000];
const DENSITIES: [&str; 10] = ["0.01", "0.1", "1", "5", "10", "25", "38", "50", "75", "99"];

/// The size of one list.
pub(crate) struct Size {
    /// In percent.
    pub(crate) density: &'static str,
    pub(crate) bound: f64,
    pub(crate) list: f64,
    shards: f64,
}

impl Size {
    pub(crate) fn allowed(&self) -> f64 {
        1.015 * self.bound + 300.0 + 64.0 * self.shards
    }

    fn share(&self) -> f64 {
        self.list / self.allowed()
    }
}

/// The measured lists of this capacity, by density.
pub(crate) fn sizes(results: &Results, capacity: u32) -> impl Iterator<Item = Size> {
    DENSITIES.into_iter().filter_map(move |density| {
        let fact = |what: &str| results.fact(&format!("size, {capacity}, {density}, {what}"));
        Some(Size { density, bound: fact("bound")?, list: fact("list")?, shards: fact("shards")? })
    })
}
