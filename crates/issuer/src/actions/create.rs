//! Creating keys.

use crate::actions::find_all;
use crate::actions::idempotency::{Idempotency, digest};
use crate::actions::mint::{KeyRequest, are_listed, make, sign_again};
use crate::actions::new_key::{Minted, NewKey};
use crate::committed::Unannounced;
use crate::context::Context;
use crate::error::Error;
use crate::store::idempotency::Made;
use crate::store::{Connection, bulk};

/// The keys made by one request.
#[derive(Clone, Debug)]
pub struct Creation {
    /// The keys, in the order of the request.
    pub keys: Vec<Minted>,
    /// Whether an earlier request with the same idempotency key made them.
    pub repeated: bool,
}

/// Makes keys, all or none. A request that repeats an idempotency key returns the keys of the
/// earlier request. Their tokens are signed again from the records.
pub(crate) async fn create_all(
    context: &Context,
    new: &[NewKey],
    idempotency: Option<&Idempotency>,
) -> Result<Unannounced<Creation>, Error> {
    new.iter().try_for_each(NewKey::check)?;
    idempotency.map_or(Ok(()), Idempotency::check)?;
    let mut change = context.change(None).await?;
    let now = change.now();
    let request = digest(&new.iter().map(|new| new.request(context.actor())).collect());
    if let Some(idempotency) = idempotency
        && let Some(ids) = idempotency.recall(&mut change, request, now).await?
    {
        let keys = made_before(context, &mut change, &ids).await?;
        let (listed, creation) = (are_listed(&keys), Creation { keys, repeated: true });
        return Unannounced::committed_before(change, creation, listed).await;
    }
    let key_requests: Vec<KeyRequest<'_>> =
        new.iter().map(|new| KeyRequest { new, rolled_from: None }).collect();
    let keys = make(context, &mut change, &key_requests).await?;
    if let Some(idempotency) = idempotency {
        let key_ids = keys.iter().map(|key| key.record.id.clone()).collect();
        idempotency.remember(&mut change, &Made { request, key_ids }, now).await?;
    }
    let creation = Creation { keys, repeated: false };
    let listed = are_listed(&creation.keys);
    Unannounced::commit_if_listed(change, creation, listed).await
}

/// The keys with these ids, with the same tokens as when they were made.
pub(super) async fn made_before(
    context: &Context,
    connection: &mut Connection,
    ids: &[String],
) -> Result<Vec<Minted>, Error> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let records = find_all(connection, ids).await?;
    let records = bulk::effective_all(connection, records).await?.into_iter();
    let again = records.map(|record| {
        let token = sign_again(context, &record)?;
        Ok(Minted { record, token })
    });
    again.collect()
}
