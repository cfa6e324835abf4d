//! Rolls a key: makes a replacement, and keeps both valid for an overlap.

use std::time::Duration;

use portcullis_core::token::{Algorithm, Label};
use serde_json::{Value, json};

use crate::actions::canary::check_not_canary;
use crate::actions::create::made_before;
use crate::actions::idempotency::{Idempotency, digest};
use crate::actions::mint::{KeyRequest, make};
use crate::actions::new_key::{Expiry, Minted, NewKey};
use crate::actions::revoke::revoke_in;
use crate::actions::{When, check_by, find_all};
use crate::actor::Actor;
use crate::committed::Unannounced;
use crate::context::Context;
use crate::error::Error;
use crate::record::{KeyRecord, KeyState};
use crate::store::bulk::{self, EffectiveKey};
use crate::store::events::EventType;
use crate::store::idempotency::Made;
use crate::store::{Connection, channels, keys};

/// How to roll a key. `None` keeps a property.
#[derive(Clone, Debug)]
pub struct Roll {
    /// How long the old key stays valid; zero revokes it at once.
    pub overlap: Duration,
    /// The person the caller acts for, as named by the caller; at most 255 characters.
    pub by: Option<String>,
    /// The new key's owner, 0 for none.
    pub owner: Option<u32>,
    /// The new key's policy; 0 for none, or for a publishable key's own.
    pub policy: Option<u32>,
    /// The new key's algorithm.
    pub algorithm: Option<Algorithm>,
    /// The new key's label, [`Label::NONE`] for none.
    pub label: Option<Label>,
    /// When the new key expires; `Some(None)` for never.
    pub expires: Option<Option<When>>,
}

impl Roll {
    /// The default overlap: a day.
    pub const DEFAULT_OVERLAP: Duration = Duration::from_secs(24 * 60 * 60);

    /// The canonical request: two requests are equal if their values are. A create request is a
    /// list of lists, so it never equals a roll.
    fn request(&self, id: &str, actor: &Actor) -> Value {
        let by_default = || if actor.is_key() { actor.name() } else { "cli" };
        let mut request = json!([
            "roll",
            id,
            self.overlap.as_millis().to_string(),
            self.by.as_deref().unwrap_or_else(by_default),
            self.owner,
            self.policy,
            self.algorithm.map(Algorithm::name),
            self.expires.map(|expires| json!([expires.map(When::request)])),
        ]);
        if let (Some(label), Some(request)) = (&self.label, request.as_array_mut()) {
            request.push(label.as_str().into());
        }
        request
    }
}

impl Default for Roll {
    fn default() -> Self {
        Self {
            overlap: Self::DEFAULT_OVERLAP,
            by: None,
            owner: None,
            policy: None,
            algorithm: None,
            label: None,
            expires: None,
        }
    }
}

/// A rolled key and its replacement.
#[derive(Clone, Debug)]
pub struct Rolled {
    /// The new key.
    pub minted: Minted,
    /// The old key's record as it is now.
    pub old: EffectiveKey,
    /// Whether an earlier request with the same idempotency key did it.
    pub repeated: bool,
}

/// Makes a copy of the key with the changes in `roll`, and revokes the old key after the overlap.
/// A request that repeats an idempotency key returns the new key of the earlier request, its token
/// signed again from the record, and makes no second one.
pub(crate) async fn roll_once(
    context: &Context,
    id: &str,
    roll: &Roll,
    idempotency: Option<&Idempotency>,
) -> Result<Unannounced<Rolled>, Error> {
    check_by("by", roll.by.as_deref())?;
    idempotency.map_or(Ok(()), Idempotency::check)?;
    let mut change = context.change(roll.by.as_deref()).await?;
    let now = change.now();
    let request = digest(&roll.request(id, context.actor()));
    if let Some(idempotency) = idempotency
        && let Some(ids) = idempotency.recall(&mut change, request, now).await?
    {
        let minted = made_before(context, &mut change, &ids).await?;
        let minted = minted.into_iter().next().ok_or(Error::SelfCheck)?;
        let old = find_all(&mut change, &[id.to_owned()]).await?;
        let old = old.into_iter().next().ok_or(Error::SelfCheck)?;
        let old = bulk::effective(&mut change, old).await?;
        return Unannounced::committed_before(change, Rolled { minted, old, repeated: true }, true)
            .await;
    }
    let mut old = keys::find(&mut change, id).await?.ok_or(Error::NotFound)?;
    check_not_canary(&old)?;
    match bulk::effective(&mut change, old.clone()).await?.state(now) {
        KeyState::Active | KeyState::Scheduled => {}
        KeyState::Revoked => return Err(Error::AlreadyRevoked),
        KeyState::Suspended => return Err(Error::Suspended),
        KeyState::Expired => return Err(Error::Expired),
    }
    let draft = channels::own_policy(&mut change, &old.id).await?;
    let new = successor(context, &mut change, &old, draft.is_some(), roll).await?;
    new.check()?;
    let key_request = KeyRequest { new: &new, rolled_from: Some((&old.id, draft.as_deref())) };
    let minted = make(context, &mut change, &[key_request]).await?;
    let minted = minted.into_iter().next().ok_or(Error::SelfCheck)?;
    let end = When::In(roll.overlap).resolve(now, "overlap_seconds")?;
    let end = old.expires_at.map_or(end, |expiry| expiry.min(end));
    // The settings may require a reason. Only the roll's own event takes the caller's: the
    // revocation has this one.
    let ending = change.who().or_because("it was rolled");
    revoke_in(&mut change, &mut old, end, ending).await?;
    let data = json!({ "rolled_to": minted.record.id, "revoked_at": old.revoked_at });
    change.event(EventType::Rolled, Some(&old.id), data).await?;
    if let Some(idempotency) = idempotency {
        let key_ids = vec![minted.record.id.clone()];
        idempotency.remember(&mut change, &Made { request, key_ids }, now).await?;
    }
    let old = bulk::effective(&mut change, old).await?;
    Unannounced::commit(change, Rolled { minted, old, repeated: false }).await
}

async fn successor(
    context: &Context,
    connection: &mut Connection,
    old: &KeyRecord,
    has_own_policy: bool,
    roll: &Roll,
) -> Result<NewKey, Error> {
    let view = context.published_state(connection).await?;
    let signer = view.verifier().keyring().entry(old.kid).ok_or(Error::NoSigner)?;
    let same_label = Label::new(&old.label).map_err(|_| Error::SelfCheck)?;
    // A policy of one key's own stays with that key: the new key gets a copy.
    let same_policy = if has_own_policy { 0 } else { old.policy };
    Ok(NewKey {
        purpose: old.purpose,
        kind: old.kind,
        environment: old.environment,
        algorithm: Some(roll.algorithm.unwrap_or(signer.algorithm())),
        label: Some(roll.label.unwrap_or(same_label)),
        title: old.title.clone(),
        metadata: old.metadata.clone(),
        admin_scopes: old.admin_scopes.clone(),
        owner: roll.owner.unwrap_or(old.owner),
        policy: roll.policy.unwrap_or(same_policy),
        sales_channels: old.sales_channels.clone(),
        expires: match roll.expires {
            None => Expiry::Kept(old.expires_at),
            Some(None) => Expiry::Never,
            Some(Some(moment)) => Expiry::At(moment),
        },
        created_by: roll.by.clone(),
    })
}
