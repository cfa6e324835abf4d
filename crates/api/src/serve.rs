//! The server: listening, the beat that renews the stamp, and stopping.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use portcullis_issuer::actor::{Actor, PUBLISHER};
use portcullis_issuer::error::Error;
use portcullis_issuer::issuer::Issuer;
use portcullis_issuer::publish::Target;
use portcullis_issuer::schedule;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::connections::{Connections, Listening, Plan};
use crate::options::Settings;
use crate::router::router_with;

/// How long clients can delay the end of the server.
const GRACE: Duration = Duration::from_secs(10);
/// How long unfinished work can delay it after that: a publication, a target that hangs, a webhook.
const LAST: Duration = Duration::from_secs(14);
/// How long a program may wait after that for threads that hang, for example in a disk or a name
/// server.
pub const LETS_GO_WITHIN: Duration = Duration::from_secs(1);
/// How long after a request to stop a server's process has ended in any case.
pub const STOPS_WITHIN: Duration = GRACE.saturating_add(LAST).saturating_add(LETS_GO_WITHIN);

/// How many connections the system queues until they are accepted; its own limit may be lower.
const BACKLOG: u32 = 4096;

/// A server that is bound to its address, and publishes.
#[derive(Debug)]
pub struct Server {
    issuer: Issuer,
    listener: TcpListener,
    stamp_every: Duration,
    targets: Vec<Target>,
    settings: Settings,
    jobs: schedule::Options,
    plan: Plan,
}

impl Server {
    /// Binds to `listen` (port 0 takes any free port).
    ///
    /// # Errors
    /// The system's, such as [`io::ErrorKind::AddrInUse`].
    pub fn bind(issuer: Issuer, listen: SocketAddr, stamp_every: Duration) -> io::Result<Self> {
        let listener = listener(listen)?;
        let (settings, jobs) = (Settings::default(), schedule::Options::default());
        let (targets, plan) = (Vec::new(), Plan::default());
        Ok(Self { issuer, listener, stamp_every, targets, settings, jobs, plan })
    }

    /// Sets limits of connections, for a process that may have this many `descriptors`; `None` for
    /// any number.
    ///
    /// # Errors
    /// [`Error::Descriptors`] if there are too few.
    pub fn with_connections(
        self,
        connections: &Connections,
        descriptors: Option<u64>,
    ) -> Result<Self, Error> {
        Ok(Self { plan: connections.plan(descriptors)?, ..self })
    }

    /// Sets the targets that the server publishes to.
    #[must_use]
    pub fn with_targets(self, targets: Vec<Target>) -> Self {
        Self { targets, ..self }
    }

    /// Sets the operator's settings.
    #[must_use]
    pub fn with(self, settings: Settings, jobs: schedule::Options) -> Self {
        Self { settings, jobs, ..self }
    }

    /// The address that the server is bound to.
    ///
    /// # Errors
    /// The system's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `end` completes. Then the server answers requests that have begun, for at most
    /// ten seconds, and finishes other work that is under way, for at most fourteen more.
    ///
    /// # Errors
    /// The system's.
    pub async fn run(self, end: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let (stop, stopped) = watch::channel(());
        let issuer = self.issuer.acting_as(Actor::part(PUBLISHER));
        let (stamp_every, targets, follow_stop) =
            (self.stamp_every, self.targets, stop.subscribe());
        let publishing = Apart::start(async move {
            let list = issuer.list();
            tokio::join!(
                list.lead(stamp_every, targets, stopped),
                list.follow_with_status_lists(follow_stop)
            )
        })?;
        let (issuer, options, job_stop) =
            (self.issuer.clone(), self.jobs.clone(), stop.subscribe());
        let jobs = tokio::spawn(async move { issuer.jobs().run_until(options, job_stop).await });
        let dispatcher = match self.issuer.webhooks().dispatcher(self.settings.reach) {
            Ok(dispatcher) => Some(tokio::spawn(dispatcher.run(stop.subscribe()))),
            Err(error) => {
                tracing::error!(code = error.code(), "no webhooks are sent: {}", error.chain());
                None
            }
        };
        let mut settings = self.settings;
        // A stream is never evicted for another connection, so streams must not be able to take all
        // connections.
        settings.streams.max = settings.streams.max.min((self.plan.max / 2).max(1));
        let router = router_with(&self.issuer, settings);
        let mut ended = stop.subscribe();
        let end = {
            let (stop, issuer) = (stop.clone(), self.issuer.clone());
            async move {
                end.await;
                // This ends the event streams, which would otherwise keep the server from stopping.
                issuer.end();
                let _ = stop.send(());
            }
        };
        tokio::spawn(end);
        let serving = Listening::new(self.listener, self.plan, self.issuer.clone())
            .serve(router, stop.subscribe());
        tokio::select! {
            () = serving => {}
            () = async { let _ = ended.changed().await; tokio::time::sleep(GRACE).await } => {}
        }
        drop(stop);
        let rest = async {
            // The last beat may be in the middle of a publication: let it finish.
            let publishing = publishing.done().await;
            let _ = jobs.await;
            if let Some(dispatcher) = dispatcher {
                let _ = dispatcher.await;
            }
            self.issuer.store().close().await;
            publishing.end().await;
        };
        // Work that is cut off here is as safe as if the process were killed: it is in no
        // transaction, or in one that is not committed.
        if tokio::time::timeout(LAST, rest).await.is_err() {
            tracing::warn!("what was under way is left as it is; the next start takes it up");
        }
        Ok(())
    }
}

/// Listens with a long queue: connections that are not yet accepted cost no descriptor.
fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// The publisher, on a thread and a runtime of its own. On the runtime of the requests, each of its
/// steps would wait for every request that is ready, so that many requests would stop the list.
struct Apart {
    done: oneshot::Receiver<()>,
    over: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Apart {
    fn start(work: impl Future + Send + 'static) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (finished, done) = oneshot::channel();
        let (over, mut is_over) = oneshot::channel();
        let thread = tokio::task::spawn_blocking(move || {
            runtime.block_on(async {
                tokio::select! {
                    // The server has stopped waiting for the work.
                    _ = &mut is_over => return,
                    _ = work => {}
                }
                let _ = finished.send(());
                // Keep the runtime alive: database connections that were made here depend on it,
                // and requests that publish use them too.
                let _ = is_over.await;
            });
            // Don't wait for blocking tasks, which may never end.
            runtime.shutdown_background();
        });
        Ok(Self { done, over, thread })
    }

    /// Waits until the work is done.
    async fn done(mut self) -> Self {
        let _ = (&mut self.done).await;
        self
    }

    async fn end(self) {
        let _ = self.over.send(());
        let _ = self.thread.await;
    }
}
