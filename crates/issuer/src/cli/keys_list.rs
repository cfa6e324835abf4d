//! `portcullis keys list` and `show`.

use anyhow::Result;
use portcullis_core::time::Time;
use portcullis_core::token::{Environment, Kind};
use portcullis_issuer::Issuer;
use portcullis_issuer::actions::{Criteria, Order, Query, Span};
use portcullis_issuer::record::{KeyPurpose, KeyState};
use portcullis_issuer::view::keys::PageAnswer;

use super::Outcome;
use super::args;
use super::keys::{view, write_key};
use super::out::{Out, table};

/// What keys are to be like
#[derive(Debug, clap::Args)]
pub(crate) struct Like {
    /// The title contains this, or the redacted form does; `keys revoke` looks at titles only
    #[arg(short = 'q', long = "search", value_name = "TEXT")]
    q: Option<String>,
    /// The title is this
    #[arg(long)]
    title: Option<String>,
    /// For gates (token) or for the issuer's API (admin)
    #[arg(long, value_parser = args::key_purpose())]
    purpose: Option<KeyPurpose>,
    /// Only this kind
    #[arg(long, value_parser = args::kind())]
    kind: Option<Kind>,
    /// Only this environment
    #[arg(long, value_parser = args::environment())]
    environment: Option<Environment>,
    /// Only keys in this state
    #[arg(long, value_parser = args::state())]
    state: Option<KeyState>,
    /// Only keys of the owner with this number
    #[arg(long)]
    owner: Option<u32>,
    /// Only keys of the policy with this number
    #[arg(long)]
    policy: Option<u32>,
    /// Only keys that this one made, and what admin keys of its making made: an admin key's id, or
    /// user@host
    #[arg(long, value_name = "WHO")]
    maker: Option<String>,
    /// Only keys with this sales channel
    #[arg(long, value_name = "CHANNEL")]
    sales_channel: Option<String>,
    /// Made at this time or later (RFC 3339)
    #[arg(long, value_name = "TIME", value_parser = args::instant)]
    created_from: Option<Time>,
    /// Made before this time
    #[arg(long, value_name = "TIME", value_parser = args::instant)]
    created_before: Option<Time>,
    /// Last changed at this time or later
    #[arg(long, value_name = "TIME", value_parser = args::instant)]
    updated_from: Option<Time>,
    /// Last changed before this time
    #[arg(long, value_name = "TIME", value_parser = args::instant)]
    updated_before: Option<Time>,
    /// Revoked from this time on, or from a later one
    #[arg(long, value_name = "TIME", value_parser = args::instant)]
    revoked_from: Option<Time>,
    /// Revoked from a time before this one on
    #[arg(long, value_name = "TIME", value_parser = args::instant)]
    revoked_before: Option<Time>,
}

impl Like {
    pub(super) fn criteria(&self) -> Criteria {
        Criteria {
            q: self.q.clone(),
            ids: Vec::new(),
            title: self.title.clone(),
            token: None,
            purpose: self.purpose,
            kind: self.kind,
            environment: self.environment,
            state: self.state,
            owner: self.owner,
            policy: self.policy,
            maker: self.maker.clone(),
            sales_channel: self.sales_channel.clone(),
            created: Span { from: self.created_from, before: self.created_before },
            updated: Span { from: self.updated_from, before: self.updated_before },
            revoked: Span { from: self.revoked_from, before: self.revoked_before },
        }
    }
}

/// List keys, newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portcullis keys list --environment live --state active\n  \
                        portcullis keys list -q billing --order title --count")]
pub(crate) struct List {
    #[command(flatten)]
    like: Like,
    /// Only the publishable key with this text
    #[arg(long)]
    token: Option<String>,
    /// created, updated or title; behind a - for the other way round [default: -created]
    #[arg(long, allow_hyphen_values = true, value_parser = args::order)]
    order: Option<(Order, bool)>,
    /// At most so many, 1 to 200
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    /// Go on where the page before ended
    #[arg(long)]
    cursor: Option<String>,
    /// Count them on all pages
    #[arg(long)]
    count: bool,
    /// Only these ids
    #[arg(value_name = "ID")]
    ids: Vec<String>,
}

impl List {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Outcome> {
        let (order, ascending) = self.order.unwrap_or_default();
        let (ids, token) = (self.ids.clone(), self.token.clone());
        let query = Query {
            criteria: Criteria { ids, token, ..self.like.criteria() },
            order,
            ascending,
            limit: Some(self.limit),
            cursor: self.cursor.clone(),
            count: self.count,
        };
        let page = issuer.list_keys(&query).await?;
        let mut keys = Vec::with_capacity(page.keys.len());
        for record in &page.keys {
            keys.push(view(issuer, record).await?);
        }
        let answer = PageAnswer { keys, next_cursor: page.next_cursor, count: page.count };
        out.answer(&answer, |o| {
            let mut rows =
                vec![["ID", "STATE", "KEY", "ISSUED", "EXPIRES", "TITLE"].map(String::from)];
            rows.extend(answer.keys.iter().map(|key| {
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
        if let Some(count) = page.count {
            out.note(&format!("\n{count} in all"));
        }
        if let Some(cursor) = &answer.next_cursor {
            out.note(&format!("\nMore with --cursor {cursor}"));
        }
        Ok(Outcome::Yes)
    }
}

/// Show one key
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis keys show apk_0123456789abcdefghijkl")]
pub(crate) struct Show {
    /// The key's id, apk_…
    id: String,
}

impl Show {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Outcome> {
        let key = issuer.show(&self.id).await?;
        let key = view(issuer, &key).await?;
        out.answer(&key, |o| write_key(o, &key))?;
        Ok(Outcome::Yes)
    }
}
