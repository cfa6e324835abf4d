//! `portcullis verify`.

use anyhow::Result;
use portcullis_api::view::VerdictView;
use portcullis_core::token::{Environment, Kind};
use portcullis_issuer::Issuer;

use super::args;
use super::exit::Exit;
use super::output::{Out, field};
use super::token::token;

/// Verify a key as a gate of this issuer does. Exit code: 0 accepted, 1 refused, 2 no valid list
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portcullis verify sk_live_…\n  \
                        pbpaste | portcullis verify - --kind secret --environment live")]
pub(crate) struct Verify {
    /// The key, or - to read it from standard input, which hides it from other processes
    token: String,
    /// Accept only this kind
    #[arg(long, value_parser = args::kind())]
    kind: Option<Kind>,
    /// Accept only this environment
    #[arg(long, value_parser = args::environment())]
    environment: Option<Environment>,
}

impl Verify {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        let token = token(&self.token)?;
        let verdict = issuer.keys().verify(&token, self.kind, self.environment).await?;
        let view = VerdictView::new(&verdict, issuer.now());
        out.answer(&view, |o| {
            if let Some(key) = &view.key {
                field(o, "Accepted", &key.id)?;
                field(o, "Title", key.title.as_deref().unwrap_or("(not in the store)"))?;
                field(
                    o,
                    "Kind",
                    format_args!("{}, {}, {}", key.kind, key.environment, key.algorithm),
                )?;
                field(o, "Expires", key.expires_at.as_deref().unwrap_or("never"))?;
            }
            if let (Some(code), Some(message)) = (view.code, &view.message) {
                field(o, "Refused", format_args!("{code}: {message}"))?;
            }
            if let Some(canary) = &view.canary {
                field(o, "Canary", canary)?;
            }
            view.list.map_or(Ok(()), |list| {
                let (seconds, millis) = (list.age_millis / 1000, list.age_millis % 1000);
                let number = list.number;
                field(o, "Verified by", format_args!("list {number}, {seconds}.{millis:03} s old"))
            })
        })?;
        Ok(match verdict.result {
            Ok(_) => Exit::Done,
            Err(refusal) if refusal.is_unavailable() => {
                out.note("no list in force is published; run `portcullis list publish`");
                Exit::Unfinished
            }
            Err(_) => Exit::Refused,
        })
    }
}
