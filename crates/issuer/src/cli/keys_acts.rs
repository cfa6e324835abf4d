//! Other acts on keys: `portcullis keys update`, `sales-channels`, `suspend`, `resume`,
//! `self-revoke`, `roll`, `delete`, `undo`, `authenticate`.

use std::io::Write;
use std::time::Duration;

use anyhow::Result;
use portcullis_core::token::{Algorithm, Environment, Kind, Label};
use portcullis_issuer::actions::{self, Roll, check_fixed};
use portcullis_issuer::record::KeyRecord;
use portcullis_issuer::store::bulk::EffectiveKey;
use portcullis_issuer::view::keys::{AuthenticatedAnswer, DeletedManyAnswer, RolledKey};
use portcullis_issuer::{Committed, Issuer};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::Outcome;
use super::args::{self, By, Expires, Reason};
use super::committed;
use super::keys::{Naming, REPEATED, view, write_key};
use super::out::{Out, field, state};
use super::verify::read_token;

/// Change a key's title, metadata or sales channels
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  portcullis keys update apk_0123456789abcdefghijkl --title 'Billing, new' \
                  --metadata '{\"team\":\"payments\",\"old\":null}'"
)]
pub(crate) struct Update {
    /// The key's id, apk_…
    id: String,
    /// What people are to call it
    #[arg(long)]
    title: Option<String>,
    /// Members of the metadata to set, as a JSON object; null takes one away
    #[arg(long, value_name = "JSON", value_parser = args::object)]
    metadata: Option<Map<String, Value>>,
    /// All its sales channels from now on; may be given several times
    #[arg(long = "sales-channel", value_name = "CHANNEL")]
    sales_channels: Vec<String>,
    /// No sales channel from now on
    #[arg(long, conflicts_with = "sales_channels")]
    no_sales_channels: bool,
    #[command(flatten)]
    by: By,
    // Fields that can't be changed are parsed, so that the error can name the command to use
    // instead.
    #[arg(long, hide = true)]
    owner: Option<String>,
    #[arg(long, hide = true)]
    policy: Option<String>,
    #[arg(long, hide = true)]
    kind: Option<String>,
    #[arg(long, hide = true)]
    environment: Option<String>,
    #[arg(long, hide = true)]
    algorithm: Option<String>,
    #[arg(long, hide = true)]
    expires_at: Option<String>,
    #[arg(long, hide = true)]
    expires_in: Option<String>,
}

impl Update {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Outcome> {
        let fixed = [
            ("owner", &self.owner),
            ("policy", &self.policy),
            ("kind", &self.kind),
            ("environment", &self.environment),
            ("algorithm", &self.algorithm),
            ("expires_at", &self.expires_at),
            ("expires_at", &self.expires_in),
        ];
        for (name, _) in fixed.into_iter().filter(|(_, value)| value.is_some()) {
            check_fixed(name)?;
        }
        let named = !self.sales_channels.is_empty() || self.no_sales_channels;
        let update = actions::Update {
            title: self.title.clone(),
            metadata: self.metadata.clone(),
            sales_channels: named.then(|| self.sales_channels.clone()),
        };
        let by = self.by.name();
        changed(issuer, issuer.update(&self.id, &update, by).await?, out).await
    }
}

/// Add sales channels to a publishable key and take others away, and publish
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  portcullis keys sales-channels apk_0123456789abcdefghijkl --add web --remove app"
)]
pub(crate) struct SalesChannels {
    /// The key's id, apk_…
    id: String,
    /// Add this one; may be given several times
    #[arg(long, value_name = "CHANNEL")]
    add: Vec<String>,
    /// Take this one away; may be given several times
    #[arg(long, value_name = "CHANNEL")]
    remove: Vec<String>,
}

impl SalesChannels {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Outcome> {
        let done = issuer.change_sales_channels(&self.id, &self.add, &self.remove, None);
        changed(issuer, done.await?, out).await
    }
}

/// Suspend a key until it is resumed, and publish
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis keys suspend apk_0123456789abcdefghijkl")]
pub(crate) struct Suspend {
    /// The key's id, apk_…
    id: String,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    reason: Reason,
}

impl Suspend {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Outcome> {
        let issuer = &issuer.because(self.reason.text())?;
        changed(issuer, issuer.suspend(&self.id, self.by.name()).await?, out).await
    }
}

/// Resume a key that is suspended, and publish
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis keys resume apk_0123456789abcdefghijkl")]
pub(crate) struct Resume {
    /// The key's id, apk_…
    id: String,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    reason: Reason,
}

impl Resume {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Outcome> {
        let issuer = &issuer.because(self.reason.text())?;
        changed(issuer, issuer.resume(&self.id, self.by.name()).await?, out).await
    }
}

async fn changed(issuer: &Issuer, changed: Committed<EffectiveKey>, out: &Out) -> Result<Outcome> {
    let Committed { value, publication } = changed;
    let changed = Committed { value: view(issuer, &value).await?, publication };
    committed::answer(issuer, out, changed, None, |o, key| write_key(o, key)).await
}

/// Revoke the secret key that you hold, by its text
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  pbpaste | portcullis keys self-revoke -")]
pub(crate) struct SelfRevoke {
    /// The key, or - to read it from standard input, where no other process sees it
    token: String,
}

impl SelfRevoke {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Outcome> {
        changed(issuer, issuer.revoke_by_token(&token(&self.token)?).await?, out).await
    }
}

fn token(text: &str) -> Result<Zeroizing<String>> {
    if text == "-" { read_token() } else { Ok(Zeroizing::new(text.to_owned())) }
}

/// Put a new key in a key's place; both are valid for the overlap
///
/// If nothing is said about its expiry, the new key expires when the old one does.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis keys roll apk_0123456789abcdefghijkl --overlap 1h")]
pub(crate) struct RollKey {
    /// The key's id, apk_…
    id: String,
    /// How long the old key stays valid; 0s for not at all
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = args::duration)]
    overlap: Duration,
    /// The new key's owner, 0 for none [default: the old key's]
    #[arg(long)]
    owner: Option<u32>,
    /// The new key's policy [default: the old key's]
    #[arg(long)]
    policy: Option<u32>,
    /// How the new key is proved [default: as the old key]
    #[arg(long, value_parser = args::algorithm())]
    algorithm: Option<Algorithm>,
    /// The word in front of the new key, '' for none [default: as the old key]
    #[arg(long, value_name = "WORD", value_parser = args::label)]
    label: Option<Label>,
    #[command(flatten)]
    expires: Expires,
    #[command(flatten)]
    naming: Naming,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    reason: Reason,
}

impl RollKey {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Outcome> {
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
        let rolled = issuer.roll_once(&self.id, &roll, self.naming.idempotency().as_ref()).await?;
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
        let outcome = committed::answer(issuer, out, rolled, None, text).await?;
        if is_secret {
            out.note("\nThe new key is shown this once and kept nowhere: store it now.");
        }
        Ok(outcome)
    }
}

/// Delete the records of keys that are revoked: all of them or none
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis keys delete apk_0123456789abcdefghijkl")]
pub(crate) struct Delete {
    /// The keys' ids, apk_…
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
    #[command(flatten)]
    reason: Reason,
}

impl Delete {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Outcome> {
        let issuer = &issuer.because(self.reason.text())?;
        let ids = issuer.delete(&self.ids, None).await?;
        let answer = DeletedManyAnswer::of(ids);
        out.answer(&answer, |o| answer.ids.iter().try_for_each(|id| field(o, "Deleted", id)))?;
        Ok(Outcome::Yes)
    }
}

/// Undo the making of keys: revoke and delete them in one act, and publish
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis keys undo apk_0123456789abcdefghijkl")]
pub(crate) struct Undo {
    /// The keys' ids, apk_…
    #[arg(value_name = "ID", required = true)]
    ids: Vec<String>,
    #[command(flatten)]
    reason: Reason,
}

impl Undo {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Outcome> {
        let issuer = &issuer.because(self.reason.text())?;
        let undone = issuer.undo_create(&self.ids, None).await?;
        let ids = |records: Vec<KeyRecord>| records.into_iter().map(|record| record.id).collect();
        let undone = undone.map(|records| DeletedManyAnswer::of(ids(records)));
        let text = |o: &mut dyn Write, it: &DeletedManyAnswer| {
            it.ids.iter().try_for_each(|id| field(o, "Undone", id))
        };
        committed::answer(issuer, out, undone, None, text).await
    }
}

/// Verify a key by the records, ahead of every list: exits 0 if accepted, 1 if refused
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  pbpaste | portcullis keys authenticate -")]
pub(crate) struct Authenticate {
    /// The key, or - to read it from standard input, where no other process sees it
    token: String,
    /// Accept only this kind
    #[arg(long, default_value = "secret", value_parser = args::kind())]
    kind: Kind,
    /// Accept only this environment
    #[arg(long, value_parser = args::environment())]
    environment: Option<Environment>,
}

impl Authenticate {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Outcome> {
        let token = token(&self.token)?;
        match issuer.authenticate(&token, self.kind, self.environment).await?.result {
            Ok(record) => {
                let key = view(issuer, &record).await?;
                out.answer(&AuthenticatedAnswer::accepted(key.clone()), |o| write_key(o, &key))?;
                Ok(Outcome::Yes)
            }
            Err(refusal) => {
                let code = refusal.code();
                let answer = AuthenticatedAnswer::refused(code, &refusal);
                out.answer(&answer, |o| field(o, "Refused", format_args!("{code}: {refusal}")))?;
                Ok(Outcome::No)
            }
        }
    }
}
