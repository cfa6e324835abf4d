//! `portcullis keys create`.

use anyhow::Result;
use portcullis_api::view::keys::CreatedAnswer;
use portcullis_core::token::{Algorithm, Environment, Kind, Label};
use portcullis_issuer::actions::NewKey;
use portcullis_issuer::record::KeyPurpose;
use portcullis_issuer::{Error, Issuer};
use serde_json::{Map, Value};

use super::answer::{view, write_key};
use super::create_many::create_many;
use super::idempotency::{IdempotencyArgs, REPEATED};
use crate::args::{self, Expires, Lines};
use crate::exit::Exit;
use crate::output::{Out, field};

/// Create a key; it is shown only once
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  portcullis keys create --title 'Billing service' --expires-in 90d\n  \
                        portcullis keys create --title Storefront --kind publishable --sales-channel web\n  \
                        portcullis keys create --title 'Device {n}' --count 1000000 --format csv > keys.csv"
)]
pub(crate) struct Create {
    /// A title for people
    #[arg(long)]
    title: String,
    /// For servers (secret) or for web pages and apps (publishable)
    #[arg(long, default_value = "secret", value_parser = args::kind())]
    kind: Kind,
    /// The environment in which the key is accepted
    #[arg(long, default_value = "live", value_parser = args::environment())]
    environment: Environment,
    /// The algorithm that authenticates the key [default: hmac for secret, ed25519 for publishable]
    #[arg(long, value_parser = args::algorithm())]
    algorithm: Option<Algorithm>,
    /// The label that the key begins with, one of the keyring's; '' for no label [default: the
    /// keyring's first]
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
    /// A sales channel of a publishable key; repeatable
    #[arg(long = "sales-channel", value_name = "CHANNEL")]
    sales_channels: Vec<String>,
    /// Data to keep with the key, as a JSON object
    #[arg(long, value_name = "JSON", value_parser = args::object)]
    metadata: Option<Map<String, Value>>,
    #[command(flatten)]
    idempotency: IdempotencyArgs,
    /// Create this many keys; `{n}` in the title becomes the number of each key
    #[arg(long, value_name = "N", conflicts_with = "idempotency_key",
          value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    count: Option<u64>,
    /// The format of the keys of --count on standard output, one in each line
    #[arg(long, default_value = "jsonl", requires = "count")]
    format: Lines,
    /// The number of keys of --count in one transaction
    #[arg(long, value_name = "N", default_value_t = 10_000, requires = "count",
          value_parser = clap::value_parser!(u32).range(1..=100_000))]
    batch: u32,
    /// Create an admin key, which gives access to the issuer's HTTP API and to no gate
    #[arg(long, conflicts_with_all = ["kind", "environment", "algorithm"])]
    admin: bool,
    /// A scope of the admin key, such as keys:read or keys:*; `*` for everything. Repeatable
    #[arg(
        long = "scope",
        value_name = "SCOPE",
        requires = "admin",
        required_if_eq("admin", "true")
    )]
    scopes: Vec<String>,
    /// Create a canary: a secret key that nothing accepts. Plant it where a thief looks; its use is
    /// an alarm
    #[arg(long, conflicts_with_all = ["admin", "kind", "algorithm", "sales_channels"])]
    canary: bool,
    /// The person that you act for; the audit trail also records your user@host
    #[arg(long, value_name = "WHO")]
    by: Option<String>,
}

impl Create {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        let purpose = match (self.admin, self.canary) {
            (true, _) => KeyPurpose::Admin,
            (false, true) => KeyPurpose::Canary,
            (false, false) => KeyPurpose::Token,
        };
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
            return create_many(issuer, &new, count, self.batch, self.format).await;
        }
        let made = issuer.keys().create_all(&[new], self.idempotency.named().as_ref()).await?;
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
        Ok(Exit::Done)
    }
}
