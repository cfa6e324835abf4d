//! Metrics for Prometheus.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Duration;

use portcullis_core::keyring::{Keyring, State};
use portcullis_core::time::Time;
use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tokio::sync::Mutex;

use crate::error::Error;
use crate::events;
use crate::issuer::Issuer;
use crate::reserve;
use crate::sparse::Sparse;
use crate::store::{self, Connection, bulk, lists, retention, shards, state, targets, webhooks};

/// How old a count of keys may be, in milliseconds, while a bulk entry is in force: counting what
/// it covers takes a scan each time.
const COUNT_EVERY_MILLIS: u64 = 30_000;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    method: String,
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabels {
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct SignerLabels {
    kid: u16,
    purpose: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct TargetLabels {
    target: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct BuildLabels {
    version: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WaitLabels {
    waited_for: &'static str,
}

type Whole = Gauge<i64, AtomicI64>;
type Real = Gauge<f64, AtomicU64>;

/// The metrics of one process.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    publications: Family<ResultLabels, Counter>,
    publish_seconds: Histogram,
    deliveries: Family<ResultLabels, Counter>,
    refused_keys: Family<CodeLabels, Counter>,
    /// Limits log lines about refused keys.
    pub(crate) refusals: Sparse,
    /// Limits log lines about requests of unauthenticated clients.
    pub(crate) strangers: Sparse,
    connections: Whole,
    connections_evicted: Counter,
    connections_refused: Counter,
    connections_timed_out: Family<WaitLabels, Counter>,
    keys: Family<StateLabels, Whole>,
    list_number: Whole,
    list_age: Real,
    list_bytes: Whole,
    backlog: Whole,
    dead: Whole,
    unknown_keys: Counter,
    list_left: Real,
    keyring_left: Real,
    signer_ages: Family<SignerLabels, Real>,
    target_lags: Family<TargetLabels, Real>,
    target_failures: Family<TargetLabels, Whole>,
    restored: Whole,
    implausible_clock: Whole,
    free: Whole,
    trail_age: Real,
    trail_removed: Whole,
    counted: Mutex<Option<u64>>,
}

fn seconds() -> Histogram {
    Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let mut it = Self {
            registry: Registry::with_prefix("portcullis"),
            requests: Family::default(),
            durations: Family::new_with_constructor(seconds),
            publications: Family::default(),
            publish_seconds: seconds(),
            deliveries: Family::default(),
            refused_keys: Family::default(),
            refusals: Sparse::default(),
            strangers: Sparse::default(),
            connections: Whole::default(),
            connections_evicted: Counter::default(),
            connections_refused: Counter::default(),
            connections_timed_out: Family::default(),
            keys: Family::default(),
            list_number: Whole::default(),
            list_age: Real::default(),
            list_bytes: Whole::default(),
            backlog: Whole::default(),
            dead: Whole::default(),
            unknown_keys: Counter::default(),
            list_left: Real::default(),
            keyring_left: Real::default(),
            signer_ages: Family::default(),
            target_lags: Family::default(),
            target_failures: Family::default(),
            restored: Whole::default(),
            implausible_clock: Whole::default(),
            free: Whole::default(),
            trail_age: Real::default(),
            trail_removed: Whole::default(),
            counted: Mutex::new(None),
        };
        // What a server does: requests, publications, deliveries, connections, keys and the list.
        let r = &mut it.registry;
        r.register("http_requests", "Requests by route and status", it.requests.clone());
        r.register_with_unit(
            "http_request_duration",
            "How long requests took",
            Unit::Seconds,
            it.durations.clone(),
        );
        r.register("publications", "Publications by result", it.publications.clone());
        r.register_with_unit(
            "publish_duration",
            "How long publishing took",
            Unit::Seconds,
            it.publish_seconds.clone(),
        );
        r.register("webhook_attempts", "Webhook attempts by result", it.deliveries.clone());
        r.register("admin_keys_refused", "Admin keys that were refused", it.refused_keys.clone());
        r.register("connections", "Connections that are open", it.connections.clone());
        r.register(
            "connections_evicted",
            "Connections that waited for their client and were closed for others",
            it.connections_evicted.clone(),
        );
        r.register(
            "connections_refused",
            "Connections that were refused because their address had too many",
            it.connections_refused.clone(),
        );
        r.register(
            "connections_timed_out",
            "Connections that were closed because their client took too long",
            it.connections_timed_out.clone(),
        );
        r.register("keys", "Keys by state", it.keys.clone());
        r.register("list_number", "The number of the list that is out", it.list_number.clone());
        r.register_with_unit(
            "list_age",
            "How old the list's knowledge is",
            Unit::Seconds,
            it.list_age.clone(),
        );
        r.register_with_unit(
            "list_size",
            "The bodies of the list that is out",
            Unit::Bytes,
            it.list_bytes.clone(),
        );
        r.register("webhook_backlog", "Deliveries that are still to be made", it.backlog.clone());
        r.register("webhook_dead", "Deliveries that were given up", it.dead.clone());
        it.register_conditions();
        it
    }

    /// Registers the metrics for alerts: expiries, ages and faults.
    fn register_conditions(&mut self) {
        let r = &mut self.registry;
        r.register(
            "unknown_keys",
            "Authentic keys without a record that were shown to the issuer: deleted, or made elsewhere",
            self.unknown_keys.clone(),
        );
        r.register_with_unit(
            "list_left",
            "How long the list that is out is in force yet; below 0 it has run out",
            Unit::Seconds,
            self.list_left.clone(),
        );
        r.register_with_unit(
            "keyring_left",
            "How long the newest keyring is valid yet; below 0 it has run out",
            Unit::Seconds,
            self.keyring_left.clone(),
        );
        r.register_with_unit(
            "signer_age",
            "How long ago the signers that are active were listed first",
            Unit::Seconds,
            self.signer_ages.clone(),
        );
        r.register_with_unit(
            "target_lag",
            "How old the list that a target carries is; without end where it carries none",
            Unit::Seconds,
            self.target_lags.clone(),
        );
        r.register(
            "target_failures",
            "Attempts in a row in which a target could not be brought up to date",
            self.target_failures.clone(),
        );
        r.register(
            "restored_backup",
            "1 while the database is a restored backup",
            self.restored.clone(),
        );
        r.register(
            "clock_implausible",
            "1 while the clock can't be right, so that nothing is written",
            self.implausible_clock.clone(),
        );
        r.register_with_unit(
            "disk_free",
            "Room that is free in the issuer's folder",
            Unit::Bytes,
            self.free.clone(),
        );
        r.register_with_unit(
            "trail_age",
            "How old the oldest event is that is kept",
            Unit::Seconds,
            self.trail_age.clone(),
        );
        r.register(
            "trail_removed",
            "Events that retention has removed in all",
            self.trail_removed.clone(),
        );
        // A constant 1 with the version as its label.
        let build = Family::<BuildLabels, Whole>::default();
        build.get_or_create(&BuildLabels { version: env!("CARGO_PKG_VERSION") }).set(1);
        r.register("build_info", "The program", build);
    }

    /// Counts an HTTP request by its route. Paths are chosen by clients and would make the number
    /// of series unbounded.
    pub(crate) fn request(&self, method: &str, route: &str, status: u16, took: Duration) {
        let (method, route) = (method.to_owned(), route.to_owned());
        let labels = RouteLabels { method: method.clone(), route: route.clone() };
        self.durations.get_or_create(&labels).observe(took.as_secs_f64());
        self.requests.get_or_create(&RequestLabels { method, route, status }).inc();
    }

    pub(crate) fn publication(&self, done: bool, took: Duration) {
        let result = if done { "ok" } else { "failed" };
        self.publications.get_or_create(&ResultLabels { result }).inc();
        self.publish_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn admin_key_refused(&self, code: &'static str) {
        self.refused_keys.get_or_create(&CodeLabels { code }).inc();
    }

    pub(crate) fn unknown_key(&self) {
        self.unknown_keys.inc();
    }

    pub(crate) fn connections(&self, open: usize) {
        self.connections.set(i64::try_from(open).unwrap_or(i64::MAX));
    }

    pub(crate) fn connections_evicted(&self, count: usize) {
        self.connections_evicted.inc_by(u64::try_from(count).unwrap_or(u64::MAX));
    }

    pub(crate) fn connection_refused(&self) {
        self.connections_refused.inc();
    }

    pub(crate) fn connection_timed_out(&self, waited_for: &'static str) {
        self.connections_timed_out.get_or_create(&WaitLabels { waited_for }).inc();
    }

    pub(crate) fn delivery(&self, done: bool) {
        let result = if done { "ok" } else { "failed" };
        self.deliveries.get_or_create(&ResultLabels { result }).inc();
    }
}

impl Issuer {
    /// The current metrics in the OpenMetrics text format.
    ///
    /// # Errors
    /// The store's.
    pub async fn metrics_text(&self) -> Result<String, Error> {
        let metrics = self.metrics();
        let mut reading = self.store().read().await?;
        let now = self.now();
        if let Some(published) = match lists::published(&mut reading).await {
            Err(Error::NoList) => None,
            other => Some(other?),
        } {
            metrics.list_number.set(i64::try_from(published.number).unwrap_or(i64::MAX));
            let age = Duration::from_millis(now.millis_since(published.this_update));
            metrics.list_age.set(age.as_secs_f64());
            metrics.list_left.set(seconds_until(published.next_update, now));
        }
        let lines = shards::shards(&mut reading).await?;
        let bytes = lines.iter().filter_map(|shard| shard.line).map(|line| i64::from(line.len));
        metrics.list_bytes.set(bytes.sum());
        let (pending, dead) = webhooks::backlog(&mut reading).await?;
        metrics.backlog.set(pending);
        metrics.dead.set(dead);
        let oldest = retention::oldest(&mut reading).await?;
        let age = oldest.map_or(0, |(_, at)| now.millis_since(at));
        metrics.trail_age.set(Duration::from_millis(age).as_secs_f64());
        let removed = events::start_in(&mut reading).await?.map_or(0, |start| start.removed);
        metrics.trail_removed.set(i64::try_from(removed).unwrap_or(i64::MAX));
        self.measure_signers(&mut reading).await?;
        let restored = match targets::check_not_restored(&mut reading).await {
            Err(Error::Restored { .. }) => 1,
            other => other.map(|()| 0)?,
        };
        metrics.restored.set(restored);

        let mut counted = metrics.counted.lock().await;
        let fresh = counted.is_some_and(|at| now.millis().abs_diff(at) < COUNT_EVERY_MILLIS);
        let bulk = !bulk::in_force(&mut reading).await?.is_empty();
        if !(fresh && bulk) {
            let at = store::now(&mut reading, now).await?;
            for (state, count) in state::count_by_state(&mut reading, at.secs()).await? {
                metrics.keys.get_or_create(&StateLabels { state: state.name() }).set(count);
            }
            *counted = Some(now.millis());
        }
        drop(counted);
        drop(reading);
        self.measure_targets().await?;
        let is_held =
            matches!(self.store().check_clock().await, Err(Error::ClockImplausible { .. }));
        metrics.implausible_clock.set(i64::from(is_held));
        let free = reserve::room(self.home()).and_then(|room| i64::try_from(room).ok());
        metrics.free.set(free.unwrap_or(-1));
        let mut out = String::new();
        // Writing to a string can't fail, and an empty response would be noticed.
        let _ = text::encode(&mut out, &metrics.registry);
        Ok(out)
    }

    /// Measures the keyring's expiry, and the ages of the active signers.
    async fn measure_signers(&self, reading: &mut Connection) -> Result<(), Error> {
        let (metrics, now) = (self.metrics(), self.now());
        let mut listed: BTreeMap<u16, Time> = BTreeMap::new();
        metrics.signer_ages.clear();
        let mut newest = None;
        for (document, made) in lists::keyrings(reading).await? {
            let keyring = Keyring::open(&document, self.root())?;
            for entry in keyring.entries() {
                let first = listed.entry(entry.kid).or_insert(made);
                *first = made.min(*first);
            }
            newest = Some(keyring);
        }
        let Some(newest) = newest else { return Ok(()) };
        metrics.keyring_left.set(seconds_until(newest.not_after(), now));
        for entry in newest.entries().iter().filter(|entry| entry.state == State::Active) {
            let since = listed.get(&entry.kid).map_or(0, |at| now.millis_since(*at));
            let labels = SignerLabels { kid: entry.kid, purpose: entry.purpose.name() };
            let age = Duration::from_millis(since).as_secs_f64();
            metrics.signer_ages.get_or_create(&labels).set(age);
        }
        Ok(())
    }

    /// Measures how far behind each target is. Targets that no publisher has are dropped.
    async fn measure_targets(&self) -> Result<(), Error> {
        let (metrics, now) = (self.metrics(), self.now());
        metrics.target_lags.clear();
        metrics.target_failures.clear();
        for target in self.targets().await? {
            let labels = TargetLabels { target: target.name };
            let lag = target.carries.map_or(f64::INFINITY, |(_, _, at)| {
                Duration::from_millis(now.millis_since(at)).as_secs_f64()
            });
            metrics.target_lags.get_or_create(&labels).set(lag);
            metrics.target_failures.get_or_create(&labels).set(i64::from(target.failures));
        }
        Ok(())
    }
}

/// Seconds from `now` to `end`; negative after it.
fn seconds_until(end: Time, now: Time) -> f64 {
    let left = Duration::from_millis(end.millis_since(now)).as_secs_f64();
    left - Duration::from_millis(now.millis_since(end)).as_secs_f64()
}
