//! Keys as the operations on them answer them.

use portcullis_issuer::actions::Minted;
use portcullis_issuer::committed::Committed;
use portcullis_issuer::error::Error;
use portcullis_issuer::issuer::Issuer;
use portcullis_issuer::store::bulk::EffectiveKey;

use crate::committed::committed;
use crate::problem::Problem;
use crate::view::keys::{ChangedAnswer, ChangedKey, CreatedAnswer};
use crate::view::{KeyContext, KeyView};

pub(super) async fn view(issuer: &Issuer, record: &EffectiveKey) -> Result<KeyView, Error> {
    let view = issuer.list().state().await?;
    Ok(KeyView::new(record, &KeyContext::of(issuer, &view)))
}

pub(super) async fn views(issuer: &Issuer, keys: &[EffectiveKey]) -> Result<Vec<KeyView>, Error> {
    let view = issuer.list().state().await?;
    let around = KeyContext::of(issuer, &view);
    Ok(keys.iter().map(|key| KeyView::new(key, &around)).collect())
}

pub(crate) async fn minted_view(issuer: &Issuer, minted: &Minted) -> Result<CreatedAnswer, Error> {
    let key = view(issuer, &minted.record).await?;
    Ok(CreatedAnswer { key, token: minted.token.to_string() })
}

/// Answers a changed record, and whether the change is published if lists carry it.
pub(super) async fn answer_change(
    issuer: &Issuer,
    id: &str,
    changed: Result<Committed<EffectiveKey>, Error>,
) -> Result<ChangedAnswer, Problem> {
    let changed = changed.map_err(|error| Problem::about(id, error))?;
    let key = ChangedKey(view(issuer, &changed.value).await?);
    Ok(committed(issuer, key, &changed.publication))
}
