//! Changes the stored properties of a key. Properties in the token can't change: rolling the key
//! makes a new token.

use portcullis_core::time::Time;
use portcullis_core::token::Kind;
use serde_json::{Map, Value, json};

use crate::actions::mint::{KeyRequest, are_listed, make};
use crate::actions::new_key::{Minted, NewKey};
use crate::actions::{check_by, check_channels, check_metadata, check_text};
use crate::actor::Who;
use crate::committed::Unannounced;
use crate::context::Context;
use crate::error::Error;
use crate::record::KeyRecord;
use crate::store::bulk::{self, EffectiveKey};
use crate::store::events::{Event, EventType};
use crate::store::{Change, Connection, channels, keys};

/// A change of a key. `None` keeps a property.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Update {
    /// The display name.
    pub title: Option<String>,
    /// Metadata members to set; null removes a member.
    pub metadata: Option<Map<String, Value>>,
    /// All sales channels, which replace the old ones.
    pub sales_channels: Option<Vec<String>>,
}

/// A key to make or to change.
#[derive(Clone, Debug)]
pub enum Upsert {
    /// Makes this key.
    Create(NewKey),
    /// Changes the key with this id, optionally on behalf of a person.
    Update(String, Update, Option<String>),
}

const ROLL: &str = "it is part of the token, and the key would not be the same; roll the key to \
                    get one that differs in this";
const NEW: &str = "it is part of the token; create a new key, and revoke this one";
const FIXED: &str = "it says how the key came about";
const REVOKE: &str = "revoke the key instead";
const SUSPEND: &str = "suspend or resume the key instead";

/// The fields that no update changes, with the advice for each.
pub const FIXED_FIELDS: [(&str, &str); 24] = [
    ("owner", ROLL),
    ("policy", ROLL),
    ("algorithm", ROLL),
    ("expires_at", ROLL),
    ("expires_in_seconds", ROLL),
    ("token", ROLL),
    ("kid", ROLL),
    ("nonce", ROLL),
    ("kind", NEW),
    ("type", NEW),
    ("environment", NEW),
    ("purpose", NEW),
    ("admin_scopes", NEW),
    ("label", ROLL),
    ("id", FIXED),
    ("serial", FIXED),
    ("redacted", FIXED),
    ("issued_at", FIXED),
    ("created_by", FIXED),
    ("rolled_from", FIXED),
    ("revoked_at", REVOKE),
    ("revoked_by", REVOKE),
    ("suspended_at", SUSPEND),
    ("state", "revoke, suspend or resume the key instead"),
];

/// Refuses a field that no update changes.
///
/// # Errors
/// [`Error::Fixed`] with the advice.
pub fn check_fixed(name: &str) -> Result<(), Error> {
    let fixed = FIXED_FIELDS.into_iter().find(|(field, _)| *field == name);
    fixed.map_or(Ok(()), |(field, advice)| Err(Error::Fixed { field, advice }))
}

impl Update {
    fn check(&self) -> Result<(), Error> {
        self.title.as_deref().map_or(Ok(()), |title| check_text("title", title))?;
        self.sales_channels.as_deref().map_or(Ok(Vec::new()), check_channels).map(|_| ())
    }
}

/// Changes the stored properties of a key, revoked or not. Publishes if sales channels change.
pub(crate) async fn update(
    context: &Context,
    id: &str,
    update: &Update,
    by: Option<&str>,
) -> Result<Unannounced<EffectiveKey>, Error> {
    let mut change = context.change(by).await?;
    let mut record = keys::find(&mut change, id).await?.ok_or(Error::NotFound)?;
    let before = record.sales_channels.clone();
    let who = change.who();
    update_in(&mut change, &mut record, update, who).await?;
    commit_update(change, record, &before).await
}

/// Commits an update of a key that had the sales channels `before`.
pub(super) async fn commit_update(
    mut change: Change<'_>,
    record: KeyRecord,
    before: &[String],
) -> Result<Unannounced<EffectiveKey>, Error> {
    // Lists carry a key's sales channels, in its policy, and nothing else of an update.
    let listed = record.sales_channels != before;
    let record = bulk::effective(&mut change, record).await?;
    Unannounced::commit_if_listed(change, record, listed).await
}

/// Makes keys and changes others, all or none. Returns the new keys, then the changed ones.
pub(crate) async fn upsert(
    context: &Context,
    all: &[Upsert],
) -> Result<Unannounced<(Vec<Minted>, Vec<EffectiveKey>)>, Error> {
    let mut change = context.change(None).await?;
    let mut key_requests = Vec::new();
    for upsert in all {
        if let Upsert::Create(new) = upsert {
            new.check()?;
            key_requests.push(KeyRequest { new, rolled_from: None });
        }
    }
    let made = make(context, &mut change, &key_requests).await?;
    let mut changed = Vec::new();
    for upsert in all {
        if let Upsert::Update(id, update, by) = upsert {
            let found = keys::find(&mut change, id).await?;
            let mut record = found.ok_or_else(|| Error::NoSuchKeys(vec![id.clone()]))?;
            let who = context.who(by.as_deref());
            update_in(&mut change, &mut record, update, who).await?;
            changed.push(record);
        }
    }
    let changed = bulk::effective_all(&mut change, changed).await?;
    let listed = are_listed(&made);
    Unannounced::commit_if_listed(change, (made, changed), listed).await
}

/// Changes a record as a part of the caller's change. `who` may differ from the change's actor: a
/// batch names a person for each key.
pub(super) async fn update_in(
    change: &mut Change<'_>,
    record: &mut KeyRecord,
    update: &Update,
    who: Who<'_>,
) -> Result<(), Error> {
    let now = change.now();
    update.check()?;
    check_by("by", who.on_behalf_of())?;
    let mut changed = Vec::new();
    if let Some(title) = update.title.as_ref().filter(|title| **title != record.title) {
        record.title.clone_from(title);
        changed.push("title");
    }
    // Merge the metadata, and check the result as a whole.
    if let Some(members) = &update.metadata {
        let mut metadata = record.metadata.clone();
        for (name, value) in members {
            if value.is_null() {
                metadata.remove(name);
            } else {
                metadata.insert(name.clone(), value.clone());
            }
        }
        check_metadata(&metadata)?;
        if metadata != record.metadata {
            record.metadata = metadata;
            changed.push("metadata");
        }
    }
    if let Some(channels) = &update.sales_channels
        && set_channels(change, record, channels, now).await?
    {
        changed.push("sales_channels");
    }
    // An update that changes nothing writes no record and no event.
    if changed.is_empty() {
        return Ok(());
    }
    keys::update(change, record, now).await?;
    let data = json!({
        "changed": changed,
        "title": record.title,
        "sales_channels": record.sales_channels,
    });
    let event = Event { event: EventType::Updated, key_id: Some(&record.id), who, data };
    Ok(change.events(std::slice::from_ref(&event)).await?)
}

/// Replaces a key's sales channels. Returns whether they changed.
async fn set_channels(
    connection: &mut Connection,
    record: &mut KeyRecord,
    wanted: &[String],
    now: Time,
) -> Result<bool, Error> {
    let wanted = check_channels(wanted)?;
    if record.kind != Kind::Publishable {
        let none = wanted.is_empty();
        return if none { Ok(false) } else { Err(Error::NotPublishable) };
    }
    if record.sales_channels == wanted {
        return Ok(false);
    }
    if channels::own_policy(connection, &record.id).await?.is_none() {
        return Err(Error::SharedPolicy);
    }
    for channel in record.sales_channels.iter().filter(|channel| !wanted.contains(channel)) {
        channels::remove(connection, &record.id, channel).await?;
    }
    let new = wanted.iter().filter(|channel| !record.sales_channels.contains(channel));
    let new: Vec<(&str, &str)> =
        new.map(|channel| (record.id.as_str(), channel.as_str())).collect();
    channels::add(connection, &new).await?;
    channels::touch_policy(connection, &record.id, now).await?;
    record.sales_channels = wanted;
    Ok(true)
}
