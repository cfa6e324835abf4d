//! The server: listening, the heart-beat that renews the stamp, the end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::actor::{Actor, PUBLISHER};
use crate::error::Error;
use crate::http::Settings;
use crate::http::connections::{Connections, Listening, Plan};
use crate::issuer::Issuer;
use crate::publish::{Target, follow_with_status_lists, run_leader};
use crate::schedule;
use crate::webhooks::Dispatcher;

/// How long a client may keep the server from ending.
const GRACE: Duration = Duration::from_secs(10);
/// How long what is under way may keep it after that: a publication, a target that hangs, a webhook.
const LAST: Duration = Duration::from_secs(14);
/// How long a program may wait after that for threads that hang, such as in a disk or a name server.
pub const LETS_GO_WITHIN: Duration = Duration::from_secs(1);
/// How long after it was asked to end a server's process has ended, whatever happens.
pub const STOPS_WITHIN: Duration = GRACE.saturating_add(LAST).saturating_add(LETS_GO_WITHIN);

/// How many connections the system holds until they are accepted; its own bound may be lower.
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
    /// Binds to `listen` (port 0 for any that is free).
    ///
    /// # Errors
    /// The system's, such as [`io::ErrorKind::AddrInUse`].
    pub fn bind(issuer: Issuer, listen: SocketAddr, stamp_every: Duration) -> io::Result<Self> {
        let listener = listener(listen)?;
        let (settings, jobs) = (Settings::default(), schedule::Options::default());
        let (targets, plan) = (Vec::new(), Plan::default());
        Ok(Self { issuer, listener, stamp_every, targets, settings, jobs, plan })
    }

    /// The same with rules for connections, for a process that may have so many `descriptors`;
    /// `None` for any number.
    ///
    /// # Errors
    /// [`Error::Descriptors`] if these are too few.
    pub fn with_connections(
        self,
        connections: &Connections,
        descriptors: Option<u64>,
    ) -> Result<Self, Error> {
        Ok(Self { plan: connections.plan(descriptors)?, ..self })
    }

    /// The same, which serves these targets too.
    #[must_use]
    pub fn with_targets(self, targets: Vec<Target>) -> Self {
        Self { targets, ..self }
    }

    /// The same with what the operator says.
    #[must_use]
    pub fn with(self, settings: Settings, jobs: schedule::Options) -> Self {
        Self { settings, jobs, ..self }
    }

    /// The address that it is bound to.
    ///
    /// # Errors
    /// The system's.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `end` is over. Then requests that have begun are answered, for ten seconds at
    /// most, and what is under way is let finish, for fourteen more.
    ///
    /// # Errors
    /// The system's.
    pub async fn run(self, end: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let (stop, stopped) = watch::channel(());
        let issuer = self.issuer.acting_as(Actor::part(PUBLISHER)).publishing();
        let following = follow_with_status_lists(issuer.clone(), stop.subscribe());
        let beating = run_leader(issuer, self.stamp_every, self.targets, stopped);
        let publishing = Apart::start(async { tokio::join!(beating, following) })?;
        let jobs = schedule::run(self.issuer.clone(), self.jobs.clone(), stop.subscribe());
        let jobs = tokio::spawn(jobs);
        let dispatcher = match Dispatcher::new(self.issuer.clone(), self.settings.reach) {
            Ok(dispatcher) => Some(tokio::spawn(dispatcher.run(stop.subscribe()))),
            Err(error) => {
                tracing::error!(code = error.code(), "no webhooks are sent: {}", error.chain());
                None
            }
        };
        let mut settings = self.settings;
        // A stream is never closed for another connection: they must not be all that there is.
        settings.streams.max = settings.streams.max.min((self.plan.max / 2).max(1));
        let router = super::router_with(&self.issuer, settings);
        let mut ended = stop.subscribe();
        let end = {
            let (stop, issuer) = (stop.clone(), self.issuer.clone());
            async move {
                end.await;
                // Event streams end by this, which would keep the server from ending.
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
            // The last beat may be in the middle of a publication: it is let finish.
            let publishing = publishing.done().await;
            let _ = jobs.await;
            if let Some(dispatcher) = dispatcher {
                let _ = dispatcher.await;
            }
            self.issuer.store().close().await;
            publishing.end().await;
        };
        // What is cut off here is as safe as at a kill: it is in no transaction, or in one that is
        // not committed.
        if tokio::time::timeout(LAST, rest).await.is_err() {
            tracing::warn!("what was under way is left as it is; the next start takes it up");
        }
        Ok(())
    }
}

/// Listens, with room for many whose connection is still to be accepted: they cost no descriptor.
fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    #[cfg(unix)]
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// What publishes, on a thread and a runtime of its own. Among the requests each of its steps
/// would wait for every request that is ready, so that many of them would stop the list.
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
                    // Nobody waits for it any more.
                    _ = &mut is_over => return,
                    _ = work => {}
                }
                let _ = finished.send(());
                // Connections to the database that were made here live as long as this runtime,
                // and requests publish over them too.
                let _ = is_over.await;
            });
            // What it waits for in other threads may never come.
            runtime.shutdown_background();
        });
        Ok(Self { done, over, thread })
    }

    /// Until the work is done.
    async fn done(mut self) -> Self {
        let _ = (&mut self.done).await;
        self
    }

    async fn end(self) {
        let _ = self.over.send(());
        let _ = self.thread.await;
    }
}
