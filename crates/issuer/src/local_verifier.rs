//! A replica of the published state, as any verifier holds it. It verifies the keys that callers
//! present to the issuer, and reads back what is about to be published.
//!
//! The database is authoritative: each use first checks whether another process has published.

use std::sync::{Arc, PoisonError, RwLock};

use portcullis_core::crypto::Digest;
use portcullis_core::keyring::{Keyring, Purpose};
use portcullis_core::list::{ListError, ListVersion, Part};
use portcullis_core::time::Time;
use portcullis_core::token::Algorithm;
use portcullis_core::verifier::Verifier;
use portcullis_core::verify::{Accepted, Refusal, Requirements};
use tokio::sync::Mutex;

use crate::error::Error;
use crate::keystore::{DocumentError, Keystore, KeystoreError, Vault};
use crate::store::Connection;
use crate::store::StoreError;
use crate::store::session::{DEADLINE, within};
use crate::store::{lists, shards};

/// The replica, its current stamp, and the signing keys under its keyring.
#[derive(Debug)]
pub(crate) struct LocalVerifier {
    vault: Vault,
    /// Locked only to clone or swap the `Arc`.
    keystore: RwLock<Arc<Keystore>>,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    verifier: Arc<Verifier>,
    stamp: Vec<u8>,
    /// The keystore file's mark when it was read. The file is read again while a key is missing.
    file: Option<FileMark>,
}

/// The replica as of one read of the database.
#[derive(Clone, Debug)]
pub struct PublishedState {
    verifier: Arc<Verifier>,
    refused: Option<ListError>,
}

impl PublishedState {
    /// Verifies `text` at `now` as a gate with every secret does.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn verify(
        &self,
        text: &str,
        requirements: &Requirements,
        now: Time,
    ) -> Result<Accepted, Refusal> {
        let verdict = self.verifier.verify(text, requirements, now);
        match (verdict, self.refused) {
            // The published list was refused. Report that instead of a missing list.
            (Err(Refusal::List(ListError::Missing)), Some(error)) => Err(Refusal::List(error)),
            (verdict, _) => verdict,
        }
    }

    /// The replica.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The version of the current list.
    #[must_use]
    pub fn list_version(&self) -> Option<ListVersion> {
        self.verifier.list().map(portcullis_core::list::RevocationList::list_version)
    }
}

impl LocalVerifier {
    /// A replica that trusts the keystore's root and holds its HMAC secrets.
    pub(crate) fn new(vault: Vault, keystore: Keystore, keyring: &[u8]) -> Result<Self, Error> {
        let mut verifier = Verifier::new(*keystore.root(), keyring)?;
        let keystore = under(keystore, verifier.keyring(), &vault)?;
        hold_secrets(&mut verifier, &keystore)?;
        let file = FileMark::of(&vault);
        let held = Held { verifier: Arc::new(verifier), stamp: Vec::new(), file };
        let keystore = RwLock::new(Arc::new(keystore));
        Ok(Self { vault, keystore, held: Mutex::new(held) })
    }

    /// The signing keys, as of the last read of the keyring.
    pub(crate) fn keystore(&self) -> Arc<Keystore> {
        // The `Arc` is swapped as a whole, so a poisoned lock is safe to use.
        Arc::clone(&self.keystore.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Loads a newer keyring, and the matching keystore.
    async fn renew_keyring(
        &self,
        held: &mut Held,
        connection: &mut Connection,
    ) -> Result<(), Error> {
        let keyring = held.verifier.keyring();
        let is_newest = lists::keyring_version(connection).await? == keyring.version();
        if is_newest && self.keystore().lacks(keyring).is_empty() {
            return Ok(());
        }
        // An operator may be copying a missing key from another machine, so check the file again.
        let file = FileMark::of(&self.vault);
        if is_newest && (file.is_none() || file == held.file) {
            return Ok(());
        }
        let mut verifier = Verifier::clone(&held.verifier);
        verifier.offer_keyring(&lists::keyring(connection).await?)?;
        let keystore = Keystore::read(&self.vault)?;
        if keystore.root() != self.keystore().root() {
            let path = self.vault.path().to_owned();
            return Err(
                KeystoreError::Unusable { path, source: DocumentError::Field("root") }.into()
            );
        }
        let keystore = under(keystore, verifier.keyring(), &self.vault)?;
        hold_secrets(&mut verifier, &keystore)?;
        let lacking = keystore.lacks(verifier.keyring());
        if !lacking.is_empty() {
            tracing::warn!(kids = ?lacking, "the keystore lacks keys that the keyring lists");
        }
        *self.keystore.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keystore);
        held.verifier = Arc::new(verifier);
        held.file = file;
        Ok(())
    }

    /// Checks the published state and applies what is new.
    pub(crate) async fn view(
        &self,
        connection: &mut Connection,
        now: Time,
    ) -> Result<PublishedState, Error> {
        // Every verification waits for this lock, so limit the time.
        within(DEADLINE, self.look(connection, now)).await.map_err(Error::from).flatten()
    }

    async fn look(&self, connection: &mut Connection, now: Time) -> Result<PublishedState, Error> {
        let mut held = self.held.lock().await;
        self.renew_keyring(&mut held, connection).await?;
        let published = match lists::published(connection).await {
            Err(StoreError::NoList) => None,
            other => Some(other?),
        };
        let mut refused = None;
        if let Some(published) = published.filter(|published| published.stamp != held.stamp) {
            let mut verifier = Verifier::clone(&held.verifier);
            match offer(&mut verifier, connection, &published.stamp, now).await {
                Ok(()) => {
                    held.verifier = Arc::new(verifier);
                    held.stamp = published.stamp;
                }
                // Each verification checks again whether the current list is in force.
                Err(Error::List(error)) => refused = Some(error),
                Err(error) => return Err(error),
            }
        }
        Ok(PublishedState { verifier: Arc::clone(&held.verifier), refused })
    }

    /// Reads a stamp back with the verifying half before it is published.
    pub(crate) async fn read_back(
        &self,
        connection: &mut Connection,
        stamp: &[u8],
        now: Time,
    ) -> Result<(), Error> {
        let mut held = self.held.lock().await;
        self.renew_keyring(&mut held, connection).await?;
        let mut verifier = Verifier::clone(&held.verifier);
        drop(held);
        offer(&mut verifier, connection, stamp, now).await
    }
}

/// Detects that a file was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileMark {
    changed: std::time::SystemTime,
    length: u64,
}

impl FileMark {
    fn of(vault: &Vault) -> Option<Self> {
        let metadata = std::fs::metadata(vault.path()).ok()?;
        Some(Self { changed: metadata.modified().ok()?, length: metadata.len() })
    }
}

fn under(keystore: Keystore, keyring: &Keyring, vault: &Vault) -> Result<Keystore, KeystoreError> {
    let path = || vault.path().to_owned();
    keystore.under(keyring).map_err(|source| KeystoreError::Unusable { path: path(), source })
}

fn hold_secrets(verifier: &mut Verifier, keystore: &Keystore) -> Result<(), Error> {
    for key in keystore.keys() {
        if key.algorithm == Algorithm::HmacSha256 && key.purpose == Purpose::Token {
            verifier.hold_secret(key.kid, &key.secret)?;
        }
    }
    Ok(())
}

async fn offer(
    verifier: &mut Verifier,
    connection: &mut Connection,
    stamp: &[u8],
    now: Time,
) -> Result<(), Error> {
    let Some(mut update) = verifier.offer_stamp(stamp, now)? else {
        return Ok(());
    };
    if let Some(name) = update.wants_head() {
        let (head, _) = stored_head(connection, name.digest).await?;
        update.offer_head(&head, verifier.keyring(), now)?;
    }
    for name in update.wants_bodies() {
        let body = shards::body(connection, name.digest).await?;
        update.offer_body(&body.ok_or(ListError::WrongDigest(Part::Body))?)?;
    }
    Ok(verifier.commit(update)?)
}

/// The head with this digest. A row of this database refers to it, so it must exist.
pub(crate) async fn stored_head(
    connection: &mut Connection,
    digest: Digest,
) -> Result<(Vec<u8>, Vec<Digest>), Error> {
    Ok(lists::head(connection, digest).await?.ok_or(ListError::WrongDigest(Part::Head))?)
}
