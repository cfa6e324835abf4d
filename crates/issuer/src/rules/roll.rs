//! Rolling a key: a new one in its place, and both valid for an overlap.

use std::time::Duration;

use serde_json::json;

use crate::error::Error;
use crate::issuer::Issuer;
use crate::record::{KeyRecord, KeyState};
use crate::rules::create::{Minted, NewKey};
use crate::rules::revoke::revoke_in;
use crate::rules::{Moment, check_text};
use crate::store::events::{self, Event, EventType};
use crate::store::lists::Published;
use crate::store::{self, keys};
use portcullis_core::time::Time;

/// How to roll a key.
#[derive(Clone, Debug)]
pub struct Roll {
    /// How long the old key stays valid; zero for not at all.
    pub overlap: Duration,
    /// Who rolls it, at most 255 characters.
    pub by: Option<String>,
}

impl Roll {
    /// The overlap where nothing else is said: a day.
    pub const DEFAULT_OVERLAP: Duration = Duration::from_secs(24 * 60 * 60);
}

/// A roll that is committed: no later failure takes it back.
#[derive(Debug)]
pub struct Rolled {
    /// The new key.
    pub minted: Minted,
    /// The old key's record as it is now.
    pub old: KeyRecord,
    /// The list that says so, or why it could not be published yet.
    pub published: Result<Published, Error>,
}

impl Issuer {
    /// Makes a key of the same title, kind, environment, owner, policy, expiry and algorithm, and
    /// revokes the old one after the overlap, or earlier where it was to end earlier. Commits, and
    /// publishes.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::AlreadyRevoked`], [`Error::Suspended`],
    /// [`Error::Expired`], those of
    /// [`Issuer::create`], and the store's: then nothing was changed.
    pub async fn roll(&self, id: &str, roll: &Roll) -> Result<Rolled, Error> {
        if let Some(by) = &roll.by {
            check_text("by", by)?;
        }
        let mut writing = self.store().write().await?;
        let now = store::now(&mut writing, self.now()).await?;
        let mut old = keys::find(&mut writing, id).await?.ok_or(Error::NotFound)?;
        match old.state(now) {
            KeyState::Active | KeyState::Scheduled => {}
            KeyState::Revoked => return Err(Error::AlreadyRevoked),
            KeyState::Suspended => return Err(Error::Suspended),
            KeyState::Expired => return Err(Error::Expired),
        }
        let view = self.view_in(&mut writing).await?;
        let signer = view.replica().keyring().entry(old.kid).ok_or(Error::NoSigner)?;
        let new = NewKey {
            purpose: old.purpose,
            kind: old.kind,
            environment: old.environment,
            algorithm: Some(signer.algorithm()),
            title: old.title.clone(),
            owner: old.owner,
            policy: old.policy,
            admin_scopes: old.admin_scopes.clone(),
            expires: old.expires_at.map(|end| Moment::At(Time::from_secs(end))),
            created_by: roll.by.clone(),
        };
        let minted = self.create_in(&mut writing, &new, Some(&old.id), now).await?;
        let end = Moment::In(roll.overlap).resolve(now, "overlap_seconds")?;
        let end = old.expires_at.map_or(end, |expiry| expiry.min(end));
        revoke_in(&mut writing, &mut old, end, roll.by.as_deref(), now).await?;
        let data = json!({ "rolled_to": minted.record.id, "revoked_at": old.revoked_at });
        let event = Event {
            event: EventType::Rolled,
            key_id: Some(&old.id),
            actor: roll.by.as_deref(),
            data,
        };
        events::append(&mut writing, now, &event).await?;
        writing.commit().await?;
        Ok(Rolled { minted, old, published: self.publish().await })
    }
}
