//! Revokes keys at once or from a later instant. A scheduled revocation can only move earlier.

use portcullis_core::time::Time;
use portcullis_core::token::Kind;
use serde_json::json;

use crate::actions::care::{Admins, Care, Preview};
use crate::actions::read::check_criteria;
use crate::actions::verify::record_of;
use crate::actions::{Criteria, When, check_by, find_all};
use crate::actor::{Actor, Who};
use crate::committed::Unannounced;
use crate::context::Context;
use crate::error::Error;
use crate::record::{KeyPurpose, KeyRecord, KeyState};
use crate::store::bulk::{self, EffectiveKey};
use crate::store::events::{Event, EventType};
use crate::store::{self, Change, Connection, keys, listing};

/// The time of a revocation, and the person behind it.
#[derive(Clone, Debug)]
pub struct Revocation {
    /// When the revocation takes effect. A past instant means now.
    pub when: When,
    /// The person the caller acts for, as named by the caller; at most 255 characters.
    pub by: Option<String>,
}

/// The keys to revoke. An empty selector is an error and never means all keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// The keys with these ids. An unknown id, or by default a revoked key, fails the whole
    /// selection.
    Ids(Vec<String>),
    /// The keys that match and wouldn't be revoked by then anyway.
    Like(Box<Criteria>),
}

/// The keys of a selection after its revocation.
#[derive(Clone, Debug)]
pub struct RevokedKeys {
    /// The keys as they are now.
    pub keys: Vec<EffectiveKey>,
    /// The keys left unchanged because they were revoked already.
    pub skipped: Vec<String>,
}

/// What to do with keys that are revoked already, or will be by then.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IfRevoked {
    /// Change no key, and return an error that names them.
    #[default]
    Refuse,
    /// Leave them unchanged. During an incident only the resulting state matters.
    Skip,
}

impl IfRevoked {
    /// Parses `refuse` or `skip`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "refuse" => Some(Self::Refuse),
            "skip" => Some(Self::Skip),
            _ => None,
        }
    }
}

/// Revokes a key, with the caller's confirmations. With [`IfRevoked::Skip`], a key
/// that is revoked already is returned unchanged.
pub(crate) async fn revoke_with(
    context: &Context,
    id: &str,
    revocation: &Revocation,
    care: &Care,
    if_revoked: IfRevoked,
) -> Result<Unannounced<EffectiveKey>, Error> {
    check_by("revoked_by", revocation.by.as_deref())?;
    let mut change = context.change(revocation.by.as_deref()).await?;
    let now = change.now();
    let mut record = keys::find(&mut change, id).await?.ok_or(Error::NotFound)?;
    let at = revocation.when.resolve(now, "at")?.max(now.secs());
    let key = bulk::effective(&mut change, record.clone()).await?;
    if if_revoked == IfRevoked::Skip && is_settled(&key, at, now) {
        return Unannounced::committed_before(change, key, true).await;
    }
    if key.state(now) == KeyState::Revoked {
        return Err(Error::AlreadyRevoked);
    }
    if record.revoked_at.is_some_and(|earlier| earlier <= at) {
        return Err(Error::NotEarlier);
    }
    check_care(&mut change, std::slice::from_ref(&record), care, now).await?;
    let who = change.who();
    revoke_in(&mut change, &mut record, at, who).await?;
    let key = bulk::effective(&mut change, record).await?;
    Unannounced::commit(change, key).await
}

/// Revokes keys, all or none, with the caller's confirmations.
pub(crate) async fn revoke_all_with(
    context: &Context,
    selector: &Selector,
    revocation: &Revocation,
    care: &Care,
    if_revoked: IfRevoked,
) -> Result<Unannounced<RevokedKeys>, Error> {
    check_by("revoked_by", revocation.by.as_deref())?;
    let mut change = context.change(revocation.by.as_deref()).await?;
    let now = change.now();
    let at = revocation.when.resolve(now, "at")?.max(now.secs());
    let (mut records, skipped) = chosen(&mut change, selector, (at, now), if_revoked).await?;
    check_care(&mut change, &records, care, now).await?;
    let who = change.who();
    revoke_all_in(&mut change, &mut records, at, who).await?;
    let keys = bulk::effective_all(&mut change, records).await?;
    Unannounced::commit(change, RevokedKeys { keys, skipped }).await
}

/// Previews [`revoke_all_with`] and the keys it would revoke. Changes nothing.
pub(crate) async fn preview_all(
    context: &Context,
    selector: &Selector,
    revocation: &Revocation,
    if_revoked: IfRevoked,
) -> Result<(Vec<EffectiveKey>, Preview), Error> {
    let mut reading = context.store().read().await?;
    let now = store::now(&mut reading, context.now()).await?;
    let at = revocation.when.resolve(now, "at")?.max(now.secs());
    let (records, _) = chosen(&mut reading, selector, (at, now), if_revoked).await?;
    let (_, preview) = preview(&mut reading, &records, now).await?;
    Ok((bulk::effective_all(&mut reading, records).await?, preview))
}

/// Revokes at once the key with this token, for any holder of the text. Secret keys only: the
/// text of a publishable key is public.
pub(crate) async fn revoke_by_token(
    context: &Context,
    token: &str,
) -> Result<Unannounced<EffectiveKey>, Error> {
    let mut change = context.change(None).await?;
    let now = change.now();
    let found = record_of(context, &mut change, token).await?;
    let mut record = found.map_err(|_| Error::NotAuthentic)?.ok_or(Error::NotAuthentic)?;
    if record.kind == Kind::Publishable {
        return Err(Error::PublicText);
    }
    let key = bulk::effective(&mut change, record.clone()).await?;
    if key.state(now) == KeyState::Revoked {
        return Err(Error::AlreadyRevoked);
    }
    // The holder of a token acts as that key.
    let holder = context.acting_as(Actor::key(&record.id));
    let holder = holder.because(Some("who holds its text revoked it"))?;
    revoke_in(&mut change, &mut record, now.secs(), holder.who(None)).await?;
    let key = bulk::effective(&mut change, record).await?;
    Unannounced::commit(change, key).await
}

fn check_each(keys: &[EffectiveKey], at: u32, now: Time) -> Result<(), Error> {
    let revoked = || keys.iter().filter(|key| key.state(now) == KeyState::Revoked);
    let count = revoked().count();
    if count > 0 {
        let publishable = revoked().any(|key| key.kind == Kind::Publishable);
        let ids = revoked().map(|key| key.id.clone()).collect();
        return Err(Error::SomeAlreadyRevoked { count, publishable, ids });
    }
    let settled = keys.iter().filter(|key| is_settled(key, at, now));
    let settled: Vec<String> = settled.map(|key| key.id.clone()).collect();
    if settled.is_empty() { Ok(()) } else { Err(Error::SomeNotEarlier(settled)) }
}

/// Whether a key is revoked, or will be by the second `at`.
fn is_settled(key: &EffectiveKey, at: u32, now: Time) -> bool {
    key.state(now) == KeyState::Revoked || key.revoked_at.is_some_and(|earlier| earlier <= at)
}

/// The keys to revoke, and the ids of those to leave unchanged.
async fn chosen(
    connection: &mut Connection,
    selector: &Selector,
    (at, now): (u32, Time),
    if_revoked: IfRevoked,
) -> Result<(Vec<KeyRecord>, Vec<String>), Error> {
    match selector {
        Selector::Ids(ids) => {
            let mut records = find_all(connection, ids).await?;
            let effective = bulk::effective_all(connection, records.clone()).await?;
            if if_revoked == IfRevoked::Refuse {
                check_each(&effective, at, now)?;
                return Ok((records, Vec::new()));
            }
            let settled = effective.iter().filter(|key| is_settled(key, at, now));
            let skipped: Vec<String> = settled.map(|key| key.id.clone()).collect();
            records.retain(|record| !skipped.contains(&record.id));
            Ok((records, skipped))
        }
        Selector::Like(criteria) if **criteria == Criteria::default() => {
            Err(Error::NothingSelected)
        }
        Selector::Like(criteria) => {
            check_criteria(criteria)?;
            check_narrow(criteria)?;
            let records = listing::to_revoke(connection, criteria, at, now.secs()).await?;
            Ok((records, Vec::new()))
        }
    }
}

/// Previews the revocation of these keys.
async fn preview(
    connection: &mut Connection,
    records: &[KeyRecord],
    now: Time,
) -> Result<(Admins, Preview), Error> {
    let admins = records.iter().filter(|record| record.purpose == KeyPurpose::Admin).count();
    let all = Admins::of(connection, now).await?;
    let ends = |key: &EffectiveKey| records.iter().any(|record| record.id == key.id);
    let preview = all.preview((records.len(), admins), ends);
    Ok((all, preview))
}

/// Checks the caller's confirmations for revoking these keys.
pub(super) async fn check_care(
    connection: &mut Connection,
    records: &[KeyRecord],
    care: &Care,
    now: Time,
) -> Result<(), Error> {
    if *care == Care::MEANT {
        return Ok(());
    }
    let (admins, preview) = preview(connection, records, now).await?;
    admins.check(&preview, care)
}

/// Refuses a search text that is too short to select keys for a bulk change, and one that looks for
/// a redacted form, which several keys may have.
fn check_narrow(criteria: &Criteria) -> Result<(), Error> {
    const LEAST: usize = 3;
    let Some(q) = criteria.q.as_deref() else { return Ok(()) };
    let reason = if listing::as_redacted(q).is_some() {
        "is searched in titles only if it chooses the keys of an act; list the keys that have this \
         redacted form, and name them by their ids"
    } else if q.trim().chars().count() < LEAST || !q.chars().any(char::is_alphanumeric) {
        "must be at least 3 characters, one of them a letter or a digit, if it chooses the keys of \
         an act"
    } else {
        return Ok(());
    };
    Err(Error::Invalid { field: "q", reason })
}

/// Revokes a key from the second `at` on, as a part of the caller's change. An earlier revocation
/// stays. `who` may differ from the change's actor: the holder of a key's text revokes as that key.
pub(super) async fn revoke_in(
    change: &mut Change<'_>,
    record: &mut KeyRecord,
    at: u32,
    who: Who<'_>,
) -> Result<(), Error> {
    revoke_all_in(change, std::slice::from_mut(record), at, who).await
}

/// Like [`revoke_in`], for several keys.
pub(super) async fn revoke_all_in(
    change: &mut Change<'_>,
    records: &mut [KeyRecord],
    at: u32,
    who: Who<'_>,
) -> Result<(), Error> {
    let now = change.now();
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
    keys::revoke(change, &ids, at, Some(who.shown()), now).await?;
    let data = json!({ "revoked_at": at, "revoked_by": who.shown() });
    let event = |id| Event { event: EventType::Revoked, key_id: Some(id), who, data: data.clone() };
    let events: Vec<Event<'_>> = ids.into_iter().map(event).collect();
    Ok(change.events(&events).await?)
}
