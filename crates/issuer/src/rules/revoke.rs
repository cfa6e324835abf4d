//! Revoking keys: now, or from a moment on. Never later than it was to be.

use portcullis_core::time::Time;
use serde_json::json;

use crate::error::Error;
use crate::issuer::Issuer;
use crate::record::{KeyRecord, KeyState};
use crate::rules::{Moment, check_text};
use crate::store::Connection;
use crate::store::events::{self, Event, EventType};
use crate::store::lists::Published;
use crate::store::{self, keys};

/// When a key is to be revoked, and by whom.
#[derive(Clone, Debug)]
pub struct Revocation {
    /// From when on. A moment that has passed means now.
    pub when: Moment,
    /// Who revokes it, at most 255 characters.
    pub by: Option<String>,
}

/// A revocation that is committed: no later failure takes it back.
#[derive(Debug)]
pub struct Revoked {
    /// The record as it is now.
    pub record: KeyRecord,
    /// The list that says so, or why it could not be published yet.
    pub published: Result<Published, Error>,
}

impl Issuer {
    /// Revokes a key, commits, and publishes.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::AlreadyRevoked`], [`Error::NotEarlier`], [`Error::Invalid`],
    /// and the store's: then nothing was changed.
    pub async fn revoke(&self, id: &str, revocation: &Revocation) -> Result<Revoked, Error> {
        if let Some(by) = &revocation.by {
            check_text("revoked_by", by)?;
        }
        let mut writing = self.store().write().await?;
        let now = store::now(&mut writing, self.now()).await?;
        let mut record = keys::find(&mut writing, id).await?.ok_or(Error::NotFound)?;
        let at = revocation.when.resolve(now, "at")?.max(now.secs());
        if record.state(now) == KeyState::Revoked {
            return Err(Error::AlreadyRevoked);
        }
        if record.revoked_at.is_some_and(|earlier| earlier <= at) {
            return Err(Error::NotEarlier);
        }
        revoke_in(&mut writing, &mut record, at, revocation.by.as_deref(), now).await?;
        writing.commit().await?;
        Ok(Revoked { record, published: self.publish().await })
    }
}

/// Revokes a key from the second `at` on, in a transaction of which it is a part. An earlier
/// revocation stays.
pub(super) async fn revoke_in(
    connection: &mut Connection,
    record: &mut KeyRecord,
    at: u32,
    by: Option<&str>,
    now: Time,
) -> Result<(), Error> {
    if record.revoked_at.is_some_and(|earlier| earlier <= at) {
        return Ok(());
    }
    record.revoked_at = Some(at);
    record.revoked_by = by.map(Into::into);
    record.updated = now;
    keys::update_revocation(connection, record).await?;
    let data = json!({ "revoked_at": at, "revoked_by": by });
    let event = Event { event: EventType::Revoked, key_id: Some(&record.id), actor: by, data };
    events::append(connection, now, &event).await
}
