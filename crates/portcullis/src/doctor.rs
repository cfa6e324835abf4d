//! `portcullis doctor`.

use std::sync::Arc;

use anyhow::Result;
use portcullis_issuer::clock::SystemClock;
use portcullis_issuer::doctor::{Check, examine};
use portcullis_issuer::publish::DEFAULT_VALID_FOR;
use serde::Serialize;

use super::exit::Exit;
use super::global::Global;
use super::output::{Out, field};

/// Diagnose the issuer, and show how to fix what is wrong. Exit code: 0 healthy, 1 findings, 2
/// could not check
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis doctor --json")]
pub(crate) struct Doctor {}

impl Doctor {
    #[allow(clippy::unused_self, reason = "every command is run in this way")]
    pub(super) async fn run(&self, global: &Global, out: &Out) -> Result<Exit> {
        let home = global.home()?;
        let witnesses = global.witnesses()?;
        let valid_for = global.valid_for.unwrap_or(DEFAULT_VALID_FOR);
        let seen = examine(&home, Arc::new(SystemClock), valid_for, &witnesses).await;
        let healthy = seen.is_healthy();
        let answer = DoctorAnswer { blind: seen.blind, checks: &seen.checks, healthy };
        out.answer(&answer, |o| {
            for check in &seen.checks {
                let mark = match (check.ok, &check.mend) {
                    (true, None) => "ok  ",
                    (true, Some(_)) => "warn ",
                    (false, _) => "BAD ",
                };
                field(o, check.check, format_args!("{mark}{}", check.found))?;
                if let Some(mend) = &check.mend {
                    field(o, "", format_args!("    -> {mend}"))?;
                }
            }
            Ok(())
        })?;
        Ok(match (healthy, seen.blind) {
            (true, _) => Exit::Done,
            (false, None) => Exit::Refused,
            (false, Some(_)) => Exit::Unfinished,
        })
    }
}

#[derive(Serialize)]
struct DoctorAnswer<'a> {
    /// The code of the error that prevented further checks.
    blind: Option<&'static str>,
    checks: &'a [Check],
    healthy: bool,
}
