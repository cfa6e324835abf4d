//! Revoking and suspending many keys at once: entries of the list that are wider than one key.
//! They cost 22 bytes each, whatever the number of keys.

use portcullis_core::list::{BulkEntry, BulkScope, BulkState, IssuedAt};
use portcullis_core::time::Time;
use portcullis_core::token::{Claims, Environment, Serial};
use serde_json::json;

use crate::actions::care::{Admins, Care, Preview};
use crate::actions::check_text;
use crate::actor::Who;
use crate::error::Error;
use crate::issuer::Issuer;
use crate::record::KeyRecord;
use crate::store::bulk::{self, BulkRecord};
use crate::store::events::{self, Event, EventType};
use crate::store::lists::Published;
use crate::store::{self, Connection, listing, owners};

/// Whose keys are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkSelection {
    /// All keys of one owner.
    Owner(u32),
    /// All keys of one signer.
    Kid(u16),
    /// All keys of one environment.
    Environment(Environment),
    /// Everybody's: only together with a bound on when they were issued.
    Everybody,
}

/// What to do to many keys.
#[derive(Clone, Debug)]
pub struct BulkRevocation {
    /// Whose keys.
    pub whose: BulkSelection,
    /// Revoked for good, or suspended until it is lifted.
    pub state: BulkState,
    /// Only keys that were issued at this instant or later.
    pub issued_from: Option<Time>,
    /// Only keys that were issued before this instant, and not at it.
    pub issued_before: Option<Time>,
    /// In whose name, as the caller says.
    pub by: Option<String>,
}

/// A change that is committed: no later failure takes it back.
#[derive(Debug)]
pub struct BulkRevoked {
    /// The entry.
    pub entry: BulkRecord,
    /// The list that says so, or why it could not be published yet.
    pub published: Result<Published, Error>,
}

impl Issuer {
    /// Revokes or suspends many keys, commits, and publishes. Admin keys are keys of their owner,
    /// signer and environment too.
    ///
    /// A revocation of an environment without a bound speaks of the keys that there are: those
    /// that are made later are not meant, because nothing could ever lift it.
    ///
    /// # Errors
    /// [`Error::Invalid`], [`Error::Unknown`] for an owner that there never was, and the store's: then
    /// nothing was changed.
    pub async fn revoke_many(&self, what: &BulkRevocation) -> Result<BulkRevoked, Error> {
        self.revoke_many_with(what, &Care::MEANT).await
    }

    /// What a revocation or suspension of many keys would do. Nothing is changed.
    ///
    /// # Errors
    /// As [`Issuer::revoke_many`].
    pub async fn preview_many(&self, what: &BulkRevocation) -> Result<Preview, Error> {
        let mut reading = self.store().read().await?;
        let now = store::now(&mut reading, self.now()).await?;
        let entry = self.entry(&mut reading, what, now).await?;
        Ok(preview(&mut reading, &entry, now).await?.1)
    }

    /// The same as [`Issuer::revoke_many`] with what the caller says of it.
    ///
    /// # Errors
    /// As [`Issuer::revoke_many`]; [`Error::NotTheCount`], [`Error::LastAdmin`].
    pub async fn revoke_many_with(
        &self,
        what: &BulkRevocation,
        care: &Care,
    ) -> Result<BulkRevoked, Error> {
        if let Some(by) = &what.by {
            check_text("by", by)?;
        }
        let mut writing = self.store().write().await?;
        let now = writing.now().await?;
        let entry = self.entry(&mut writing, what, now).await?;
        if *care != Care::MEANT {
            let (admins, preview) = preview(&mut writing, &entry, now).await?;
            admins.check(&preview, care)?;
        }
        let who = self.who(what.by.as_deref());
        let id = bulk::insert(&mut writing, &entry, Some(who.shown()), now).await?;
        let made_by = Some(who.shown().to_owned());
        let record = BulkRecord { id, entry, made_by, created: now, lifted: None };
        append(&mut writing, &record, who, now).await?;
        writing.commit().await?;
        Ok(BulkRevoked { entry: record, published: self.publish().await })
    }

    /// Lifts a suspension of many keys, commits, and publishes. Keys that are suspended or revoked
    /// by themselves stay so.
    ///
    /// # Errors
    /// [`Error::Unknown`], [`Error::Invalid`] for a revocation, which nothing lifts, or for what was
    /// lifted already, and the store's: then nothing was changed.
    pub async fn lift(&self, id: i64, by: Option<&str>) -> Result<BulkRevoked, Error> {
        let mut writing = self.store().write().await?;
        let now = writing.now().await?;
        let entry = bulk::find(&mut writing, id).await?;
        let mut entry = entry.ok_or(Error::Unknown { what: "revocation" })?;
        let invalid = |reason| Error::Invalid { field: "id", reason };
        if entry.entry.state == BulkState::Revoked {
            return Err(invalid(
                "names a revocation, which is for good; only suspensions are lifted",
            ));
        }
        if entry.lifted.is_some() {
            return Err(invalid("names a suspension that was lifted already"));
        }
        bulk::lift(&mut writing, id, now).await?;
        entry.lifted = Some(now);
        append(&mut writing, &entry, self.who(by), now).await?;
        writing.commit().await?;
        Ok(BulkRevoked { entry, published: self.publish().await })
    }

    /// All revocations and suspensions of many keys, newest first.
    ///
    /// # Errors
    /// The store's.
    pub async fn bulk_entries(&self) -> Result<Vec<BulkRecord>, Error> {
        bulk::all(&mut *self.store().read().await?).await
    }

    async fn entry(
        &self,
        connection: &mut Connection,
        what: &BulkRevocation,
        now: Time,
    ) -> Result<BulkEntry, Error> {
        let scope = self.scope(connection, what).await?;
        Ok(BulkEntry { scope, state: what.state, issued: interval(what, now)? })
    }

    async fn scope(
        &self,
        connection: &mut Connection,
        what: &BulkRevocation,
    ) -> Result<BulkScope, Error> {
        Ok(match what.whose {
            BulkSelection::Owner(0) => {
                let reason = "must be an owner's number; 0 stands for keys without an owner";
                return Err(Error::Invalid { field: "owner", reason });
            }
            // Also one that was deleted. A number that nobody ever had is a slip of the hand, and the
            // entry would stay for good.
            BulkSelection::Owner(owner) if owners::is_known(connection, owner).await? => {
                BulkScope::Owner(owner)
            }
            BulkSelection::Owner(_) => return Err(Error::Unknown { what: "owner" }),
            BulkSelection::Kid(kid) => {
                let view = self.view_in(connection).await?;
                let entry = view.verifier().keyring().entry(kid);
                if entry.is_none_or(|entry| entry.kinds.is_empty()) {
                    let reason = "must be the kid of a signer of keys";
                    return Err(Error::Invalid { field: "kid", reason });
                }
                BulkScope::Kid(kid)
            }
            BulkSelection::Environment(environment) => BulkScope::Environment(environment),
            BulkSelection::Everybody => {
                if what.issued_before.is_none() && what.issued_from.is_none() {
                    let reason = "is missing: name an owner, a kid, an environment, or when the \
                                  keys were issued";
                    return Err(Error::Invalid { field: "owner", reason });
                }
                EVERY_SERIAL.ok_or(Error::SelfCheck)?
            }
        })
    }
}

const EVERY_SERIAL: Option<BulkScope> =
    match (Serial::at(0, 0), Serial::at((1 << 28) - 1, (1 << 20) - 1)) {
        (Some(first), Some(last)) => Some(BulkScope::Serials { first, last }),
        _ => None,
    };

/// The seconds of issue that are meant. A token says whole seconds, rounded down: one that says
/// the second in which T lies was issued before T or at it, and is not meant by "before T".
fn interval(what: &BulkRevocation, now: Time) -> Result<IssuedAt, Error> {
    let from = what.issued_from.map_or(0, Time::secs);
    let before = what.issued_before.map(Time::secs);
    let made_so_far = now.secs().saturating_add(1);
    let bounded =
        matches!(what.whose, BulkSelection::Environment(_)) && what.state == BulkState::Revoked;
    let before = before.or(bounded.then_some(made_so_far)).unwrap_or(u32::MAX);
    if from >= before {
        let reason = "must lie after the beginning of the interval";
        return Err(Error::Invalid { field: "issued_before", reason });
    }
    Ok(IssuedAt { from, before })
}

/// What the entry ends.
async fn preview(
    connection: &mut Connection,
    entry: &BulkEntry,
    now: Time,
) -> Result<(Admins, Preview), Error> {
    let counts = listing::covered(connection, entry, now.secs()).await?;
    let admins = Admins::of(connection, now).await?;
    let preview = admins.preview(counts, |key| entry.applies_to(&key.claims()));
    Ok((admins, preview))
}

async fn append(
    connection: &mut Connection,
    record: &BulkRecord,
    who: Who<'_>,
    now: Time,
) -> Result<(), Error> {
    let event = match (record.entry.state, record.lifted) {
        (BulkState::Revoked, _) => EventType::ManyRevoked,
        (BulkState::Suspended, None) => EventType::ManySuspended,
        (BulkState::Suspended, Some(_)) => EventType::ManyResumed,
    };
    let data = json!(crate::view::records::BulkView::new(record));
    events::append(connection, now, &Event { event, key_id: None, who, data }).await
}

/// Refuses to make a key that a revocation of many keys would refuse from its first second on.
pub(crate) fn check_not_bulk(in_force: &[BulkRecord], claims: &Claims) -> Result<(), Error> {
    let dead = |record: &BulkRecord| {
        record.entry.state == BulkState::Revoked && record.entry.applies_to(claims)
    };
    if in_force.iter().any(dead) { Err(Error::BulkRevoked) } else { Ok(()) }
}

/// A copy of a record for people and judgements, with what [`effective_states`] shows.
pub(crate) async fn effective_state(
    connection: &mut Connection,
    key: &KeyRecord,
) -> Result<KeyRecord, Error> {
    let mut shown = key.clone();
    effective_states(connection, [&mut shown]).await?;
    Ok(shown)
}

/// Shows on records what revocations and suspensions of many keys do to them. Only for what is
/// shown and judged, never for what is written back.
pub(crate) async fn effective_states<'k>(
    connection: &mut Connection,
    keys: impl IntoIterator<Item = &'k mut KeyRecord>,
) -> Result<(), Error> {
    let in_force = bulk::in_force(connection).await?;
    for key in keys {
        for record in &in_force {
            record.show_on(key);
        }
    }
    Ok(())
}
