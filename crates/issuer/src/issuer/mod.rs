//! The issuer: one value that opens a folder and offers every operation on it, by subject.
//!
//! ```text
//! issuer.keys().revoke(..)   an action: checks, then record and event in one transaction
//!                            -> Unannounced -> the publisher announces it -> Committed
//! ```
//!
//! The operations themselves are free functions in [`actions`](crate::actions),
//! [`publish`](crate::publish), [`events`](crate::events), [`schedule`](crate::schedule),
//! [`webhooks`](crate::webhooks) and [`backup`](crate::backup). They get a context or a publisher,
//! never the issuer.

pub mod admins;
pub mod bulk;
pub mod jobs;
pub mod keyring;
pub mod keys;
pub mod list;
pub mod owners;
pub mod policies;
pub mod recovery;
pub mod settings;
pub mod trail;
pub mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use portcullis_core::crypto::PublicKey;
use portcullis_core::time::Time;

use self::admins::AdminOperations;
use self::bulk::BulkOperations;
use self::jobs::JobOperations;
use self::keyring::KeyringOperations;
use self::keys::KeyOperations;
use self::list::ListOperations;
use self::owners::OwnerOperations;
use self::policies::PolicyOperations;
use self::recovery::RecoveryOperations;
use self::settings::SettingsOperations;
use self::trail::TrailOperations;
use self::webhooks::WebhookOperations;
use crate::actor::Actor;
use crate::clock::{Clock, Reading};
use crate::context::Context;
use crate::error::Error;
use crate::health::Health;
use crate::home::Home;
use crate::keystore::Keystore;
use crate::metrics::{self, Metrics};
use crate::publish::{PublishOptions, Publisher};
use crate::status::StatusLists;
use crate::store::Store;

/// A handle on an open issuer. Everything done through it is attributed to its actor. Clones
/// share one issuer and are cheap.
#[derive(Clone)]
pub struct Issuer {
    publisher: Publisher,
}

impl Issuer {
    /// Opens the issuer in `home`. `valid_for` is the validity of each stamp.
    ///
    /// # Errors
    /// [`Error::NotInitialised`], and a separate error for each kind of damage to the keystore and
    /// the database. The database is brought up to date; damage is not repaired, and nothing lost
    /// is recreated.
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
        let context = Context::open(home, clock, publish_options.trust_clock).await?;
        let ready = async {
            crate::upkeep::upkeep(&context).await?;
            crate::backup::mark_restored(&context).await
        };
        if let Err(error) = ready.await {
            context.store().close().await;
            return Err(error);
        }
        Ok(Self { publisher: Publisher::new(context, publish_options) })
    }

    /// The same issuer with another actor. The handle from [`Issuer::open`] acts as the user of the
    /// process.
    #[must_use]
    pub fn acting_as(&self, actor: Actor) -> Self {
        Self { publisher: self.publisher.with(self.context().acting_as(actor)) }
    }

    /// The same issuer with a reason. The reason is recorded in the event of each operation through
    /// this handle that revokes, rolls, suspends, resumes or deletes keys or changes the settings.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a reason that is blank or longer than 255 characters.
    pub fn because(&self, reason: Option<&str>) -> Result<Self, Error> {
        Ok(Self { publisher: self.publisher.with(self.context().because(reason)?) })
    }

    /// API keys.
    #[must_use]
    pub const fn keys(&self) -> KeyOperations<'_> {
        KeyOperations(&self.publisher)
    }

    /// Admin keys, as the API authenticates them.
    #[must_use]
    pub const fn admins(&self) -> AdminOperations<'_> {
        AdminOperations(&self.publisher)
    }

    /// Bulk revocations and suspensions.
    #[must_use]
    pub const fn bulk(&self) -> BulkOperations<'_> {
        BulkOperations(&self.publisher)
    }

    /// Owners.
    #[must_use]
    pub const fn owners(&self) -> OwnerOperations<'_> {
        OwnerOperations(&self.publisher)
    }

    /// Policies.
    #[must_use]
    pub const fn policies(&self) -> PolicyOperations<'_> {
        PolicyOperations(&self.publisher)
    }

    /// The settings.
    #[must_use]
    pub const fn settings(&self) -> SettingsOperations<'_> {
        SettingsOperations(&self.publisher)
    }

    /// The keyring, its signers and labels.
    #[must_use]
    pub const fn keyring(&self) -> KeyringOperations<'_> {
        KeyringOperations(&self.publisher)
    }

    /// The revocation list, its publication and targets.
    #[must_use]
    pub const fn list(&self) -> ListOperations<'_> {
        ListOperations(&self.publisher)
    }

    /// Backups and recovery.
    #[must_use]
    pub const fn recovery(&self) -> RecoveryOperations<'_> {
        RecoveryOperations(&self.publisher)
    }

    /// The audit trail.
    #[must_use]
    pub const fn trail(&self) -> TrailOperations<'_> {
        TrailOperations(&self.publisher)
    }

    /// Scheduled jobs.
    #[must_use]
    pub const fn jobs(&self) -> JobOperations<'_> {
        JobOperations(&self.publisher)
    }

    /// Webhooks.
    #[must_use]
    pub const fn webhooks(&self) -> WebhookOperations<'_> {
        WebhookOperations(&self.publisher)
    }

    /// What actions may touch, in the name of this handle's actor.
    pub(crate) const fn context(&self) -> &Context {
        self.publisher.context()
    }

    /// The actor of this handle.
    #[must_use]
    pub const fn actor(&self) -> &Actor {
        self.context().actor()
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> &Store {
        self.context().store()
    }

    /// The issuer's folder.
    #[must_use]
    pub fn home(&self) -> &Home {
        self.context().home()
    }

    /// The signing keys, as of the last read of the keyring.
    #[must_use]
    pub fn keystore(&self) -> Arc<Keystore> {
        self.context().keystore()
    }

    /// The root's public key, which verifiers pin.
    #[must_use]
    pub fn root(&self) -> &PublicKey {
        self.context().root()
    }

    /// The current time.
    #[must_use]
    pub fn now(&self) -> Time {
        self.context().now()
    }

    /// Both clocks' readings.
    #[must_use]
    pub fn read_clock(&self) -> Reading {
        self.context().read_clock()
    }

    /// This process's metrics.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        self.context().metrics()
    }

    /// The metrics of this process and of the database as a text for Prometheus.
    ///
    /// # Errors
    /// The database's.
    pub async fn metrics_text(&self) -> Result<String, Error> {
        metrics::metrics_text(self.context()).await
    }

    /// The state of this process's publishing loop.
    #[must_use]
    pub fn health(&self) -> &Health {
        self.context().health()
    }

    /// The status lists, if they are published.
    #[must_use]
    pub fn status_lists(&self) -> Option<&StatusLists> {
        self.publisher.status_lists()
    }

    /// Closes the connections to the database.
    pub async fn close(&self) {
        self.store().close().await;
    }

    /// Asks event streams and the webhook dispatcher to end.
    pub fn end(&self) {
        self.context().end();
    }

    /// Whether [`Issuer::end`] was called.
    #[must_use]
    pub fn is_ending(&self) -> bool {
        self.context().is_ending()
    }
}

impl std::fmt::Debug for Issuer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Issuer({})", self.keystore().issuer())
    }
}
