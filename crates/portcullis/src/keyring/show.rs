//! `portcullis keyring show`.

use anyhow::Result;
use portcullis_api::view::signers::SignersView;
use portcullis_issuer::Issuer;
use portcullis_issuer::time_format::rfc3339_millis;

use super::answer::listed;
use crate::exit::Exit;
use crate::output::{Out, field, table};

/// Show the signers, their states, and how many keys each has signed
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis keyring show")]
pub(crate) struct Show {}

pub(super) async fn show(issuer: &Issuer, out: &Out) -> Result<Exit> {
    let signers = issuer.keyring().signers().await?;
    let view = SignersView::new(&signers);
    out.answer(&view, |o| {
        field(o, "Keyring", format_args!("version {}", view.version))?;
        field(o, "Valid until", rfc3339_millis(signers.not_after))?;
        field(o, "Root", issuer.root())?;
        field(o, "Labels", listed(&signers.labels))?;
        writeln!(o)?;
        let mut rows = vec![
            ["KID", "PURPOSE", "ALGORITHM", "FOR", "STATE", "KEYS", "IN FORCE"].map(String::from),
        ];
        rows.extend(view.signers.iter().map(|signer| {
            let state = if signer.here {
                signer.state.into()
            } else {
                format!("{}, not here", signer.state)
            };
            let what = [signer.environments.join("+"), signer.kinds.join("+")].join(" ");
            let (kid, keys, live) =
                (signer.kid.to_string(), signer.keys.to_string(), signer.in_force.to_string());
            [
                kid,
                signer.purpose.into(),
                signer.algorithm.into(),
                what.trim().into(),
                state,
                keys,
                live,
            ]
        }));
        table(o, &rows)
    })?;
    Ok(Exit::Done)
}
