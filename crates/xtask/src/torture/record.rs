//! The committed figures of campaigns: `docs/torture.json`, and their section of
//! docs/benchmarks.md.

use crate::paths;
use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::PathBuf;

const HEADING: &str = "## Torture\n";
/// The numeric columns, in the order in which a run has them before its tables.
const FIGURES: [&str; 19] = [
    "seconds",
    "faults_injected",
    "kills",
    "hostile_steps",
    "acts_acknowledged",
    "lists_read",
    "verdicts_read",
    "checks",
    "requests_verified",
    "records_checked",
    "wrong_acceptances",
    "wrong_refusals",
    "lost_acknowledgements",
    "past_the_bound",
    "other",
    "revoke_to_refusal_calm_ms",
    "revoke_to_last_acceptance_ms",
    "without_fresh_list_ms",
    "without_fresh_list_calm_ms",
];

fn kept() -> PathBuf {
    paths::root().join("docs/torture.json")
}

/// Checks the figures of campaigns, keeps them, and writes them into the page.
pub(super) fn keep(json: &str) -> Result<()> {
    let runs: Vec<Value> = serde_json::from_str(json).context("the campaign's figures")?;
    if runs.iter().any(|run| run.get("sound") != Some(&Value::Bool(true))) {
        bail!("figures of a campaign that found something are not kept");
    }
    std::fs::write(kept(), format!("{}\n", serde_json::to_string_pretty(&runs)?))?;
    write_section()
}

fn write_section() -> Result<()> {
    let page = paths::root().join("docs/benchmarks.md");
    let text = std::fs::read_to_string(&page)?;
    std::fs::write(&page, with_section(&text, &section()?))?;
    Ok(())
}

/// The section of docs/benchmarks.md; empty if no figures are kept.
pub(crate) fn section() -> Result<String> {
    if !kept().is_file() {
        return Ok(String::new());
    }
    let text = std::fs::read_to_string(kept())?;
    let runs: Vec<Value> = serde_json::from_str(&text).context("docs/torture.json")?;
    Ok(rendered(&runs))
}

fn rendered(runs: &[Value]) -> String {
    let mut text = format!(
        "{HEADING}\nCampaigns of `cargo xtask torture`, which [docs/testing.md](testing.md#torture)\n\
         describes. A list is valid for 12 s in them, and renewed every 250 ms. *Calm* means that no\n\
         fault is active, and that none was in the last 20 s.\n\n"
    );
    // A column per run, named by its database and seed.
    let column = |run: &Value| {
        let word = |name| run.get(name).map(|value| value.to_string().replace('"', ""));
        let (database, seed) = (word("database"), word("seed"));
        format!("{}, seed {}", database.unwrap_or_default(), seed.unwrap_or_default())
    };
    let columns: Vec<String> = runs.iter().map(column).collect();
    let table = |text: &mut String, first: &str, rows: &[(String, Vec<u64>)]| {
        let _ = writeln!(text, "| {first} | {} |", columns.join(" | "));
        let _ = writeln!(text, "|---|{}", "--:|".repeat(columns.len()));
        for (name, values) in rows {
            let values: Vec<String> = values.iter().map(u64::to_string).collect();
            let _ = writeln!(text, "| {name} | {} |", values.join(" | "));
        }
    };
    let number = |run: &Value, name: &str| run.get(name).and_then(Value::as_u64).unwrap_or(0);
    // First the fixed figures, then the counts per kind, for which the runs may differ.
    let figures = FIGURES
        .map(|name| (name.replace('_', " "), runs.iter().map(|run| number(run, name)).collect()));
    table(&mut text, "", &figures);
    for (group, title) in [("faults", "faults"), ("hostile", "what a supply did instead")] {
        let counts: Vec<Map<String, Value>> = runs
            .iter()
            .map(|run| run.get(group).and_then(Value::as_object).cloned().unwrap_or_default())
            .collect();
        let kinds: BTreeSet<&String> = counts.iter().flat_map(Map::keys).collect();
        let count = |of: &Map<String, Value>, kind: &String| of.get(kind).and_then(Value::as_u64);
        let rows: Vec<(String, Vec<u64>)> = kinds
            .into_iter()
            .map(|kind| {
                (kind.clone(), counts.iter().map(|of| count(of, kind).unwrap_or(0)).collect())
            })
            .collect();
        text.push('\n');
        table(&mut text, title, &rows);
    }
    text.push('\n');
    text
}

/// The page with its section replaced by this one, or with this one inserted before the last
/// section.
fn with_section(page: &str, section: &str) -> String {
    let next =
        |from: usize| page.get(from..).and_then(|rest| rest.find("\n## ")).map(|at| from + at + 1);
    let (begins, ends) = match page.find(HEADING) {
        Some(at) => (at, next(at).unwrap_or(page.len())),
        None => {
            let last = page.rfind("\n## ").map_or(page.len(), |at| at + 1);
            (last, last)
        }
    };
    let (before, after) = (page.get(..begins).unwrap_or(page), page.get(ends..).unwrap_or(""));
    format!("{before}{section}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_takes_its_own_place() {
        let page = "# A\n\n## One\n\nx\n\n## Last\n\ny\n";
        let first = with_section(page, "## Torture\n\n1\n\n");
        assert_eq!(first, "# A\n\n## One\n\nx\n\n## Torture\n\n1\n\n## Last\n\ny\n");
        let second = with_section(&first, "## Torture\n\n2\n\n");
        assert_eq!(second, "# A\n\n## One\n\nx\n\n## Torture\n\n2\n\n## Last\n\ny\n");
    }

    #[test]
    #[ignore = "writes docs/benchmarks.md: for figures of several campaigns that were put together"]
    fn write_the_section() {
        write_section().unwrap();
    }

    #[test]
    fn the_page_has_the_figures_that_are_kept() {
        let page = std::fs::read_to_string(paths::root().join("docs/benchmarks.md")).unwrap();
        let section = section().unwrap();
        assert!(!section.is_empty() && page.contains(&section));
        let runs: Vec<Value> =
            serde_json::from_str(&std::fs::read_to_string(kept()).unwrap()).unwrap();
        for run in runs {
            for name in FIGURES {
                assert!(run.get(name).is_some_and(Value::is_u64), "{name}");
            }
        }
    }
}
