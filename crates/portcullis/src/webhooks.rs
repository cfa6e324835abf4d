//! `portcullis webhooks …`.

use std::io::Write;
use std::time::Duration;

use anyhow::Result;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use portcullis_api::view::webhooks::{
    DeliveriesAnswer, ReplayedAnswer, WebhookDeletedAnswer, WebhookSecretAnswer, WebhooksAnswer,
};
use portcullis_issuer::Issuer;
use portcullis_issuer::store::events::EventType;
use portcullis_issuer::store::webhooks::{DeliveryState, WebhookRecord};
use portcullis_issuer::webhooks::{
    DeliveryView, NewWebhook, Reach, Replay, WebhookChange, WebhookView, WithSecret,
};
use serde::Serialize;

use super::args::{self, By, event_type};
use super::exit::Exit;
use super::output::{Out, field, table};

/// The addresses that webhooks may reach
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct ReachArgs {
    /// Allow webhooks to loopback and private addresses
    #[arg(long = "webhooks-allow-private", env = "PORTCULLIS_WEBHOOKS_ALLOW_PRIVATE")]
    private: bool,
    /// Allow webhooks without TLS
    #[arg(long = "webhooks-allow-http", env = "PORTCULLIS_WEBHOOKS_ALLOW_HTTP")]
    http: bool,
}

impl ReachArgs {
    pub(super) const fn reach(self) -> Reach {
        Reach { http: self.http, private: self.private }
    }
}

/// Notify other systems of events: manage endpoints and deliveries
#[derive(Debug, clap::Subcommand)]
#[command(
    after_help = "Example:\n  portcullis webhooks create https://example.com/hook --type api-key.revoked"
)]
pub(crate) enum Webhooks {
    Create(Create),
    /// List the endpoints
    #[command(after_help = "Example:\n  portcullis webhooks list")]
    List,
    Update(Update),
    RotateSecret(Rotate),
    Delete(Delete),
    Deliveries(Deliveries),
    Replay(ReplayArgs),
    Deliver(Deliver),
}

/// Create an endpoint. Its secret is shown only once; the database keeps it sealed, to sign
/// messages
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  portcullis webhooks create https://example.com/hook --type api-key.revoked,list.failed"
)]
pub(crate) struct Create {
    /// The URL that messages are sent to
    url: String,
    /// A description for people
    #[arg(long, default_value = "", hide_default_value = true)]
    description: String,
    /// Only these types, separated by commas [default: all]
    #[arg(long = "type", value_name = "TYPES", value_delimiter = ',', value_parser = event_type)]
    types: Vec<EventType>,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    reach: ReachArgs,
}

/// Update an endpoint
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis webhooks update whk_0123456789abcdef --disable")]
pub(crate) struct Update {
    /// The webhook's id, whk_…
    id: String,
    /// The URL that messages are sent to
    #[arg(long)]
    url: Option<String>,
    /// A description for people
    #[arg(long)]
    description: Option<String>,
    /// Only these types, separated by commas
    #[arg(long = "type", value_name = "TYPES", value_delimiter = ',', value_parser = event_type)]
    types: Option<Vec<EventType>>,
    /// Send events of all types again
    #[arg(long, conflicts_with = "types")]
    all_types: bool,
    /// Send nothing until the endpoint is enabled again
    #[arg(long)]
    disable: bool,
    /// Send again, beginning with the events since it was disabled
    #[arg(long, conflicts_with = "disable")]
    enable: bool,
    #[command(flatten)]
    by: By,
    #[command(flatten)]
    reach: ReachArgs,
}

/// Rotate an endpoint's secret. The new one is shown only once; both sign during the overlap
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  portcullis webhooks rotate-secret whk_0123456789abcdef --overlap 24h"
)]
pub(crate) struct Rotate {
    /// The webhook's id, whk_…
    id: String,
    /// How long the old secret also signs; 0s to end it now
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = args::duration)]
    overlap: Duration,
    #[command(flatten)]
    by: By,
}

/// Delete an endpoint and its pending deliveries
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis webhooks delete whk_0123456789abcdef")]
pub(crate) struct Delete {
    /// The webhook's id, whk_…
    id: String,
    #[command(flatten)]
    by: By,
}

/// List deliveries, newest first; `--state dead` lists the abandoned ones
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  portcullis webhooks deliveries whk_0123456789abcdef --state dead"
)]
pub(crate) struct Deliveries {
    /// The webhook's id, whk_…
    id: String,
    /// Only deliveries in this state
    #[arg(long, value_parser = PossibleValuesParser::new(["pending", "delivered", "dead"])
        .try_map(|name| DeliveryState::from_name(&name).ok_or("no state")))]
    state: Option<DeliveryState>,
    /// Only deliveries before this one
    #[arg(long, value_name = "N")]
    before: Option<i64>,
    /// The most deliveries to list, 1 to 200
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
}

/// Send again: one delivery, all abandoned ones, or all events after one
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  portcullis webhooks replay whk_0123456789abcdef --dead\n  \
                        portcullis webhooks replay whk_0123456789abcdef --after 0")]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub(crate) struct ReplayArgs {
    /// The webhook's id, whk_…
    id: String,
    /// Send this delivery again
    #[arg(long, value_name = "N", group = "what")]
    delivery: Option<i64>,
    /// Send all abandoned deliveries again
    #[arg(long, group = "what")]
    dead: bool,
    /// Send all events after this one; 0 for all events
    #[arg(long, value_name = "ID", group = "what")]
    after: Option<i64>,
}

/// Send the deliveries that are due now, for cron without a server
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  portcullis webhooks deliver")]
pub(crate) struct Deliver {
    #[command(flatten)]
    reach: ReachArgs,
}

impl Webhooks {
    pub(super) async fn run(&self, issuer: &Issuer, out: &Out) -> Result<Exit> {
        match self {
            Self::Create(it) => {
                let new = NewWebhook {
                    url: it.url.clone(),
                    description: it.description.clone(),
                    types: it.types.clone(),
                    by: it.by.owned(),
                };
                let made = issuer.webhooks().create(&new, it.reach.reach()).await?;
                show_secret(issuer, &made, out)?;
            }
            Self::List => list(issuer, out).await?,
            Self::Update(it) => {
                let change = WebhookChange {
                    url: it.url.clone(),
                    description: it.description.clone(),
                    types: if it.all_types { Some(Vec::new()) } else { it.types.clone() },
                    enabled: (it.enable || it.disable).then_some(it.enable),
                };
                let by = it.by.name();
                let made = issuer.webhooks().update(&it.id, &change, by, it.reach.reach()).await?;
                show(issuer, &made, out)?;
            }
            Self::RotateSecret(it) => {
                let made = issuer.webhooks().rotate(&it.id, it.overlap, it.by.name()).await?;
                show_secret(issuer, &made, out)?;
            }
            Self::Delete(it) => {
                issuer.webhooks().delete(&it.id, it.by.name()).await?;
                let answer = WebhookDeletedAnswer { id: it.id.clone(), deleted: true };
                out.answer(&answer, |o| field(o, "Deleted", &it.id))?;
            }
            Self::Deliveries(it) => deliveries(issuer, it, out).await?,
            Self::Replay(it) => {
                let what = match (it.delivery, it.after) {
                    (Some(delivery), _) => Replay::One(delivery),
                    (None, Some(after)) => Replay::After(after),
                    (None, None) => Replay::Dead,
                };
                let count = issuer.webhooks().replay(&it.id, what).await?;
                let answer = ReplayedAnswer { replayed: count };
                out.answer(&answer, |o| field(o, "Replayed", count))?;
            }
            Self::Deliver(it) => {
                let round = issuer.webhooks().dispatcher(it.reach.reach())?.round().await?;
                let (delivered, failed) = (round.delivered, round.failed);
                out.answer(&RoundAnswer { delivered, failed }, |o| {
                    field(o, "Delivered", round.delivered)?;
                    field(o, "Failed", round.failed)
                })?;
                return Ok(if round.failed == 0 { Exit::Done } else { Exit::Unfinished });
            }
        }
        Ok(Exit::Done)
    }
}

/// How many deliveries of a round succeeded, and how many failed.
#[derive(Serialize)]
struct RoundAnswer {
    delivered: u64,
    failed: u64,
}

fn write_webhook(o: &mut dyn Write, view: &WebhookView) -> std::io::Result<()> {
    field(o, "Webhook", &view.id)?;
    field(o, "URL", &view.url)?;
    let all = || "all".to_owned();
    field(o, "Types", Some(view.types.join(", ")).filter(|t| !t.is_empty()).unwrap_or_else(all))?;
    field(o, "Enabled", if view.enabled { "yes" } else { "no" })
}

fn show(issuer: &Issuer, webhook: &WebhookRecord, out: &Out) -> Result<()> {
    let view = WebhookView::new(webhook, issuer.now());
    out.answer(&view, |o| write_webhook(o, &view))
}

fn show_secret(issuer: &Issuer, made: &WithSecret, out: &Out) -> Result<()> {
    let webhook = WebhookView::new(&made.webhook, issuer.now());
    let answer = WebhookSecretAnswer { webhook, secret: made.secret.as_str().to_owned() };
    out.answer(&answer, |o| {
        write_webhook(o, &answer.webhook)?;
        field(o, "Secret", made.secret.as_str())?;
        writeln!(
            o,
            "\nThe receiver checks signatures with the secret. It is shown this once; the \
             database keeps it\nsealed under the keystore, because each message is signed with it."
        )
    })
}

async fn list(issuer: &Issuer, out: &Out) -> Result<()> {
    let now = issuer.now();
    let known = issuer.webhooks().list().await?;
    let webhooks = known.iter().map(|it| WebhookView::new(it, now)).collect();
    let answer = WebhooksAnswer { webhooks };
    out.answer(&answer, |o| {
        let mut rows = vec![["ID", "ENABLED", "TYPES", "URL"].map(String::from)];
        rows.extend(answer.webhooks.iter().map(|view| {
            let enabled = if view.enabled { "yes" } else { "no" };
            [view.id.clone(), enabled.into(), view.types.join(","), view.url.clone()]
        }));
        table(o, &rows)
    })
}

async fn deliveries(issuer: &Issuer, it: &Deliveries, out: &Out) -> Result<()> {
    let found = issuer.webhooks().deliveries(&it.id, it.state, it.before, Some(it.limit)).await?;
    let answer = DeliveriesAnswer { deliveries: found.iter().map(DeliveryView::from).collect() };
    out.answer(&answer, |o| {
        let mut rows = vec![["ID", "EVENT", "STATE", "ATTEMPTS", "ERROR"].map(String::from)];
        rows.extend(answer.deliveries.iter().map(|view| {
            let [id, event] = [view.id, view.event_id].map(|number| number.to_string());
            let error = view.error.clone().unwrap_or_default();
            [id, event, view.state.into(), view.attempts.to_string(), error]
        }));
        table(o, &rows)
    })
}
