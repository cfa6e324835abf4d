//! `portcullis keys authenticate`.

use anyhow::Result;
use portcullis_api::view::keys::AuthenticatedAnswer;
use portcullis_core::token::{Environment, Kind};
use portcullis_issuer::Issuer;

use super::answer::{view, write_key};
use crate::args;
use crate::exit::Exit;
use crate::output::{Out, field};
use crate::token::token;

/// Verify a key against its record, without a list. Exit code: 0 accepted, 1 refused
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  pbpaste | portcullis keys authenticate -")]
pub(crate) struct Authenticate {
    /// The key, or - to read it from standard input, which hides it from other processes
    token: String,
    /// Accept only this kind
    #[arg(long, default_value = "secret", value_parser = args::kind())]
    kind: Kind,
    /// Accept only this environment
    #[arg(long, value_parser = args::environment())]
    environment: Option<Environment>,
}

impl Authenticate {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        let token = token(&self.token)?;
        match issuer.keys().authenticate(&token, self.kind, self.environment).await?.result {
            Ok(record) => {
                let key = view(issuer, &record).await?;
                out.answer(&AuthenticatedAnswer::accepted(key.clone()), |o| write_key(o, &key))?;
                Ok(Exit::Done)
            }
            Err(refusal) => {
                let code = refusal.code();
                let answer = AuthenticatedAnswer::refused(code, &refusal);
                out.answer(&answer, |o| field(o, "Refused", format_args!("{code}: {refusal}")))?;
                Ok(Exit::Refused)
            }
        }
    }
}
