//! `portcullis keys list` and `show`.

use anyhow::Result;
use portcullis_api::view::keys::PageAnswer;
use portcullis_issuer::Issuer;
use portcullis_issuer::actions::{Criteria, Order, Query};

use super::answer::{view, write_key};
use super::filter::KeyFilter;
use crate::args;
use crate::exit::Exit;
use crate::output::{Out, table};

/// List keys, newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portcullis keys list --environment live --state active\n  \
                        portcullis keys list -q billing --order title --count")]
pub(crate) struct List {
    #[command(flatten)]
    filter: KeyFilter,
    /// Only the publishable key with this text
    #[arg(long)]
    token: Option<String>,
    /// Sort by created, updated or title; a leading - sorts in descending order [default: -created]
    #[arg(long, allow_hyphen_values = true, value_parser = args::order)]
    order: Option<(Order, bool)>,
    /// The most keys to list, 1 to 200
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    /// Continue after the previous page, with the cursor that it printed
    #[arg(long)]
    cursor: Option<String>,
    /// Also count the keys on all pages
    #[arg(long)]
    count: bool,
    /// Only keys with these ids
    #[arg(value_name = "ID")]
    ids: Vec<String>,
}

impl List {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        let (order, ascending) = self.order.unwrap_or_default();
        let (ids, token) = (self.ids.clone(), self.token.clone());
        let query = Query {
            criteria: Criteria { ids, token, ..self.filter.criteria() },
            order,
            ascending,
            limit: Some(self.limit),
            cursor: self.cursor.clone(),
            count: self.count,
        };
        let page = issuer.keys().list(&query).await?;
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
                let title = match key.purpose {
                    "token" => key.title.clone(),
                    other => format!("{} ({other})", key.title),
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
        Ok(Exit::Done)
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
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        let key = issuer.keys().show(&self.id).await?;
        let key = view(issuer, &key).await?;
        out.answer(&key, |o| write_key(o, &key))?;
        Ok(Exit::Done)
    }
}
