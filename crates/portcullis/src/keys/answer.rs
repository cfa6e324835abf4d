//! Keys as the commands about them show them.

use std::io::{self, Write};

use anyhow::Result;
use portcullis_api::view::{KeyContext, KeyView};
use portcullis_issuer::store::bulk::EffectiveKey;
use portcullis_issuer::{Committed, Error, Issuer};
use serde_json::Value;

use crate::committed;
use crate::exit::Exit;
use crate::output::{Out, field, state};

pub(super) async fn view(issuer: &Issuer, record: &EffectiveKey) -> Result<KeyView, Error> {
    let view = issuer.list().state().await?;
    Ok(KeyView::new(record, &KeyContext::of(issuer, &view)))
}

pub(super) fn write_key(out: &mut dyn Write, key: &KeyView) -> io::Result<()> {
    field(out, "Id", &key.id)?;
    field(out, "Title", &key.title)?;
    let algorithm = key.algorithm.unwrap_or("unknown");
    let purpose = match key.purpose {
        "token" => String::new(),
        other => format!("{other} "),
    };
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

/// Shows a changed key.
pub(super) async fn changed(
    issuer: &Issuer,
    changed: Committed<EffectiveKey>,
    out: &Out,
) -> Result<Exit> {
    let Committed { value, publication } = changed;
    let changed = Committed { value: view(issuer, &value).await?, publication };
    committed::answer(issuer, out, changed, None, |o, key| write_key(o, key)).await
}
