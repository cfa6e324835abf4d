//! `portcullis revoke …`: bulk revocations and suspensions. One entry of the list covers many keys.
//! For keys that are named by ids or options, and get a revocation each, see `keys::revoke`.

use anyhow::Result;
use portcullis_api::view::keys::DryRunAnswer;
use portcullis_api::view::records::BulkRevocationsAnswer;
use portcullis_core::list::BulkState;
use portcullis_core::time::Time;
use portcullis_core::token::Environment;
use portcullis_issuer::Issuer;
use portcullis_issuer::actions::BulkView;
use portcullis_issuer::actions::{BulkRevocation, BulkSelection, Preview};

use super::args::{self, By, Reason, Wait};
use super::committed;
use super::confirm::{Confirm, Confirmed, preview_sentence};
use super::exit::Exit;
use super::output::{Out, field, table};

/// Revoke or suspend many keys at once, by owner, signer, environment or time of issue
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portcullis revoke --owner 1234567 --dry-run\n  \
                  portcullis revoke --owner 1234567 --yes\n  \
                  portcullis revoke --environment test --issued-before 2026-01-31T12:00:00Z\n  \
                  portcullis revoke --kid 3 --suspend\n  portcullis revoke --lift 2")]
#[command(group = clap::ArgGroup::new("whose"))]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true)
    .args(["owner", "kid", "environment", "issued_from", "issued_before", "lift", "list"]))]
pub(crate) struct Revoke {
    /// Select all keys of this owner
    #[arg(long, value_name = "NUMBER", group = "whose")]
    owner: Option<u32>,
    /// Select all keys of this signer
    #[arg(long, group = "whose")]
    kid: Option<u16>,
    /// Select all existing keys of this environment
    #[arg(long, group = "whose", value_parser = args::environment())]
    environment: Option<Environment>,
    /// Select only keys issued at this time or later (RFC 3339)
    #[arg(long, alias = "issued-after", value_name = "TIME", value_parser = args::instant)]
    issued_from: Option<Time>,
    /// Select only keys issued before this time (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = args::instant)]
    issued_before: Option<Time>,
    /// Suspend the keys until the suspension is lifted, instead of revoking them
    #[arg(long)]
    suspend: bool,
    /// Lift the bulk suspension with this number
    #[arg(long, value_name = "ID", conflicts_with_all = ["whose", "issued_from", "issued_before", "suspend", "list"])]
    lift: Option<i64>,
    /// List all bulk revocations and suspensions
    #[arg(long, conflicts_with_all = ["whose", "issued_from", "issued_before", "suspend"])]
    list: bool,
    #[command(flatten)]
    wait: Wait,
    #[command(flatten)]
    confirm: Confirm,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    reason: Reason,
}

impl Revoke {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        let issuer = &issuer.because(self.reason.text())?;
        if self.list {
            return list(issuer, out).await;
        }
        let by = self.by.owned();
        let whose = self.owner.map(BulkSelection::Owner).or(self.kid.map(BulkSelection::Kid));
        let whose = whose
            .or(self.environment.map(BulkSelection::Environment))
            .unwrap_or(BulkSelection::Everybody);
        let changed = match self.lift {
            Some(id) => issuer.bulk().lift(id, by.as_deref()).await?,
            None => {
                let state = if self.suspend { BulkState::Suspended } else { BulkState::Revoked };
                let (issued_from, issued_before) = (self.issued_from, self.issued_before);
                let what = BulkRevocation { whose, state, issued_from, issued_before, by };
                let preview = issuer.bulk().preview(&what).await?;
                let act = if self.suspend { "suspends" } else { "revokes for good" };
                if self.confirm.dry_run {
                    return dry_run(act, preview, out);
                }
                // A suspension needs no confirmation, because another command lifts it.
                let care = if self.suspend {
                    self.confirm.care()
                } else {
                    match self.confirm.ask(out, act, &preview)? {
                        Confirmed::Yes(care) => care,
                        Confirmed::No => return Ok(Exit::Refused),
                    }
                };
                issuer.bulk().revoke_with(&what, &care).await?
            }
        };
        let changed = changed.map(|entry| BulkView::new(&entry));
        let patience = self.wait.patience();
        committed::answer(issuer, out, changed, patience, |o, view| {
            field(o, "Number", view.id)?;
            field(o, "State", if view.lifted_at.is_some() { "lifted" } else { view.state })?;
            field(o, "Keys", keys(view))
        })
        .await
    }
}

fn dry_run(act: &str, preview: Preview, out: &Out) -> Result<Exit> {
    out.answer(&DryRunAnswer::of(preview, None), |o| {
        field(
            o,
            "Dry run",
            format_args!("{}; nothing was changed", preview_sentence(act, &preview)),
        )
    })?;
    Ok(Exit::Done)
}

async fn list(issuer: &Issuer, out: &Out) -> Result<Exit> {
    let entries = issuer.bulk().list().await?;
    let answer =
        BulkRevocationsAnswer { bulk_revocations: entries.iter().map(BulkView::new).collect() };
    out.answer(&answer, |o| {
        let mut rows = vec![["ID", "STATE", "KEYS", "MADE BY"].map(String::from)];
        rows.extend(answer.bulk_revocations.iter().map(|view| {
            let state = if view.lifted_at.is_some() { "lifted" } else { view.state };
            let by = view.made_by.clone().unwrap_or_else(|| "-".into());
            [view.id.to_string(), state.into(), keys(view), by]
        }));
        table(o, &rows)
    })?;
    Ok(Exit::Done)
}

fn keys(view: &BulkView) -> String {
    let mut text = match (view.owner, view.kid, view.environment, view.serials) {
        (Some(owner), ..) => format!("of owner {owner}"),
        (_, Some(kid), ..) => format!("of signer {kid}"),
        (_, _, Some(environment), _) => format!("of environment {environment}"),
        (.., Some([first, last])) => format!("with serials {first} to {last}"),
        (None, None, None, None) => String::new(),
    };
    if let Some(from) = &view.issued_from {
        text.push_str(&format!(", issued from {from} on"));
    }
    if let Some(before) = &view.issued_before {
        text.push_str(&format!(", issued before {before}"));
    }
    text
}
