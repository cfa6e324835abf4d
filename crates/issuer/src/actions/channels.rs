//! Adds and removes sales channels of a publishable key in one operation.

use portcullis_core::token::Kind;

use crate::actions::update::{Update, commit_update, update_in};
use crate::committed::Unannounced;
use crate::context::Context;
use crate::error::Error;
use crate::store::bulk::EffectiveKey;
use crate::store::keys;

/// Adds and removes sales channels of a publishable key. Adding a channel that
/// the key has, or removing one that it lacks, changes nothing.
pub(crate) async fn change_sales_channels(
    context: &Context,
    id: &str,
    add: &[String],
    remove: &[String],
    by: Option<&str>,
) -> Result<Unannounced<EffectiveKey>, Error> {
    if add.iter().any(|channel| remove.contains(channel)) {
        let reason = "must not hold what is to be removed as well";
        return Err(Error::Invalid { field: "add", reason });
    }
    let mut change = context.change(by).await?;
    let mut record = keys::find(&mut change, id).await?.ok_or(Error::NotFound)?;
    if record.kind != Kind::Publishable {
        return Err(Error::NotPublishable);
    }
    let before = record.sales_channels.clone();
    let kept = before.iter().filter(|channel| !remove.contains(channel));
    let sales_channels = Some(kept.chain(add).cloned().collect());
    let update = Update { sales_channels, ..Update::default() };
    let who = change.who();
    update_in(&mut change, &mut record, &update, who).await?;
    commit_update(change, record, &before).await
}
