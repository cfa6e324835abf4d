//! `portcullis keys …`.

use std::io::{self, Write};
use std::time::Duration;

use anyhow::Result;
use portcullis_core::token::{Algorithm, Environment, Kind, Label};
use portcullis_issuer::actions::{Idempotency, NewKey};
use portcullis_issuer::record::KeyPurpose;
use portcullis_issuer::store::bulk::EffectiveKey;
use portcullis_issuer::view::keys::CreatedAnswer;
use portcullis_issuer::view::{KeyContext, KeyView};
use portcullis_issuer::{Error, Issuer};
use serde_json::{Map, Value};

use super::Outcome;
use super::args::{self, Expires};
use super::keys_acts::{
    Authenticate, Delete, Resume, RollKey, SalesChannels, SelfRevoke, Suspend, Undo, Update,
};
use super::keys_bulk::{self, Lines};
use super::keys_list::{List, Show};
use super::keys_revoke::Revoke;
use super::out::{Out, field, state};

/// Create, list, change, revoke, roll and delete keys
#[derive(Debug, clap::Subcommand)]
#[command(
    after_help = "Example:\n  portcullis keys create --title 'Billing service' --expires-in 90d"
)]
pub(crate) enum Keys {
    Create(Box<Create>),
    List(Box<List>),
    Show(Show),
    Update(Update),
    SalesChannels(SalesChannels),
    Suspend(Suspend),
    Resume(Resume),
    Revoke(Box<Revoke>),
    SelfRevoke(SelfRevoke),
    Roll(RollKey),
    Delete(Delete),
    Undo(Undo),
    Authenticate(Authenticate),
}

/// Create a key; its text is shown this once
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  portcullis keys create --title 'Billing service' --expires-in 90d\n  \
                        portcullis keys create --title Storefront --kind publishable --sales-channel web\n  \
                        portcullis keys create --title 'Device {n}' --count 1000000 --format csv > keys.csv"
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
    /// The word in front of it, one that the keyring lists; '' for none [default: the keyring's first]
    #[arg(long, value_name = "WORD", value_parser = args::label)]
    label: Option<Label>,
    #[command(flatten)]
    expires: Expires,
    /// The owner's number, 0 for none
    #[arg(long, default_value_t = 0)]
    owner: u32,
    /// The policy's number, 0 for none
    #[arg(long, default_value_t = 0)]
    policy: u32,
    /// A sales channel of a publishable key; may be given several times
    #[arg(long = "sales-channel", value_name = "CHANNEL")]
    sales_channels: Vec<String>,
    /// What you keep with the key, as a JSON object
    #[arg(long, value_name = "JSON", value_parser = args::object)]
    metadata: Option<Map<String, Value>>,
    #[command(flatten)]
    naming: Naming,
    /// Create so many keys; `{n}` in the title stands for the number of each
    #[arg(long, value_name = "N", conflicts_with = "idempotency_key",
          value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    count: Option<u64>,
    /// How the keys of --count are written: a line for each, to standard output
    #[arg(long, default_value = "jsonl", requires = "count")]
    format: Lines,
    /// How many keys of --count are one transaction
    #[arg(long, value_name = "N", default_value_t = 10_000, requires = "count",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    batch: u32,
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
    /// In whose name: the trail notes who runs the command beside it
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
}

/// The name of a command that makes a key.
#[derive(Debug, clap::Args)]
pub(crate) struct Naming {
    /// A name for this request: said again within the window it gives the same key
    #[arg(long, value_name = "NAME")]
    idempotency_key: Option<String>,
    /// For how long that name is remembered
    #[arg(long, value_name = "DURATION", env = "PORTCULLIS_IDEMPOTENCY_WINDOW",
          default_value = "24h", value_parser = args::duration)]
    idempotency_window: Duration,
}

/// The note about a key that an earlier command made.
pub(super) const REPEATED: &str = "This was made by an earlier command of the same name.\n";

impl Naming {
    pub(super) fn idempotency(&self) -> Option<Idempotency> {
        let window = self.idempotency_window;
        let name = self.idempotency_key.as_deref()?;
        Some(Idempotency { window, ..Idempotency::new("cli", name) })
    }
}

impl Keys {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Outcome> {
        match self {
            Self::Create(command) => command.run(issuer, out).await,
            Self::List(command) => command.run(issuer, out).await,
            Self::Show(command) => command.run(issuer, out).await,
            Self::Update(command) => command.run(issuer, out).await,
            Self::SalesChannels(command) => command.run(issuer, out).await,
            Self::Suspend(command) => command.run(issuer, out).await,
            Self::Resume(command) => command.run(issuer, out).await,
            Self::Revoke(command) => command.run(issuer, out).await,
            Self::SelfRevoke(command) => command.run(issuer, out).await,
            Self::Roll(command) => command.run(issuer, out).await,
            Self::Delete(command) => command.run(issuer, out).await,
            Self::Undo(command) => command.run(issuer, out).await,
            Self::Authenticate(command) => command.run(issuer, out).await,
        }
    }
}

impl Create {
    async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Outcome> {
        let purpose = if self.admin { KeyPurpose::Admin } else { KeyPurpose::Token };
        let new = NewKey {
            purpose,
            kind: self.kind,
            environment: self.environment,
            algorithm: self.algorithm,
            label: self.label,
            title: self.title.clone(),
            metadata: self.metadata.clone().unwrap_or_default(),
            owner: self.owner,
            policy: self.policy,
            sales_channels: self.sales_channels.clone(),
            admin_scopes: self.scopes.clone(),
            expires: self.expires.of_new(),
            created_by: self.by.clone(),
        };
        if let Some(count) = self.count {
            return keys_bulk::create_many(issuer, &new, count, self.batch, self.format).await;
        }
        let made = issuer.create_all(&[new], self.naming.idempotency().as_ref()).await?;
        if made.repeated {
            out.note(REPEATED);
        }
        let minted = made.keys.first().ok_or(Error::SelfCheck)?;
        let key = view(issuer, &minted.record).await?;
        let answer = CreatedAnswer { key, token: minted.token.to_string() };
        out.answer(&answer, |o| {
            field(o, "Key", &answer.token)?;
            write_key(o, &answer.key)
        })?;
        if self.kind == Kind::Secret {
            out.note("\nThe key is shown this once and kept nowhere: store it now.");
        }
        Ok(Outcome::Yes)
    }
}

pub(super) async fn view(issuer: &Issuer, record: &EffectiveKey) -> Result<KeyView, Error> {
    let view = issuer.view().await?;
    Ok(KeyView::new(record, &KeyContext::of(issuer, &view)))
}

pub(super) fn write_key(out: &mut dyn Write, key: &KeyView) -> io::Result<()> {
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
    for (label, texts) in [("Sales channels", &key.sales_channels), ("May", &key.scopes)] {
        if let Some(texts) = texts.as_ref().filter(|texts| !texts.is_empty()) {
            field(out, label, texts.join(", "))?;
        }
    }
    if !key.metadata.is_empty() {
        field(out, "Metadata", Value::Object(key.metadata.clone()))?;
    }
    field(out, "Issued", &key.issued_at)?;
    let rest = [
        ("Expires", &key.expires_at),
        ("Suspended", &key.suspended_at),
        ("Suspended by", &key.suspended_by),
        ("Revoked", &key.revoked_at),
        ("Revoked by", &key.revoked_by),
        ("Created by", &key.created_by),
        ("Rolled from", &key.rolled_from),
    ];
    let maker = key.maker.as_ref().filter(|_| key.maker != key.created_by);
    for (label, value) in rest.into_iter().chain([("Maker", &maker.cloned())]) {
        if let Some(value) = value {
            field(out, label, value)?;
        }
    }
    Ok(())
}
