//! Webhooks against a receiver that listens, refuses, redirects and finally accepts.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use portcullis_issuer::actions::{NewKey, When};
use portcullis_issuer::store::events::EventType;
use portcullis_issuer::store::webhooks::{DeliveryState, WebhookRecord};
use portcullis_issuer::webhooks::{
    Dispatcher, NewWebhook, Reach, Replay, Round, WebhookChange, WithSecret,
};
use portcullis_test_support::Bench;
use serde_json::Value;

conformance! {
    a_message_is_signed_and_sent_until_it_is_accepted,
    an_endpoint_is_told_of_its_types_in_their_order,
    what_is_never_accepted_dies_and_can_be_sent_again,
    both_secrets_sign_while_one_takes_the_others_place,
    a_secret_signs_for_its_own_endpoint_alone,
    an_endpoint_that_is_gone_is_disabled,
    what_was_held_back_is_sent_when_it_is_enabled,
    everything_behind_an_event_is_sent_again,
    private_addresses_and_redirects_are_not_followed,
    who_may_send_is_one_at_a_time,
    a_change_of_webhooks_is_in_the_trail_without_its_secret,
}

const LOCAL: Reach = Reach { http: false, private: true };

#[derive(Clone, Debug)]
struct Message {
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Message {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    fn types(messages: &[Self]) -> Vec<String> {
        messages.iter().map(|it| it.json()["type"].as_str().unwrap().to_owned()).collect()
    }
}

#[derive(Clone, Default)]
struct Receiver {
    messages: Arc<Mutex<Vec<Message>>>,
    /// The next answers; 204 if there is none.
    answers: Arc<Mutex<VecDeque<u16>>>,
    address: String,
}

impl Receiver {
    async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}/hook", listener.local_addr().unwrap());
        let receiver = Self { address, ..Self::default() };
        let router = Router::new().fallback(take).with_state(receiver.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        receiver
    }

    fn answer(&self, statuses: &[u16]) {
        self.answers.lock().unwrap().extend(statuses);
    }

    fn taken(&self) -> Vec<Message> {
        std::mem::take(&mut self.messages.lock().unwrap())
    }
}

async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> Response {
    receiver.messages.lock().unwrap().push(Message { headers, body: body.to_vec() });
    let status = receiver.answers.lock().unwrap().pop_front().unwrap_or(204);
    let status = StatusCode::from_u16(status).unwrap();
    (status, [(header::LOCATION, "/elsewhere")]).into_response()
}

async fn hook(bench: &Bench, receiver: &Receiver, types: &[EventType]) -> WebhookRecord {
    hook_with_secret(bench, receiver, types).await.webhook
}

async fn hook_with_secret(bench: &Bench, receiver: &Receiver, types: &[EventType]) -> WithSecret {
    let new = NewWebhook {
        url: receiver.address.clone(),
        description: "test".into(),
        types: types.to_vec(),
        by: Some("me".into()),
    };
    bench.issuer.webhooks().create(&new, LOCAL).await.unwrap()
}

fn dispatcher(bench: &Bench) -> Dispatcher {
    bench.issuer.webhooks().dispatcher(LOCAL).unwrap()
}

/// The signature by an independent implementation.
fn expected(secret: &str, message: &Message) -> String {
    let timestamp = message.header("webhook-timestamp").parse().unwrap();
    let id = message.header("webhook-id");
    standardwebhooks::Webhook::new(secret).unwrap().sign(id, timestamp, &message.body).unwrap()
}

const fn round(delivered: u64, failed: u64) -> Round {
    Round { delivered, failed }
}

pub(crate) async fn a_message_is_signed_and_sent_until_it_is_accepted(bench: Bench) {
    let receiver = Receiver::start().await;
    let secret = hook_with_secret(&bench, &receiver, &[EventType::Created]).await.secret;
    let dispatcher = dispatcher(&bench);
    assert_eq!(dispatcher.round().await.unwrap(), round(0, 0), "nothing of before is told");
    let id =
        bench.issuer.keys().create(&NewKey::titled("Billing")).await.unwrap().record.id.clone();
    receiver.answer(&[500, 503]);
    assert_eq!(dispatcher.round().await.unwrap(), round(0, 1));
    assert_eq!(dispatcher.round().await.unwrap(), round(0, 0), "not before its time");
    bench.clock.advance(6_250);
    assert_eq!(dispatcher.round().await.unwrap(), round(0, 1));
    bench.clock.advance(25_000);
    assert_eq!(dispatcher.round().await.unwrap(), round(1, 0));
    bench.clock.advance(1_000_000);
    assert_eq!(dispatcher.round().await.unwrap(), round(0, 0), "accepted once and for all");

    let messages = receiver.taken();
    assert_eq!(messages.len(), 3);
    for message in &messages {
        assert_eq!(message.header("webhook-id"), messages[0].header("webhook-id"));
        assert_eq!(message.header("webhook-signature"), expected(&secret, message));
        assert_eq!(message.header("content-type"), "application/json");
        assert_eq!(message.body, messages[0].body);
    }
    assert_ne!(messages[0].header("webhook-timestamp"), messages[2].header("webhook-timestamp"));
    let body = messages[0].json();
    assert_eq!(body["type"], "api-key.created");
    assert_eq!(body["timestamp"], "2027-01-15T08:00:00.000Z");
    assert_eq!(body["data"]["key_id"], id);
    assert_eq!(body["data"]["details"]["title"], "Billing");
    let anchor = bench.issuer.trail().verify(&[]).await.unwrap().newest.unwrap();
    assert_eq!(body["data"]["digest"], anchor.digest.to_string(), "an anchor, kept elsewhere");
}

pub(crate) async fn an_endpoint_is_told_of_its_types_in_their_order(bench: Bench) {
    let (all, some) = (Receiver::start().await, Receiver::start().await);
    hook(&bench, &all, &[]).await;
    hook(&bench, &some, &[EventType::Revoked, EventType::ListPublished]).await;
    let dispatcher = dispatcher(&bench);
    let id = bench.issuer.keys().create(&NewKey::titled("x")).await.unwrap().record.id.clone();
    bench.revoke(&id, When::Now).await.unwrap();
    // The first delivery fails, so those behind it wait.
    all.answer(&[500]);
    assert_eq!(dispatcher.round().await.unwrap(), round(2, 1));
    assert_eq!(all.taken().len(), 1);
    assert_eq!(Message::types(&some.taken()), ["api-key.revoked", "list.published"]);
    bench.clock.advance(6_250);
    assert_eq!(dispatcher.round().await.unwrap(), round(5, 0));
    let messages = all.taken();
    let changes = ["webhook.changed"; 2];
    assert_eq!(Message::types(&messages[..2]), changes, "its own making, and the other's");
    let rest = ["api-key.created", "api-key.revoked", "list.published"];
    assert_eq!(Message::types(&messages[2..]), rest);
}

pub(crate) async fn what_is_never_accepted_dies_and_can_be_sent_again(bench: Bench) {
    let receiver = Receiver::start().await;
    let webhook = hook(&bench, &receiver, &[EventType::Created]).await;
    let dispatcher = dispatcher(&bench);
    bench.issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    receiver.answer(&[500; 12]);
    let deliveries = async |state| {
        bench.issuer.webhooks().deliveries(&webhook.id, Some(state), None, None).await.unwrap()
    };
    for attempt in 1..=12 {
        assert_eq!(dispatcher.round().await.unwrap(), round(0, 1), "{attempt}");
        bench.clock.advance(16 * 60 * 60 * 1000);
    }
    assert_eq!(dispatcher.round().await.unwrap(), round(0, 0));
    let dead = deliveries(DeliveryState::Dead).await;
    assert_eq!((dead.len(), dead[0].attempts, dead[0].status), (1, 12, Some(500)));
    assert_eq!(bench.issuer.webhooks().replay(&webhook.id, Replay::Dead).await.unwrap(), 1);
    assert_eq!(dispatcher.round().await.unwrap(), round(1, 0));
    assert!(deliveries(DeliveryState::Dead).await.is_empty());
    assert_eq!(receiver.taken().len(), 13);
    let one = Replay::One(dead[0].id);
    assert_eq!(bench.issuer.webhooks().replay(&webhook.id, one).await.unwrap(), 1);
    assert_eq!(dispatcher.round().await.unwrap(), round(1, 0));
    let unknown = bench.issuer.webhooks().replay(&webhook.id, Replay::One(999)).await;
    assert_eq!(unknown.unwrap_err().code(), "invalid");
    let unknown = bench.issuer.webhooks().replay("whk_none", Replay::Dead).await;
    assert_eq!(unknown.unwrap_err().code(), "webhook_not_found");
}

pub(crate) async fn both_secrets_sign_while_one_takes_the_others_place(bench: Bench) {
    let receiver = Receiver::start().await;
    let old = hook_with_secret(&bench, &receiver, &[EventType::Created]).await;
    let dispatcher = dispatcher(&bench);
    let overlap = Duration::from_secs(60);
    let new = bench.issuer.webhooks().rotate(&old.webhook.id, overlap, None).await.unwrap();
    assert_ne!(new.secret, old.secret);
    bench.issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    assert_eq!(dispatcher.round().await.unwrap(), round(1, 0));
    bench.clock.advance(60_000);
    bench.issuer.keys().create(&NewKey::titled("y")).await.unwrap();
    assert_eq!(dispatcher.round().await.unwrap(), round(1, 0));
    let messages = receiver.taken();
    let both = [&new.secret, &old.secret].map(|secret| expected(secret, &messages[0]));
    assert_eq!(messages[0].header("webhook-signature"), both.join(" "));
    assert_eq!(messages[1].header("webhook-signature"), expected(&new.secret, &messages[1]));
}

/// An attacker who can write the database, or has another keystore, gets nothing signed.
pub(crate) async fn a_secret_signs_for_its_own_endpoint_alone(bench: Bench) {
    let receiver = Receiver::start().await;
    let webhook = hook(&bench, &receiver, &[EventType::Created]).await;
    let other = hook(&bench, &receiver, &[EventType::Deleted]).await;
    let dispatcher = dispatcher(&bench);
    let mut writing = bench.issuer.store().bookkeeping().await.unwrap();
    let sql = "UPDATE webhooks SET sealed = (SELECT sealed FROM webhooks WHERE id = $1) \
               WHERE id = $2";
    sqlx::query(sql).bind(&other.id).bind(&webhook.id).execute(&mut *writing).await.unwrap();
    writing.save().await.unwrap();
    bench.issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    assert_eq!(dispatcher.round().await.unwrap(), round(0, 1));
    assert!(receiver.taken().is_empty(), "nothing is sent that its receiver could not check");
    let waiting = bench.issuer.webhooks().deliveries(&webhook.id, None, None, None).await.unwrap();
    assert!(waiting[0].error.as_deref().unwrap().contains("rotate-secret"));
    let new =
        bench.issuer.webhooks().rotate(&webhook.id, Duration::from_secs(60), None).await.unwrap();
    bench.clock.advance(60_000);
    assert_eq!(dispatcher.round().await.unwrap(), round(1, 0));
    let messages = receiver.taken();
    assert_eq!(messages[0].header("webhook-signature"), expected(&new.secret, &messages[0]));
}

pub(crate) async fn an_endpoint_that_is_gone_is_disabled(bench: Bench) {
    let receiver = Receiver::start().await;
    let webhook = hook(&bench, &receiver, &[EventType::Created]).await;
    let dispatcher = dispatcher(&bench);
    bench.issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    receiver.answer(&[410]);
    assert_eq!(dispatcher.round().await.unwrap(), round(0, 1));
    let gone = bench.issuer.webhooks().show(&webhook.id).await.unwrap();
    assert!(gone.disabled.is_some() && gone.disabled_why.unwrap().contains("410"));
    bench.clock.advance(1_000_000);
    assert_eq!(dispatcher.round().await.unwrap(), round(0, 0));
}

pub(crate) async fn what_was_held_back_is_sent_when_it_is_enabled(bench: Bench) {
    let receiver = Receiver::start().await;
    let webhook = hook(&bench, &receiver, &[EventType::Created]).await;
    let dispatcher = dispatcher(&bench);
    let enable = async |enabled| {
        let change = WebhookChange { enabled: Some(enabled), ..WebhookChange::default() };
        bench.issuer.webhooks().update(&webhook.id, &change, None, LOCAL).await.unwrap()
    };
    assert!(enable(false).await.disabled.is_some());
    bench.issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    assert_eq!(dispatcher.round().await.unwrap(), round(0, 0));
    assert!(enable(true).await.disabled.is_none());
    assert_eq!(dispatcher.round().await.unwrap(), round(1, 0));
    bench.issuer.webhooks().delete(&webhook.id, None).await.unwrap();
    bench.issuer.keys().create(&NewKey::titled("y")).await.unwrap();
    assert_eq!(dispatcher.round().await.unwrap(), round(0, 0));
    assert_eq!(receiver.taken().len(), 1);
}

pub(crate) async fn everything_behind_an_event_is_sent_again(bench: Bench) {
    let receiver = Receiver::start().await;
    let webhook = hook(&bench, &receiver, &[EventType::Created]).await;
    let dispatcher = dispatcher(&bench);
    assert_eq!(bench.issuer.webhooks().replay(&webhook.id, Replay::After(0)).await.unwrap(), 3);
    assert_eq!(dispatcher.round().await.unwrap(), round(1, 0), "the first admin key");
    bench.issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    assert_eq!(dispatcher.round().await.unwrap(), round(1, 0));
    bench.issuer.webhooks().replay(&webhook.id, Replay::After(0)).await.unwrap();
    assert_eq!(dispatcher.round().await.unwrap(), round(2, 0));
    let ids: Vec<String> =
        receiver.taken().iter().map(|it| it.header("webhook-id").to_owned()).collect();
    assert_eq!(ids[..2], ids[2..], "known again by their ids");
}

pub(crate) async fn private_addresses_and_redirects_are_not_followed(bench: Bench) {
    let receiver = Receiver::start().await;
    let new = NewWebhook {
        url: receiver.address.clone(),
        description: String::new(),
        types: Vec::new(),
        by: None,
    };
    let refused = bench.issuer.webhooks().create(&new, Reach::default()).await.unwrap_err();
    assert_eq!(refused.code(), "invalid");
    let webhook = hook(&bench, &receiver, &[EventType::Created]).await;
    bench.issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    // The sender's settings don't allow what those of the endpoint's creator did.
    let strict = bench.issuer.webhooks().dispatcher(Reach { http: true, private: false });
    let strict = strict.unwrap();
    assert_eq!(strict.round().await.unwrap(), round(0, 1));
    assert!(receiver.taken().is_empty());
    bench.clock.advance(6_250);
    receiver.answer(&[302]);
    assert_eq!(dispatcher(&bench).round().await.unwrap(), round(0, 1));
    assert_eq!(receiver.taken().len(), 1, "not followed");
    let found = bench.issuer.webhooks().deliveries(&webhook.id, None, None, None).await.unwrap();
    assert!(found[0].error.as_ref().unwrap().contains("redirects are not followed"));
    assert_eq!((found[0].status, found[0].attempts), (Some(302), 2));
}

pub(crate) async fn who_may_send_is_one_at_a_time(bench: Bench) {
    let receiver = Receiver::start().await;
    hook(&bench, &receiver, &[EventType::Created]).await;
    let (stop, stopped) = tokio::sync::watch::channel(());
    let senders: Vec<_> =
        (0..3).map(|_| tokio::spawn(dispatcher(&bench).run(stopped.clone()))).collect();
    for _ in 0..5 {
        bench.issuer.keys().create(&NewKey::titled("x")).await.unwrap();
    }
    let taken = async {
        while receiver.messages.lock().unwrap().len() < 5 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), taken).await.unwrap();
    drop(stop);
    for sender in senders {
        sender.await.unwrap();
    }
    assert_eq!(receiver.taken().len(), 5, "each sent once");
    let jobs = bench.issuer.jobs().list().await.unwrap();
    assert_eq!((jobs[0].name.as_str(), jobs[0].holder.as_deref()), ("webhooks", None));
}

pub(crate) async fn a_change_of_webhooks_is_in_the_trail_without_its_secret(bench: Bench) {
    let receiver = Receiver::start().await;
    let webhook = hook(&bench, &receiver, &[]).await;
    let rotated = bench.issuer.webhooks().rotate(&webhook.id, Duration::ZERO, Some("me")).await;
    assert!(!format!("{rotated:?}").contains("whsec_"));
    bench.issuer.webhooks().delete(&webhook.id, Some("me")).await.unwrap();
    let events = bench.issuer.trail().after(0, 100).await.unwrap();
    let changes: Vec<_> = events.iter().filter(|it| it.event == "webhook.changed").collect();
    assert_eq!(changes.len(), 3);
    for (change, action) in changes.iter().zip(["created", "rotated", "deleted"]) {
        assert!(change.data.contains(action) && !change.data.contains("whsec_"));
        assert_eq!(change.on_behalf_of.as_deref(), Some("me"));
        assert_eq!(change.actor.as_deref(), Some(bench.issuer.actor().name()));
    }
    assert!(!format!("{webhook:?}").contains("whsec_"));
}
