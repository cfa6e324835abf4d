//! `portcullis recover`.

use anyhow::{Result, bail};
use portcullis_issuer::Issuer;
use portcullis_issuer::publish::{Recovered, Target};

use super::Outcome;
use super::args::Global;
use super::out::{Out, field};

/// Bring a restored backup up to what had been published, so that the issuer works again
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portcullis recover --witness dir:/srv/list\n  \
                        portcullis recover --no-witness")]
pub(crate) struct Recover {
    /// Nobody carries the list that was published last: revoke what was issued since the backup. What
    /// was revoked since is lost, and must be revoked again
    #[arg(long)]
    no_witness: bool,
}

impl Recover {
    pub(super) async fn run(&self, issuer: &Issuer, global: &Global, out: &Out) -> Result<Outcome> {
        let witnesses: Vec<Target> = global.witnesses()?;
        let recovered = match (self.no_witness, witnesses.is_empty()) {
            (true, true) => issuer.recover_alone().await?,
            (false, false) => issuer.recover(&witnesses).await?,
            (true, false) => bail!("--no-witness and the targets or witnesses exclude each other"),
            (false, true) => bail!(
                "name who carries the list that was published last, with --witness; or say \
                 --no-witness if nobody does"
            ),
        };
        out.answer(&recovered, |o| {
            let Recovered { witness, witness_number, number, entries, policies, .. } = &recovered;
            if witness.is_empty() {
                field(o, "Witness", "none")?;
            } else {
                field(o, "Witness", format_args!("{witness}, list {witness_number}"))?;
            }
            field(o, "Published", format_args!("list {number}"))?;
            if recovered.lost_until.is_none() {
                field(o, "Imported", format_args!("{entries} entries, {policies} policies"))?;
            }
            if !recovered.private_policies && recovered.lost_until.is_none() {
                field(o, "Private", "policies could not be read there: those of the backup count")?;
            }
            let lost = &recovered.lost_from;
            field(o, "Revoked", format_args!("keys that were issued from {lost} on"))?;
            let Some(until) = &recovered.lost_until else { return Ok(()) };
            let told = format_args!("what was revoked or suspended from {lost} to {until}");
            field(o, "NOT KNOWN", told)
        })?;
        if recovered.lost_until.is_some() {
            out.note(
                "\nThose keys count again: revoke them again. An export of the trail, webhooks' \
                 messages and the\nlogs of whoever revoked them tell which.",
            );
        }
        out.note(
            "\nKeys can be created again once the stamps of before have run out; \
             `portcullis list show` says when.",
        );
        Ok(Outcome::Yes)
    }
}
