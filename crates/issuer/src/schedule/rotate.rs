//! Rotates signing keys by age: reports old ones and, if the operator provides the root key,
//! replaces them.
//!
//! ```text
//! active, old          -> a successor is made (next), unless there is one
//! next, a day old      -> takes over if gates get all of it from the keyring (Ed25519)
//!                      -> waits if gates need its secret first (HMAC): an operator's task
//! retiring             -> stays: keys that it signed may be in force for years
//! ```

use std::collections::BTreeMap;
use std::path::Path;

use portcullis_core::keyring::{KeyEntry, Keyring, State};
use portcullis_core::time::Time;
use portcullis_core::token::Algorithm;

use super::job::{DAY_MILLIS, Done, Options};
use crate::actions::signers::change_keyring;
use crate::actions::{KeyringChange, NewSigner, takes_over};
use crate::context::Context;
use crate::error::Error;
use crate::keystore::Vault;
use crate::lease::Lease;
use crate::publish::Publisher;
use crate::store::lists;

/// How long a successor is announced before it takes over. This far exceeds a stamp's validity, so
/// every verifier that still accepts keys has a keyring with the successor.
const ANNOUNCED_MILLIS: u64 = DAY_MILLIS;
const ACTOR: &str = "key-age";

pub(super) async fn key_age(
    publisher: &Publisher,
    options: &Options,
    lease: &mut Lease,
) -> Result<Done, Error> {
    let days = options.key_age_days;
    let (entries, listed) = signers(publisher.context()).await?;
    // Check the clock first: a wrong one would make signers look old and rotate them.
    let now = publisher.context().store().check_clock().await?.wall;
    let age = |entry: &KeyEntry| listed.get(&entry.kid).map_or(0, |at| now.millis_since(*at));
    let is_old = |entry: &KeyEntry| age(entry) >= u64::from(days).saturating_mul(DAY_MILLIS);
    let with_issuer = |entry: &&KeyEntry| matches!(entry.state, State::Active | State::Next);
    let old = entries.iter().filter(with_issuer).filter(|entry| is_old(entry));
    let old: BTreeMap<u16, u64> = old.map(|entry| (entry.kid, age(entry) / DAY_MILLIS)).collect();
    let (mut announced, mut promoted, mut waiting) = (Vec::new(), Vec::new(), Vec::new());
    if let Some(root) = &options.rotate_with {
        let active = |entry: &&KeyEntry| entry.state == State::Active && is_old(entry);
        for entry in entries.iter().filter(active) {
            if !lease.hold().await? {
                break;
            }
            let successor =
                entries.iter().find(|next| next.state == State::Next && takes_over(next, entry));
            match successor {
                None => {
                    let change = KeyringChange::Rotate(successor_of(entry));
                    announced.extend(rotate(publisher, &change, root).await?);
                }
                Some(next) if promoted.contains(&next.kid) => {}
                Some(next) if next.algorithm() == Algorithm::HmacSha256 => waiting.push(next.kid),
                Some(next) if age(next) < ANNOUNCED_MILLIS => {}
                Some(next) => {
                    let change = KeyringChange::Promote(next.kid);
                    promoted.extend(rotate(publisher, &change, root).await?);
                }
            }
        }
    }
    Ok(Done::KeyAge { days, old, announced, promoted, waiting })
}

/// The newest keyring's entries, and when each was first listed.
async fn signers(context: &Context) -> Result<(Vec<KeyEntry>, BTreeMap<u16, Time>), Error> {
    let mut reading = context.store().read().await?;
    let mut listed: BTreeMap<u16, Time> = BTreeMap::new();
    for (document, made) in lists::keyrings(&mut reading).await? {
        let keyring = Keyring::open(&document, context.root())?;
        for entry in keyring.entries() {
            let first = listed.entry(entry.kid).or_insert(made);
            *first = made.min(*first);
        }
    }
    let newest = Keyring::open(&lists::keyring(&mut reading).await?, context.root())?;
    Ok((newest.entries().to_vec(), listed))
}

fn successor_of(entry: &KeyEntry) -> NewSigner {
    NewSigner {
        purpose: entry.purpose,
        algorithm: Some(entry.algorithm()),
        environments: entry.environments.clone(),
        kinds: entry.kinds.clone(),
        at_once: false,
    }
}

/// Returns the kid of the signer made or promoted.
async fn rotate(
    publisher: &Publisher,
    change: &KeyringChange,
    root: &Path,
) -> Result<Option<u16>, Error> {
    let root = Vault::new(root.to_owned(), publisher.context().home().unlock().clone());
    let saved = change_keyring(publisher.context(), change, &root, Some(ACTOR)).await?;
    let changed = publisher.announce(saved).await;
    if let Some(error) = changed.publication.error() {
        tracing::warn!(
            code = error.code(),
            "the keyring is stored, and published with the next beat"
        );
    }
    Ok(changed.value.kid)
}
