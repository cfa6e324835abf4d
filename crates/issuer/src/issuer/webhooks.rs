//! Webhooks, and their deliveries.

use std::time::Duration;

use crate::error::Error;
use crate::publish::Publisher;
use crate::store::webhooks::{Delivery, DeliveryState, WebhookRecord};
use crate::webhooks::{self, Dispatcher, NewWebhook, Reach, Replay, WebhookChange, WithSecret};

/// Webhooks, and their deliveries.
///
/// See [`Issuer::webhooks`](crate::Issuer::webhooks).
#[derive(Clone, Copy, Debug)]
pub struct WebhookOperations<'a>(pub(super) &'a Publisher);

impl WebhookOperations<'_> {
    /// Makes an endpoint, which receives the events from now on. Its secret is shown only once.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an address outside `reach`, and the store's.
    pub async fn create(self, new: &NewWebhook, reach: Reach) -> Result<WithSecret, Error> {
        webhooks::create_webhook(self.0.context(), new, reach).await
    }

    /// One endpoint.
    ///
    /// # Errors
    /// [`Error::NoWebhook`] and the store's.
    pub async fn show(self, id: &str) -> Result<WebhookRecord, Error> {
        webhooks::show_webhook(self.0.context(), id).await
    }

    /// All endpoints.
    ///
    /// # Errors
    /// The store's.
    pub async fn list(self) -> Result<Vec<WebhookRecord>, Error> {
        webhooks::list_webhooks(self.0.context()).await
    }

    /// Changes an endpoint.
    ///
    /// # Errors
    /// [`Error::NoWebhook`], [`Error::Invalid`] and the store's.
    pub async fn update(
        self,
        id: &str,
        change: &WebhookChange,
        by: Option<&str>,
        reach: Reach,
    ) -> Result<WebhookRecord, Error> {
        webhooks::update_webhook(self.0.context(), id, change, by, reach).await
    }

    /// Gives an endpoint a new secret, shown only once. The old one also signs for `overlap`.
    ///
    /// # Errors
    /// [`Error::NoWebhook`] and the store's.
    pub async fn rotate(
        self,
        id: &str,
        overlap: Duration,
        by: Option<&str>,
    ) -> Result<WithSecret, Error> {
        webhooks::rotate_webhook(self.0.context(), id, overlap, by).await
    }

    /// Deletes an endpoint and its pending deliveries.
    ///
    /// # Errors
    /// [`Error::NoWebhook`] and the store's.
    pub async fn delete(self, id: &str, by: Option<&str>) -> Result<(), Error> {
        webhooks::delete_webhook(self.0.context(), id, by).await
    }

    /// The deliveries of an endpoint, newest first. The dead ones are its dead-letter list.
    ///
    /// # Errors
    /// [`Error::NoWebhook`], [`Error::Invalid`] and the store's.
    pub async fn deliveries(
        self,
        id: &str,
        state: Option<DeliveryState>,
        before: Option<i64>,
        limit: Option<u32>,
    ) -> Result<Vec<Delivery>, Error> {
        webhooks::list_deliveries(self.0.context(), id, state, before, limit).await
    }

    /// Sends deliveries again. Returns how many are pending for that; for [`Replay::After`], the
    /// number of events to process.
    ///
    /// # Errors
    /// [`Error::NoWebhook`], [`Error::Invalid`] if the delivery doesn't exist,
    /// [`Error::EventsRemoved`] if events after that one were removed, and the store's.
    pub async fn replay(self, id: &str, what: Replay) -> Result<u64, Error> {
        webhooks::replay_webhook(self.0.context(), id, what).await
    }

    /// A dispatcher of deliveries, which connects only to addresses within `reach`.
    ///
    /// # Errors
    /// [`Error`] if the client of HTTP can't be made.
    pub fn dispatcher(self, reach: Reach) -> Result<Dispatcher, Error> {
        Dispatcher::new(self.0.context().clone(), reach)
    }
}
