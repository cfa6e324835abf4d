//! Delivers webhooks: from the outbox to deliveries, and from deliveries to endpoints.

use crate::events::last_event;
use crate::webhooks::list_webhooks;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, StatusCode, header, redirect};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

use super::reach::{Reach, Resolver};
use super::sign::signatures;
use crate::context::Context;
use crate::error::Error;
use crate::lease::Lease;
use crate::store::events::{self, EventRecord};
use crate::store::webhooks::{self, Delivery, DeliveryState, WebhookRecord};
use crate::time_format::rfc3339_millis;

/// The time limit of one request.
const TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// The wait after the first failure. Each further wait is four times as long, up to the longest.
const FIRST_WAIT_MILLIS: u64 = 5_000;
const LONGEST_WAIT_MILLIS: u64 = 12 * 60 * 60 * 1000;
/// With these waits, the last attempt is about three days after the first.
const MAX_ATTEMPTS: u32 = 12;
/// How long other deliveries to a failing endpoint are held back.
const HOLD_BACK_MILLIS: u64 = 60_000;
/// How often the outbox is polled.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
const BATCH: u32 = 500;
const UNREADABLE: &str = "the webhook's secret was sealed under another keystore: give it a new \
                          one with `portcullis webhooks rotate-secret`";
/// How many deliveries are read at once.
const DUE: u32 = 50;

/// The dispatcher of webhooks.
#[derive(Clone, Debug)]
pub struct Dispatcher {
    context: Context,
    client: Client,
    reach: Reach,
}

/// The result of one round.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// Deliveries accepted.
    pub delivered: u64,
    /// Attempts failed.
    pub failed: u64,
}

impl Dispatcher {
    /// A dispatcher for `issuer`, limited to addresses in `reach`.
    ///
    /// # Errors
    /// [`Error::HttpClient`].
    pub(crate) fn new(context: Context, reach: Reach) -> Result<Self, Error> {
        // Only the first call installs it. The database's client uses the same provider.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("portcullis/", env!("CARGO_PKG_VERSION")))
            .timeout(TIMEOUT)
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(Resolver(reach)))
            .build()
            .map_err(Error::HttpClient)?;
        Ok(Self { context, client, reach })
    }

    /// Creates deliveries for new events in the outbox.
    ///
    /// # Errors
    /// The store's.
    pub async fn fan_out(&self) -> Result<u64, Error> {
        let mut added = 0;
        let context = &self.context;
        let known = list_webhooks(context).await?;
        let newest = if known.is_empty() { 0 } else { last_event(context).await? };
        for webhook in known {
            let mut position = webhook.position;
            while position < newest && webhook.disabled.is_none() && !context.is_ending() {
                let mut writing = context.store().bookkeeping().await?;
                // Another issuer may have done this already, or the webhook may have been deleted.
                let Some(webhook) = webhooks::find(&mut writing, &webhook.id).await? else { break };
                let page = events::after(&mut writing, webhook.position, BATCH).await?;
                let Some(last) = page.last() else { break };
                position = last.id;
                let wanted = page.iter().filter(|event| wants(&webhook, event));
                let now = writing.clock();
                added += webhooks::enqueue(&mut writing, &webhook.id, wanted, now).await?;
                webhooks::set_position(&mut writing, &webhook.id, position).await?;
                writing.save().await?;
            }
        }
        Ok(added)
    }

    /// Creates deliveries for new events, and makes every due attempt, endpoint by endpoint.
    ///
    /// # Errors
    /// The store's.
    pub async fn round(&self) -> Result<Round, Error> {
        self.fan_out().await?;
        let mut round = Round::default();
        for webhook in list_webhooks(&self.context).await? {
            let Round { delivered, failed } = self.serve(&webhook.id).await?;
            round.delivered += delivered;
            round.failed += failed;
        }
        Ok(round)
    }

    /// Makes the due attempts at one endpoint, in event order. Stops at the first failure, which
    /// also delays later events, so that the order is kept as far as possible.
    async fn serve(&self, id: &str) -> Result<Round, Error> {
        let mut round = Round::default();
        loop {
            let now = self.context.now();
            let mut reading = self.context.store().read().await?;
            let Some(webhook) = webhooks::find(&mut reading, id).await? else { return Ok(round) };
            let due = webhooks::due(&mut reading, id, now, DUE).await?;
            if due.is_empty() || webhook.disabled.is_some() {
                return Ok(round);
            }
            let mut messages = Vec::with_capacity(due.len());
            for delivery in due {
                let event = events::find(&mut reading, delivery.event_id).await?;
                messages.push((delivery, event));
            }
            drop(reading);
            for (delivery, event) in messages {
                if self.context.is_ending() {
                    return Ok(round);
                }
                if self.attempt(&webhook, delivery, event).await? {
                    round.delivered += 1;
                } else {
                    round.failed += 1;
                    return Ok(round);
                }
            }
        }
    }

    /// Makes one attempt and stores its result. Returns whether it was accepted.
    async fn attempt(
        &self,
        webhook: &WebhookRecord,
        mut delivery: Delivery,
        event: Option<EventRecord>,
    ) -> Result<bool, Error> {
        let context = &self.context;
        let outcome = match event {
            Some(event) => self.send(webhook, &event).await,
            // Retention waits for deliveries, so something else removed the event. Verifying the
            // trail reveals that.
            None => Outcome::refused("the event is not in the trail any more"),
        };
        context.metrics().delivery(outcome.is_accepted());
        let mut writing = context.store().bookkeeping().await?;
        let now = writing.clock();
        delivery.attempts = delivery.attempts.saturating_add(1);
        delivery.updated = now;
        delivery.status = outcome.status;
        delivery.error = outcome.error;
        if delivery.error.is_none() {
            delivery.state = DeliveryState::Delivered;
        } else if delivery.attempts >= MAX_ATTEMPTS || outcome.gone {
            delivery.state = DeliveryState::Dead;
            tracing::warn!(
                webhook = webhook.id,
                event = delivery.event_id,
                "a webhook is given up"
            );
        } else {
            let wait = wait_millis(delivery.attempts)?.max(outcome.retry_after_millis);
            delivery.next = now.plus_millis(wait);
            let held = now.plus_millis(wait.min(HOLD_BACK_MILLIS));
            webhooks::hold_back(&mut writing, &webhook.id, held).await?;
        }
        webhooks::update_delivery(&mut writing, &delivery).await?;
        if outcome.gone
            && let Some(mut gone) = webhooks::find(&mut writing, &webhook.id).await?
        {
            gone.disabled = Some(now);
            gone.disabled_why = Some("the endpoint answered 410 Gone".into());
            webhooks::put(&mut writing, &gone).await?;
        }
        writing.save().await?;
        Ok(delivery.state == DeliveryState::Delivered)
    }

    async fn send(&self, webhook: &WebhookRecord, event: &EventRecord) -> Outcome {
        let url = match self.reach.check_url(&webhook.url) {
            Ok(url) => url,
            Err(error) => return Outcome::refused(&error.to_string()),
        };
        let now = self.context.now();
        let keystore = self.context.keystore();
        let issuer = keystore.issuer();
        let id = format!("msg_{}_{}", issuer.to_string().trim_start_matches("iss_"), event.id);
        let body = body(&issuer.to_string(), event);
        let timestamp = now.millis() / 1000;
        let old = webhook.old_secret.as_ref().filter(|(_, until)| now < *until);
        let Ok(key) = keystore.column_key() else { return Outcome::refused(UNREADABLE) };
        let Some(secret) = key.open(&webhook.id, &webhook.secret) else {
            return Outcome::refused(UNREADABLE);
        };
        let old = old.and_then(|(secret, _)| key.open(&webhook.id, secret));
        let secrets = [Some(&secret), old.as_ref()];
        let secrets = secrets.into_iter().flatten().map(|secret| secret.as_str());
        let signature = signatures(secrets, &id, timestamp, body.as_bytes());
        let request = self
            .client
            .post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(body);
        match request.send().await {
            // The response body is ignored.
            Ok(response) => Outcome::of(response.status(), response.headers()),
            Err(error) => Outcome::refused(what_failed(&error)),
        }
    }

    /// Delivers until the sender of `stopped` is dropped, then finishes the attempts in progress.
    /// Among several issuers, one delivers at a time.
    pub async fn run(self, mut stopped: watch::Receiver<()>) {
        let mut ticks = tokio::time::interval(POLL_INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut lease = Lease::new(&self.context, "webhooks");
        let mut running = HashSet::new();
        let mut tasks = JoinSet::new();
        loop {
            tokio::select! {
                _ = stopped.changed() => break,
                Some(ended) = tasks.join_next() => {
                    if let Ok(id) = ended {
                        running.remove(&id);
                    }
                    continue;
                }
                _ = ticks.tick() => {}
            }
            if let Err(error) = self.spread(&mut lease, &mut running, &mut tasks).await {
                tracing::error!(code = error.code(), "webhooks wait: {}", error.chain());
            }
        }
        while tasks.join_next().await.is_some() {}
        lease.give_back().await;
    }

    /// Starts a task for each endpoint that has due deliveries and no task yet.
    async fn spread(
        &self,
        lease: &mut Lease,
        running: &mut HashSet<String>,
        tasks: &mut JoinSet<String>,
    ) -> Result<(), Error> {
        // Without webhooks, take no lease and write nothing.
        let known = list_webhooks(&self.context).await?;
        if known.is_empty() || !lease.hold().await? {
            return Ok(());
        }
        self.fan_out().await?;
        for webhook in known {
            let mut reading = self.context.store().read().await?;
            let now = self.context.now();
            let due = webhooks::due(&mut reading, &webhook.id, now, 1).await?;
            drop(reading);
            if due.is_empty() || webhook.disabled.is_some() || !running.insert(webhook.id.clone()) {
                continue;
            }
            let it = self.clone();
            tasks.spawn(async move {
                if let Err(error) = it.serve(&webhook.id).await {
                    tracing::error!(code = error.code(), "a webhook waits: {}", error.chain());
                }
                webhook.id
            });
        }
        Ok(())
    }
}

fn wants(webhook: &WebhookRecord, event: &EventRecord) -> bool {
    webhook.types.is_empty() || webhook.types.iter().any(|wanted| wanted.name() == event.event)
}

/// The message: `type`, `timestamp` and `data`, as Standard Webhooks specifies.
fn body(issuer: &str, event: &EventRecord) -> String {
    let details: serde_json::Value = serde_json::from_str(&event.data).unwrap_or_default();
    json!({
        "type": event.event,
        "timestamp": rfc3339_millis(event.at()),
        "data": {
            "issuer": issuer,
            "event_id": event.id,
            "key_id": event.key_id,
            "actor": event.actor,
            "on_behalf_of": event.on_behalf_of,
            "digest": event.digest.to_string(),
            "details": details,
        },
    })
    .to_string()
}

/// The wait in milliseconds after this number of attempts: 3/4 to 5/4 of the planned time, so that
/// endpoints that failed together aren't retried together.
fn wait_millis(attempts: u32) -> Result<u64, Error> {
    let planned = FIRST_WAIT_MILLIS
        .saturating_mul(4_u64.saturating_pow(attempts.saturating_sub(1)))
        .min(LONGEST_WAIT_MILLIS);
    let dice = u64::from(crate::random::below_power_of_two(1024)?);
    Ok(planned * 3 / 4 + planned * dice / 2048)
}

/// The result of an attempt.
struct Outcome {
    status: Option<u16>,
    error: Option<String>,
    /// The endpoint wants no more messages.
    gone: bool,
    retry_after_millis: u64,
}

impl Outcome {
    fn refused(why: &str) -> Self {
        Self { status: None, error: Some(why.into()), gone: false, retry_after_millis: 0 }
    }

    const fn is_accepted(&self) -> bool {
        self.error.is_none()
    }

    fn of(status: StatusCode, headers: &header::HeaderMap) -> Self {
        let wait = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let wait: u64 = wait.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        let error = if status.is_redirection() {
            Some(format!(
                "the endpoint answered {} and redirects are not followed",
                status.as_u16()
            ))
        } else if status.is_success() {
            None
        } else {
            Some(format!("the endpoint answered {}", status.as_u16()))
        };
        Self {
            status: Some(status.as_u16()),
            error,
            gone: status == StatusCode::GONE,
            retry_after_millis: wait.saturating_mul(1000).min(LONGEST_WAIT_MILLIS),
        }
    }
}

/// A fixed text. The error's own text quotes the address, and its query may contain a secret.
fn what_failed(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "the endpoint did not answer in time"
    } else if error.is_connect() {
        "no connection could be made: the name is unknown, out of reach, or nobody answers there"
    } else {
        "the connection broke before there was an answer"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_longest_and_are_spread() {
        for (attempts, planned) in [(1, 5_000), (2, 20_000), (3, 80_000), (30, LONGEST_WAIT_MILLIS)]
        {
            for _ in 0..50 {
                let wait = wait_millis(attempts).unwrap();
                assert!((planned * 3 / 4..planned * 5 / 4).contains(&wait), "{attempts}: {wait}");
            }
        }
    }
}
