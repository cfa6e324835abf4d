//! `portcullis keys revoke`: each key gets a revocation of its own. `portcullis revoke`, which makes
//! one entry for many keys, is in `bulk_revocations`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use portcullis_api::view::keys::{DryRunAnswer, RevokedKeysView};
use portcullis_core::time::Time;
use portcullis_issuer::actions::{
    Criteria, IfRevoked, Preview, Revocation, RevokedKeys, Selector, When,
};
use portcullis_issuer::store::bulk::EffectiveKey;
use portcullis_issuer::{Committed, Issuer};

use super::answer::{view, write_key};
use super::filter::KeyFilter;
use crate::args::{self, By, Reason, Wait};
use crate::committed;
use crate::confirm::{Confirm, Confirmed, preview_sentence};
use crate::exit::Exit;
use crate::output::{Out, field};

/// Revoke keys, now or at a set time, all or none, and publish
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portcullis keys revoke apk_0123456789abcdefghijkl\n  \
                        portcullis keys revoke apk_0123456789abcdefghijkl --in 1h --by security\n  \
                        portcullis keys revoke --owner 7 --environment test --dry-run\n  \
                        portcullis keys revoke --maker apk_0123456789abcdefghijkl --yes\n  \
                        portcullis keys revoke $(cat leaked.txt) --if-revoked skip\n  \
                        portcullis keys revoke --ids-from leaked.txt --if-revoked skip")]
pub(crate) struct Revoke {
    /// The keys' ids, apk_…; or select keys by criteria
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// Read the ids from this file, one on each line; - for standard input. For more ids than a
    /// command line holds
    #[arg(long, value_name = "FILE", conflicts_with = "ids")]
    ids_from: Option<PathBuf>,
    #[command(flatten)]
    filter: KeyFilter,
    /// Revoke the keys after this duration
    #[arg(long = "in", value_name = "DURATION", value_parser = args::duration)]
    after: Option<Duration>,
    /// Revoke the keys at this time (RFC 3339)
    #[arg(long, value_name = "TIME", conflicts_with = "after", value_parser = args::instant)]
    at: Option<Time>,
    #[command(flatten)]
    wait: Wait,
    /// How to treat keys among the ids that are already revoked
    #[arg(long, value_name = "WHAT", default_value = "refuse",
          value_parser = PossibleValuesParser::new(["refuse", "skip"])
              .try_map(|name| IfRevoked::from_name(&name).ok_or("neither")))]
    if_revoked: IfRevoked,
    #[command(flatten)]
    confirm: Confirm,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    reason: Reason,
}

/// Reads the ids in a file, one on each line. Blank lines and repeated ids are left out.
fn ids_in(file: &Path) -> Result<Vec<String>> {
    let text = if file == Path::new("-") {
        std::io::read_to_string(std::io::stdin()).context("standard input")?
    } else {
        std::fs::read_to_string(file).with_context(|| file.display().to_string())?
    };
    let (mut seen, mut ids) = (HashSet::new(), Vec::new());
    for (at, line) in text.lines().map(str::trim).enumerate() {
        // The line may be a key, so the error does not show it.
        if !line.is_empty() && !line.starts_with("apk_") {
            bail!(
                "{}, line {}: this is no id (apk_…); `portcullis scan` tells the ids of keys",
                file.display(),
                at + 1
            );
        }
        if !line.is_empty() && seen.insert(line) {
            ids.push(line.to_owned());
        }
    }
    Ok(ids)
}

impl Revoke {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        let issuer = &issuer.because(self.reason.text())?;
        let when = self.after.map(When::In).or(self.at.map(When::At)).unwrap_or(When::Now);
        let by = self.by.owned();
        let revocation = Revocation { when, by };
        let patience = self.wait.patience();
        let criteria = self.filter.criteria();
        let ids = match &self.ids_from {
            Some(file) => ids_in(file)?,
            None => self.ids.clone(),
        };
        if self.ids_from.is_some() && criteria != Criteria::default() {
            bail!("name keys by their ids, or say what they are like: not both");
        }
        // A single id without a preview has an answer of its own form. An empty file must not
        // select every key.
        let selector = match (ids.as_slice(), criteria == Criteria::default()) {
            ([], _) if self.ids_from.is_some() => bail!("there is no id in the file"),
            ([id], true) if !self.confirm.dry_run => {
                return self.one(issuer, id, (&revocation, patience), out).await;
            }
            ([], _) => Selector::Like(Box::new(criteria)),
            (ids, true) => Selector::Ids(ids.to_vec()),
            (_, false) => bail!("name keys by their ids, or say what they are like: not both"),
        };
        // Keys that are selected by criteria are revoked only after a preview and a confirmation.
        let mut care = self.confirm.care();
        if self.confirm.dry_run || matches!(selector, Selector::Like(_)) {
            let (records, preview) =
                issuer.keys().preview_revoke_all(&selector, &revocation, self.if_revoked).await?;
            if self.confirm.dry_run {
                return dry_run(issuer, &records, preview, out).await;
            }
            if preview.count > 0 {
                match self.confirm.ask(out, "revokes for good", &preview)? {
                    Confirmed::Yes(confirmed) => care = confirmed,
                    Confirmed::No => return Ok(Exit::Refused),
                }
            }
        }
        let revoked =
            issuer.keys().revoke_all_with(&selector, &revocation, &care, self.if_revoked).await?;
        let Committed { value: RevokedKeys { keys: records, skipped }, publication } = revoked;
        let mut keys = Vec::with_capacity(records.len());
        for record in &records {
            keys.push(view(issuer, record).await?);
        }
        let value = RevokedKeysView { count: keys.len(), keys, skipped: Some(skipped) };
        let revoked = Committed { value, publication };
        committed::answer(issuer, out, revoked, patience, |o, revoked| {
            field(o, "Revoked", revoked.count)?;
            revoked.keys.iter().try_for_each(|key| writeln!(o, "{}  {}", key.id, key.title))?;
            let skipped = revoked.skipped.as_deref().unwrap_or_default();
            if !skipped.is_empty() {
                field(
                    o,
                    "Left",
                    format_args!("{} revoked already: {}", skipped.len(), skipped.join(", ")),
                )?;
            }
            Ok(())
        })
        .await
    }

    async fn one(
        &self,
        issuer: &Issuer,
        id: &str,
        (revocation, patience): (&Revocation, Option<Duration>),
        out: &Out,
    ) -> Result<Exit> {
        let care = self.confirm.care();
        let revoked = issuer.keys().revoke_with(id, revocation, &care, self.if_revoked).await?;
        let Committed { value, publication } = revoked;
        let revoked = Committed { value: view(issuer, &value).await?, publication };
        committed::answer(issuer, out, revoked, patience, |o, key| write_key(o, key)).await
    }
}

async fn dry_run(
    issuer: &Issuer,
    records: &[EffectiveKey],
    preview: Preview,
    out: &Out,
) -> Result<Exit> {
    let mut keys = Vec::with_capacity(records.len());
    for record in records {
        keys.push(view(issuer, record).await?);
    }
    out.answer(&DryRunAnswer::of(preview, Some(keys.clone())), |o| {
        field(
            o,
            "Dry run",
            format_args!("{}; nothing was changed", preview_sentence("would revoke", &preview)),
        )?;
        keys.iter().try_for_each(|key| writeln!(o, "{}  {}", key.id, key.title))
    })?;
    Ok(Exit::Done)
}
