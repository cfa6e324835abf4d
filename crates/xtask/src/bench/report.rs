//! The page: the targets first, then the breakdown of the time, then every figure.

use super::gate;
use super::results::Results;
use super::row::Row;
use super::rows::{CAPACITIES, sizes};
use super::soak;
use super::units::{grouped, time};
use super::wrap::wrapped;
use std::fmt::Write as _;

const INTRODUCTION: &str = "\
# Benchmarks

Written by `cargo xtask bench`; `docs/benchmarks.json` holds every round.

Subjects that are compared run in the same process, in interleaved rounds. In each round every \
subject runs for a few milliseconds or less, and another one is the first. A time is the median of \
the rounds, and a ratio is the median of the ratios within a round: on a noisy machine times vary, \
ratios hardly. No round is repeated or left out.

Workers that answer requests run in separate processes of workerd, two of each kind, in every \
combination and a second at a time. Two processes of the same code differ by a few percent, as the \
control's row shows.

The measurements use 1024 different keys. Their list covers 1,000,000 serials, 1 % of them revoked \
at random, and every verification looks its serial up. \"The same token\" is our key's text, \
decoded, with its HMAC computed by the platform and compared; \"in base64url\" gives that peer the \
same bytes in the one encoding that the platform decodes natively.
";

/// The steps of a native and of a wasm verification, each with the subject that measures up to its
/// end.
const STEPS: [(&str, &str); 3] = [
    ("parse", "text: base62, checksum, fields"),
    ("parse, authenticate", "keyring, HMAC, comparison"),
    ("verify", "freshness, look-up, expiry, demand"),
];
const ALONE: [&str; 5] =
    ["base62 alone", "checksum alone", "HMAC alone", "look-up alone", "freshness alone"];

const PEERS: [&str; 3] =
    ["node:crypto HMAC, same token", "fast-jwt HS256", "jose HS256, 64 in flight"];

const SIZES: &str = "
## The list on the wire

Head and bodies in bytes, for shards of 2^20 slots. Bound: log2 C(capacity, revoked). Zlib: the \
bytes of a Token Status List at level 9. Fuse: a binary fuse filter of 8 bits, which would refuse \
0.4 % of the good keys.

| serials | revoked | bound | list | list / bound | allowed | zlib | roaring | fuse | clubcard |
|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|
";

/// `torture` is the section with the campaigns' figures, which are measured separately.
pub(crate) fn page(
    machine: &[(String, String)],
    rows: &[Row],
    results: &Results,
    torture: &str,
) -> String {
    let mut page = INTRODUCTION.to_owned();
    page.push_str("\n## Machine and versions\n\n");
    for (name, value) in machine {
        let _ = writeln!(page, "- {name}: {value}");
    }
    page.push_str("\n## Targets\n\n");
    page.push_str(&table(rows));
    page.push_str(&steps(
        results,
        "",
        "two compressions",
        "Where a native verification's time goes",
    ));
    page.push_str(&alone(results));
    page.push_str(&steps(results, "wasm, ", "wasm, two compressions", "The same inside wasm"));
    page.push_str(&floor(results));
    page.push_str(&list_sizes(results));
    page.push_str(&gate::sections(results));
    page.push_str(&soak::section(results));
    page.push('\n');
    page.push_str(torture.trim_end());
    page.push('\n');
    page.push_str(&everything(results));
    wrapped(&page)
}

fn table(rows: &[Row]) -> String {
    let mut text =
        "| what | beside | ours | theirs | ratio | target | met |\n|---|---|--:|--:|--:|---|---|\n"
            .to_owned();
    for row in rows {
        let Row { what, peer, ours, theirs, ratio, target, .. } = row;
        let met = match row.met {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "",
        };
        let _ =
            writeln!(text, "| {what} | {peer} | {ours} | {theirs} | {ratio} | {target} | {met} |");
    }
    text
}

/// The targets as lines for a terminal.
pub(crate) fn rows(rows: &[Row]) -> String {
    let mut text = String::new();
    for Row { what, peer, ours, theirs, ratio, target, met } in rows {
        let mark = match met {
            Some(true) => "met   ",
            Some(false) => "missed",
            None => "      ",
        };
        let _ = writeln!(text, "{mark}  {what} | {peer}: {ours}, {theirs}: {ratio} ({target})");
    }
    text
}

fn steps(results: &Results, prefix: &str, bound: &str, title: &str) -> String {
    let whole = results.median(&format!("{prefix}verify"));
    let (Some(whole), Some(bound)) = (whole, results.median(bound)) else { return String::new() };
    let mut text = format!("\n## {title}\n\n```text\n");
    let mut before = 0.0;
    for (subject, step) in STEPS {
        let until = results.median(&format!("{prefix}{subject}")).unwrap_or(before);
        text.push_str(&bar(step, until - before, whole));
        before = until;
    }
    text.push_str(&bar("the whole", whole, whole));
    text.push_str(&bar("two compressions of SHA-256", bound, whole));
    text + "```\n"
}

/// The lower bound of a package that hashes inside wasm, and the ratio that this bound would allow.
/// Uses the minimum of each subject, because the parts come from different processes.
fn floor(results: &Results) -> String {
    let least = |name: &str| results.spread(&[name]).map(|spread| spread.min);
    let parts = (least("npm, text handed over"), least("wasm, two compressions"));
    let (Some(handed), Some(hashed)) = parts else { return String::new() };
    let Some(ours) = least("npm verify") else { return String::new() };
    let floor = handed + hashed;
    let mut text = format!(
        "\n## What bounds the npm package in Node\n\nA key's text must be copied into the module's \
         memory, which takes {}, and two compressions run there, which take {}: at least {}. The \
         package takes {} in total.\n\n\
         | beside, at its least | the package | if it did nothing else |\n|---|--:|--:|\n",
        time(handed),
        time(hashed),
        time(floor),
        time(ours),
    );
    for peer in PEERS {
        if let Some(peer_takes) = least(peer) {
            let (now, best) = (peer_takes / ours, peer_takes / floor);
            let _ = writeln!(text, "| {peer}: {} | {now:.1}x | {best:.1}x |", time(peer_takes));
        }
    }
    text
}

fn alone(results: &Results) -> String {
    let Some(whole) = results.median("verify") else { return String::new() };
    let bars = ALONE.iter().filter_map(|name| Some(bar(name, results.median(name)?, whole)));
    format!(
        "\nSingle parts, each in a loop of its own:\n\n```text\n{}```\n",
        bars.collect::<String>()
    )
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of 40")]
fn bar(name: &str, part: f64, whole: f64) -> String {
    let share = (part / whole).clamp(0.0, 2.0);
    let filled = "#".repeat((share * 40.0).round() as usize);
    format!("{name:<36} {:>9} {:>4.0} % {filled}\n", time(part), share * 100.0)
}

fn list_sizes(results: &Results) -> String {
    let mut text = String::new();
    // One row per measured list, next to its peers.
    for capacity in CAPACITIES {
        for size in sizes(results, capacity) {
            let peer = |what: &str| {
                let name = format!("size, {capacity}, {}, {what}", size.density);
                results.fact(&name).map_or_else(|| "-".to_owned(), grouped)
            };
            let cells = [
                grouped(f64::from(capacity)),
                format!("{} %", size.density),
                grouped(size.bound),
                grouped(size.list),
                format!("{:.4}", size.list / size.bound),
                grouped(size.allowed()),
                peer("zlib"),
                peer("roaring"),
                peer("fuse"),
                peer("clubcard"),
            ];
            let _ = writeln!(text, "| {} |", cells.join(" | "));
        }
    }
    if text.is_empty() {
        return text;
    }
    text.insert_str(0, SIZES);
    // The one list whose shards are only partly issued.
    let part = |what: &str| results.fact(&format!("size, 60 % issued, {what}"));
    if let (Some(list), Some(bound)) = (part("list"), part("bound")) {
        let _ = writeln!(
            text,
            "\nA shard with 60 % of its slots issued, and 1 % of those revoked: {} bytes of body, \
             {:.3} times log2 C(issued, revoked).",
            grouped(list),
            list / bound,
        );
    }
    text
}

fn everything(results: &Results) -> String {
    let mut text = "\n## Everything that was measured\n\n| subject | median | least | p10 to p90 |\n|---|--:|--:|--:|\n".to_owned();
    for name in results.names() {
        if let Some(spread) = results.spread(&[name]) {
            let (median, min) = (time(spread.median), time(spread.min));
            let (low, high) = (time(spread.p10), time(spread.p90));
            let _ = writeln!(text, "| {name} | {median} | {min} | {low} to {high} |");
        }
    }
    text
}
