//! The built program, in a folder of its own.

#![allow(dead_code, reason = "each test file uses its own part")]

use std::path::PathBuf;
use std::process::{Command, Output};

use portcullis_test_support::{code, stderr};

/// A working folder for the program.
pub(crate) struct Shell {
    pub(crate) folder: tempfile::TempDir,
}

impl Shell {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn initialised() -> Self {
        let shell = Self::new();
        assert_eq!(code(&shell.run(&["init"])), 0);
        shell
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.args(args).current_dir(self.folder.path()).env("PORTCULLIS_HOME", self.home());
        for name in ["PORTCULLIS_LISTEN", "PORTCULLIS_VALID_FOR", "RUST_LOG"] {
            command.env_remove(name);
        }
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs a command that must succeed, with `--json`.
    pub(crate) fn json(&self, args: &[&str]) -> serde_json::Value {
        let output = self.run(&[args, &["--json"]].concat());
        assert_eq!(code(&output), 0, "{args:?}: {}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}
