//! Metrics for Prometheus.

mod gather;

pub(crate) use gather::metrics_text;

use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Duration;

use portcullis_core::time::Time;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tokio::sync::Mutex;

use crate::sparse::Sparse;

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
    refusals: Sparse,
    /// Limits log lines about requests of unauthenticated clients.
    strangers: Sparse,
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
    pub fn request(&self, method: &str, route: &str, status: u16, took: Duration) {
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

    /// Counts a key that was refused as an admin key.
    pub fn admin_key_refused(&self, code: &'static str) {
        self.refused_keys.get_or_create(&CodeLabels { code }).inc();
    }

    /// Whether to log that a key was refused; if so, how many such lines were left out before.
    pub fn refusal_line(&self, now: Time) -> Option<u64> {
        self.refusals.line(now)
    }

    /// Whether to log the request of an unauthenticated client; if so, how many such lines were left
    /// out before.
    pub fn stranger_line(&self, now: Time) -> Option<u64> {
        self.strangers.line(now)
    }

    pub(crate) fn unknown_key(&self) {
        self.unknown_keys.inc();
    }

    /// Says how many connections are open.
    pub fn connections(&self, open: usize) {
        self.connections.set(i64::try_from(open).unwrap_or(i64::MAX));
    }

    /// Counts connections that were closed to make room for others.
    pub fn connections_evicted(&self, count: usize) {
        self.connections_evicted.inc_by(u64::try_from(count).unwrap_or(u64::MAX));
    }

    /// Counts a connection that found no room.
    pub fn connection_refused(&self) {
        self.connections_refused.inc();
    }

    /// Counts a connection whose client took too long.
    pub fn connection_timed_out(&self, waited_for: &'static str) {
        self.connections_timed_out.get_or_create(&WaitLabels { waited_for }).inc();
    }

    pub(crate) fn delivery(&self, done: bool) {
        let result = if done { "ok" } else { "failed" };
        self.deliveries.get_or_create(&ResultLabels { result }).inc();
    }
}
