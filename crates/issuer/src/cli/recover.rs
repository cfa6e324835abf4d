//! `portcullis recover`.

use anyhow::{Result, bail};
use portcullis_issuer::Issuer;
use portcullis_issuer::publish::{Recovered, Target};

use super::Outcome;
use super::args::Global;
use super::out::{Out, field};

/// Bring a restored backup up to what had been published, so that the issuer works again
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis recover --witness dir:/srv/list")]
pub(crate) struct Recover {}

impl Recover {
    pub(super) async fn run(&self, issuer: &Issuer, global: &Global, out: &Out) -> Result<Outcome> {
        let witnesses: Vec<Target> = global.witnesses()?;
        if witnesses.is_empty() {
            bail!("name who carries the list that was published last, with --witness");
        }
        let recovered = issuer.recover(&witnesses).await?;
        out.answer(&recovered, |o| {
            let Recovered { witness, witness_number, number, entries, policies, .. } = &recovered;
            field(o, "Witness", format_args!("{witness}, list {witness_number}"))?;
            field(o, "Published", format_args!("list {number}"))?;
            field(o, "Imported", format_args!("{entries} entries, {policies} policies"))?;
            if !recovered.private_policies {
                field(o, "Private", "policies could not be read there: those of the backup count")?;
            }
            let lost = &recovered.lost_from;
            field(o, "Revoked", format_args!("keys that were issued from {lost} on"))
        })?;
        out.note(
            "\nKeys can be created again once the stamps of before have run out; \
             `portcullis list show` says when.",
        );
        Ok(Outcome::Yes)
    }
}
