//! `portcullis keys self-revoke`.

use anyhow::Result;
use portcullis_issuer::Issuer;

use super::answer::changed;
use crate::cli::exit::Outcome;
use crate::cli::output::Out;
use crate::cli::token::token;

/// Revoke the secret key that you hold, by its text
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  pbpaste | portcullis keys self-revoke -")]
pub(crate) struct SelfRevoke {
    /// The key, or - to read it from standard input, where no other process sees it
    token: String,
}

impl SelfRevoke {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Outcome> {
        changed(issuer, issuer.revoke_by_token(&token(&self.token)?).await?, out).await
    }
}
