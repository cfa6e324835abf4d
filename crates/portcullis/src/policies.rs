//! `portcullis policies …`.

use std::io::Write;

use anyhow::Result;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use portcullis_api::view::records::{DeletedPolicy, PolicyView};
use portcullis_core::policy::Visibility;
use portcullis_issuer::actions::{NewPolicy, PolicyChange, PolicyRules};
use portcullis_issuer::store::policies::{PolicyRecord, visibility, visibility_name};
use portcullis_issuer::{Committed, Issuer};
use serde::Serialize;

use super::committed;
use super::exit::Exit;
use super::output::{Out, field, table};

/// Create, list, show, update and delete policies, which define what keys may do
#[derive(Debug, clap::Subcommand)]
#[command(
    after_help = "Example:\n  portcullis policies create --name Reader --scope orders:read --method GET"
)]
pub(crate) enum Policies {
    Create(Create),
    /// List policies by number
    #[command(after_help = "Example:\n  portcullis policies list --visibility public")]
    List {
        /// Only policies with this visibility
        #[arg(long, value_parser = seen())]
        visibility: Option<Visibility>,
        /// Only policies after this number
        #[arg(long, value_name = "NUMBER", default_value_t = 0)]
        after: u32,
        /// The most policies to list, 1 to 200
        #[arg(long, value_name = "N", default_value_t = 50)]
        limit: u32,
    },
    /// Show one policy
    #[command(after_help = "Example:\n  portcullis policies show 1234567")]
    Show {
        /// The policy's number
        number: u32,
    },
    Update(Update),
    /// Delete a policy that no key in force has
    #[command(after_help = "Example:\n  portcullis policies delete 1234567")]
    Delete {
        /// The policy's number
        number: u32,
    },
}

fn seen() -> impl TypedValueParser<Value = Visibility> {
    PossibleValuesParser::new(Visibility::ALL.map(visibility_name))
        .try_map(|name| visibility(&name).ok_or("no visibility"))
}

#[derive(Debug, clap::Args)]
struct Lists {
    /// Grant a scope, such as orders:read or orders:*; repeatable
    #[arg(long = "scope", value_name = "SCOPE")]
    scopes: Vec<String>,
    /// Grant a sales channel; repeatable
    #[arg(long = "sales-channel", value_name = "ID")]
    sales_channels: Vec<String>,
    /// Allow only this method; repeatable
    #[arg(long = "method", value_name = "METHOD")]
    methods: Vec<String>,
    /// Allow only paths that match this pattern, such as /store/**; repeatable
    #[arg(long = "path", value_name = "PATTERN")]
    paths: Vec<String>,
    /// Allow only clients in this network, such as 192.0.2.0/24; repeatable
    #[arg(long = "cidr", value_name = "NETWORK")]
    cidrs: Vec<String>,
    /// Allow only pages of this origin; repeatable
    #[arg(long = "origin", value_name = "ORIGIN")]
    origins: Vec<String>,
    /// The rate class
    #[arg(long, value_name = "CLASS")]
    rate_class: Option<String>,
}

/// Create a policy, and publish
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  portcullis policies create --name Reader --scope orders:read --method GET"
)]
pub(crate) struct Create {
    /// A name for people
    #[arg(long)]
    name: String,
    /// For secret keys (private) or publishable keys (public)
    #[arg(long, default_value = "private", value_parser = seen())]
    visibility: Visibility,
    #[command(flatten)]
    lists: Lists,
}

/// Update a policy, and publish. Each given list replaces the previous one
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  portcullis policies update 1234567 --scope orders:read --clear paths"
)]
pub(crate) struct Update {
    /// The policy's number
    number: u32,
    /// The new name
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    lists: Lists,
    /// Empty this list; repeatable
    #[arg(long, value_name = "LIST", value_parser = ["scopes", "sales-channels", "methods", "paths", "cidrs", "origins", "rate-class"])]
    clear: Vec<String>,
}

impl Policies {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        let by: Option<String> = None;
        match self {
            Self::Create(command) => {
                let Lists { scopes, sales_channels, methods, paths, cidrs, origins, rate_class } =
                    &command.lists;
                let rules = PolicyRules {
                    scopes: scopes.clone(),
                    sales_channels: sales_channels.clone(),
                    methods: methods.clone(),
                    paths: paths.clone(),
                    cidrs: cidrs.clone(),
                    origins: origins.clone(),
                    rate_class: rate_class.clone(),
                };
                let (name, visibility) = (command.name.clone(), command.visibility);
                let new = NewPolicy { name, visibility, rules, by };
                saved(issuer, out, issuer.policies().create(&new).await?).await
            }
            Self::Update(command) => {
                let change = command.change(by);
                saved(issuer, out, issuer.policies().update(command.number, &change).await?).await
            }
            Self::Delete { number } => {
                let deleted = issuer.policies().delete(*number, by.as_deref()).await?;
                let deleted = deleted.map(|policy| DeletedPolicy::of(&policy));
                let text =
                    |o: &mut dyn Write, policy: &DeletedPolicy| field(o, "Deleted", policy.number);
                committed::answer(issuer, out, deleted, None, text).await
            }
            Self::Show { number } => {
                let view = PolicyView::from(&issuer.policies().show(*number).await?);
                out.answer(&view, |o| write_policy(o, &view))?;
                Ok(Exit::Done)
            }
            Self::List { visibility, after, limit } => {
                let policies = issuer.policies().list(*visibility, *after, *limit).await?;
                let policies = policies.iter().map(PolicyView::from).collect();
                let answer = ListAnswer { policies };
                out.answer(&answer, |o| {
                    let mut rows = vec![["NUMBER", "FOR", "SCOPES", "NAME"].map(String::from)];
                    rows.extend(answer.policies.iter().map(|policy| {
                        let scopes = policy.rules.scopes.join(" ");
                        let name = policy.name.clone();
                        [policy.number.to_string(), policy.visibility.into(), scopes, name]
                    }));
                    table(o, &rows)
                })?;
                Ok(Exit::Done)
            }
        }
    }
}

impl Update {
    fn change(&self, by: Option<String>) -> PolicyChange {
        let cleared = |name: &str| self.clear.iter().any(|clear| clear == name);
        let list = |name: &str, items: &Vec<String>| {
            (cleared(name) || !items.is_empty()).then(|| items.clone())
        };
        let lists = &self.lists;
        let class = lists.rate_class.clone();
        PolicyChange {
            name: self.name.clone(),
            scopes: list("scopes", &lists.scopes),
            sales_channels: list("sales-channels", &lists.sales_channels),
            methods: list("methods", &lists.methods),
            paths: list("paths", &lists.paths),
            cidrs: list("cidrs", &lists.cidrs),
            origins: list("origins", &lists.origins),
            rate_class: (cleared("rate-class") || class.is_some()).then_some(class),
            by,
        }
    }
}

#[derive(Serialize)]
struct ListAnswer {
    policies: Vec<PolicyView>,
}

async fn saved(issuer: &Issuer, out: &Out, saved: Committed<PolicyRecord>) -> Result<Exit> {
    let saved = saved.map(|policy| PolicyView::from(&policy));
    committed::answer(issuer, out, saved, None, |o, policy| write_policy(o, policy)).await
}

fn write_policy(o: &mut dyn Write, policy: &PolicyView) -> std::io::Result<()> {
    field(o, "Policy", policy.number)?;
    field(o, "Name", &policy.name)?;
    field(
        o,
        "For",
        if policy.visibility == "public" { "publishable keys" } else { "secret keys" },
    )?;
    let rules = &policy.rules;
    for (label, list) in [
        ("Scopes", &rules.scopes),
        ("Channels", &rules.sales_channels),
        ("Methods", &rules.methods),
        ("Paths", &rules.paths),
        ("Networks", &rules.cidrs),
        ("Origins", &rules.origins),
    ] {
        if !list.is_empty() {
            field(o, label, list.join(" "))?;
        }
    }
    rules.rate_class.as_ref().map_or(Ok(()), |class| field(o, "Rate class", class))
}
