//! Makes keys, one or a million, in one transaction: serials, tokens, records and events.

use std::collections::{BTreeSet, HashSet};
use std::num::NonZeroU32;

use portcullis_core::crypto::IssuerId;
use portcullis_core::issue::{TokenSigner, redact};
use portcullis_core::keyring::Keyring;
use portcullis_core::time::Time;
use portcullis_core::token::{Claims, Kind, Label, Lifetime, Name, Serial};
use portcullis_core::verify::{Canary, Unverified};
use serde_json::json;
use zeroize::Zeroizing;

use crate::actions::bulk::check_not_bulk;
use crate::actions::labels;
use crate::actions::new_key::{Minted, NewKey};
use crate::actions::owners::check_owner;
use crate::actions::policies::check_policy;
use crate::actor::{NoActor, Who};
use crate::context::Context;
use crate::error::Error;
use crate::keystore::StoredKey;
use crate::random;
use crate::record::{KeyPurpose, KeyRecord};
use crate::store::bulk::{self, EffectiveKey};
use crate::store::events::{Event, EventType};
use crate::store::{Change, Connection, channels, keys, settings, shards, targets};

/// A key to make. If it replaces another, `rolled_from` has that key's id and the draft of its own
/// policy.
pub(super) struct KeyRequest<'n> {
    pub(super) new: &'n NewKey,
    pub(super) rolled_from: Option<(&'n str, Option<&'n str>)>,
}

/// A new key before its record is stored.
struct Unstored {
    record: KeyRecord,
    token: Zeroizing<String>,
}

/// Makes keys within the caller's change. Each key has its own maker, as its request names.
pub(super) async fn make(
    context: &Context,
    change: &mut Change<'_>,
    key_requests: &[KeyRequest<'_>],
) -> Result<Vec<Minted>, Error> {
    let (clock, now) = (change.clock(), change.now());
    let connection = &mut **change;
    check(connection, key_requests).await?;
    let stored = settings::read(connection).await?;
    let admit = |key_request: &KeyRequest<'_>| stored.settings.admit(key_request.new, now);
    let lifetimes = key_requests.iter().map(admit).collect::<Result<Vec<_>, _>>()?;
    crate::reserve::check(context.home())?;
    // If the clock is behind the last publication, the keys' times would be in the future.
    crate::clock_bound::check_not_behind(connection, clock).await?;
    let view = context.published_state(connection).await?;
    let keyring = view.verifier().keyring();
    let labels =
        key_requests.iter().map(|key_request| labels::of_new_key(keyring, key_request.new.label));
    let labels = labels.collect::<Result<Vec<_>, _>>()?;
    let own = key_requests.iter().filter(|key_request| key_request.new.has_own_policy()).count();
    let mut policies = draw_policies(connection, own).await?.into_iter();
    let serials = take_serials(connection, key_requests.len(), now).await?;
    let mut minted = Vec::with_capacity(key_requests.len());
    let said = key_requests.iter().zip(labels).zip(lifetimes);
    for (((key_request, label), lifetime), serial) in said.zip(serials) {
        let own = key_request.new.has_own_policy().then(|| policies.next()).flatten();
        let policy = own.unwrap_or(key_request.new.policy);
        minted.push(make_one(
            context,
            keyring,
            label,
            key_request,
            (serial, policy, lifetime),
            now,
        )?);
    }
    check_end(context, connection, &minted).await?;
    let in_force = bulk::in_force(connection).await?;
    minted.iter().try_for_each(|made| check_not_bulk(&in_force, &made.record.claims()))?;
    store_made(context, change, key_requests, &minted, stored.version).await?;
    let effective =
        |Unstored { record, token }| Minted { record: EffectiveKey::new(record, &in_force), token };
    Ok(minted.into_iter().map(effective).collect())
}

/// Refuses admin keys that would outlive the admin key that makes them. Otherwise an expiring
/// key could make itself a permanent one. All admin keys are made through here.
async fn check_end(
    context: &Context,
    connection: &mut Connection,
    minted: &[Unstored],
) -> Result<(), Error> {
    let mut admins = minted.iter().filter(|made| made.record.purpose == KeyPurpose::Admin);
    if !context.actor().is_key() || admins.clone().next().is_none() {
        return Ok(());
    }
    let maker = keys::find(connection, context.actor().name()).await?.ok_or(NoActor)?;
    let end = [maker.expires_at, maker.revoked_at].into_iter().flatten().min();
    let Some(end) = end else { return Ok(()) };
    if admins.all(|made| made.record.expires_at.is_some_and(|expiry| expiry <= end)) {
        return Ok(());
    }
    Err(Error::OutlivesMaker { latest: crate::time_format::seconds(end) })
}

/// Whether lists carry these new keys. Lists cover every serial already; they carry a new key only
/// if it has a policy of its own, as publishable keys may.
pub(super) fn are_listed(made: &[Minted]) -> bool {
    made.iter().any(|minted| minted.record.kind == Kind::Publishable)
}

fn make_one(
    context: &Context,
    keyring: &Keyring,
    label: Label,
    key_request: &KeyRequest<'_>,
    (serial, policy, lifetime): (Serial, u32, Lifetime),
    now: Time,
) -> Result<Unstored, Error> {
    let new = key_request.new;
    let who = context.who(new.created_by.as_deref());
    let keystore = context.keystore();
    let signer = keystore
        .token_key(new.purpose.signer(), new.kind, new.environment, new.algorithm())
        .ok_or(Error::NoSigner)?;
    let claims = Claims {
        kind: new.kind,
        is_admin: new.purpose.is_admin(),
        environment: new.environment,
        kid: signer.kid,
        serial,
        nonce: u16::from_be_bytes(*random::secret()?),
        lifetime,
        owner: NonZeroU32::new(new.owner),
        policy: NonZeroU32::new(policy),
    };
    // The text is read back before anything is stored.
    let token = sign(signer, keyring, new.purpose, label, &claims)?;
    let record = KeyRecord {
        id: Name::derive(keyring.issuer(), claims.serial).to_string(),
        serial: claims.serial,
        kid: claims.kid,
        nonce: claims.nonce,
        purpose: new.purpose,
        kind: new.kind,
        environment: new.environment,
        label: label.as_str().into(),
        title: new.title.clone(),
        metadata: new.metadata.clone(),
        admin_scopes: new.admin_scopes.clone(),
        owner: new.owner,
        policy,
        sales_channels: super::check_channels(&new.sales_channels)?,
        redacted: redact(&token),
        token: (new.kind == Kind::Publishable).then(|| token.to_string()),
        issued_at: lifetime.issued_at,
        expires_at: lifetime.expires_at,
        revoked_at: None,
        revoked_by: None,
        suspended: None,
        suspended_by: None,
        resumed: None,
        uses: 0,
        last_used_at: None,
        deleted: None,
        created_by: Some(who.shown().into()),
        maker: Some(who.actor()?.into()),
        rolled_from: key_request.rolled_from.map(|(id, _)| id.into()),
        created: now,
        updated: now,
    };
    Ok(Unstored { record, token })
}

/// Writes records, their policies and sales channels, and events.
async fn store_made(
    context: &Context,
    change: &mut Change<'_>,
    key_requests: &[KeyRequest<'_>],
    minted: &[Unstored],
    settings_version: u32,
) -> Result<(), Error> {
    let records: Vec<&KeyRecord> = minted.iter().map(|minted| &minted.record).collect();
    keys::insert(change, &records, settings_version).await?;
    let mut policies = Vec::new();
    for (key_request, key) in key_requests.iter().zip(&records) {
        if key_request.new.has_own_policy() {
            let draft = key_request.rolled_from.and_then(|(_, draft)| draft).unwrap_or("{}");
            policies.push((key.policy, key.id.as_str(), draft));
        }
    }
    let now = change.now();
    channels::insert_policies(change, &policies, now).await?;
    let of_key = |key| {
        let key: &KeyRecord = key;
        key.sales_channels.iter().map(|channel| (key.id.as_str(), channel.as_str()))
    };
    let pairs: Vec<(&str, &str)> = records.iter().copied().flat_map(of_key).collect();
    channels::add(change, &pairs).await?;
    let named =
        key_requests.iter().map(|key_request| context.who(key_request.new.created_by.as_deref()));
    let events: Vec<Event<'_>> =
        records.iter().zip(named).map(|(record, who)| created(record, who)).collect();
    Ok(change.events(&events).await?)
}

/// Signs the token of a record again. The text equals that of the original token.
pub(super) fn sign_again(
    context: &Context,
    record: &KeyRecord,
) -> Result<Zeroizing<String>, Error> {
    let keystore = context.keystore();
    let signer = keystore.keys().iter().find(|key| key.kid == record.kid);
    let signer = signer.ok_or(Error::NoSigner)?;
    let label = Label::new(&record.label).map_err(|_| Error::SelfCheck)?;
    let issuer = context.keystore().issuer();
    let token = spell(signer, issuer, record.purpose, label, &record.claims())?;
    let same = redact(&token) == record.redacted;
    if same { Ok(token) } else { Err(Error::SelfCheck) }
}

/// Checks the requests against the store, each owner and policy once.
async fn check(connection: &mut Connection, key_requests: &[KeyRequest<'_>]) -> Result<(), Error> {
    if !key_requests.is_empty() {
        targets::check_not_restored(connection).await?;
    }
    let owners: BTreeSet<u32> =
        key_requests.iter().map(|key_request| key_request.new.owner).collect();
    for owner in owners {
        check_owner(connection, owner).await?;
    }
    let policies: BTreeSet<(u32, Kind)> = key_requests
        .iter()
        .map(|key_request| (key_request.new.policy, key_request.new.kind))
        .collect();
    for (policy, kind) in policies {
        check_policy(connection, policy, kind).await?;
    }
    Ok(())
}

fn created<'a>(record: &'a KeyRecord, who: Who<'a>) -> Event<'a> {
    let data = json!({
        "kind": record.kind.name(),
        "environment": record.environment.name(),
        "purpose": record.purpose.name(),
        "label": record.label,
        "title": record.title,
        "owner": record.owner,
        "policy": record.policy,
        "scopes": record.admin_scopes,
        "sales_channels": record.sales_channels,
        "expires_at": record.expires_at,
        "created_by": record.created_by,
        "rolled_from": record.rolled_from,
    });
    Event { event: EventType::Created, key_id: Some(&record.id), who, data }
}

/// Takes free slots of the open shards that have room, in shard order. Slots are drawn at random,
/// so that a serial doesn't reveal how many keys exist, and are never reused.
async fn take_serials(
    connection: &mut Connection,
    many: usize,
    now: Time,
) -> Result<Vec<Serial>, Error> {
    let mut serials: Vec<Serial> = Vec::with_capacity(many);
    for shard in shards::shards(connection).await? {
        if serials.len() == many {
            break;
        }
        if !shard.is_open(now) {
            continue;
        }
        let room = usize::try_from(shard.room()).unwrap_or(usize::MAX);
        let wanted = (many - serials.len()).min(room);
        let mut drawn = HashSet::with_capacity(wanted);
        while drawn.len() < wanted {
            let draw = draw_slots(&shard, wanted - drawn.len(), &drawn)?;
            let taken = keys::taken(connection, &draw).await?;
            drawn.extend(draw.into_iter().filter(|serial| !taken.contains(serial)));
        }
        if wanted > 0 {
            let issued = u32::try_from(wanted).unwrap_or(u32::MAX);
            shards::count_issued(connection, shard.shard, issued).await?;
        }
        serials.extend(drawn);
    }
    if serials.len() == many { Ok(serials) } else { Err(Error::ShardFull) }
}

/// Draws `many` distinct slots of a shard, none of them in `drawn`.
fn draw_slots(
    shard: &shards::Shard,
    many: usize,
    drawn: &HashSet<Serial>,
) -> Result<Vec<Serial>, Error> {
    let mut draw = HashSet::with_capacity(many);
    while draw.len() < many {
        let slot = random::below_power_of_two(shard.capacity.next_power_of_two())?;
        let serial = Serial::at(shard.shard, slot).filter(|_| slot < shard.capacity);
        draw.extend(serial.filter(|serial| !drawn.contains(serial)));
    }
    Ok(draw.into_iter().collect())
}

/// Draws unused policy numbers.
async fn draw_policies(connection: &mut Connection, many: usize) -> Result<Vec<u32>, Error> {
    let mut drawn: HashSet<u32> = HashSet::with_capacity(many);
    while drawn.len() < many {
        let mut draw = HashSet::new();
        while draw.len() < many - drawn.len() {
            let number = u32::from_be_bytes(*random::secret()?);
            draw.extend(Some(number).filter(|number| *number != 0 && !drawn.contains(number)));
        }
        let draw: Vec<u32> = draw.into_iter().collect();
        let taken = channels::taken(connection, &draw).await?;
        drawn.extend(draw.into_iter().filter(|number| !taken.contains(number)));
    }
    Ok(drawn.into_iter().collect())
}

/// Mints a token and verifies that it reads back.
fn sign(
    signer: &StoredKey,
    keyring: &Keyring,
    purpose: KeyPurpose,
    label: Label,
    claims: &Claims,
) -> Result<Zeroizing<String>, Error> {
    let token = spell(signer, keyring.issuer(), purpose, label, claims)?;
    let read = Unverified::parse(&token).map_err(|_| Error::SelfCheck)?;
    let verdict = read.authenticate(keyring, purpose.signer()).map(|_| ());
    let reads_back = match (purpose, verdict) {
        (KeyPurpose::Token | KeyPurpose::Admin, verdict) => verdict.is_ok(),
        (KeyPurpose::Canary, Err(refusal)) => Canary::recognise(&read, refusal, keyring).is_some(),
        (KeyPurpose::Canary, Ok(())) => false,
    };
    if reads_back { Ok(token) } else { Err(Error::SelfCheck) }
}

/// The text of the key with these claims.
fn spell(
    signer: &StoredKey,
    issuer: IssuerId,
    purpose: KeyPurpose,
    label: Label,
    claims: &Claims,
) -> Result<Zeroizing<String>, Error> {
    match (purpose, signer.token_signer()) {
        (KeyPurpose::Token | KeyPurpose::Admin, signer) => Ok(signer.mint(issuer, label, claims)),
        (KeyPurpose::Canary, TokenSigner::Hmac(signer)) => {
            Ok(signer.mint_canary(issuer, label, claims))
        }
        (KeyPurpose::Canary, TokenSigner::Ed25519(_)) => Err(Error::SelfCheck),
    }
}
