//! A replica of what is published, as any verifier would hold it: it judges the keys that come to
//! the issuer itself, and reads back what is about to be published.
//!
//! The database is what counts: each use first looks whether another process has published.

use std::sync::Arc;

use portcullis_core::crypto::Digest;
use portcullis_core::keyring::Purpose;
use portcullis_core::list::{ListError, Mark};
use portcullis_core::replica::Replica;
use portcullis_core::time::Time;
use portcullis_core::token::Algorithm;
use portcullis_core::verify::{Accepted, Demand, Refusal};
use tokio::sync::Mutex;

use crate::error::Error;
use crate::keystore::Keystore;
use crate::store::Connection;
use crate::store::{lists, shards};

/// The replica, and the stamp that it was last brought up to.
#[derive(Debug)]
pub(crate) struct Mirror {
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    replica: Arc<Replica>,
    stamp: Vec<u8>,
}

/// The replica as of one look at the database.
#[derive(Clone, Debug)]
pub struct View {
    replica: Arc<Replica>,
    refused: Option<ListError>,
}

impl View {
    /// Judges `text` at `now` as a gate that holds every secret would.
    ///
    /// # Errors
    /// [`Refusal`].
    pub fn verify(&self, text: &str, demand: &Demand, now: Time) -> Result<Accepted, Refusal> {
        let verdict = self.replica.verify(text, demand, now);
        match (verdict, self.refused) {
            // The list that is out is not one to judge by: that is the reason, not the lack of it.
            (Err(Refusal::List(ListError::Missing)), Some(error)) => Err(Refusal::List(error)),
            (verdict, _) => verdict,
        }
    }

    /// The replica.
    #[must_use]
    pub fn replica(&self) -> &Replica {
        &self.replica
    }

    /// The mark of the list that is held.
    #[must_use]
    pub fn mark(&self) -> Option<Mark> {
        self.replica.list().map(portcullis_core::list::List::mark)
    }
}

impl Mirror {
    /// A mirror that trusts the keystore's root and holds its HMAC secrets.
    pub(crate) fn new(keystore: &Keystore, keyring: &[u8]) -> Result<Self, Error> {
        let mut replica = Replica::new(*keystore.root(), keyring)?;
        hold_secrets(&mut replica, keystore)?;
        Ok(Self { held: Mutex::new(Held { replica: Arc::new(replica), stamp: Vec::new() }) })
    }

    /// Looks at what is published and takes what is new.
    pub(crate) async fn view(
        &self,
        connection: &mut Connection,
        keystore: &Keystore,
        now: Time,
    ) -> Result<View, Error> {
        let mut held = self.held.lock().await;
        held.renew_keyring(connection, keystore).await?;
        let published = match lists::published(connection).await {
            Err(Error::NoList) => None,
            other => Some(other?),
        };
        let mut refused = None;
        if let Some(published) = published.filter(|published| published.stamp != held.stamp) {
            let mut replica = Replica::clone(&held.replica);
            match offer(&mut replica, connection, &published.stamp, now).await {
                Ok(()) => {
                    held.replica = Arc::new(replica);
                    held.stamp = published.stamp;
                }
                // Whether what is held may be judged by is looked at again at each verdict.
                Err(Error::List(error)) => refused = Some(error),
                Err(error) => return Err(error),
            }
        }
        Ok(View { replica: Arc::clone(&held.replica), refused })
    }

    /// Reads a stamp back with the verifying half, before anybody else sees it.
    pub(crate) async fn read_back(
        &self,
        connection: &mut Connection,
        keystore: &Keystore,
        stamp: &[u8],
        now: Time,
    ) -> Result<(), Error> {
        let mut held = self.held.lock().await;
        held.renew_keyring(connection, keystore).await?;
        let mut replica = Replica::clone(&held.replica);
        drop(held);
        offer(&mut replica, connection, stamp, now).await
    }
}

impl Held {
    async fn renew_keyring(
        &mut self,
        connection: &mut Connection,
        keystore: &Keystore,
    ) -> Result<(), Error> {
        if lists::keyring_version(connection).await? == self.replica.keyring().version() {
            return Ok(());
        }
        let mut replica = Replica::clone(&self.replica);
        replica.offer_keyring(&lists::keyring(connection).await?)?;
        hold_secrets(&mut replica, keystore)?;
        self.replica = Arc::new(replica);
        Ok(())
    }
}

fn hold_secrets(replica: &mut Replica, keystore: &Keystore) -> Result<(), Error> {
    for key in keystore.keys() {
        if key.algorithm == Algorithm::HmacSha256 && key.purpose == Purpose::Token {
            replica.hold_secret(key.kid, &key.secret)?;
        }
    }
    Ok(())
}

async fn offer(
    replica: &mut Replica,
    connection: &mut Connection,
    stamp: &[u8],
    now: Time,
) -> Result<(), Error> {
    let Some(mut update) = replica.offer_stamp(stamp, now)? else {
        return Ok(());
    };
    if let Some(name) = update.wants_head() {
        let (head, _) = stored_head(connection, name.digest).await?;
        update.offer_head(&head, replica.keyring(), now)?;
    }
    for name in update.wants_bodies() {
        let body = shards::body(connection, name.digest).await?;
        update.offer_body(&body.ok_or(ListError::WrongDigest("body"))?)?;
    }
    Ok(replica.commit(update)?)
}

/// The head that a row of this database names.
pub(crate) async fn stored_head(
    connection: &mut Connection,
    digest: Digest,
) -> Result<(Vec<u8>, Vec<Digest>), Error> {
    Ok(lists::head(connection, digest).await?.ok_or(ListError::WrongDigest("head"))?)
}
