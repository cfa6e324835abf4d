//! Revoking keys: now, or from a moment on. Never later than it was to be.

use portcullis_core::time::Time;
use portcullis_core::token::Kind;
use serde_json::json;

use crate::actor::{Actor, Who};
use crate::error::Error;
use crate::issuer::Issuer;
use crate::record::{KeyRecord, KeyState};
use crate::rules::mass::{show_wide, shown};
use crate::rules::read::check_criteria;
use crate::rules::{Criteria, Moment, check_by, find_all};
use crate::store::events::{self, Event, EventType};
use crate::store::lists::Published;
use crate::store::{self, Connection, keys, listing};

/// When a key is to be revoked, and by whom.
#[derive(Clone, Debug)]
pub struct Revocation {
    /// From when on. A moment that has passed means now.
    pub when: Moment,
    /// In whose name, as the caller says; at most 255 characters.
    pub by: Option<String>,
}

/// Which keys are to be revoked. Nothing at all never means all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// Those with these ids: one that there is not, or that is revoked already, and none is.
    Ids(Vec<String>),
    /// Those that are like this and not to be revoked by then anyway.
    Like(Box<Criteria>),
}

/// A revocation that is committed: no later failure takes it back.
#[derive(Debug)]
pub struct Revoked {
    /// The record as it is now.
    pub record: KeyRecord,
    /// The list that says so, or why it could not be published yet.
    pub published: Result<Published, Error>,
}

/// Revocations that are committed: no later failure takes them back.
#[derive(Debug)]
pub struct RevokedMany {
    /// The records as they are now.
    pub records: Vec<KeyRecord>,
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
        check_by("revoked_by", revocation.by.as_deref())?;
        let mut writing = self.store().write().await?;
        let now = store::now(&mut writing, self.now()).await?;
        let mut record = keys::find(&mut writing, id).await?.ok_or(Error::NotFound)?;
        let at = revocation.when.resolve(now, "at")?.max(now.secs());
        if shown(&mut writing, &record).await?.state(now) == KeyState::Revoked {
            return Err(Error::AlreadyRevoked);
        }
        if record.revoked_at.is_some_and(|earlier| earlier <= at) {
            return Err(Error::NotEarlier);
        }
        revoke_in(&mut writing, &mut record, at, self.who(revocation.by.as_deref()), now).await?;
        let record = shown(&mut writing, &record).await?;
        writing.commit().await?;
        Ok(Revoked { record, published: self.publish().await })
    }

    /// Revokes keys, all of them or none, commits, and publishes.
    ///
    /// # Errors
    /// [`Error::NothingSelected`], [`Error::NoSuchKeys`], [`Error::SomeAlreadyRevoked`],
    /// [`Error::NotEarlier`], [`Error::Invalid`], and the store's: then nothing was changed.
    pub async fn revoke_all(
        &self,
        selector: &Selector,
        revocation: &Revocation,
    ) -> Result<RevokedMany, Error> {
        let who = self.who(revocation.by.as_deref());
        check_by("revoked_by", who.on_behalf_of())?;
        let mut writing = self.store().write().await?;
        let now = store::now(&mut writing, self.now()).await?;
        let at = revocation.when.resolve(now, "at")?.max(now.secs());
        let mut records = match selector {
            Selector::Ids(ids) => {
                let records = find_all(&mut writing, ids).await?;
                let mut shown = records.clone();
                show_wide(&mut writing, &mut shown).await?;
                check_each(&shown, at, now)?;
                records
            }
            Selector::Like(criteria) if **criteria == Criteria::default() => {
                return Err(Error::NothingSelected);
            }
            Selector::Like(criteria) => {
                check_criteria(criteria)?;
                listing::to_revoke(&mut writing, criteria, at, now.secs()).await?
            }
        };
        revoke_all_in(&mut writing, &mut records, at, who, now).await?;
        show_wide(&mut writing, &mut records).await?;
        writing.commit().await?;
        Ok(RevokedMany { records, published: self.publish().await })
    }

    /// Revokes the key that somebody holds the text of, at once. Only secret keys: everybody can
    /// read the text of a publishable one.
    ///
    /// # Errors
    /// [`Error::NotAuthentic`], [`Error::PublicText`], [`Error::AlreadyRevoked`], and the store's.
    pub async fn revoke_held(&self, token: &str) -> Result<Revoked, Error> {
        let mut writing = self.store().write().await?;
        let now = store::now(&mut writing, self.now()).await?;
        let found = self.record_of(&mut writing, token).await?;
        let mut record = found.map_err(|_| Error::NotAuthentic)?.ok_or(Error::NotAuthentic)?;
        if record.kind == Kind::Publishable {
            return Err(Error::PublicText);
        }
        if shown(&mut writing, &record).await?.state(now) == KeyState::Revoked {
            return Err(Error::AlreadyRevoked);
        }
        // Who lets itself in by a key is that key.
        let holder = self.acting_as(Actor::key(&record.id));
        revoke_in(&mut writing, &mut record, now.secs(), holder.who(None), now).await?;
        let record = shown(&mut writing, &record).await?;
        writing.commit().await?;
        Ok(Revoked { record, published: holder.publish().await })
    }
}

fn check_each(records: &[KeyRecord], at: u32, now: Time) -> Result<(), Error> {
    let revoked = || records.iter().filter(|record| record.state(now) == KeyState::Revoked);
    let count = revoked().count();
    if count > 0 {
        let publishable = revoked().any(|record| record.kind == Kind::Publishable);
        return Err(Error::SomeAlreadyRevoked { count, publishable });
    }
    if records.iter().any(|record| record.revoked_at.is_some_and(|earlier| earlier <= at)) {
        return Err(Error::NotEarlier);
    }
    Ok(())
}

/// Revokes a key from the second `at` on, in a transaction of which it is a part. An earlier
/// revocation stays.
pub(super) async fn revoke_in(
    connection: &mut Connection,
    record: &mut KeyRecord,
    at: u32,
    who: Who<'_>,
    now: Time,
) -> Result<(), Error> {
    revoke_all_in(connection, std::slice::from_mut(record), at, who, now).await
}

/// The same with several.
pub(super) async fn revoke_all_in(
    connection: &mut Connection,
    records: &mut [KeyRecord],
    at: u32,
    who: Who<'_>,
    now: Time,
) -> Result<(), Error> {
    let mut ids = Vec::with_capacity(records.len());
    for record in records {
        if record.revoked_at.is_some_and(|earlier| earlier <= at) {
            continue;
        }
        record.revoked_at = Some(at);
        record.revoked_by = Some(who.shown().into());
        record.updated = now;
        ids.push(record.id.as_str());
    }
    keys::revoke(connection, &ids, at, Some(who.shown()), now).await?;
    let data = json!({ "revoked_at": at, "revoked_by": who.shown() });
    let event = |id| Event { event: EventType::Revoked, key_id: Some(id), who, data: data.clone() };
    let events: Vec<Event<'_>> = ids.into_iter().map(event).collect();
    events::append_all(connection, now, &events).await
}
