//! A replica of what is published, as any verifier would hold it: it judges the keys that come to
//! the issuer itself, and reads back what is about to be published.
//!
//! The database is what counts: each use first looks whether another process has published.

use std::sync::{Arc, PoisonError, RwLock};

use portcullis_core::crypto::Digest;
use portcullis_core::keyring::{Keyring, Purpose};
use portcullis_core::list::{ListError, ListVersion};
use portcullis_core::time::Time;
use portcullis_core::token::Algorithm;
use portcullis_core::verifier::Verifier;
use portcullis_core::verify::{Accepted, Refusal, Requirements};
use tokio::sync::Mutex;

use crate::error::Error;
use crate::keystore::{Keystore, KeystoreError, Vault};
use crate::store::Connection;
use crate::store::session::{DEADLINE, within};
use crate::store::{lists, shards};

/// The replica, the stamp that it was last brought up to, and the signing keys under its keyring.
#[derive(Debug)]
pub(crate) struct LocalVerifier {
    vault: Vault,
    /// Of which the lock is held for as long as it takes to clone or to replace the pointer.
    keystore: RwLock<Arc<Keystore>>,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    verifier: Arc<Verifier>,
    stamp: Vec<u8>,
    /// The keystore's file as it was read: looked at again while a key is missing from it.
    file: Option<FileMark>,
}

/// The replica as of one look at the database.
#[derive(Clone, Debug)]
pub struct PublishedState {
    verifier: Arc<Verifier>,
    refused: Option<ListError>,
}

impl PublishedState {
    /// Judges `text` at `now` as a gate that holds every secret would.
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
            // The list that is out is not one to judge by: that is the reason, not the lack of it.
            (Err(Refusal::List(ListError::Missing)), Some(error)) => Err(Refusal::List(error)),
            (verdict, _) => verdict,
        }
    }

    /// The replica.
    #[must_use]
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The mark of the list that is held.
    #[must_use]
    pub fn list_version(&self) -> Option<ListVersion> {
        self.verifier.list().map(portcullis_core::list::List::list_version)
    }
}

impl LocalVerifier {
    /// A mirror that trusts the keystore's root and holds its HMAC secrets.
    pub(crate) fn new(vault: Vault, keystore: Keystore, keyring: &[u8]) -> Result<Self, Error> {
        let mut verifier = Verifier::new(*keystore.root(), keyring)?;
        let keystore = under(keystore, verifier.keyring(), &vault)?;
        hold_secrets(&mut verifier, &keystore)?;
        let file = FileMark::of(&vault);
        let held = Held { verifier: Arc::new(verifier), stamp: Vec::new(), file };
        let keystore = RwLock::new(Arc::new(keystore));
        Ok(Self { vault, keystore, held: Mutex::new(held) })
    }

    /// The signing keys, as of the last look at the keyring.
    pub(crate) fn keystore(&self) -> Arc<Keystore> {
        // Nobody panics while holding it: the pointer is whole in any case.
        Arc::clone(&self.keystore.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes a newer keyring, and the keystore that goes with it.
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
        // A key that is missing is being brought from another machine, perhaps.
        let file = FileMark::of(&self.vault);
        if is_newest && (file.is_none() || file == held.file) {
            return Ok(());
        }
        let mut verifier = Verifier::clone(&held.verifier);
        verifier.offer_keyring(&lists::keyring(connection).await?)?;
        let keystore = Keystore::read(&self.vault)?;
        if keystore.root() != self.keystore().root() {
            let path = self.vault.path().to_owned();
            return Err(Error::Keystore { path, source: KeystoreError::Field("root") });
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

    /// Looks at what is published and takes what is new.
    pub(crate) async fn view(
        &self,
        connection: &mut Connection,
        now: Time,
    ) -> Result<PublishedState, Error> {
        // All who judge a key stand in line here.
        within(DEADLINE, self.look(connection, now)).await.flatten()
    }

    async fn look(&self, connection: &mut Connection, now: Time) -> Result<PublishedState, Error> {
        let mut held = self.held.lock().await;
        self.renew_keyring(&mut held, connection).await?;
        let published = match lists::published(connection).await {
            Err(Error::NoList) => None,
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
                // Whether what is held may be judged by is looked at again at each verdict.
                Err(Error::List(error)) => refused = Some(error),
                Err(error) => return Err(error),
            }
        }
        Ok(PublishedState { verifier: Arc::clone(&held.verifier), refused })
    }

    /// Reads a stamp back with the verifying half, before anybody else sees it.
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

/// By what a file that was replaced is told from what it was.
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

fn under(keystore: Keystore, keyring: &Keyring, vault: &Vault) -> Result<Keystore, Error> {
    let path = || vault.path().to_owned();
    keystore.under(keyring).map_err(|source| Error::Keystore { path: path(), source })
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
        update.offer_body(&body.ok_or(ListError::WrongDigest("body"))?)?;
    }
    Ok(verifier.commit(update)?)
}

/// The head that a row of this database names.
pub(crate) async fn stored_head(
    connection: &mut Connection,
    digest: Digest,
) -> Result<(Vec<u8>, Vec<Digest>), Error> {
    Ok(lists::head(connection, digest).await?.ok_or(ListError::WrongDigest("head"))?)
}
