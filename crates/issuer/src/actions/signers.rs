//! Changes the issuer's signers. Each change makes a new keyring, signed by the root.
//! ```text
//! one transaction   newest keyring -> change -> root's signature; keystore file; keyring, event
//! then              publish: the stamp names the new version, and gates fetch it
//! ```
//!
//! The keystore file is written before the commit. If the commit fails, the file holds one key that
//! the keyring doesn't list, which is never used.

use std::time::Duration;

use portcullis_core::issue::KeyringDraft;
use portcullis_core::keyring::{KeyEntry, Keyring, Purpose, State};
use portcullis_core::time::Time;
use portcullis_core::token::{Algorithm, Environment, Kind, Label};
use serde_json::json;

use super::care::Care;
use super::labels::{self, LabelChange};
use super::rotation::{self, RotationError};
use crate::committed::Unannounced;
use crate::context::Context;
use crate::error::Error;
use crate::keystore::KeystoreError;
use crate::keystore::{Keystore, StoredKey, Vault};
use crate::store::events::EventType;
use crate::store::lists;
use crate::store::signers::{self, KeysOfSigner};
use crate::store::status;
use crate::store::{self, Change};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// The default validity of a keyring, from the moment of signing.
pub(crate) const KEYRING_VALIDITY: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A signer to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSigner {
    /// What it signs.
    pub purpose: Purpose,
    /// The algorithm. The default is HMAC for tokens of secret keys, and Ed25519 otherwise.
    pub algorithm: Option<Algorithm>,
    /// For tokens and admin keys: the environments.
    pub environments: Vec<Environment>,
    /// For tokens: the kinds.
    pub kinds: Vec<Kind>,
    /// Activates the signer at once, without time for gates to fetch the new keyring.
    pub at_once: bool,
}

/// A change of the keyring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyringChange {
    /// Makes a signer.
    Rotate(NewSigner),
    /// Activates the next signer, and sets the signers it replaces to retiring.
    Promote(u16),
    /// Retires a signer: its signatures are no longer accepted.
    Retire {
        /// The signer.
        kid: u16,
        /// Retires it even if it signed keys in force.
        anyway: bool,
    },
    /// Makes the keyring valid for this long from now.
    Renew(Duration),
    /// Lists other labels.
    Labels {
        /// Which.
        labels: LabelChange,
        /// What is said of the keys that are refused from then on.
        care: Care,
    },
}

/// The keyring after a change.
#[derive(Clone, Debug)]
pub struct KeyringChanged {
    /// The new keyring's version.
    pub version: u32,
    /// The end of the keyring's validity.
    pub not_after: Time,
    /// Its labels; the first is the default.
    pub labels: Vec<Label>,
    /// The signer that was made or changed.
    pub kid: Option<u16>,
    /// Its state now.
    pub state: Option<State>,
    /// The signers that it replaces, which still verify.
    pub retiring: Vec<u16>,
}

/// A signer and its keys.
#[derive(Clone, Debug)]
pub struct Signer {
    /// Its line in the keyring.
    pub entry: KeyEntry,
    /// Whether the local keystore holds its private key.
    pub is_here: bool,
    /// The keys that it signed.
    pub keys: KeysOfSigner,
}

/// The newest keyring, with each signer's keys.
#[derive(Clone, Debug)]
pub struct Signers {
    /// Its version.
    pub version: u32,
    /// The end of its validity.
    pub not_after: Time,
    /// Its labels; the first is the default.
    pub labels: Vec<Label>,
    /// Every stored version and when it was stored, newest first.
    pub versions: Vec<(u32, Time)>,
    /// The signers, by ascending kid.
    pub signers: Vec<Signer>,
}

impl NewSigner {
    pub(crate) fn key(&self, kid: u16) -> Result<StoredKey, Error> {
        let impossible = |reason| Err(Error::Rotation(RotationError::Impossible(reason)));
        let signs_keys = matches!(self.purpose, Purpose::Token | Purpose::Admin);
        let (environments, kinds) = match self.purpose {
            Purpose::Token => (self.environments.clone(), self.kinds.clone()),
            Purpose::Admin => (vec![Environment::Live], vec![Kind::Secret]),
            Purpose::List | Purpose::StatusList | Purpose::Assertion => (vec![], vec![]),
        };
        if signs_keys && (environments.is_empty() || kinds.is_empty()) {
            return impossible("a signer of tokens needs kinds and environments");
        }
        let is_for_gates_alone = self.purpose == Purpose::Token && kinds == [Kind::Secret];
        let by_default =
            if is_for_gates_alone { Algorithm::HmacSha256 } else { Algorithm::Ed25519 };
        let algorithm = self.algorithm.unwrap_or(by_default);
        if algorithm == Algorithm::HmacSha256 {
            if self.purpose != Purpose::Token {
                return impossible("only tokens are signed by HMAC; leave --algorithm out");
            }
            if kinds.contains(&Kind::Publishable) {
                return impossible("publishable keys are verified by everybody: choose ed25519");
            }
        }
        let secret = crate::random::secret()?;
        let purpose = self.purpose;
        Ok(StoredKey { kid, algorithm, purpose, environments, kinds, state: State::Next, secret })
    }
}

/// Makes a new version of the keyring, signed with the root key in `root`. Commits, and
/// publishes.
pub(crate) async fn change_keyring(
    context: &Context,
    change: &KeyringChange,
    root: &Vault,
    by: Option<&str>,
) -> Result<Unannounced<KeyringChanged>, Error> {
    let root_key = root.root_key(context.root())?;
    let vault = context.home().keystore_vault();
    let mut writing = context.change(by).await?;
    let now = writing.now();
    let keyring = Keyring::open(&lists::keyring(&mut writing).await?, context.root())?;
    let keys = signers::keys_of_signers(&mut writing, now).await?;
    if let KeyringChange::Retire { kid, anyway: false } = *change
        && let Some(until) = status::in_force_until(&mut writing, kid).await?
        && now < until
    {
        let secs = until.millis_since(now).div_ceil(1000);
        return Err(RotationError::ListsInForce { kid, secs }.into());
    }
    if let KeyringChange::Labels { labels, care } = change {
        let before = keyring.labels();
        if labels.apply(before)? == before {
            return unchanged(&keyring, writing).await;
        }
        labels::check(&mut writing, (before, labels), care, now).await?;
    }
    // Read the file again: another process may have changed it.
    let mut keystore = Keystore::read(&vault)?;
    let before = keystore.encode(vault.path())?;
    let mut done = apply(change, &keyring, &mut keystore, &keys, now)?;
    done.draft.version = keyring.version().saturating_add(1);
    let document = done.draft.sign(&root_key)?;
    // Never store a keyring that verifiers would refuse as the successor.
    keyring.succeed(&document)?;
    for entry in &done.draft.entries {
        keystore.set_state(entry.kid, entry.state);
    }
    let keystore = keystore.under(&Keyring::open(&document, context.root())?);
    let keystore = keystore
        .map_err(|source| KeystoreError::Unusable { path: vault.path().to_owned(), source })?;
    let state_of = |kid| done.draft.entries.iter().find(|e| e.kid == kid).map(|e| e.state);
    let state = done.kid.and_then(state_of);
    keystore.write(&vault)?;
    let committed = async {
        lists::insert_keyring(&mut writing, done.draft.version, &document, now).await?;
        let data = json!({
            "version": done.draft.version,
            "act": done.act,
            "kid": done.kid,
            "state": state.map(State::name),
            "retiring": done.retiring,
            "labels": done.draft.labels.iter().map(Label::as_str).collect::<Vec<_>>(),
        });
        writing.event(EventType::KeyringChanged, None, data).await?;
        let changed = KeyringChanged {
            version: done.draft.version,
            not_after: done.draft.not_after,
            labels: done.draft.labels,
            kid: done.kid,
            state,
            retiring: done.retiring,
        };
        Unannounced::commit(writing, changed).await
    };
    let committed = committed.await;
    if committed.is_err() {
        // Report this error. A leftover key in the keystore is harmless.
        let _ = vault.rewrite(&before);
    }
    committed
}

/// Ends a change of the labels that the keyring has already.
async fn unchanged(
    keyring: &Keyring,
    writing: Change<'_>,
) -> Result<Unannounced<KeyringChanged>, Error> {
    let unchanged = KeyringChanged {
        version: keyring.version(),
        not_after: keyring.not_after(),
        labels: keyring.labels().to_vec(),
        kid: None,
        state: None,
        retiring: Vec::new(),
    };
    Unannounced::committed_before(writing, unchanged, true).await
}

/// The newest keyring's signers, with the number of keys of each.
pub(crate) async fn signers(context: &Context) -> Result<Signers, Error> {
    let mut reading = context.store().read().await?;
    let view = context.published_state(&mut reading).await?;
    let now = store::now(&mut reading, context.now()).await?;
    let keyring = view.verifier().keyring();
    let keys = signers::keys_of_signers(&mut reading, now).await?;
    let keystore = context.keystore();
    let signer = |entry: &KeyEntry| Signer {
        entry: entry.clone(),
        is_here: keystore.keys().iter().any(|key| key.kid == entry.kid),
        keys: keys_of(&keys, entry.kid),
    };
    Ok(Signers {
        version: keyring.version(),
        not_after: keyring.not_after(),
        labels: keyring.labels().to_vec(),
        versions: signers::keyring_versions(&mut reading).await?,
        signers: keyring.entries().iter().map(signer).collect(),
    })
}

struct Applied {
    draft: KeyringDraft,
    act: &'static str,
    kid: Option<u16>,
    retiring: Vec<u16>,
}

fn apply(
    change: &KeyringChange,
    keyring: &Keyring,
    keystore: &mut Keystore,
    keys: &[KeysOfSigner],
    now: Time,
) -> Result<Applied, Error> {
    let until = |validity: Duration| {
        now.plus_millis(u64::try_from(validity.as_millis()).unwrap_or(u64::MAX))
    };
    let draft = KeyringDraft {
        issuer: keyring.issuer(),
        version: keyring.version(),
        // Every change extends the keyring to at least another year, since the root key is
        // available.
        not_after: keyring.not_after().max(until(KEYRING_VALIDITY)),
        epoch: keyring.epoch(),
        max_validity_secs: u32::try_from(keyring.max_validity_millis() / 1000).unwrap_or(u32::MAX),
        successor: keyring.successor(),
        labels: keyring.labels().to_vec(),
        entries: keyring.entries().to_vec(),
    };
    let mut done = Applied { draft, act: "", kid: None, retiring: Vec::new() };
    let entries = &mut done.draft.entries;
    match change {
        KeyringChange::Rotate(new) => {
            let kids = entries.iter().map(|entry| entry.kid);
            let highest = kids.chain(keystore.keys().iter().map(|key| key.kid)).max();
            let kid = highest.unwrap_or(0).checked_add(1).ok_or(RotationError::NoKidLeft)?;
            let key = new.key(kid)?;
            entries.push(key.entry(keyring.issuer())?);
            keystore.push(key);
            if new.at_once {
                done.retiring = rotation::promote(entries, kid)?;
            }
            (done.act, done.kid) = ("rotate", Some(kid));
        }
        KeyringChange::Promote(kid) => {
            done.retiring = rotation::promote(entries, *kid)?;
            if !keystore.keys().iter().any(|key| key.kid == *kid) {
                return Err(RotationError::NotHere(*kid).into());
            }
            (done.act, done.kid) = ("promote", Some(*kid));
        }
        KeyringChange::Retire { kid, anyway } => {
            rotation::retire(entries, *kid, keys_of(keys, *kid).live, *anyway)?;
            (done.act, done.kid) = ("retire", Some(*kid));
        }
        KeyringChange::Renew(validity) => {
            if !(DAY..=10 * KEYRING_VALIDITY).contains(validity) {
                return Err(RotationError::Validity.into());
            }
            done.act = "renew";
            done.draft.not_after = until(*validity);
        }
        KeyringChange::Labels { labels, care: _ } => {
            done.act = "labels";
            done.draft.labels = labels.apply(keyring.labels())?;
        }
    }
    Ok(done)
}

fn keys_of(keys: &[KeysOfSigner], kid: u16) -> KeysOfSigner {
    let found = keys.iter().find(|keys| keys.kid == kid).copied();
    found.unwrap_or(KeysOfSigner { kid, total: 0, live: 0 })
}
