//! `portcullis keys self-revoke`.

use anyhow::Result;
use portcullis_issuer::Issuer;

use super::answer::changed;
use crate::exit::Exit;
use crate::output::Out;
use crate::token::token;

/// Revoke a secret key that you hold
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  pbpaste | portcullis keys self-revoke -")]
pub(crate) struct SelfRevoke {
    /// The key, or - to read it from standard input, which hides it from other processes
    token: String,
}

impl SelfRevoke {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        changed(issuer, issuer.keys().revoke_by_token(&token(&self.token)?).await?, out).await
    }
}
