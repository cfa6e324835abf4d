//! Revokes and suspends many keys at once with bulk entries in the list. An entry costs 22 bytes,
//! whatever the number of keys it covers.

use portcullis_core::list::{BulkEntry, BulkScope, BulkState, IssuedAt};
use portcullis_core::time::Time;
use portcullis_core::token::{Claims, Environment, Serial};
use serde_json::json;

use crate::actions::care::{Admins, Care, Preview};
use crate::actions::check_text;
use crate::committed::Unannounced;
use crate::context::Context;
use crate::error::Error;
use crate::store::bulk::{self, BulkRecord};
use crate::store::events::EventType;
use crate::store::{self, Change, Connection, listing, owners};

/// The keys that a bulk entry covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BulkSelection {
    /// All keys of one owner.
    Owner(u32),
    /// All keys of one signer.
    Kid(u16),
    /// All keys of one environment.
    Environment(Environment),
    /// All keys; requires a bound on the time of issue.
    Everybody,
}

/// A bulk revocation or suspension.
#[derive(Clone, Debug)]
pub struct BulkRevocation {
    /// The keys to cover.
    pub whose: BulkSelection,
    /// Revoked permanently, or suspended until the entry is lifted.
    pub state: BulkState,
    /// Covers only keys issued at this instant or later.
    pub issued_from: Option<Time>,
    /// Covers only keys issued strictly before this instant.
    pub issued_before: Option<Time>,
    /// The person the caller acts for, as named by the caller.
    pub by: Option<String>,
}

/// Previews a bulk revocation or suspension. Changes nothing.
pub(crate) async fn preview_many(
    context: &Context,
    what: &BulkRevocation,
) -> Result<Preview, Error> {
    let mut reading = context.store().read().await?;
    let now = store::now(&mut reading, context.now()).await?;
    let entry = entry(context, &mut reading, what, now).await?;
    Ok(preview(&mut reading, &entry, now).await?.1)
}

/// Revokes or suspends many keys by an entry of the list, with the caller's confirmations in
/// `care`.
pub(crate) async fn revoke_many_with(
    context: &Context,
    what: &BulkRevocation,
    care: &Care,
) -> Result<Unannounced<BulkRecord>, Error> {
    if let Some(by) = &what.by {
        check_text("by", by)?;
    }
    let mut change = context.change(what.by.as_deref()).await?;
    let now = change.now();
    let entry = entry(context, &mut change, what, now).await?;
    if *care != Care::MEANT {
        let (admins, preview) = preview(&mut change, &entry, now).await?;
        admins.check(&preview, care)?;
    }
    let who = change.who();
    let id = bulk::insert(&mut change, &entry, Some(who.shown()), now).await?;
    let made_by = Some(who.shown().to_owned());
    let record = BulkRecord { id, entry, made_by, created: now, lifted: None };
    write_event(&mut change, &record).await?;
    Unannounced::commit(change, record).await
}

/// Lifts a bulk suspension, and commits. Keys that are individually suspended or
/// revoked remain so.
pub(crate) async fn lift(
    context: &Context,
    id: i64,
    by: Option<&str>,
) -> Result<Unannounced<BulkRecord>, Error> {
    let mut change = context.change(by).await?;
    let now = change.now();
    let entry = bulk::find(&mut change, id).await?;
    let mut entry = entry.ok_or(Error::Unknown { what: "bulk revocation" })?;
    let invalid = |reason| Error::Invalid { field: "id", reason };
    if entry.entry.state == BulkState::Revoked {
        return Err(invalid("names a revocation, which is for good; only suspensions are lifted"));
    }
    if entry.lifted.is_some() {
        return Err(invalid("names a suspension that was lifted already"));
    }
    bulk::lift(&mut change, id, now).await?;
    entry.lifted = Some(now);
    write_event(&mut change, &entry).await?;
    Unannounced::commit(change, entry).await
}

/// All bulk revocations and suspensions, newest first.
pub(crate) async fn bulk_entries(context: &Context) -> Result<Vec<BulkRecord>, Error> {
    Ok(bulk::all(&mut *context.store().read().await?).await?)
}

async fn entry(
    context: &Context,
    connection: &mut Connection,
    what: &BulkRevocation,
    now: Time,
) -> Result<BulkEntry, Error> {
    let scope = scope(context, connection, what).await?;
    Ok(BulkEntry { scope, state: what.state, issued: interval(what, now)? })
}

async fn scope(
    context: &Context,
    connection: &mut Connection,
    what: &BulkRevocation,
) -> Result<BulkScope, Error> {
    Ok(match what.whose {
        BulkSelection::Owner(0) => {
            let reason = "must be an owner's number; 0 stands for keys without an owner";
            return Err(Error::Invalid { field: "owner", reason });
        }
        // Accept a deleted owner too. A number that was never assigned is a typo, and its entry
        // could never be removed.
        BulkSelection::Owner(owner) if owners::is_known(connection, owner).await? => {
            BulkScope::Owner(owner)
        }
        BulkSelection::Owner(_) => return Err(Error::Unknown { what: "owner" }),
        BulkSelection::Kid(kid) => {
            let view = context.published_state(connection).await?;
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

const EVERY_SERIAL: Option<BulkScope> =
    match (Serial::at(0, 0), Serial::at((1 << 28) - 1, (1 << 20) - 1)) {
        (Some(first), Some(last)) => Some(BulkScope::Serials { first, last }),
        _ => None,
    };

/// The seconds of issue that the entry covers. Tokens carry whole seconds, rounded down. A token
/// that carries the second containing T may have been issued before or at T, so "before T" excludes
/// it.
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

/// The keys that the entry ends, and the admin keys in force.
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

async fn write_event(change: &mut Change<'_>, record: &BulkRecord) -> Result<(), Error> {
    let event = match (record.entry.state, record.lifted) {
        (BulkState::Revoked, _) => EventType::ManyRevoked,
        (BulkState::Suspended, None) => EventType::ManySuspended,
        (BulkState::Suspended, Some(_)) => EventType::ManyResumed,
    };
    let data = json!(super::bulk_view::BulkView::new(record));
    Ok(change.event(event, None, data).await?)
}

/// Refuses to make a key that a bulk revocation in force covers from its first second.
pub(crate) fn check_not_bulk(in_force: &[BulkRecord], claims: &Claims) -> Result<(), Error> {
    let dead = |record: &BulkRecord| {
        record.entry.state == BulkState::Revoked && record.entry.applies_to(claims)
    };
    if in_force.iter().any(dead) { Err(Error::BulkRevoked) } else { Ok(()) }
}
