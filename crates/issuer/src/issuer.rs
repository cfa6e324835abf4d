//! The issuer: store, keystore and clock. The rules are its methods.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use portcullis_core::crypto::PublicKey;
use portcullis_core::list::{Bundle, ListVersion, Part};
use portcullis_core::time::Time;
use tokio::sync::{Mutex, Notify};

use crate::actor::{Actor, Who};
use crate::clock::{Clock, Reading};
use crate::committed::Committed;
use crate::error::Error;
use crate::health::Health;
use crate::home::Home;
use crate::keystore::Keystore;
use crate::local_verifier::{LocalVerifier, PublishedState};
use crate::metrics::Metrics;
use crate::publish::{PolicyTrees, PublishQueue};
use crate::status::StatusLists;
use crate::store::Change;
use crate::store::Connection;
use crate::store::Store;
use crate::store::lists::{self, Published};
use crate::store::shards::{self, Shard};

/// The default validity of a stamp.
pub const DEFAULT_VALID_FOR: Duration = Duration::from_secs(5 * 60);

/// A handle on a running issuer. Everything done through it is attributed to its actor. Clones
/// share one issuer and are cheap.
#[derive(Clone)]
pub struct Issuer {
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
    local_verifier: LocalVerifier,
    publish_queue: PublishQueue,
    policy_trees: Mutex<Option<PolicyTrees>>,
    publish_options: PublishOptions,
    metrics: Metrics,
    health: Health,
    ending: AtomicBool,
    /// Notified after each published list.
    status_wanted: Notify,
}

/// The terms of publishing.
#[derive(Clone, Debug, Default)]
pub struct PublishOptions {
    /// The validity of each stamp; by default that of the last one.
    pub valid_for: Option<Duration>,
    /// The status lists, if they are published.
    pub status_lists: Option<StatusLists>,
    /// Trust the clock without comparing it.
    pub trust_clock: bool,
}

impl Issuer {
    /// Opens the issuer in `home`. `valid_for` is the validity of each stamp.
    ///
    /// # Errors
    /// [`Error::NotInitialised`], and a separate error for each kind of damage to the keystore and
    /// the database. Nothing is repaired or recreated.
    pub async fn open(
        home: &Home,
        clock: Arc<dyn Clock>,
        valid_for: Duration,
    ) -> Result<Self, Error> {
        let publish_options =
            PublishOptions { valid_for: Some(valid_for), ..PublishOptions::default() };
        Self::open_with(home, clock, publish_options).await
    }

    /// Opens the issuer in `home`, with these terms of publishing.
    ///
    /// # Errors
    /// As [`Issuer::open`].
    pub async fn open_with(
        home: &Home,
        clock: Arc<dyn Clock>,
        publish_options: PublishOptions,
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
        if publish_options.trust_clock {
            store = store.trusting_its_clock();
        }
        match look_in(home, keystore, &store, clock.now()).await {
            Ok(local_verifier) => {
                let home = home.clone();
                let metrics = Metrics::new();
                let ending = AtomicBool::new(false);
                let (publish_queue, policy_trees) = (PublishQueue::default(), Mutex::new(None));
                let inner = Inner {
                    home,
                    publishing: store.for_publishing()?,
                    store,
                    root,
                    clock,
                    local_verifier,
                    publish_queue,
                    policy_trees,
                    publish_options,
                    metrics,
                    health: Health::default(),
                    ending,
                    status_wanted: Notify::new(),
                };
                let issuer = Self {
                    inner: Arc::new(inner),
                    actor: Actor::process(),
                    reason: None,
                    lane: Lane::Requests,
                };
                let ready = async {
                    issuer.upkeep().await?;
                    issuer.mark_restored().await
                };
                match ready.await {
                    Ok(()) => Ok(issuer),
                    Err(error) => {
                        issuer.store().close().await;
                        Err(error)
                    }
                }
            }
            Err(error) => {
                store.close().await;
                Err(error)
            }
        }
    }

    /// The same issuer with another actor. The handle from [`Issuer::open`] acts as the user of the
    /// process.
    #[must_use]
    pub fn acting_as(&self, actor: Actor) -> Self {
        Self { actor, ..self.clone() }
    }

    /// The same issuer with a reason. The reason is recorded in the event of each operation through
    /// this handle that revokes, rolls, suspends, resumes or deletes keys or changes the settings.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a reason that is blank or longer than 255 characters.
    pub fn because(&self, reason: Option<&str>) -> Result<Self, Error> {
        reason.map_or(Ok(()), |reason| crate::text::check_text("reason", reason))?;
        Ok(Self { reason: reason.map(Into::into), ..self.clone() })
    }

    /// The actor of this handle.
    #[must_use]
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// The actor, the person it acts for, and the reason.
    pub(crate) fn who<'a>(&'a self, on_behalf_of: Option<&'a str>) -> Who<'a> {
        Who::new(&self.actor, on_behalf_of).because(self.reason.as_deref())
    }

    /// Starts a change by this handle's actor, on behalf of the person that the caller names.
    pub(crate) async fn change<'a>(
        &'a self,
        on_behalf_of: Option<&'a str>,
    ) -> Result<Change<'a>, Error> {
        Ok(self.store().change(self.who(on_behalf_of)).await?)
    }

    /// Commits a change that lists carry, and publishes.
    ///
    /// The order matters: publishing takes the database's write lock itself, so the transaction
    /// must be over.
    ///
    /// # Errors
    /// The store's. On error nothing has changed.
    pub(crate) async fn commit<T>(
        &self,
        change: Change<'_>,
        value: T,
    ) -> Result<Committed<T>, Error> {
        change.save().await?;
        Ok(Committed::new(value, self.publish().await))
    }

    /// Ends a change that an earlier request has made already, and publishes in case that request
    /// could not.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn committed_before<T>(
        &self,
        change: Change<'_>,
        value: T,
    ) -> Result<Committed<T>, Error> {
        change.rollback().await?;
        Ok(Committed::new(value, self.publish().await))
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        match self.lane {
            Lane::Requests => &self.inner.store,
            Lane::Publishing => &self.inner.publishing,
        }
    }

    /// The same issuer with the database connections reserved for publishing, which never wait for
    /// requests.
    #[must_use]
    pub(crate) fn publishing(&self) -> Self {
        Self { lane: Lane::Publishing, ..self.clone() }
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

    /// Both clocks' readings.
    pub(crate) fn read_clock(&self) -> Reading {
        self.inner.clock.read()
    }

    /// Whether the clock is trusted without comparing it.
    pub(crate) fn trusts_clock(&self) -> bool {
        self.inner.publish_options.trust_clock
    }

    pub(crate) fn publish_queue(&self) -> &PublishQueue {
        &self.inner.publish_queue
    }

    pub(crate) fn policy_trees(&self) -> &Mutex<Option<PolicyTrees>> {
        &self.inner.policy_trees
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

    /// Whether [`Issuer::end`] was called.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.inner.ending.load(Ordering::Relaxed)
    }

    /// The validity in milliseconds of the stamp after `last`.
    pub(crate) fn valid_for_millis(&self, last: Option<&ListVersion>) -> u64 {
        let millis = |valid: Duration| u64::try_from(valid.as_millis()).unwrap_or(u64::MAX);
        let as_last = || {
            last.map(|list_version| list_version.next_update.millis_since(list_version.this_update))
        };
        let said = self.inner.publish_options.valid_for.map(millis).or_else(as_last);
        said.unwrap_or(millis(DEFAULT_VALID_FOR))
    }

    /// The status lists, if they are published.
    #[must_use]
    pub fn status_lists(&self) -> Option<&StatusLists> {
        self.inner.publish_options.status_lists.as_ref()
    }

    pub(crate) fn status_wanted(&self) -> &Notify {
        &self.inner.status_wanted
    }

    /// The published state, as a verifier sees it.
    ///
    /// # Errors
    /// The database's.
    pub async fn view(&self) -> Result<PublishedState, Error> {
        let mut reading = self.store().read().await?;
        self.view_in(&mut reading).await
    }

    pub(crate) async fn view_in(
        &self,
        connection: &mut Connection,
    ) -> Result<PublishedState, Error> {
        self.inner.local_verifier.view(connection, self.now()).await
    }

    pub(crate) async fn read_back_in(
        &self,
        connection: &mut Connection,
        stamp: &[u8],
    ) -> Result<(), Error> {
        self.inner.local_verifier.read_back(connection, stamp, self.now()).await
    }

    /// The newest keyring document.
    ///
    /// # Errors
    /// The database's.
    pub async fn keyring_document(&self) -> Result<Vec<u8>, Error> {
        Ok(lists::keyring(&mut *self.store().read().await?).await?)
    }

    /// The published list, from the database.
    ///
    /// # Errors
    /// [`StoreError::NoList`](crate::store::StoreError::NoList) and the database's.
    pub async fn published(&self) -> Result<Published, Error> {
        Ok(lists::published(&mut *self.store().read().await?).await?)
    }

    /// The published list, and all shards.
    ///
    /// # Errors
    /// As [`Issuer::published`].
    pub async fn overview(&self) -> Result<(Published, Vec<Shard>), Error> {
        let mut reading = self.store().read().await?;
        Ok((lists::published(&mut reading).await?, shards::shards(&mut reading).await?))
    }

    /// The published keyring, stamp, head and bodies as one file.
    ///
    /// # Errors
    /// As [`Issuer::published`].
    pub async fn bundle(&self) -> Result<Vec<u8>, Error> {
        let mut reading = self.store().read().await?;
        let keyring = lists::keyring(&mut reading).await?;
        let published = lists::published(&mut reading).await?;
        let (head, digests) =
            crate::local_verifier::stored_head(&mut reading, published.digest).await?;
        let mut bodies = Vec::with_capacity(digests.len());
        for digest in digests {
            let missing = portcullis_core::list::ListError::WrongDigest(Part::Body);
            bodies.push(shards::body(&mut reading, digest).await?.ok_or(missing)?);
        }
        let bodies = bodies.iter().map(Vec::as_slice).collect();
        let bundle = Bundle { keyring: &keyring, stamp: &published.stamp, head: &head, bodies };
        Ok(bundle.encode())
    }
}

/// Reads the published state, and checks that the keystore matches the keyring.
pub(crate) async fn look_in(
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

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Issuer({})", self.keystore().issuer())
    }
}
