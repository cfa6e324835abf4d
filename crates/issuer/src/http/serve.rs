//! The server: listening, the heart-beat that renews the stamp, the end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::actor::{Actor, PUBLISHER};
use crate::http::Settings;
use crate::issuer::Issuer;
use crate::publish::{Target, follow_with_status_lists, heart_beat};
use crate::schedule;
use crate::webhooks::Dispatcher;

/// How long a client may keep the server from ending.
const GRACE: Duration = Duration::from_secs(10);

/// A server that is bound to its address, and publishes.
#[derive(Debug)]
pub struct Server {
    issuer: Issuer,
    listener: TcpListener,
    stamp_every: Duration,
    targets: Vec<Target>,
    settings: Settings,
    jobs: schedule::Options,
}

impl Server {
    /// Binds to `listen` (port 0 for any that is free).
    ///
    /// # Errors
    /// The system's, such as [`io::ErrorKind::AddrInUse`].
    pub async fn bind(
        issuer: Issuer,
        listen: SocketAddr,
        stamp_every: Duration,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(listen).await?;
        let (settings, jobs) = (Settings::default(), schedule::Options::default());
        Ok(Self { issuer, listener, stamp_every, targets: Vec::new(), settings, jobs })
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

    /// Serves until `end` is over; requests that have begun are answered, for ten seconds at most.
    ///
    /// # Errors
    /// The system's.
    pub async fn run(self, end: impl Future<Output = ()> + Send + 'static) -> io::Result<()> {
        let (stop, stopped) = watch::channel(());
        let publisher = self.issuer.acting_as(Actor::part(PUBLISHER));
        let beating = heart_beat(publisher.clone(), self.stamp_every, self.targets, stopped);
        let beating = tokio::spawn(beating);
        let following = tokio::spawn(follow_with_status_lists(publisher, stop.subscribe()));
        let jobs = schedule::run(self.issuer.clone(), self.jobs.clone(), stop.subscribe());
        let jobs = tokio::spawn(jobs);
        let dispatcher = match Dispatcher::new(self.issuer.clone(), self.settings.reach) {
            Ok(dispatcher) => Some(tokio::spawn(dispatcher.run(stop.subscribe()))),
            Err(error) => {
                tracing::error!(code = error.code(), "no webhooks are sent: {}", error.chain());
                None
            }
        };
        let router = super::router_with(&self.issuer, self.settings);
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
        let serving = axum::serve(self.listener, router).with_graceful_shutdown(end);
        let served = tokio::select! {
            served = serving => served,
            () = async { let _ = ended.changed().await; tokio::time::sleep(GRACE).await } => Ok(()),
        };
        drop(stop);
        // The last beat may be in the middle of a publication: it is let finish.
        let _ = beating.await;
        let _ = following.await;
        let _ = jobs.await;
        if let Some(dispatcher) = dispatcher {
            let _ = dispatcher.await;
        }
        self.issuer.store().close().await;
        served
    }
}
