//! Deletes records of revoked keys, and undoes the making of keys.
//!
//! Readers no longer see a deleted record. The list still names the key until it expires.

use portcullis_core::time::Time;
use serde_json::json;

use crate::actions::bulk::effective_states;
use crate::actions::care::Care;
use crate::actions::revoke::{check_care, revoke_all_in};
use crate::actions::{check_by, find_all};
use crate::actor::Who;
use crate::committed::Committed;
use crate::error::Error;
use crate::issuer::Issuer;
use crate::record::{KeyRecord, KeyState};
use crate::store::events::{self, Event, EventType};
use crate::store::{Connection, channels, idempotency, keys};

impl Issuer {
    /// Deletes the records of revoked keys, all or none.
    ///
    /// # Errors
    /// [`Error::NothingSelected`], [`Error::NoSuchKeys`], [`Error::NotRevoked`] with the keys not
    /// yet revoked, and the store's. On error nothing has changed.
    pub async fn delete(&self, ids: &[String], by: Option<&str>) -> Result<Vec<String>, Error> {
        check_by("by", by)?;
        let mut writing = self.store().write().await?;
        let now = writing.now().await?;
        let records = find_all(&mut writing, ids).await?;
        let mut shown = records.clone();
        effective_states(&mut writing, &mut shown).await?;
        let counts = shown.iter().filter(|record| record.state(now) != KeyState::Revoked);
        let counts: Vec<String> = counts.map(|record| record.id.clone()).collect();
        if !counts.is_empty() {
            return Err(Error::NotRevoked(counts));
        }
        delete_in(&mut writing, &records, self.who(by), now).await?;
        writing.commit().await?;
        Ok(records.into_iter().map(|record| record.id).collect())
    }

    /// Undoes the making of keys, all or none: revokes and deletes them in one transaction, and
    /// publishes. Their idempotency keys become available again. Returns the records as they were
    /// before.
    ///
    /// # Errors
    /// [`Error::NothingSelected`], [`Error::NoSuchKeys`], [`Error::LastAdmin`], and the store's. On
    /// error nothing has changed.
    pub async fn undo_create(
        &self,
        ids: &[String],
        by: Option<&str>,
    ) -> Result<Committed<Vec<KeyRecord>>, Error> {
        check_by("by", by)?;
        let mut writing = self.store().write().await?;
        let now = writing.now().await?;
        let mut records = find_all(&mut writing, ids).await?;
        check_care(&mut writing, &records, &Care::default(), now).await?;
        revoke_all_in(&mut writing, &mut records, now.secs(), self.who(by), now).await?;
        delete_in(&mut writing, &records, self.who(by), now).await?;
        let ids: Vec<&str> = records.iter().map(|record| record.id.as_str()).collect();
        idempotency::forget(&mut writing, &ids).await?;
        writing.commit().await?;
        Ok(Committed::new(records, self.publish().await))
    }
}

async fn delete_in(
    connection: &mut Connection,
    records: &[KeyRecord],
    who: Who<'_>,
    now: Time,
) -> Result<(), Error> {
    let ids: Vec<&str> = records.iter().map(|record| record.id.as_str()).collect();
    keys::delete(connection, &ids, now).await?;
    channels::delete(connection, &ids, now).await?;
    let event = |record| {
        let record: &KeyRecord = record;
        let data = json!({ "kind": record.kind.name(), "revoked_at": record.revoked_at });
        Event { event: EventType::Deleted, key_id: Some(record.id.as_str()), who, data }
    };
    let events: Vec<Event<'_>> = records.iter().map(event).collect();
    Ok(events::append_all(connection, now, &events).await?)
}
