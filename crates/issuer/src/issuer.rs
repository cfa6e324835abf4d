//! The issuer: store, keystore and clock together. The rules are methods of it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use portcullis_core::crypto::PublicKey;
use portcullis_core::list::{Bundle, ListVersion};
use portcullis_core::time::Time;
use tokio::sync::{Mutex, Notify};

use crate::actor::{Actor, Who};
use crate::clock::{Clock, Reading};
use crate::error::Error;
use crate::health::Health;
use crate::keystore::{Keystore, Unlock, Vault};
use crate::local_verifier::{LocalVerifier, PublishedState};
use crate::metrics::Metrics;
use crate::publish::{PolicyTrees, PublishQueue};
use crate::status::StatusLists;
use crate::store::Connection;
use crate::store::lists::{self, Published};
use crate::store::shards::{self, Shard};
use crate::store::{Database, Store};

/// How long a stamp is valid where nothing else is said.
pub const DEFAULT_VALID_FOR: Duration = Duration::from_secs(5 * 60);

/// The files of an issuer's folder.
#[derive(Clone, Debug)]
pub struct Home {
    path: PathBuf,
    database: Option<Database>,
    unlock: Unlock,
}

impl Home {
    /// The folder at `path`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), database: None, unlock: Unlock::default() }
    }

    /// The same with its records elsewhere than in the folder.
    #[must_use]
    pub fn with_database(self, database: Database) -> Self {
        Self { database: Some(database), ..self }
    }

    /// The same with what opens its encrypted files.
    #[must_use]
    pub fn with_unlock(self, unlock: Unlock) -> Self {
        Self { unlock, ..self }
    }

    /// What opens its encrypted files.
    #[must_use]
    pub const fn unlock(&self) -> &Unlock {
        &self.unlock
    }

    /// The keystore, with what opens it.
    #[must_use]
    pub fn keystore_vault(&self) -> Vault {
        Vault::new(self.keystore(), self.unlock.clone())
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database: `issuer.db` in the folder, unless it was placed elsewhere.
    #[must_use]
    pub fn database(&self) -> Database {
        self.database.clone().unwrap_or_else(|| Database::File(self.database_file()))
    }

    /// Where the database is if it is a file in the folder.
    #[must_use]
    pub fn database_file(&self) -> PathBuf {
        self.path.join("issuer.db")
    }

    /// The keystore.
    #[must_use]
    pub fn keystore(&self) -> PathBuf {
        self.path.join("keystore.json")
    }

    /// There while what `restore` has put here is still to be looked at.
    #[must_use]
    pub(crate) fn restored_mark(&self) -> PathBuf {
        self.path.join("restored")
    }

    /// Tells a folder without an issuer from one whose keystore is gone.
    ///
    /// # Errors
    /// [`Error::NotInitialised`], [`Error::KeystoreLost`].
    pub fn check_keystore(&self) -> Result<(), Error> {
        let keystore = self.keystore();
        if keystore.exists() {
            return Ok(());
        }
        let beside = [self.database_file(), self.root_key()].into_iter().find(|path| path.exists());
        Err(match beside {
            Some(path) => Error::KeystoreLost { keystore, beside: path.display().to_string() },
            None => Error::NotInitialised { home: self.path.clone() },
        })
    }

    /// The root key, unless it is kept elsewhere.
    #[must_use]
    pub fn root_key(&self) -> PathBuf {
        self.path.join("root.key")
    }
}

/// An issuer at work, in somebody's hands: what is done by this handle is its actor's doing. Cheap
/// to clone; all clones are one issuer.
#[derive(Clone)]
pub struct Issuer {
    inner: Arc<Inner>,
    actor: Actor,
    reason: Option<Arc<str>>,
    lane: Lane,
}

/// Whose connections to the database are used.
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
    /// Told of each list that goes out.
    status_wanted: Notify,
}

/// What is promised of what is published.
#[derive(Clone, Debug, Default)]
pub struct PublishOptions {
    /// How long each stamp is valid; as long as the last one where nothing is said.
    pub valid_for: Option<Duration>,
    /// Status lists, where they are published too.
    pub status_lists: Option<StatusLists>,
    /// The clock is right, whatever it is compared with.
    pub trust_clock: bool,
}

impl Issuer {
    /// Opens the issuer in `home`. `valid_for` is how long each stamp is valid.
    ///
    /// # Errors
    /// [`Error::NotInitialised`], and each kind of damage to keystore and database under its own
    /// name; nothing is repaired or made anew.
    pub async fn open(
        home: &Home,
        clock: Arc<dyn Clock>,
        valid_for: Duration,
    ) -> Result<Self, Error> {
        let publish_options =
            PublishOptions { valid_for: Some(valid_for), ..PublishOptions::default() };
        Self::open_with(home, clock, publish_options).await
    }

    /// Opens the issuer in `home`, to publish on these terms.
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
        // The root key may lie elsewhere. Where it lies here it must be as private as the keystore.
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

    /// The same issuer in other hands: what is done by this handle is the doing of `actor`. Whoever
    /// opened it is whoever runs the process.
    #[must_use]
    pub fn acting_as(&self, actor: Actor) -> Self {
        Self { actor, ..self.clone() }
    }

    /// The same issuer for acts that have this reason: it goes into the event of each act by this
    /// handle that ends a key, keeps it from counting, or lets it count again.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a reason that is blank, or longer than 255 characters.
    pub fn because(&self, reason: Option<&str>) -> Result<Self, Error> {
        reason.map_or(Ok(()), |reason| crate::actions::check_text("reason", reason))?;
        Ok(Self { reason: reason.map(Into::into), ..self.clone() })
    }

    /// Who acts by this handle.
    #[must_use]
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Who acts by this handle, on whose behalf they say that they do, and why.
    pub(crate) fn who<'a>(&'a self, on_behalf_of: Option<&'a str>) -> Who<'a> {
        Who::new(&self.actor, on_behalf_of).because(self.reason.as_deref())
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        match self.lane {
            Lane::Requests => &self.inner.store,
            Lane::Publishing => &self.inner.publishing,
        }
    }

    /// The same issuer with connections to the database that are kept for publishing: it waits for
    /// none of those who ask, however many they are.
    #[must_use]
    pub(crate) fn publishing(&self) -> Self {
        Self { lane: Lane::Publishing, ..self.clone() }
    }

    /// The issuer's folder.
    #[must_use]
    pub fn home(&self) -> &Home {
        &self.inner.home
    }

    /// The signing keys, as of the last look at the keyring: they change when it does.
    #[must_use]
    pub fn keystore(&self) -> Arc<Keystore> {
        self.inner.local_verifier.keystore()
    }

    /// The root's public key, which verifiers pin.
    #[must_use]
    pub fn root(&self) -> &PublicKey {
        &self.inner.root
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> Time {
        self.inner.clock.now()
    }

    /// Now, by both clocks.
    pub(crate) fn read_clock(&self) -> Reading {
        self.inner.clock.read()
    }

    /// Whether the clock is trusted whatever it is compared with.
    pub(crate) fn trusts_clock(&self) -> bool {
        self.inner.publish_options.trust_clock
    }

    pub(crate) fn publish_queue(&self) -> &PublishQueue {
        &self.inner.publish_queue
    }

    pub(crate) fn policy_trees(&self) -> &Mutex<Option<PolicyTrees>> {
        &self.inner.policy_trees
    }

    /// What this process counts and measures.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// How the beats of this process go.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.inner.health
    }

    /// Asks what follows the outbox to end: event streams and the dispatcher of webhooks.
    pub fn end(&self) {
        self.inner.ending.store(true, Ordering::Relaxed);
    }

    /// Whether [`Issuer::end`] was called.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.inner.ending.load(Ordering::Relaxed)
    }

    /// How long a stamp is to be valid that comes after `last`.
    pub(crate) fn valid_for_millis(&self, last: Option<&ListVersion>) -> u64 {
        let millis = |valid: Duration| u64::try_from(valid.as_millis()).unwrap_or(u64::MAX);
        let as_last = || {
            last.map(|list_version| list_version.next_update.millis_since(list_version.this_update))
        };
        let said = self.inner.publish_options.valid_for.map(millis).or_else(as_last);
        said.unwrap_or(millis(DEFAULT_VALID_FOR))
    }

    /// The status lists that are published beside the revocation list, where they are.
    #[must_use]
    pub fn status_lists(&self) -> Option<&StatusLists> {
        self.inner.publish_options.status_lists.as_ref()
    }

    pub(crate) fn status_wanted(&self) -> &Notify {
        &self.inner.status_wanted
    }

    /// What is published, as a verifier holds it.
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
        lists::keyring(&mut *self.store().read().await?).await
    }

    /// What is out, from the database.
    ///
    /// # Errors
    /// [`Error::NoList`] and the database's.
    pub async fn published(&self) -> Result<Published, Error> {
        lists::published(&mut *self.store().read().await?).await
    }

    /// What is out, and the shards that there are.
    ///
    /// # Errors
    /// As [`Issuer::published`].
    pub async fn overview(&self) -> Result<(Published, Vec<Shard>), Error> {
        let mut reading = self.store().read().await?;
        Ok((lists::published(&mut reading).await?, shards::shards(&mut reading).await?))
    }

    /// Keyring, stamp, head and bodies of what is out, as one file.
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
            let missing = portcullis_core::list::ListError::WrongDigest("body");
            bodies.push(shards::body(&mut reading, digest).await?.ok_or(missing)?);
        }
        let bodies = bodies.iter().map(Vec::as_slice).collect();
        let bundle = Bundle { keyring: &keyring, stamp: &published.stamp, head: &head, bodies };
        Ok(bundle.encode())
    }
}

/// Looks at what is published, and whether keystore and keyring belong together.
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
