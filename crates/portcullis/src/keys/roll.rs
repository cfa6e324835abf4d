//! `portcullis keys roll`.

use std::io::Write;
use std::time::Duration;

use anyhow::Result;
use portcullis_api::view::keys::RolledKey;
use portcullis_core::token::{Algorithm, Kind, Label};
use portcullis_issuer::actions::Roll;
use portcullis_issuer::{Committed, Issuer};

use super::answer::{view, write_key};
use super::idempotency::{IdempotencyArgs, REPEATED};
use crate::args::{self, By, Expires, Reason};
use crate::committed;
use crate::exit::Exit;
use crate::output::{Out, field, state};

/// Replace a key with a new one; both are valid during the overlap
///
/// Without an option for its expiry, the new key expires at the same time as the old one.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis keys roll apk_0123456789abcdefghijkl --overlap 1h")]
pub(crate) struct RollKey {
    /// The key's id, apk_…
    id: String,
    /// How long the old key stays valid; 0s to revoke it now
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = args::duration)]
    overlap: Duration,
    /// The new key's owner, 0 for none [default: the old key's]
    #[arg(long)]
    owner: Option<u32>,
    /// The new key's policy [default: the old key's]
    #[arg(long)]
    policy: Option<u32>,
    /// The algorithm that authenticates the new key [default: the old key's]
    #[arg(long, value_parser = args::algorithm())]
    algorithm: Option<Algorithm>,
    /// The label that the new key begins with, '' for no label [default: the old key's]
    #[arg(long, value_name = "WORD", value_parser = args::label)]
    label: Option<Label>,
    #[command(flatten)]
    expires: Expires,
    #[command(flatten)]
    idempotency: IdempotencyArgs,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    reason: Reason,
}

impl RollKey {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        let issuer = &issuer.because(self.reason.text())?;
        let roll = Roll {
            overlap: self.overlap,
            by: self.by.owned(),
            owner: self.owner,
            policy: self.policy,
            algorithm: self.algorithm,
            label: self.label,
            expires: self.expires.of_rolled(),
        };
        let rolled =
            issuer.keys().roll_once(&self.id, &roll, self.idempotency.named().as_ref()).await?;
        let Committed { value: rolled, publication } = rolled;
        if rolled.repeated {
            out.note(REPEATED);
        }
        let value = RolledKey {
            key: view(issuer, &rolled.minted.record).await?,
            token: rolled.minted.token.to_string(),
            rolled: view(issuer, &rolled.old).await?,
        };
        let is_secret = rolled.minted.record.kind == Kind::Secret;
        let rolled = Committed { value, publication };
        let text = |o: &mut dyn Write, it: &RolledKey| {
            field(o, "New key", &it.token)?;
            write_key(o, &it.key)?;
            writeln!(o)?;
            field(o, "Old key", &it.rolled.id)?;
            field(o, "State", state(it.rolled.state))?;
            field(o, "Valid until", it.rolled.revoked_at.as_deref().unwrap_or("-"))
        };
        let exit = committed::answer(issuer, out, rolled, None, text).await?;
        if is_secret {
            out.note("\nThe new key is shown this once and kept nowhere: store it now.");
        }
        Ok(exit)
    }
}
