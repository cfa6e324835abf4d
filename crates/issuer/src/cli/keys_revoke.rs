//! `portcullis keys revoke`.

use std::time::Duration;

use anyhow::{Result, bail};
use portcullis_core::time::Time;
use portcullis_issuer::Issuer;
use portcullis_issuer::rules::{Criteria, Moment, Revocation, Selector};
use serde_json::json;

use super::Outcome;
use super::args;
use super::keys::{view, write_key};
use super::keys_list::Like;
use super::list::{committed, outcome, wait, write_published, write_targets};
use super::out::{Out, field};
use super::revoke::merged;

/// Revoke keys, now or from a moment on, and publish: all of them or none
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portcullis keys revoke apk_0123456789abcdefghijkl\n  \
                        portcullis keys revoke apk_0123456789abcdefghijkl --in 1h --by security\n  \
                        portcullis keys revoke --owner 7 --environment test")]
pub(crate) struct Revoke {
    /// The keys' ids, apk_…; or say what the keys are like
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    like: Like,
    /// After this long
    #[arg(long = "in", value_name = "DURATION", value_parser = args::duration)]
    after: Option<Duration>,
    /// At this time (RFC 3339)
    #[arg(long, value_name = "TIME", conflicts_with = "after", value_parser = args::instant)]
    at: Option<Time>,
    /// Wait until every target carries it, for ten seconds or so long
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, require_equals = true,
          default_missing_value = "10")]
    wait: Option<u64>,
    /// In whose name
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
}

impl Revoke {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Outcome> {
        let when = self.after.map(Moment::In).or(self.at.map(Moment::At)).unwrap_or(Moment::Now);
        let by = self.by.clone();
        let revocation = Revocation { when, by };
        let patience = self.wait.map(Duration::from_secs);
        let criteria = self.like.criteria();
        let selector = match (self.ids.as_slice(), criteria == Criteria::default()) {
            ([id], true) => return one(issuer, id, (&revocation, patience), out).await,
            ([], _) => Selector::Like(Box::new(criteria)),
            (ids, true) => Selector::Ids(ids.to_vec()),
            (_, false) => bail!("name keys by their ids, or say what they are like: not both"),
        };
        let revoked = issuer.revoke_all(&selector, &revocation).await?;
        let mut keys = Vec::with_capacity(revoked.records.len());
        for record in &revoked.records {
            keys.push(view(issuer, record).await?);
        }
        let json = json!({ "count": keys.len(), "keys": keys });
        let targets = wait(issuer, &revoked.published, patience).await?;
        let json = committed(issuer, json, &revoked.published);
        out.answer(&merged(json, targets.as_ref()), |o| {
            field(o, "Revoked", keys.len())?;
            keys.iter().try_for_each(|key| writeln!(o, "{}  {}", key.id, key.title))?;
            write_published(o, &revoked.published)?;
            targets.as_ref().map_or(Ok(()), |targets| write_targets(o, targets))
        })?;
        Ok(outcome(out, &revoked.published))
    }
}

async fn one(
    issuer: &Issuer,
    id: &str,
    (revocation, patience): (&Revocation, Option<Duration>),
    out: &Out,
) -> Result<Outcome> {
    let revoked = issuer.revoke(id, revocation).await?;
    let key = view(issuer, &revoked.record).await?;
    let targets = wait(issuer, &revoked.published, patience).await?;
    let json = committed(issuer, json!(key), &revoked.published);
    out.answer(&merged(json, targets.as_ref()), |o| {
        write_key(o, &key)?;
        write_published(o, &revoked.published)?;
        targets.as_ref().map_or(Ok(()), |targets| write_targets(o, targets))
    })?;
    Ok(outcome(out, &revoked.published))
}
