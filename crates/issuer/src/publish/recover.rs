//! Recognises a restored backup, and brings it up to date with what was published.
//!
//! The backup lacks the keys made since, and the revocations and suspensions since. Serials are
//! random, so the lost keys can't be identified by serial. But they were issued after the backup's
//! last commit, from shards that were open then or later. So one bulk entry revokes them all, and
//! these shards are closed. Revocations and suspensions are imported from the published list.

use portcullis_core::crypto::Digest;
use portcullis_core::list::{
    Body, BulkEntry, BulkScope, BulkState, FileName, IssuedAt, ListError, ListVersion, Part, Stamp,
};
use portcullis_core::policy::{Directory, PolicyBody, Visibility};
use portcullis_core::time::Time;
use portcullis_core::token::Serial;
use portcullis_core::verifier::Verifier;
use serde_json::json;

use super::destination::{Fault, Target};
use super::publisher::Publisher;
use super::recovered::{BY, LEAP, Recovered, last_commit};
use crate::context::Context;
use crate::error::Error;
use crate::policy_rules::PolicyRules;
use crate::store::StoreError;
use crate::store::clock::MAX_AHEAD_MILLIS;
use crate::store::events::EventType;
use crate::store::lists::{self, Promise};
use crate::store::policies::{self, PolicyRecord};
use crate::store::{self, Connection, bulk, keys, shards, targets};

/// The authenticated list of a witness.
struct Witnessed<'t> {
    target: &'t Target,
    verifier: Verifier,
    keyring: Option<Vec<u8>>,
    stamp: Vec<u8>,
    head: Vec<u8>,
    bodies: Vec<(Digest, Body)>,
}

/// Checks whether a witness carries a list that this database doesn't know. Returns how many
/// witnesses could be read.
pub(crate) async fn check_witnesses(
    publisher: &Publisher,
    witnesses: &[Target],
) -> Result<usize, Error> {
    let mut readable = 0;
    for witness in witnesses {
        match ask(publisher.context(), witness).await {
            Ok(()) => readable += 1,
            Err(error @ Error::Target { .. }) => tracing::warn!("no witness: {error}"),
            Err(error) => return Err(error),
        }
    }
    Ok(readable)
}

async fn ask(context: &Context, witness: &Target) -> Result<(), Error> {
    let failed = |fault: Fault| fault.at(&witness.name);
    let found = witness.destination.get("stamp").await.map_err(failed)?;
    if let Some(date) = found.date {
        let ahead_millis = context.now().millis_since(date);
        if ahead_millis > MAX_AHEAD_MILLIS && !context.trusts_clock() {
            let than = format!("the clock of {}", witness.name);
            return Err(
                StoreError::ClockImplausible { ahead_secs: ahead_millis / 1000, than }.into()
            );
        }
    }
    match super::push::read_stamp(context, witness, &found).await? {
        Some(stamp) => super::push::check_witness(context, &witness.name, &stamp).await,
        None => Ok(()),
    }
}

/// Brings a restored backup up to date with the newest list among the witnesses, and publishes.
pub(crate) async fn recover(
    publisher: &Publisher,
    witnesses: &[Target],
) -> Result<Recovered, Error> {
    let mut newest: Option<((u32, Time), &Target)> = None;
    for witness in witnesses {
        let failed = |fault: Fault| fault.at(&witness.name);
        let found = witness.destination.get("stamp").await.map_err(failed)?;
        if let Some(stamp) = super::push::read_stamp(publisher.context(), witness, &found).await? {
            let at = (stamp.list_version().epoch, stamp.list_version().this_update);
            if newest.is_none_or(|(before, _)| at > before) {
                newest = Some((at, witness));
            }
        }
    }
    let none = |reason: &str| Error::Target { target: "recover".into(), reason: reason.into() };
    let (_, witness) = newest.ok_or_else(|| none("no witness carries a list; name one"))?;
    let witnessed = witnessed(publisher.context(), witness).await?;
    let promise = lists::promise(&mut *publisher.context().store().read().await?).await?;
    let list_version = witnessed.list_version()?;
    if promise.is_some_and(|promise| !super::push::is_later(&list_version, &promise.list_version)) {
        let marked = targets::is_restored(&mut *publisher.context().store().read().await?).await?;
        if !marked {
            let reason = "the database knows of all that the witnesses carry; nothing to do";
            return Err(none(reason));
        }
        // Nothing was published since the backup, but secret keys may have been made.
        let recovered = super::recover_alone::recover_alone(publisher).await?;
        return Ok(Recovered {
            witness: witness.name.clone(),
            witness_number: list_version.number,
            lost_until: None,
            ..recovered
        });
    }
    let mut recovered = take_in(publisher, &witnessed).await?;
    recovered.number = publisher.publish().await?.number;
    Ok(recovered)
}

async fn witnessed<'t>(context: &Context, target: &'t Target) -> Result<Witnessed<'t>, Error> {
    let failed = |fault: Fault| fault.at(&target.name);
    let get = async |name: &str| {
        let bytes = target.destination.get(name).await.map_err(failed)?.bytes;
        bytes.ok_or_else(|| failed(format!("has no {name}").into()))
    };
    let ours = context.keyring_document().await?;
    let mut verifier = Verifier::new(*context.root(), &ours)?;
    let keyring = get("keyring").await?;
    let newer = matches!(verifier.offer_keyring(&keyring), Ok(true));
    let stamp = get("stamp").await?;
    // Verify as of the stamp's own this update, since it may have expired.
    let at = Stamp::open_at_its_own_time(&stamp, verifier.keyring())?.list_version().this_update;
    let mut update = verifier.offer_stamp(&stamp, at)?.ok_or(ListError::Missing)?;
    let name = update.wants_head().ok_or(ListError::Missing)?;
    let head = get(&format!("heads/{}", name.digest)).await?;
    update.offer_head(&head, verifier.keyring(), at)?;
    let mut bodies = Vec::new();
    for name in update.wants_bodies() {
        let body = get(&format!("bodies/{}", name.digest)).await?;
        update.offer_body(&body)?;
        bodies.push((name.digest, Body::decode(&body)?));
    }
    verifier.commit(update)?;
    let keyring = newer.then_some(keyring);
    Ok(Witnessed { target, verifier, keyring, stamp, head, bodies })
}

async fn take_in(publisher: &Publisher, witnessed: &Witnessed<'_>) -> Result<Recovered, Error> {
    let list_version = witnessed.list_version()?;
    // Read from the network before the transaction starts.
    let mut told = Vec::new();
    let mut private_policies = true;
    for visibility in Visibility::ALL {
        match witnessed.policies(visibility).await? {
            Some(policies) => {
                told.extend(
                    policies.into_iter().map(|(number, rules)| (visibility, number, rules)),
                );
            }
            None => private_policies = false,
        }
    }
    let mut writing = publisher.context().store().bookkeeping().await?;
    let now = writing.now().await?.max(list_version.this_update);
    let mut change = writing.into_change_at(publisher.context().who(Some(BY)), now);
    let connection = &mut *change;
    let lost_from = last_commit(connection).await?;
    if let Some(keyring) = &witnessed.keyring {
        let version = witnessed.verifier.keyring().version();
        lists::insert_keyring(connection, version, keyring, now).await?;
    }
    let entries = witnessed.import_entries(connection, lost_from, now).await?;
    let mut imported = 0;
    for (visibility, number, rules) in told {
        imported += u64::from(import_policy(connection, visibility, number, rules, now).await?);
    }
    let digest = Digest::of(&witnessed.head);
    if lists::head(connection, digest).await?.is_none() {
        let bodies: Vec<Digest> = witnessed.bodies.iter().map(|(digest, _)| *digest).collect();
        let at = ListVersion { this_update: list_version.this_update, ..list_version };
        lists::insert_list(connection, &at, &witnessed.head, &bodies).await?;
    }
    let valid_for = publisher.valid_for_millis(Some(&list_version));
    let before = lists::promise(connection).await?.map_or(now, |promise| promise.latest);
    let promise = Promise {
        list_version: ListVersion {
            number: list_version.number.saturating_add(LEAP),
            ..list_version
        },
        digest,
        // Position 0, so that the next publication rebuilds everything.
        position: 0,
        latest: before.max(list_version.next_update).max(now.plus_millis(valid_for)),
    };
    lists::set_promise(connection, &promise).await?;
    targets::clear_restored(connection).await?;
    let recovered = Recovered {
        witness: witnessed.target.name.clone(),
        witness_number: list_version.number,
        number: promise.list_version.number,
        entries,
        policies: imported,
        private_policies,
        lost_from: crate::time_format::seconds(lost_from.secs()),
        lost_until: None,
    };
    change.event(EventType::ListRecovered, None, json!(recovered)).await?;
    change.save().await?;
    // The cached trees predate the recovery.
    publisher.forget_policy_trees().await;
    Ok(recovered)
}

impl Witnessed<'_> {
    fn list_version(&self) -> Result<ListVersion, Error> {
        Ok(Stamp::open_at_its_own_time(&self.stamp, self.verifier.keyring())?.list_version())
    }

    /// Imports the published list's entries, and adds the entry that revokes the lost keys. Returns
    /// how many keys were affected.
    async fn import_entries(
        &self,
        connection: &mut Connection,
        lost_from: Time,
        now: Time,
    ) -> Result<u64, Error> {
        let list = self.verifier.list().ok_or(ListError::Missing)?;
        let held = shards::shards(connection).await?;
        let first_open = held.iter().find(|shard| shard.closed.is_none()).map(|shard| shard.shard);
        let mut entries = 0;
        // Revocations and suspensions of single keys, shard by shard.
        for line in list.head().shards() {
            let body = self.bodies.iter().find(|(digest, _)| *digest == line.body);
            let (_, body) = body.ok_or(ListError::WrongDigest(Part::Body))?;
            if held.iter().all(|shard| shard.shard != line.shard) {
                shards::insert_shard(connection, line.shard, body.capacity()).await?;
            }
            for slot in body.revoked().slots() {
                entries += revoke_slot(connection, line.shard, slot, now.secs(), now).await?;
            }
            for timed in body.timed() {
                entries += revoke_slot(connection, line.shard, timed.slot, timed.from, now).await?;
            }
            for slot in body.suspended().slots() {
                entries += suspend_slot(connection, line.shard, slot, now).await?;
            }
        }
        // Bulk entries that the backup lacks.
        let in_force = bulk::in_force(connection).await?;
        for entry in list.head().bulk() {
            if in_force.iter().all(|held| held.entry != *entry) {
                bulk::insert(connection, entry, Some(BY), now).await?;
            }
        }
        // Revoke what was issued since the last commit, in all shards open then or later.
        let last = shards::shards(connection).await?.last().map(|shard| shard.shard);
        let ends = first_open.or(last).zip(last).and_then(|(first, last)| {
            Serial::at(first, 0).zip(Serial::at(last, Body::MAX_CAPACITY - 1))
        });
        if let Some((first, last)) = ends {
            let issued = IssuedAt { from: lost_from.secs(), before: u32::MAX };
            let scope = BulkScope::Serials { first, last };
            let entry = BulkEntry { scope, state: BulkState::Revoked, issued };
            bulk::insert(connection, &entry, Some(BY), now).await?;
        }
        shards::close_all(connection, now).await?;
        shards::forget_bodies(connection, now).await?;
        Ok(entries)
    }

    /// The published policies; `None` if the files can't be read.
    async fn policies(
        &self,
        visibility: Visibility,
    ) -> Result<Option<Vec<(u32, PolicyRules)>>, Error> {
        let failed = |fault: Fault| fault.at(&self.target.name);
        let folder = if visibility == Visibility::Public { "policies" } else { "private" };
        let list = self.verifier.list().ok_or(ListError::Missing)?;
        // Walk the tree from its root. The flag tells directories from bodies.
        let mut wanted = vec![(list.head().policies(visibility), true)];
        let mut found = Vec::new();
        while let Some((name, is_directory)) = wanted.pop() {
            if name == FileName::NONE {
                continue;
            }
            let path = format!("{folder}/{}", name.digest);
            let Some(file) = self.target.destination.get(&path).await.map_err(failed)?.bytes else {
                if visibility == Visibility::Private {
                    return Ok(None);
                }
                return Err(failed(format!("has no {path}").into()));
            };
            // The head authenticates the files by their digests.
            if Digest::of(&file) != name.digest {
                return Err(ListError::WrongDigest(Part::PolicyFile).into());
            }
            if is_directory {
                let directory = Directory::decode(&file)?;
                let deeper = directory.level() > 0;
                wanted.extend(directory.ranges().iter().map(|line| (line.file, deeper)));
            } else {
                let body = PolicyBody::decode(&file)?;
                for (number, policy) in body.policies() {
                    found.push((number, PolicyRules::of(&policy?)));
                }
            }
        }
        Ok(Some(found))
    }
}

async fn revoke_slot(
    connection: &mut Connection,
    shard: u32,
    slot: u32,
    at: u32,
    now: Time,
) -> Result<u64, Error> {
    let Some(serial) = Serial::at(shard, slot) else { return Ok(0) };
    let done = sqlx::query(
        "UPDATE api_keys SET revoked_at = $1, revoked_by = $2, updated_ms = $3 \
         WHERE serial = $4 AND (revoked_at IS NULL OR revoked_at > $1)",
    )
    .bind(i64::from(at))
    .bind(BY)
    .bind(store::millis(now))
    .bind(keys::serial_to_sql(serial))
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

async fn suspend_slot(
    connection: &mut Connection,
    shard: u32,
    slot: u32,
    now: Time,
) -> Result<u64, Error> {
    let Some(serial) = Serial::at(shard, slot) else { return Ok(0) };
    let done = sqlx::query(
        "UPDATE api_keys SET suspended_ms = $1, suspended_by = $2, updated_ms = $1 \
         WHERE serial = $3 AND suspended_ms IS NULL",
    )
    .bind(store::millis(now))
    .bind(BY)
    .bind(keys::serial_to_sql(serial))
    .execute(connection)
    .await?;
    Ok(done.rows_affected())
}

/// Imports a published policy. Returns whether the backup lacked it or had another version.
async fn import_policy(
    connection: &mut Connection,
    visibility: Visibility,
    number: u32,
    rules: PolicyRules,
    now: Time,
) -> Result<bool, Error> {
    let Some(mut held) = policies::find(connection, number).await? else {
        if policies::is_taken(connection, number).await? {
            return Ok(false);
        }
        let name = format!("Recovered policy {number}");
        let (created, updated) = (now, now);
        let policy =
            PolicyRecord { number, visibility, name, rules, key_id: None, created, updated };
        policies::insert(connection, &policy).await?;
        return Ok(true);
    };
    // The sales channels of a key's own policy are stored with the key.
    let own = PolicyRules { sales_channels: Vec::new(), ..rules.clone() };
    let new = if held.key_id.is_some() { own } else { rules.clone() };
    if let Some(key_id) = &held.key_id {
        let delete = sqlx::query("DELETE FROM sales_channels WHERE key_id = $1").bind(key_id);
        delete.execute(&mut *connection).await?;
        for channel in &rules.sales_channels {
            let insert = "INSERT INTO sales_channels (key_id, channel) VALUES ($1, $2)";
            sqlx::query(insert).bind(key_id).bind(channel).execute(&mut *connection).await?;
        }
    }
    if held.rules == new {
        return Ok(false);
    }
    held.rules = new;
    held.updated = now;
    policies::update(connection, &held).await?;
    Ok(true)
}
