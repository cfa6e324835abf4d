//! `portcullis owners …`.

use anyhow::{Context as _, Result};
use portcullis_api::view::records::OwnerView;
use portcullis_issuer::Issuer;
use portcullis_issuer::actions::{NewOwner, OwnerChange};
use serde::Serialize;
use serde_json::{Map, Value};

use super::exit::Exit;
use super::output::{Out, field, table};

/// Create, list, show, update and delete owners of keys
#[derive(Debug, clap::Subcommand)]
#[command(
    after_help = "Example:\n  portcullis owners create --name 'Acme Ltd' --external-id cus_42"
)]
pub(crate) enum Owners {
    /// Create an owner with a random number, which is never reused
    #[command(after_help = "Example:\n  portcullis owners create --name 'Acme Ltd'")]
    Create {
        /// A name for people
        #[arg(long)]
        name: String,
        /// The owner's id in another system
        #[arg(long, value_name = "ID")]
        external_id: Option<String>,
        /// Data to keep with the owner, as a JSON object
        #[arg(long, value_name = "JSON", value_parser = object, default_value = "{}")]
        metadata: Map<String, Value>,
    },
    /// List owners by number
    #[command(after_help = "Example:\n  portcullis owners list --external-id cus_42")]
    List {
        /// Only the owner with this id in another system
        #[arg(long, value_name = "ID")]
        external_id: Option<String>,
        /// Only owners after this number
        #[arg(long, value_name = "NUMBER", default_value_t = 0)]
        after: u32,
        /// The most owners to list, 1 to 200
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
    },
    /// Show one owner
    #[command(after_help = "Example:\n  portcullis owners show 1234567")]
    Show {
        /// The owner's number
        number: u32,
    },
    /// Update an owner
    #[command(after_help = "Example:\n  portcullis owners update 1234567 --name 'Acme GmbH'")]
    Update {
        /// The owner's number
        number: u32,
        /// The new name
        #[arg(long)]
        name: Option<String>,
        /// The new external id; empty to remove it
        #[arg(long, value_name = "ID")]
        external_id: Option<String>,
        /// The new metadata, a JSON object that replaces the previous one
        #[arg(long, value_name = "JSON", value_parser = object)]
        metadata: Option<Map<String, Value>>,
    },
    /// Delete an owner without keys in force
    #[command(after_help = "Example:\n  portcullis owners delete 1234567")]
    Delete {
        /// The owner's number
        number: u32,
    },
}

fn object(text: &str) -> Result<Map<String, Value>> {
    serde_json::from_str(text).context("must be a JSON object")
}

impl Owners {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        let by: Option<String> = None;
        let owner = match self {
            Self::Create { name, external_id, metadata } => {
                let (name, metadata) = (name.clone(), metadata.clone());
                let new = NewOwner { name, external_id: external_id.clone(), metadata, by };
                issuer.owners().create(&new).await?
            }
            Self::List { external_id, after, limit } => {
                let owners = issuer.owners().list(external_id.as_deref(), *after, *limit).await?;
                let answer = ListAnswer { owners: owners.iter().map(OwnerView::from).collect() };
                out.answer(&answer, |o| {
                    let mut rows = vec![["NUMBER", "EXTERNAL ID", "NAME"].map(String::from)];
                    rows.extend(owners.iter().map(|owner| {
                        let external_id = owner.external_id.clone().unwrap_or_else(|| "-".into());
                        [owner.number.to_string(), external_id, owner.name.clone()]
                    }));
                    table(o, &rows)
                })?;
                return Ok(Exit::Done);
            }
            Self::Show { number } => issuer.owners().show(*number).await?,
            Self::Update { number, name, external_id, metadata } => {
                let external_id =
                    external_id.clone().map(|id| Some(id).filter(|id| !id.is_empty()));
                let (name, metadata) = (name.clone(), metadata.clone());
                let change = OwnerChange { name, external_id, metadata, by };
                issuer.owners().update(*number, &change).await?
            }
            Self::Delete { number } => {
                issuer.owners().delete(*number, by.as_deref()).await?;
                let answer = DeletedAnswer { deleted: true, number: *number };
                out.answer(&answer, |o| field(o, "Deleted", number))?;
                return Ok(Exit::Done);
            }
        };
        out.answer(&OwnerView::from(&owner), |o| {
            field(o, "Owner", owner.number)?;
            field(o, "Name", &owner.name)?;
            field(o, "External id", owner.external_id.as_deref().unwrap_or("-"))?;
            field(o, "Metadata", Value::Object(owner.metadata.clone()))
        })?;
        Ok(Exit::Done)
    }
}

#[derive(Serialize)]
struct ListAnswer {
    owners: Vec<OwnerView>,
}

#[derive(Serialize)]
struct DeletedAnswer {
    deleted: bool,
    number: u32,
}
