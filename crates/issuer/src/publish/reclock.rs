//! Recovery by a new epoch, signed by the root. It ends all earlier lists: those made with a fast
//! clock, or those of a compromised list signer.
//!
//! Verifiers refuse lists from the future until that time comes. Resetting the number would let
//! those lists come into force later. So the root signs a new epoch with new signers: with the new
//! keyring, verifiers accept no earlier list. Commits that carry the wrong times are redated.
//!
//! An attacker with the list signer may have signed a list with an unreachable number. A verifier
//! that has seen it accepts no lower number, unless the root raises the epoch.

use portcullis_core::issue::{KeyringDraft, SigningKey};
use portcullis_core::keyring::{Keyring, Purpose, State};
use portcullis_core::list::ListVersion;
use portcullis_core::time::Time;
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::Row as _;

use super::publisher::Publisher;
use crate::actions::{KEYRING_VALIDITY, NewSigner};
use crate::clock_bound::MAX_BEHIND_MILLIS;
use crate::error::Error;
use crate::keystore::KeystoreError;
use crate::keystore::{Keystore, Vault};
use crate::store::StoreError;
use crate::store::events::EventType;
use crate::store::lists::{self, Promise};
use crate::store::{self, Connection};

/// Why a new epoch is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// Lists were made with a fast clock.
    Clock,
    /// The list signer may be in other hands.
    Signer,
}

/// The result of a recovery by a new epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Reclocked {
    /// How far ahead the newest list was, in seconds; 0 if it was not.
    pub ahead_secs: u64,
    /// The new keyring's version.
    pub keyring: u32,
    /// The new epoch of lists.
    pub epoch: u32,
    /// The new signers.
    pub signers: Vec<u16>,
    /// How many revocations would have taken effect too late, and were moved earlier.
    pub revocations: u64,
    /// How many keys carry a time of issue in the future. They don't change; roll them.
    pub keys: u64,
    /// Until when a verifier started with the previous keyring, and cut off from newer files, may
    /// accept an earlier list as fresh once its clock reaches the list's time.
    pub window: String,
    /// The number of the list published now.
    pub number: u64,
}

/// Ends the lists published by a fast clock, using the root key in `root`, and publishes with
/// the current clock.
pub(crate) async fn recover_clock(
    publisher: &Publisher,
    root: &Vault,
    by: &str,
) -> Result<Reclocked, Error> {
    new_epoch(publisher, root, by, Why::Clock).await
}

/// Ends every list of the current list signer, including forged ones, using the root key in
/// `root`. Publishes under a new signer and epoch.
pub(crate) async fn recover_signer(
    publisher: &Publisher,
    root: &Vault,
    by: &str,
) -> Result<Reclocked, Error> {
    new_epoch(publisher, root, by, Why::Signer).await
}

async fn new_epoch(
    publisher: &Publisher,
    root: &Vault,
    by: &str,
    why: Why,
) -> Result<Reclocked, Error> {
    let context = publisher.context();
    let root_key = root.root_key(context.root())?;
    let vault = context.home().keystore_vault();
    let mut writing = context.store().bookkeeping().await?;
    // Use the clock. The transaction's instant is never before the newest list, which is wrong
    // here.
    let (now, usual) = (writing.clock(), writing.now().await?);
    let connection = &mut *writing;
    let promise = lists::promise(connection).await?.ok_or(StoreError::NoList)?;
    let ahead = promise.list_version.this_update.millis_since(now);
    let was_ahead = ahead > MAX_BEHIND_MILLIS;
    let now = match why {
        Why::Clock if !was_ahead => return Err(Error::ClockNotBehind),
        Why::Signer if !was_ahead => usual,
        Why::Clock | Why::Signer => now,
    };
    let mut change = writing.into_change_at(context.who(Some(by)), now);
    let connection = &mut *change;
    let keyring = Keyring::open(&lists::keyring(connection).await?, context.root())?;
    let mut keystore = Keystore::read(&vault)?;
    let before = keystore.encode(vault.path())?;
    let (draft, signers) = succeed(&keyring, &mut keystore, now)?;
    let document = sign(&keyring, &draft, &root_key)?;
    let keystore = keystore.under(&Keyring::open(&document, context.root())?);
    let keystore = keystore
        .map_err(|source| KeystoreError::Unusable { path: vault.path().to_owned(), source })?;
    let revocations = revoke_now(connection, now).await?;
    let query = sqlx::query("SELECT COUNT(*) FROM api_keys WHERE issued_at > $1");
    let future = i64::from(now.plus_millis(MAX_BEHIND_MILLIS).secs());
    let keys: i64 = query.bind(future).fetch_one(&mut *connection).await?.try_get(0)?;
    let valid_for = publisher.valid_for_millis(Some(&promise.list_version));
    let next_update = now.plus_millis(valid_for);
    redate(connection, now, next_update.plus_millis(MAX_BEHIND_MILLIS)).await?;
    let list_version = ListVersion { this_update: now, next_update, ..promise.list_version };
    // Position 0, so that the next publication rebuilds everything.
    let anew = Promise { list_version, position: 0, latest: next_update, ..promise };
    lists::set_promise(connection, &anew).await?;
    let mut done = Reclocked {
        ahead_secs: if was_ahead { ahead / 1000 } else { 0 },
        keyring: draft.version,
        epoch: draft.epoch,
        signers,
        revocations,
        keys: u64::try_from(keys).unwrap_or(0),
        window: crate::time_format::rfc3339_millis(match why {
            Why::Clock => promise.latest.min(keyring.not_after()),
            // A holder of the key can choose the dates of lists.
            Why::Signer => keyring.not_after(),
        }),
        number: 0,
    };
    lists::insert_keyring(connection, draft.version, &document, now).await?;
    for (event, data) in [
        (EventType::KeyringChanged, json!({ "version": draft.version, "act": why.act() })),
        (EventType::ListRecovered, json!(done)),
    ] {
        change.event(event, None, data).await?;
    }
    keystore.write(&vault)?;
    if let Err(error) = change.save().await {
        // Report the first error. Leftover keys in the keystore are harmless.
        let _ = vault.rewrite(&before);
        return Err(error.into());
    }
    publisher.forget_policy_trees().await;
    done.number = publisher.publish().await?.number;
    Ok(done)
}

impl Why {
    fn act(self) -> &'static str {
        match self {
            Self::Clock => "recover-clock",
            Self::Signer => "recover-signer",
        }
    }
}

/// The keyring of the new epoch, with new signers for lists and status lists.
fn succeed(
    keyring: &Keyring,
    keystore: &mut Keystore,
    now: Time,
) -> Result<(KeyringDraft, Vec<u16>), Error> {
    let year = u64::try_from(KEYRING_VALIDITY.as_millis()).unwrap_or(u64::MAX);
    let mut draft = KeyringDraft {
        issuer: keyring.issuer(),
        version: keyring.version().saturating_add(1),
        not_after: keyring.not_after().max(now.plus_millis(year)),
        epoch: keyring.epoch().saturating_add(1),
        max_validity_secs: u32::try_from(keyring.max_validity_millis() / 1000).unwrap_or(u32::MAX),
        successor: keyring.successor(),
        labels: keyring.labels().to_vec(),
        entries: keyring.entries().to_vec(),
    };
    let mut signers = Vec::new();
    // Retire each purpose's signers and add one new signer.
    for purpose in [Purpose::List, Purpose::StatusList] {
        let mut old = draft.entries.iter_mut().filter(|entry| entry.purpose == purpose);
        let is_used = old.any(|entry| entry.state != State::Retired);
        if !is_used {
            continue;
        }
        draft.entries.iter_mut().filter(|entry| entry.purpose == purpose).for_each(|entry| {
            entry.state = State::Retired;
        });
        let kids = draft.entries.iter().map(|entry| entry.kid);
        let highest = kids.chain(keystore.keys().iter().map(|key| key.kid)).max();
        let none_left = crate::actions::RotationError::NoKidLeft;
        let kid = highest.unwrap_or(0).checked_add(1).ok_or(none_left)?;
        let (environments, kinds) = (Vec::new(), Vec::new());
        let new = NewSigner { purpose, algorithm: None, environments, kinds, at_once: true };
        let key = new.key(kid)?;
        let mut entry = key.entry(keyring.issuer())?;
        entry.state = State::Active;
        draft.entries.push(entry);
        keystore.push(key);
        signers.push(kid);
    }
    for entry in &draft.entries {
        keystore.set_state(entry.kid, entry.state);
    }
    Ok((draft, signers))
}

/// Signs the new keyring, and refuses one that verifiers wouldn't accept.
fn sign(keyring: &Keyring, draft: &KeyringDraft, root: &SigningKey) -> Result<Vec<u8>, Error> {
    let document = draft.sign(root)?;
    keyring.succeed(&document)?;
    Ok(document)
}

/// Moves scheduled revocations so that the delay from now equals the original delay. They never
/// take effect later than requested.
async fn revoke_now(connection: &mut Connection, now: Time) -> Result<u64, Error> {
    let query = sqlx::query(
        "SELECT key_id, at_ms, data FROM events WHERE at_ms > $1 AND key_id IS NOT NULL \
         AND type IN ('api-key.revoked', 'api-key.rolled')",
    );
    let rows = query.bind(store::millis(now)).fetch_all(&mut *connection).await?;
    let mut moved = 0;
    for row in rows {
        let (key_id, data): (String, String) = (row.try_get("key_id")?, row.try_get("data")?);
        let made = store::time(row.try_get("at_ms")?).secs();
        let data: Value = serde_json::from_str(&data).unwrap_or_default();
        let strikes = data.get("revoked_at").and_then(Value::as_u64);
        let Some(strikes) = strikes.and_then(|at| u32::try_from(at).ok()) else { continue };
        let at = now.secs().saturating_add(strikes.saturating_sub(made));
        let update = "UPDATE api_keys SET revoked_at = $1 WHERE id = $2 AND revoked_at > $1";
        let update = sqlx::query(update).bind(i64::from(at)).bind(key_id);
        moved += update.execute(&mut *connection).await?.rows_affected();
    }
    Ok(moved)
}

/// Sets times in the future back to `now`: they would delay work or block the correct clock.
async fn redate(connection: &mut Connection, now: Time, usable: Time) -> Result<(), Error> {
    let (now, usable) = (store::millis(now), store::millis(usable));
    for (statement, to) in [
        ("UPDATE shards SET covered_ms = $1 WHERE covered_ms > $1", now),
        ("UPDATE shards SET usable_ms = $1 WHERE usable_ms > $1", usable),
        ("UPDATE published SET this_update = $1, next_update = $1 WHERE this_update > $1", now),
        ("UPDATE publisher SET until_ms = 0 WHERE until_ms > $1", now),
        (
            "UPDATE jobs SET holder = NULL, until_ms = 0, started_ms = NULL, ended_ms = NULL \
             WHERE until_ms > $1 OR started_ms > $1 OR ended_ms > $1",
            now,
        ),
        ("UPDATE deliveries SET next_ms = $1 WHERE next_ms > $1 AND state = 'pending'", now),
        (
            "UPDATE targets SET epoch = NULL, number = NULL, this_update = NULL, done_ms = NULL, \
             failed_ms = NULL, seen_ms = $1 WHERE this_update > $1 OR done_ms > $1 OR seen_ms > $1",
            now,
        ),
        ("UPDATE bodies SET left_ms = $1 WHERE left_ms > $1", now),
        ("UPDATE policy_files SET left_ms = $1 WHERE left_ms > $1", now),
        // The new signer makes these again.
        ("DELETE FROM status_lists WHERE made_ms > $1", now),
        ("UPDATE status_signers SET until_ms = $1 WHERE until_ms > $1", now),
    ] {
        sqlx::query(statement).bind(to).execute(&mut *connection).await?;
    }
    Ok(())
}
