//! Keys in git's history, found with the specification's recipe.

use std::fs;
use std::path::Path;
use std::process::Command;

use portcullis_test_support::{code, stderr, stdout};

use crate::{Tree, json, text};

/// The specification's recipe finds a key that no file and no plain `git log -p` shows.
#[test]
fn a_key_that_only_a_merge_commit_holds_is_found_in_gits_history() {
    let spec = include_str!("../../../../docs/token.md");
    let recipe = spec.lines().find(|line| line.trim().starts_with("git cat-file")).unwrap();
    let tree = Tree::new();
    let (key, _) = tree.create(&[]);
    let folder = tree.path("repository");
    fs::create_dir(&folder).unwrap();
    let run = |command: &mut Command| {
        // Ignore the machine's git configuration.
        for name in ["GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"] {
            command.env(name, "/dev/null");
        }
        for name in
            ["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"]
        {
            command.env(name, "x");
        }
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "PORTCULLIS_HOME"] {
            command.env_remove(name);
        }
        command.current_dir(&folder).output().unwrap()
    };
    let git = |args: &[&str]| {
        let output = run(Command::new("git").args(args));
        assert_eq!(code(&output), 0, "git {args:?}: {}", stderr(&output));
        stdout(&output)
    };
    let commit = |file: &str, content: &str| {
        fs::write(folder.join(file), content).unwrap();
        git(&["add", "."]);
        git(&["commit", "--quiet", "--message", "x"]);
    };
    git(&["init", "--quiet", "--initial-branch", "main"]);
    commit("a", "a\n");
    git(&["checkout", "--quiet", "-b", "side"]);
    commit("b", "b\n");
    git(&["checkout", "--quiet", "main"]);
    commit("a", "aa\n");
    git(&["merge", "--quiet", "--no-commit", "side"]);
    commit("a", &format!("aa\n{key}\n"));
    git(&["rm", "--quiet", "a"]);
    git(&["commit", "--quiet", "--message", "x"]);
    assert_eq!(git(&["rev-list", "--count", "--merges", "main"]).trim(), "1");
    assert!(!git(&["log", "-p", "--all"]).contains(&format!("+{key}")), "no plain diff shows it");

    let program = Path::new(env!("CARGO_BIN_EXE_portcullis")).parent().unwrap();
    let path = std::env::var("PATH").unwrap_or_default();
    let output = run(Command::new("sh")
        .args(["-c", &format!("{recipe} --json")])
        .env("PATH", format!("{}:{path}", program.display())));
    assert_eq!(code(&output), 1, "{}", stderr(&output));
    let answer = json(&output);
    assert_eq!(answer["findings"].as_array().unwrap().len(), 1);
    assert_eq!(text(&answer, "/findings/0/path"), "-");
    let redacted = text(&answer, "/findings/0/redacted");
    let last = &redacted[redacted.len() - 5..];
    let asked = spec.lines().find(|line| line.trim().starts_with("git log")).unwrap();
    let asked = asked.replace("LAST", last);
    let commits = stdout(&run(Command::new("sh").args(["-c", &asked])));
    assert!(!commits.is_empty(), "{asked}");
}
