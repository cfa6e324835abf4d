//! A mutation: a patch that removes one mechanism, and the test that must fail without it.
//!
//! ```text
//! # row: T07
//! # removes: the check of a signature
//! # in: cargo test -p portcullis-core --test token
//! # fails: every_changed_bit_is_refused
//! diff --git …
//! ```
//!
//! `git apply` ignores the text before the diff.

use crate::paths;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

pub(crate) const FOLDER: &str = "tests/mutations";

/// A patch and what its header says.
#[derive(Clone, Debug)]
pub(crate) struct Mutation {
    /// The file's name without `.patch`.
    pub(crate) name: String,
    pub(crate) file: PathBuf,
    /// The row of docs/threat-model.md with the mechanism that it removes.
    pub(crate) row: String,
    /// A description of what is removed, for the reader.
    pub(crate) removes: String,
    /// The command that runs the test's suite.
    pub(crate) suite: Suite,
    /// The test that must fail.
    pub(crate) test: String,
}

/// The location of a test.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Suite {
    /// The arguments of `cargo`: one test target of one package.
    Cargo(Vec<String>),
    /// A file of `node:test` that needs no build.
    Node(PathBuf),
}

/// All mutations, sorted by row and name.
pub(crate) fn all() -> Result<Vec<Mutation>> {
    let folder = paths::root().join(FOLDER);
    let entries = std::fs::read_dir(&folder)
        .with_context(|| format!("cannot read the folder {}", folder.display()))?;
    let mut mutations = Vec::new();
    for entry in entries {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "patch") {
            mutations.push(Mutation::read(&file)?);
        }
    }
    mutations.sort_by_key(|mutation| (number(&mutation.row), mutation.name.clone()));
    Ok(mutations)
}

/// The number of a row, which has at least two digits.
pub(crate) fn number(row: &str) -> Option<u32> {
    let digits = row.strip_prefix('T').filter(|digits| digits.len() >= 2)?;
    let is_number = digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}

impl Mutation {
    fn read(file: &Path) -> Result<Self> {
        let name = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(file)?;
        let header = text.lines().take_while(|line| line.starts_with('#'));
        let header: Vec<&str> = header.filter_map(|line| line.strip_prefix("# ")).collect();
        let field = |wanted: &str| {
            let mut fields = header.iter().filter_map(|line| line.split_once(": "));
            let found = fields.find(|(known, _)| *known == wanted);
            found
                .map(|(_, value)| value.to_owned())
                .with_context(|| format!("{name}: the header has no line `# {wanted}: …`"))
        };
        let (row, command) = (field("row")?, field("in")?);
        if !name.starts_with(&format!("{row}-")) {
            bail!("{name}: the header says that this is of row {row}");
        }
        let suite = Suite::parse(&command)
            .with_context(|| format!("{name}: `{command}` is no command that is known here"))?;
        let (removes, test) = (field("removes")?, field("fails")?);
        Ok(Self { name, file: file.to_path_buf(), row, removes, suite, test })
    }

    /// Whether its test belongs to the issuer.
    pub(crate) fn is_of_the_issuer(&self) -> bool {
        let Suite::Cargo(arguments) = &self.suite else { return false };
        let crates = ["portcullis-issuer", "portcullis-api", "portcullis"];
        arguments.iter().any(|one| crates.contains(&one.as_str()))
    }

    /// Whether `--only wanted` selects this mutation, by its row or its name.
    pub(crate) fn is(&self, wanted: &str) -> bool {
        self.row == wanted || self.name == wanted
    }
}

impl Suite {
    fn parse(command: &str) -> Option<Self> {
        let mut words = command.split_whitespace().map(str::to_owned);
        match words.next()?.as_str() {
            "cargo" => {
                let arguments: Vec<String> = words.collect();
                let is_test = arguments.first().is_some_and(|first| first == "test");
                is_test.then_some(Self::Cargo(arguments))
            }
            "node" => words.next_back().map(|file| Self::Node(file.into())),
            _ => None,
        }
    }
}
