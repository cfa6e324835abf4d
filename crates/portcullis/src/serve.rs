//! `portcullis serve`.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use portcullis_api::{
    Connections, Patience, Rate, Server, Settings, StreamLimits, raise_descriptor_limit,
};
use portcullis_core::policy::Network;
use portcullis_issuer::Issuer;
use portcullis_issuer::schedule::{DEFAULT_KEY_AGE_DAYS, Options};

use super::args;
use super::exit::Exit;
use super::global::Global;
use super::output::Out;
use super::retention::RetentionArgs;
use super::supervisor;
use super::webhooks::ReachArgs;

/// Serve the HTTP API and the list, and renew the list's stamp
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  portcullis serve --listen 127.0.0.1:8080 --stamp-every 1s --valid-for 5m"
)]
pub(crate) struct Serve {
    /// The address to listen on; port 0 selects a free port
    #[arg(
        long,
        value_name = "ADDRESS",
        env = "PORTCULLIS_LISTEN",
        default_value = "127.0.0.1:8080"
    )]
    listen: SocketAddr,
    /// How often the list's stamp is renewed
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = args::duration)]
    stamp_every: Duration,
    /// Start even if no target or witness can be read, because the database is not a restored
    /// backup
    #[arg(long)]
    no_witness: bool,
    #[command(flatten)]
    reach: ReachArgs,
    /// The most requests of an admin key in a minute; 0 for no limit
    #[arg(long, value_name = "N", env = "PORTCULLIS_RATE_LIMIT", default_value_t = 6000)]
    rate_limit: u32,
    /// Serve /metrics without an admin key
    #[arg(long, env = "PORTCULLIS_OPEN_METRICS")]
    open_metrics: bool,
    /// How long an idempotency key is remembered: a request that is sent again with it returns the
    /// same key
    #[arg(long, value_name = "DURATION", env = "PORTCULLIS_IDEMPOTENCY_WINDOW",
          default_value = "24h", value_parser = args::duration)]
    idempotency_window: Duration,
    /// The age in days at which a signing key is reported for rotation
    #[arg(long, value_name = "DAYS", default_value_t = DEFAULT_KEY_AGE_DAYS)]
    key_age: u32,
    /// Rotate such keys with the root key in this file. It is safer to keep that file offline and
    /// to run `portcullis jobs run key-age --rotate-with` by hand
    #[arg(long, value_name = "ROOT_KEY", env = "PORTCULLIS_ROTATE_WITH")]
    rotate_with: Option<std::path::PathBuf>,
    #[command(flatten)]
    retention: RetentionArgs,
    #[command(flatten)]
    connections: ConnectionArgs,
}

/// The limits of connections and the timeouts of clients.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Connections")]
struct ConnectionArgs {
    /// The most connections at a time [default: as many as the limit of open files allows, up to
    /// 8192]. At the limit, a new connection replaces one that waits for its client
    #[arg(long, value_name = "N", env = "PORTCULLIS_MAX_CONNECTIONS",
          value_parser = clap::value_parser!(u32).range(1..))]
    max_connections: Option<u32>,
    /// The most connections of one client address, or of one IPv6 /64 [default: a quarter of all]
    #[arg(long, value_name = "N", env = "PORTCULLIS_MAX_CONNECTIONS_PER_ADDRESS",
          value_parser = clap::value_parser!(u32).range(1..))]
    max_connections_per_address: Option<u32>,
    /// A network of proxies in front of the issuer, such as 10.0.0.0/8. Its addresses may have any
    /// number of connections; repeatable
    #[arg(
        long,
        value_name = "NETWORK",
        env = "PORTCULLIS_TRUSTED_PROXIES",
        value_delimiter = ' ',
        value_parser = network
    )]
    trusted_proxy: Vec<Network>,
    /// How long a client may take to send the headers of a request
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = patience)]
    head_timeout: Duration,
    /// How long a client may take to send the body of a request
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = patience)]
    body_timeout: Duration,
    /// How long a connection stays open between two requests
    #[arg(long, value_name = "DURATION", default_value = "75s", value_parser = patience)]
    idle_timeout: Duration,
    /// How long a client may accept no byte of a response
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = patience)]
    write_timeout: Duration,
    /// The most streams of events at a time
    #[arg(long, value_name = "N", default_value_t = StreamLimits::default().max)]
    max_streams: usize,
    /// The most streams of events with one admin key
    #[arg(long, value_name = "N", default_value_t = StreamLimits::default().max_per_key)]
    max_streams_per_key: usize,
}

fn network(text: &str) -> Result<Network, String> {
    let mistake =
        "write it as 10.0.0.0/8 or 2001:db8::/32, with no bit set behind the slash's number";
    text.parse().map_err(|_| mistake.to_owned())
}

fn patience(text: &str) -> Result<Duration, String> {
    let patience = args::duration(text)?;
    let sensible = Duration::from_millis(100)..=Duration::from_secs(24 * 60 * 60);
    if sensible.contains(&patience) { Ok(patience) } else { Err("must be 100ms to 1d".into()) }
}

impl ConnectionArgs {
    fn settings(&self) -> Connections {
        let number = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        Connections {
            max: self.max_connections.map(number),
            max_per_address: self.max_connections_per_address.map(number),
            trusted_proxies: self.trusted_proxy.clone(),
            patience: Patience {
                head: self.head_timeout,
                body: self.body_timeout,
                idle: self.idle_timeout,
                write: self.write_timeout,
            },
        }
    }
}

impl Serve {
    pub(super) async fn run(&self, issuer: &Issuer, global: &Global, out: &Out) -> Result<Exit> {
        if self.stamp_every < Duration::from_millis(50) {
            bail!("--stamp-every must be 50ms at least");
        }
        let retention = self.retention.retention(issuer.now())?;
        if self.retention.keep_events.is_some_and(|keep| keep < self.idempotency_window) {
            bail!(
                "--keep-events must be at least as long as --idempotency-window: a request that is \
                 sent again answers what the trail still has to show"
            );
        }
        let targets = global.targets()?;
        if let Some(target) = targets.iter().find(|target| !target.is_writable()) {
            bail!("{} can only be read; name it with --witness", target.name);
        }
        let asked = !targets.is_empty() || !global.witness.is_empty();
        if asked
            && !self.no_witness
            && issuer.recovery().check_witnesses(&global.witnesses()?).await? == 0
        {
            bail!(
                "no target or witness could be read, so nobody can tell whether the database is a \
                 restored backup; mend that, or say --no-witness if it is not one"
            );
        }
        let server = match Server::bind(issuer.clone(), self.listen, self.stamp_every) {
            Ok(server) => server,
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => bail!(
                "port {} is in use on {}; end the other program or choose another with --listen",
                self.listen.port(),
                self.listen.ip()
            ),
            Err(error) => {
                return Err(error).with_context(|| format!("can't listen on {}", self.listen));
            }
        };
        let settings = Settings {
            reach: self.reach.reach(),
            rate: Rate { requests: self.rate_limit, ..Rate::default() },
            streams: StreamLimits {
                max: self.connections.max_streams,
                max_per_key: self.connections.max_streams_per_key,
            },
            open_metrics: self.open_metrics,
            idempotency_window: Some(self.idempotency_window),
        };
        let options = Options {
            key_age_days: self.key_age,
            rotate_with: self.rotate_with.clone(),
            retention,
        };
        let server = server.with(settings, options);
        let descriptors = raise_descriptor_limit();
        let server = server.with_connections(&self.connections.settings(), descriptors)?;
        // Gates that start together with this server then find a list in force at once.
        issuer.list().publish().await?;
        issuer.list().renew_status_lists().await?;
        let server = server.with_targets(targets);
        let asked = end()?;
        let end = async move {
            asked.await;
            supervisor::ending();
        };
        out.line(&format!("listening on http://{}", server.address()?))?;
        supervisor::ready();
        let alive = tokio::spawn(supervisor::go_on(issuer.clone()));
        let ran = server.run(end).await;
        alive.abort();
        ran?;
        Ok(Exit::Done)
    }
}

/// Completes at the first SIGINT or SIGTERM. The handlers are installed before the server announces
/// that it is ready.
#[cfg(unix)]
fn end() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn end() -> io::Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
