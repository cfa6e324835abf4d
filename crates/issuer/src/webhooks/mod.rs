//! Webhooks: endpoints that receive events in the format of Standard Webhooks.
//!
//! ```text
//! outbox -> deliveries, by position, in one transaction -> attempts -> delivered, or dead
//! ```
//!
//! Each event is delivered to each endpoint at least once. Its `webhook-id` is the same at every
//! attempt, so a receiver can recognise duplicates.

mod deliver;
mod reach;
mod sign;

pub use deliver::{Dispatcher, Round};
pub use reach::Reach;
pub use sign::{Secret, signatures};

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_core::time::Time;
use serde::Serialize;
use serde_json::json;
use zeroize::Zeroizing;

use crate::context::Context;
use crate::error::Error;
use crate::events::{check_kept, start_in};
use crate::store::Change;
use crate::store::events::{self, EventType};
use crate::store::webhooks::{self, Delivery, DeliveryState, WebhookRecord};
use crate::text::check_text;
use crate::time_format::Instant;

/// The default time for which the old secret also signs after a rotation.
pub const DEFAULT_OVERLAP: Duration = Duration::from_secs(24 * 60 * 60);
/// The most endpoints, since each reads the outbox.
const MAX_WEBHOOKS: usize = 100;

/// The properties of an endpoint to make.
#[derive(Clone, Debug)]
pub struct NewWebhook {
    /// The URL that messages are sent to.
    pub url: String,
    /// The description, at most 255 characters.
    pub description: String,
    /// The event types that it receives; empty for all.
    pub types: Vec<EventType>,
    /// The person the caller acts for, as named by the caller.
    pub by: Option<String>,
}

/// An endpoint with its new secret. The secret is shown only once; the database has it sealed.
#[derive(Clone)]
pub struct WithSecret {
    /// The endpoint.
    pub webhook: WebhookRecord,
    /// `whsec_…`.
    pub secret: Zeroizing<String>,
}

impl std::fmt::Debug for WithSecret {
    /// Omits the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("WithSecret").field(&self.webhook).finish()
    }
}

/// A change of an endpoint. `None` keeps a field.
#[derive(Clone, Debug, Default)]
pub struct WebhookChange {
    /// The URL that messages are sent to.
    pub url: Option<String>,
    /// The description.
    pub description: Option<String>,
    /// The event types that it receives; empty for all.
    pub types: Option<Vec<EventType>>,
    /// Whether messages are sent. Events while disabled are sent once it is enabled again.
    pub enabled: Option<bool>,
}

/// The deliveries to send again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// One delivery, whatever its state.
    One(i64),
    /// All dead deliveries.
    Dead,
    /// Every event after this one, as if none had been sent.
    After(i64),
}

/// An endpoint as HTTP and `--json` show it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct WebhookView {
    /// `whk_…`.
    pub id: String,
    /// Where messages are sent.
    pub url: String,
    /// What people call it.
    pub description: String,
    /// The event types that are sent; an empty list means all.
    pub types: Vec<&'static str>,
    /// Whether anything is sent.
    pub enabled: bool,
    /// The reason, if the issuer disabled the endpoint itself.
    pub disabled_why: Option<String>,
    /// The newest event for which there are deliveries.
    pub position: i64,
    /// Until when the old secret signs beside the new one.
    pub old_secret_until: Option<Instant>,
    /// The person that the caller named, or else the principal that created the endpoint.
    pub created_by: Option<String>,
    /// When the endpoint was created.
    pub created_at: Instant,
    /// When it was last changed.
    pub updated_at: Instant,
}

impl WebhookView {
    /// The endpoint as of `now`, without its secrets.
    #[must_use]
    pub fn new(webhook: &WebhookRecord, now: Time) -> Self {
        let until = webhook.old_secret.as_ref().map(|(_, until)| *until);
        Self {
            id: webhook.id.clone(),
            url: webhook.url.clone(),
            description: webhook.description.clone(),
            types: webhook.types.iter().map(|event| event.name()).collect(),
            enabled: webhook.disabled.is_none(),
            disabled_why: webhook.disabled_why.clone(),
            position: webhook.position,
            old_secret_until: until.filter(|&until| now < until).map(Instant),
            created_by: webhook.created_by.clone(),
            created_at: Instant(webhook.created),
            updated_at: Instant(webhook.updated),
        }
    }
}

/// A delivery as HTTP and `--json` show it.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeliveryView {
    /// Its number.
    pub id: i64,
    /// The event's place in the outbox.
    pub event_id: i64,
    /// `pending`, `delivered` or `dead`.
    pub state: &'static str,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is to be tried (again).
    pub next_at: Option<Instant>,
    /// The status of the endpoint's last response.
    pub status: Option<u16>,
    /// Why the last attempt failed.
    pub error: Option<String>,
    /// When that was.
    pub updated_at: Instant,
}

impl From<&Delivery> for DeliveryView {
    fn from(delivery: &Delivery) -> Self {
        let pending = delivery.state == DeliveryState::Pending;
        Self {
            id: delivery.id,
            event_id: delivery.event_id,
            state: delivery.state.name(),
            attempts: delivery.attempts,
            next_at: pending.then_some(Instant(delivery.next)),
            status: delivery.status,
            error: delivery.error.clone(),
            updated_at: Instant(delivery.updated),
        }
    }
}

/// Makes an endpoint, which receives the events from now on. Its secret is shown only once.
pub(crate) async fn create_webhook(
    context: &Context,
    new: &NewWebhook,
    reach: Reach,
) -> Result<WithSecret, Error> {
    let url = reach.check_url(&new.url)?;
    check_description(&new.description)?;
    if let Some(by) = &new.by {
        check_text("created_by", by)?;
    }
    let id = URL_SAFE_NO_PAD.encode(crate::random::secret::<12>()?.as_slice());
    let id = format!("whk_{id}");
    let secret = Secret::new()?.text();
    let sealed = context.keystore().column_key()?.seal(&id, &secret)?;
    let mut change = context.change(new.by.as_deref()).await?;
    if webhooks::all(&mut change).await?.len() >= MAX_WEBHOOKS {
        let reason = "can't be added: there are 100 webhooks; delete one first";
        return Err(Error::Invalid { field: "url", reason });
    }
    // Start after the newest event.
    let now = change.now();
    let webhook = WebhookRecord {
        id,
        url: url.into(),
        description: new.description.clone(),
        types: new.types.clone(),
        secret: sealed,
        old_secret: None,
        disabled: None,
        disabled_why: None,
        position: events::position(&mut change).await?,
        created_by: Some(change.who().shown().into()),
        created: now,
        updated: now,
    };
    webhooks::put(&mut change, &webhook).await?;
    tell(&mut change, "created", &webhook).await?;
    change.save().await?;
    Ok(WithSecret { webhook, secret })
}

/// All endpoints.
pub(crate) async fn list_webhooks(context: &Context) -> Result<Vec<WebhookRecord>, Error> {
    Ok(webhooks::all(&mut *context.store().read().await?).await?)
}

/// One endpoint.
pub(crate) async fn show_webhook(context: &Context, id: &str) -> Result<WebhookRecord, Error> {
    webhooks::find(&mut *context.store().read().await?, id).await?.ok_or(Error::NoWebhook)
}

/// Changes an endpoint.
pub(crate) async fn update_webhook(
    context: &Context,
    id: &str,
    change: &WebhookChange,
    by: Option<&str>,
    reach: Reach,
) -> Result<WebhookRecord, Error> {
    let url = change.url.as_deref().map(|url| reach.check_url(url)).transpose()?;
    if let Some(description) = &change.description {
        check_description(description)?;
    }
    change_webhook(context, id, "updated", by, |webhook, now| {
        if let Some(url) = url {
            webhook.url = url.into();
        }
        if let Some(description) = &change.description {
            webhook.description.clone_from(description);
        }
        if let Some(types) = &change.types {
            webhook.types.clone_from(types);
        }
        if let Some(enabled) = change.enabled {
            webhook.disabled = (!enabled).then_some(now);
            webhook.disabled_why = None;
        }
    })
    .await
}

/// Gives an endpoint a new secret, shown only once. The old one also signs for `overlap`.
pub(crate) async fn rotate_webhook(
    context: &Context,
    id: &str,
    overlap: Duration,
    by: Option<&str>,
) -> Result<WithSecret, Error> {
    let secret = Secret::new()?.text();
    let sealed = context.keystore().column_key()?.seal(id, &secret)?;
    let overlap = u64::try_from(overlap.as_millis()).unwrap_or(u64::MAX);
    let changed = change_webhook(context, id, "rotated", by, |webhook, now| {
        let old = std::mem::replace(&mut webhook.secret, sealed);
        webhook.old_secret = (overlap > 0).then(|| (old, now.plus_millis(overlap)));
    });
    Ok(WithSecret { webhook: changed.await?, secret })
}

/// Deletes an endpoint and its pending deliveries.
pub(crate) async fn delete_webhook(
    context: &Context,
    id: &str,
    by: Option<&str>,
) -> Result<(), Error> {
    let mut change = context.change(by).await?;
    let webhook = webhooks::find(&mut change, id).await?.ok_or(Error::NoWebhook)?;
    webhooks::delete(&mut change, id).await?;
    tell(&mut change, "deleted", &webhook).await?;
    Ok(change.save().await?)
}

/// The deliveries of an endpoint, newest first. The dead ones are its dead-letter list.
pub(crate) async fn list_deliveries(
    context: &Context,
    id: &str,
    state: Option<DeliveryState>,
    before: Option<i64>,
    limit: Option<u32>,
) -> Result<Vec<Delivery>, Error> {
    let limit = limit.unwrap_or(50);
    if !(1..=200).contains(&limit) {
        return Err(Error::Invalid { field: "limit", reason: "must be 1 to 200" });
    }
    let mut reading = context.store().read().await?;
    webhooks::find(&mut reading, id).await?.ok_or(Error::NoWebhook)?;
    Ok(webhooks::deliveries(&mut reading, id, state, before, limit).await?)
}

/// Sends deliveries again. Returns how many are pending for that; for [`Replay::After`], the
/// number of events to process.
pub(crate) async fn replay_webhook(
    context: &Context,
    id: &str,
    what: Replay,
) -> Result<u64, Error> {
    let mut change = context.change(None).await?;
    let now = change.now();
    let webhook = webhooks::find(&mut change, id).await?.ok_or(Error::NoWebhook)?;
    let count = match what {
        Replay::One(delivery) => {
            let revived = webhooks::revive(&mut change, id, Some(delivery), now).await?;
            if revived == 0 {
                let reason = "names no delivery of this webhook";
                return Err(Error::Invalid { field: "delivery", reason });
            }
            revived
        }
        Replay::Dead => webhooks::revive(&mut change, id, None, now).await?,
        Replay::After(position) => {
            let newest = events::position(&mut change).await?;
            if !(0..=newest).contains(&position) {
                let reason = "must be the id of an event, or 0 for all";
                return Err(Error::Invalid { field: "after", reason });
            }
            check_kept(&mut change, position).await?;
            webhooks::forget_after(&mut change, id, position).await?;
            webhooks::set_position(&mut change, id, position).await?;
            let removed = start_in(&mut change).await?.map_or(0, |start| start.last.id);
            u64::try_from(newest.saturating_sub(position.max(removed))).unwrap_or(0)
        }
    };
    tell(&mut change, "replayed", &webhook).await?;
    change.save().await?;
    Ok(count)
}

async fn change_webhook(
    context: &Context,
    id: &str,
    action: &'static str,
    by: Option<&str>,
    edit: impl FnOnce(&mut WebhookRecord, Time),
) -> Result<WebhookRecord, Error> {
    let mut change = context.change(by).await?;
    let now = change.now();
    let mut webhook = webhooks::find(&mut change, id).await?.ok_or(Error::NoWebhook)?;
    edit(&mut webhook, now);
    webhook.updated = now;
    webhooks::put(&mut change, &webhook).await?;
    tell(&mut change, action, &webhook).await?;
    change.save().await?;
    Ok(webhook)
}

/// Changes of the endpoints are themselves part of the audit trail.
async fn tell(
    change: &mut Change<'_>,
    action: &'static str,
    webhook: &WebhookRecord,
) -> Result<(), Error> {
    let data = json!({
        "action": action,
        "webhook": webhook.id,
        "enabled": webhook.disabled.is_none(),
        "host": url::Url::parse(&webhook.url).ok().and_then(|url| url.host_str().map(str::to_owned)),
    });
    Ok(change.event(EventType::WebhookChanged, None, data).await?)
}

fn check_description(text: &str) -> Result<(), Error> {
    if text.chars().count() > 255 || text.chars().any(char::is_control) {
        let reason = "must be at most 255 characters, without control characters";
        return Err(Error::Invalid { field: "description", reason });
    }
    Ok(())
}
