//! What an action may touch, in the name of one actor: the store, the signing keys, the clock, the
//! folder, and this process's metrics and health.
//!
//! An action gets a context and no publisher. It returns `Unannounced`, which the publisher
//! announces. The test of layers keeps actions from importing the publisher.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use portcullis_core::crypto::PublicKey;
use portcullis_core::list::{Bundle, ListError, Part};
use portcullis_core::time::Time;

use crate::actor::{Actor, Who};
use crate::clock::{Clock, Reading};
use crate::error::Error;
use crate::health::Health;
use crate::home::Home;
use crate::keystore::Keystore;
use crate::local_verifier::{LocalVerifier, PublishedState, stored_head};
use crate::metrics::Metrics;
use crate::store::lists::{self, Published};
use crate::store::shards::{self, Shard};
use crate::store::{Change, Connection, Store};

/// What an action may touch. Clones share it and are cheap; each has its own actor and reason.
#[derive(Clone)]
pub struct Context {
    inner: Arc<Inner>,
    actor: Actor,
    reason: Option<Arc<str>>,
    lane: Lane,
}

/// The pool of database connections to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lane {
    Requests,
    Publishing,
}

struct Inner {
    home: Home,
    store: Store,
    publishing: Store,
    root: PublicKey,
    clock: Arc<dyn Clock>,
    trusts_clock: bool,
    local_verifier: LocalVerifier,
    metrics: Metrics,
    health: Health,
    ending: AtomicBool,
}

impl Context {
    /// Reads the keystore in `home` and opens the database. The actor is the user of the process.
    ///
    /// # Errors
    /// [`Error::NotInitialised`], and a separate error for each kind of damage to the keystore and
    /// the database. Nothing is repaired or recreated.
    pub(crate) async fn open(
        home: &Home,
        clock: Arc<dyn Clock>,
        trusts_clock: bool,
    ) -> Result<Self, Error> {
        if let Err(error) = home.check_keystore() {
            // The folder may be empty because the records are elsewhere.
            if Store::holds_issuer(&home.database()).await {
                let beside = "the database that DATABASE_URL names".to_owned();
                return Err(Error::KeystoreLost { keystore: home.keystore(), beside });
            }
            return Err(error);
        }
        // The root key may be elsewhere. If it is here, it must be as private as the keystore.
        if home.root_key().exists() {
            crate::files::read_secret(&home.root_key())?;
        }
        let keystore = Keystore::read(&home.keystore_vault())?;
        let root = *keystore.root();
        let mut store =
            Store::open(&home.database(), keystore.issuer(), Arc::clone(&clock)).await?;
        if trusts_clock {
            store = store.trusting_its_clock();
        }
        let opened = async {
            let local_verifier = verifier_of(home, keystore, &store, clock.now()).await?;
            Ok::<_, Error>((local_verifier, store.for_publishing()?))
        };
        match opened.await {
            Ok((local_verifier, publishing)) => {
                let inner = Inner {
                    home: home.clone(),
                    store,
                    publishing,
                    root,
                    clock,
                    trusts_clock,
                    local_verifier,
                    metrics: Metrics::new(),
                    health: Health::default(),
                    ending: AtomicBool::new(false),
                };
                let (actor, lane) = (Actor::process(), Lane::Requests);
                Ok(Self { inner: Arc::new(inner), actor, reason: None, lane })
            }
            Err(error) => {
                store.close().await;
                Err(error)
            }
        }
    }

    /// The same context with another actor.
    #[must_use]
    pub fn acting_as(&self, actor: Actor) -> Self {
        Self { actor, ..self.clone() }
    }

    /// The same context with a reason, which the events of its changes record.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a reason that is blank or longer than 255 characters.
    pub fn because(&self, reason: Option<&str>) -> Result<Self, Error> {
        reason.map_or(Ok(()), |reason| crate::text::check_text("reason", reason))?;
        Ok(Self { reason: reason.map(Into::into), ..self.clone() })
    }

    /// The same context with the database connections reserved for publishing, which never wait
    /// for requests.
    #[must_use]
    pub(crate) fn publishing(&self) -> Self {
        Self { lane: Lane::Publishing, ..self.clone() }
    }

    /// The actor.
    #[must_use]
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The actor, the person it acts for, and the reason.
    pub(crate) fn who<'a>(&'a self, on_behalf_of: Option<&'a str>) -> Who<'a> {
        Who::new(&self.actor, on_behalf_of).because(self.reason.as_deref())
    }

    /// Starts a change by this context's actor, on behalf of the person that the caller names.
    pub(crate) async fn change<'a>(
        &'a self,
        on_behalf_of: Option<&'a str>,
    ) -> Result<Change<'a>, Error> {
        Ok(self.store().change(self.who(on_behalf_of)).await?)
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        match self.lane {
            Lane::Requests => &self.inner.store,
            Lane::Publishing => &self.inner.publishing,
        }
    }

    /// The issuer's folder.
    #[must_use]
    pub fn home(&self) -> &Home {
        &self.inner.home
    }

    /// The signing keys, as of the last read of the keyring.
    #[must_use]
    pub fn keystore(&self) -> Arc<Keystore> {
        self.inner.local_verifier.keystore()
    }

    /// The root's public key, which verifiers pin.
    #[must_use]
    pub fn root(&self) -> &PublicKey {
        &self.inner.root
    }

    /// The current time.
    #[must_use]
    pub fn now(&self) -> Time {
        self.inner.clock.now()
    }

    /// Whether the clock is trusted without comparing it.
    pub(crate) fn trusts_clock(&self) -> bool {
        self.inner.trusts_clock
    }

    /// Both clocks' readings.
    pub(crate) fn read_clock(&self) -> Reading {
        self.inner.clock.read()
    }

    /// This process's metrics.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// The state of this process's publishing loop.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.inner.health
    }

    /// Asks event streams and the webhook dispatcher to end.
    pub fn end(&self) {
        self.inner.ending.store(true, Ordering::Relaxed);
    }

    /// Whether [`Context::end`] was called.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.inner.ending.load(Ordering::Relaxed)
    }

    /// The published state, as a verifier sees it.
    pub(crate) async fn published_state(
        &self,
        connection: &mut Connection,
    ) -> Result<PublishedState, Error> {
        self.inner.local_verifier.view(connection, self.now()).await
    }

    /// Reads a stamp back with the verifying half before it is published.
    pub(crate) async fn read_back(
        &self,
        connection: &mut Connection,
        stamp: &[u8],
    ) -> Result<(), Error> {
        self.inner.local_verifier.read_back(connection, stamp, self.now()).await
    }

    /// The newest keyring document.
    pub(crate) async fn keyring_document(&self) -> Result<Vec<u8>, Error> {
        Ok(lists::keyring(&mut *self.store().read().await?).await?)
    }

    /// The published list, from the database.
    pub(crate) async fn published(&self) -> Result<Published, Error> {
        Ok(lists::published(&mut *self.store().read().await?).await?)
    }

    /// The published list, and all shards.
    pub(crate) async fn overview(&self) -> Result<(Published, Vec<Shard>), Error> {
        let mut reading = self.store().read().await?;
        Ok((lists::published(&mut reading).await?, shards::shards(&mut reading).await?))
    }

    /// The published keyring, stamp, head and bodies as one file.
    pub(crate) async fn bundle(&self) -> Result<Vec<u8>, Error> {
        let mut reading = self.store().read().await?;
        let keyring = lists::keyring(&mut reading).await?;
        let published = lists::published(&mut reading).await?;
        let (head, digests) = stored_head(&mut reading, published.digest).await?;
        let mut bodies = Vec::with_capacity(digests.len());
        for digest in digests {
            let missing = ListError::WrongDigest(Part::Body);
            bodies.push(shards::body(&mut reading, digest).await?.ok_or(missing)?);
        }
        let bodies = bodies.iter().map(Vec::as_slice).collect();
        let bundle = Bundle { keyring: &keyring, stamp: &published.stamp, head: &head, bodies };
        Ok(bundle.encode())
    }
}

/// Reads the published state, and checks that the keystore matches the keyring.
pub(crate) async fn verifier_of(
    home: &Home,
    keystore: Keystore,
    store: &Store,
    now: Time,
) -> Result<LocalVerifier, Error> {
    let mut reading = store.read().await?;
    let document = lists::keyring(&mut reading).await?;
    let local_verifier = LocalVerifier::new(home.keystore_vault(), keystore, &document)?;
    local_verifier.view(&mut reading, now).await?;
    Ok(local_verifier)
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Context({}, {:?})", self.keystore().issuer(), self.actor)
    }
}
