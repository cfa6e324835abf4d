//! `cargo xtask mutations`: removes each mechanism that docs/threat-model.md names; the test that
//! its row names must then fail.

mod patch;
#[cfg(test)]
mod rows;
mod run;
mod tree;

pub(crate) use tree::Scratch;
#[cfg(test)]
pub(crate) use tree::applies;

use crate::setup;
use anyhow::{Result, bail};
use std::collections::BTreeMap;
use std::time::Instant;

use patch::{Mutation, Suite};
use run::Verdict;

/// Names are padded to this width.
const WIDTH: usize = 58;

/// Prints the list of mutations.
pub(crate) fn list() -> Result<()> {
    for mutation in patch::all()? {
        eprintln!("{:<WIDTH$} {}", mutation.name, mutation.removes);
    }
    Ok(())
}

/// Tries all mutations, or those that match these names and rows.
pub(crate) fn run(only: &[String]) -> Result<()> {
    let mut mutations = patch::all()?;
    if let Some(unknown) = only.iter().find(|name| !mutations.iter().any(|one| one.is(name))) {
        bail!("there is no mutation `{unknown}`; `cargo xtask mutations --list` shows all");
    }
    if !only.is_empty() {
        mutations.retain(|mutation| only.iter().any(|name| mutation.is(name)));
    }
    let mut scratch = Scratch::new()?;
    if mutations.iter().any(Mutation::is_of_the_issuer) {
        // Without a server the issuer's tests skip the parts that need it.
        scratch.postgres = setup::postgres()?;
    }
    check_untouched(&scratch, &mutations)?;
    let mut survived = Vec::new();
    for mutation in &mutations {
        let started = Instant::now();
        let outcome = Outcome::of(&scratch, mutation)?;
        let took = started.elapsed().as_secs_f64();
        eprintln!("{:<WIDTH$} {took:>6.1} s  {}", mutation.name, outcome.told());
        if outcome != Outcome::Killed {
            survived.push(mutation.name.as_str());
        }
    }
    scratch.reset()?;
    let killed = mutations.len() - survived.len();
    eprintln!("\n{killed} of {} mutants are killed", mutations.len());
    if survived.is_empty() { Ok(()) } else { bail!("not killed: {}", survived.join(", ")) }
}

/// Every named test must pass on the unmodified tree; otherwise its failure on a mutant proves
/// nothing.
fn check_untouched(scratch: &Scratch, mutations: &[Mutation]) -> Result<()> {
    let mut suites: BTreeMap<&Suite, Vec<&str>> = BTreeMap::new();
    for mutation in mutations {
        suites.entry(&mutation.suite).or_default().push(&mutation.test);
    }
    let mut bad = Vec::new();
    for (suite, mut tests) in suites {
        tests.sort_unstable();
        tests.dedup();
        let started = Instant::now();
        let verdicts = run::run(scratch, suite, &tests)?;
        let passed = verdicts.iter().filter(|verdict| **verdict == Verdict::Passed).count();
        let took = started.elapsed().as_secs_f64();
        let name = match suite {
            Suite::Cargo(arguments) => arguments.join(" "),
            Suite::Node(file) => file.display().to_string(),
        };
        eprintln!("{name:<WIDTH$} {took:>6.1} s  {passed} of {} tests pass", tests.len());
        let failed = tests.iter().zip(verdicts).filter(|(_, verdict)| *verdict != Verdict::Passed);
        bad.extend(failed.map(|(test, verdict)| format!("{test} ({verdict:?})")));
    }
    if bad.is_empty() { Ok(()) } else { bail!("on the tree as it is: {}", bad.join(", ")) }
}

/// The outcome of a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Killed,
    NotApplied,
    Test(Verdict),
}

impl Outcome {
    fn of(scratch: &Scratch, mutation: &Mutation) -> Result<Self> {
        scratch.reset()?;
        if !scratch.apply(&mutation.file)? {
            return Ok(Self::NotApplied);
        }
        let verdicts = run::run(scratch, &mutation.suite, &[&mutation.test])?;
        Ok(match verdicts.first() {
            Some(Verdict::Failed) => Self::Killed,
            Some(verdict) => Self::Test(*verdict),
            None => Self::Test(Verdict::NotRun),
        })
    }

    const fn told(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::NotApplied => "DOES NOT APPLY: the patch must follow the code",
            Self::Test(Verdict::Passed) => "SURVIVED: the test passes without the mechanism",
            Self::Test(Verdict::NotCompiled) => "DOES NOT COMPILE: nothing was tested",
            Self::Test(Verdict::NotRun) => "NOT RUN: the test is not there, or its program broke",
            Self::Test(Verdict::Hung) => "HUNG: the test did not end",
            Self::Test(Verdict::Failed) => "killed",
        }
    }
}
