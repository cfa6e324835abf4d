//! `portcullis keys create`.

use anyhow::Result;
use portcullis_core::token::{Algorithm, Environment, Kind, Label};
use portcullis_issuer::actions::NewKey;
use portcullis_issuer::record::KeyPurpose;
use portcullis_issuer::view::keys::CreatedAnswer;
use portcullis_issuer::{Error, Issuer};
use serde_json::{Map, Value};

use super::answer::{view, write_key};
use super::create_many::create_many;
use super::naming::{Naming, REPEATED};
use crate::cli::args::{self, Expires, Lines};
use crate::cli::exit::Outcome;
use crate::cli::output::{Out, field};

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

impl Create {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Outcome> {
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
            return create_many(issuer, &new, count, self.batch, self.format).await;
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
