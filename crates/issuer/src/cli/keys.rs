//! `portcullis keys …`.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::Result;
use portcullis_core::time::Time;
use portcullis_core::token::{Algorithm, Environment, Kind};
use portcullis_issuer::record::{KeyPurpose, KeyRecord, KeyState};
use portcullis_issuer::rules::{Moment, NewKey, Query, Revocation, Roll};
use portcullis_issuer::store::lists::Published;
use portcullis_issuer::view::{KeyView, MarkView};
use portcullis_issuer::{Error, Issuer};
use serde_json::{Value, json};

use super::Outcome;
use super::args;
use super::out::{Out, field, state, table};

/// Create, list, show, revoke and roll keys
#[derive(Debug, clap::Subcommand)]
#[command(
    after_help = "Example:\n  portcullis keys create --title 'Billing service' --expires-in 90d"
)]
pub(crate) enum Keys {
    Create(Create),
    List(List),
    Show(Show),
    Revoke(Revoke),
    Roll(RollKey),
}

/// Create a key; its text is shown this once
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  portcullis keys create --title 'Billing service' --expires-in 90d\n  \
                        portcullis keys create --title Storefront --kind publishable --environment test"
)]
pub(crate) struct Create {
    /// What people call the key
    #[arg(long)]
    title: String,
    /// For servers (secret) or for web pages and apps (publishable)
    #[arg(long, default_value = "secret", value_parser = args::kind())]
    kind: Kind,
    /// Where it counts
    #[arg(long, default_value = "live", value_parser = args::environment())]
    environment: Environment,
    /// How it is proved [default: hmac for secret, ed25519 for publishable]
    #[arg(long, value_parser = args::algorithm())]
    algorithm: Option<Algorithm>,
    /// Expire after this long
    #[arg(long, value_name = "DURATION", value_parser = args::duration)]
    expires_in: Option<Duration>,
    /// Expire at this time (RFC 3339)
    #[arg(long, value_name = "TIME", conflicts_with = "expires_in", value_parser = args::instant)]
    expires_at: Option<Time>,
    /// The owner's number, 0 for none
    #[arg(long, default_value_t = 0)]
    owner: u32,
    /// The policy's number, 0 for none
    #[arg(long, default_value_t = 0)]
    policy: u32,
    /// An admin key, which opens the issuer's HTTP API and no gate
    #[arg(long, conflicts_with_all = ["kind", "environment", "algorithm"])]
    admin: bool,
    /// What the admin key may do, such as keys:read or keys:*; `*` for everything. Repeatable
    #[arg(
        long = "scope",
        value_name = "SCOPE",
        requires = "admin",
        required_if_eq("admin", "true")
    )]
    scopes: Vec<String>,
    /// Who makes it
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
}

/// List keys, newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis keys list --environment live --state active")]
pub(crate) struct List {
    /// Only this kind
    #[arg(long, value_parser = args::kind())]
    kind: Option<Kind>,
    /// Only this environment
    #[arg(long, value_parser = args::environment())]
    environment: Option<Environment>,
    /// Only keys in this state
    #[arg(long, value_parser = args::state())]
    state: Option<KeyState>,
    /// At most so many, 1 to 200
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    /// Go on where the page before ended
    #[arg(long)]
    cursor: Option<String>,
}

/// Show one key
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis keys show apk_0123456789abcdefghijkl")]
pub(crate) struct Show {
    /// The key's id, apk_…
    id: String,
}

/// Revoke a key, now or from a moment on, and publish
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portcullis keys revoke apk_0123456789abcdefghijkl\n  \
                        portcullis keys revoke apk_0123456789abcdefghijkl --in 1h --by security")]
pub(crate) struct Revoke {
    /// The key's id, apk_…
    id: String,
    /// After this long
    #[arg(long = "in", value_name = "DURATION", value_parser = args::duration)]
    after: Option<Duration>,
    /// At this time (RFC 3339)
    #[arg(long, value_name = "TIME", conflicts_with = "after", value_parser = args::instant)]
    at: Option<Time>,
    /// Who revokes it
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
}

/// Put a new key in a key's place; both are valid for the overlap
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis keys roll apk_0123456789abcdefghijkl --overlap 1h")]
pub(crate) struct RollKey {
    /// The key's id, apk_…
    id: String,
    /// How long the old key stays valid; 0s for not at all
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = args::duration)]
    overlap: Duration,
    /// Who rolls it
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
}

impl Keys {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Outcome> {
        match self {
            Self::Create(command) => command.run(issuer, out).await,
            Self::List(command) => command.run(issuer, out).await,
            Self::Show(command) => command.run(issuer, out).await,
            Self::Revoke(command) => command.run(issuer, out).await,
            Self::Roll(command) => command.run(issuer, out).await,
        }
    }
}

impl Create {
    async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Outcome> {
        let expires = self.expires_in.map(Moment::In).or(self.expires_at.map(Moment::At));
        let purpose = if self.admin { KeyPurpose::Admin } else { KeyPurpose::Token };
        let new = NewKey {
            purpose,
            kind: self.kind,
            environment: self.environment,
            algorithm: self.algorithm,
            title: self.title.clone(),
            owner: self.owner,
            policy: self.policy,
            admin_scopes: self.scopes.clone(),
            expires,
            created_by: self.by.clone().or_else(|| Some("cli".into())),
        };
        let minted = issuer.create(&new).await?;
        let key = view(issuer, &minted.record).await?;
        let json = json!({ "key": key, "token": minted.token.as_str() });
        out.answer(&json, |o| {
            field(o, "Key", minted.token.as_str())?;
            write_key(o, &key)
        })?;
        if self.kind == Kind::Secret {
            out.note("\nThe key is shown this once and kept nowhere: store it now.");
        }
        Ok(Outcome::Yes)
    }
}

impl List {
    async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Outcome> {
        let query = Query {
            kind: self.kind,
            environment: self.environment,
            state: self.state,
            limit: Some(self.limit),
            cursor: self.cursor.clone(),
        };
        let page = issuer.list_keys(&query).await?;
        let mut keys = Vec::with_capacity(page.keys.len());
        for record in &page.keys {
            keys.push(view(issuer, record).await?);
        }
        let json = json!({ "keys": keys, "next_cursor": page.next_cursor });
        out.answer(&json, |o| {
            let mut rows =
                vec![["ID", "STATE", "KEY", "ISSUED", "EXPIRES", "TITLE"].map(String::from)];
            rows.extend(keys.iter().map(|key| {
                let expires = key.expires_at.clone().unwrap_or_else(|| "never".into());
                let title = if key.purpose == "admin" {
                    format!("{} (admin)", key.title)
                } else {
                    key.title.clone()
                };
                let (id, redacted) = (key.id.clone(), key.redacted.clone());
                [id, key.state.into(), redacted, key.issued_at.clone(), expires, title]
            }));
            table(o, &rows)
        })?;
        if let Some(cursor) = &page.next_cursor {
            out.note(&format!("\nMore with --cursor {cursor}"));
        }
        Ok(Outcome::Yes)
    }
}

impl Show {
    async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Outcome> {
        let key = view(issuer, &issuer.show(&self.id).await?).await?;
        out.answer(&key, |o| write_key(o, &key))?;
        Ok(Outcome::Yes)
    }
}

impl Revoke {
    async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Outcome> {
        let when = self.after.map(Moment::In).or(self.at.map(Moment::At)).unwrap_or(Moment::Now);
        let by = self.by.clone().or_else(|| Some("cli".into()));
        let revoked = issuer.revoke(&self.id, &Revocation { when, by }).await?;
        let key = view(issuer, &revoked.record).await?;
        let json = committed(issuer, json!(key), &revoked.published);
        out.answer(&json, |o| {
            write_key(o, &key)?;
            write_published(o, &revoked.published)
        })?;
        Ok(outcome(out, &revoked.published))
    }
}

impl RollKey {
    async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Outcome> {
        let by = self.by.clone().or_else(|| Some("cli".into()));
        let rolled = issuer.roll(&self.id, &Roll { overlap: self.overlap, by }).await?;
        let key = view(issuer, &rolled.minted.record).await?;
        let old = view(issuer, &rolled.old).await?;
        let token = rolled.minted.token.as_str();
        let json = json!({ "key": key, "token": token, "rolled": old });
        let json = committed(issuer, json, &rolled.published);
        out.answer(&json, |o| {
            field(o, "New key", token)?;
            write_key(o, &key)?;
            writeln!(o)?;
            field(o, "Old key", &old.id)?;
            field(o, "State", state(old.state))?;
            field(o, "Valid until", old.revoked_at.as_deref().unwrap_or("-"))?;
            write_published(o, &rolled.published)
        })?;
        if key.kind == Kind::Secret.name() {
            out.note("\nThe new key is shown this once and kept nowhere: store it now.");
        }
        Ok(outcome(out, &rolled.published))
    }
}

async fn view(issuer: &Issuer, record: &KeyRecord) -> Result<KeyView, Error> {
    let view = issuer.view().await?;
    Ok(KeyView::new(record, view.replica().keyring(), issuer.now()))
}

/// Adds to an answer whether the change, which is committed, is published too.
fn committed(issuer: &Issuer, mut json: Value, published: &Result<Published, Error>) -> Value {
    let (is_out, list, problem) = match published {
        Ok(published) => (true, Some(MarkView::of(published, issuer.now())), None),
        Err(error) => (false, None, Some(error.code())),
    };
    if let Some(object) = json.as_object_mut() {
        object.insert("published".into(), is_out.into());
        match (list, problem) {
            (Some(list), _) => object.insert("list".into(), json!(list)),
            (None, problem) => object.insert("problem".into(), json!(problem)),
        };
    }
    json
}

fn outcome(out: &Out, published: &Result<Published, Error>) -> Outcome {
    let Err(error) = published else { return Outcome::Yes };
    let message = format!(
        "the revocation is committed but not yet published ({}); run `portcullis list publish`",
        error.chain()
    );
    out.error(error.code(), &message);
    Outcome::Unfinished
}

fn write_published(out: &mut dyn Write, published: &Result<Published, Error>) -> io::Result<()> {
    match published {
        Ok(published) => field(out, "Published in", format_args!("list {}", published.number)),
        Err(_) => field(out, "Published in", "no list yet"),
    }
}

fn write_key(out: &mut dyn Write, key: &KeyView) -> io::Result<()> {
    field(out, "Id", &key.id)?;
    field(out, "Title", &key.title)?;
    let algorithm = key.algorithm.unwrap_or("unknown");
    let purpose = if key.purpose == "admin" { "admin " } else { "" };
    field(out, "Kind", format_args!("{purpose}{}, {}, {algorithm}", key.kind, key.environment))?;
    field(out, "State", state(key.state))?;
    field(out, "Shown as", &key.redacted)?;
    if let Some(token) = &key.token {
        field(out, "Token", token)?;
    }
    for (label, number) in [("Owner", key.owner), ("Policy", key.policy)] {
        if number != 0 {
            field(out, label, number)?;
        }
    }
    field(out, "Issued", &key.issued_at)?;
    let rest = [
        ("Expires", &key.expires_at),
        ("Revoked", &key.revoked_at),
        ("Revoked by", &key.revoked_by),
        ("Created by", &key.created_by),
        ("Rolled from", &key.rolled_from),
    ];
    for (label, value) in rest {
        if let Some(value) = value {
            field(out, label, value)?;
        }
    }
    Ok(())
}
