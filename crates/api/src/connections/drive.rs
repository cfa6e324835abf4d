//! The loop that accepts connections, and the future that drives each of them to its end.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use portcullis_issuer::issuer::Issuer;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;

use super::admission::{Admission, Admitted, Place};
use super::io::{Answer, Request, Socket};
use super::limits::{Patience, Plan};
use super::phase::Late;

/// The largest head of a request, in bytes. A client that sends half a head occupies this much
/// memory.
const MAX_HEAD_LEN: usize = 16 * 1024;
/// How long the loop waits for a place before it checks again.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// A listener with its rules.
#[derive(Debug)]
pub(crate) struct Listening {
    listener: TcpListener,
    admission: Arc<Admission>,
    issuer: Issuer,
}

/// How a connection ended.
enum End {
    /// By itself, or because the server is stopping.
    Done,
    Evicted,
    Late(Late),
}

impl Listening {
    pub(crate) fn new(listener: TcpListener, plan: Plan, issuer: Issuer) -> Self {
        Self { listener, admission: Admission::new(plan), issuer }
    }

    /// Serves until `stop` changes, and then until the requests that have begun are answered.
    pub(crate) async fn serve(self, router: Router, mut stop: watch::Receiver<()>) {
        let service = TowerToHyperService::new(router);
        loop {
            let next = tokio::select! {
                _ = stop.changed() => break,
                next = self.next() => next,
            };
            let Some((stream, place)) = next else { continue };
            let (service, stop) = (service.clone(), stop.clone());
            let admission = self.admission.clone();
            let (issuer, patience) = (self.issuer.clone(), self.admission.plan().patience);
            tokio::spawn(async move {
                let metrics = issuer.metrics();
                metrics.connections(admission.open());
                if let End::Late(late) = drive(stream, place, service, &patience, stop).await {
                    metrics.connection_timed_out(late.name());
                }
                metrics.connections(admission.open());
            });
        }
        drop(self.listener);
        while self.admission.open() > 0 {
            let _ = tokio::time::timeout(LOOK_AGAIN, self.admission.freed()).await;
        }
    }

    /// Returns the next admitted connection, if there is room for one.
    async fn next(&self) -> Option<(TcpStream, Place)> {
        let metrics = self.issuer.metrics();
        if let Some(evicted) = self.admission.make_room(Instant::now()) {
            metrics.connections_evicted(evicted);
            // Accept the next connection only when an evicted one is closed, and not already
            // when it has to close: descriptors are the resource that must not run out.
            let _ = tokio::time::timeout(LOOK_AGAIN, self.admission.freed()).await;
            return None;
        }
        let (stream, peer) = match self.listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                self.refused(&error).await;
                return None;
            }
        };
        match self.admission.admit(peer.ip(), Instant::now()) {
            Admitted::Yes(place, evicted) => {
                metrics.connections_evicted(evicted);
                Some((stream, place))
            }
            Admitted::TooMany => {
                metrics.connection_refused();
                None
            }
        }
    }

    /// Handles an error of `accept`. A connection that was gone before it was accepted is not an
    /// error of the server. Any other error means that the system has no descriptors or no memory
    /// left.
    async fn refused(&self, error: &io::Error) {
        use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
        if [ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted]
            .contains(&error.kind())
        {
            return;
        }
        tracing::error!("no connection can be accepted: {error}");
        self.issuer.metrics().connections_evicted(self.admission.shed(Instant::now()));
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Serves the requests of one connection, until the connection ends or has to be closed.
async fn drive(
    stream: TcpStream,
    place: Place,
    service: TowerToHyperService<Router>,
    patience: &Patience,
    mut stop: watch::Receiver<()>,
) -> End {
    let watch = place.watch.clone();
    let within = patience.body;
    let answering = watch.clone();
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (watch, service) = (answering.clone(), service.clone());
        async move {
            if !watch.begin() {
                return Err(io::Error::from(io::ErrorKind::ConnectionAborted));
            }
            let arriving = watch.clone();
            let request = request
                .map(|body| Body::new(Request { body, watch: arriving, within, timer: None }));
            match service.call(request).await {
                Ok(answer) => Ok(answer.map(|body| Answer { body, watch })),
                Err(never) => match never {},
            }
        }
    });
    let io = TokioIo::new(Socket { stream, watch: watch.clone() });
    let connection = http1::Builder::new().max_buf_size(MAX_HEAD_LEN).serve_connection(io, service);
    let mut connection = pin!(connection);
    let mut stopped = pin!(stop.changed());
    let mut evicted = pin!(watch.evicted());
    let mut timer = pin!(tokio::time::sleep_until(Instant::now() + patience.head));
    let mut stopping = false;
    std::future::poll_fn(|cx| {
        if evicted.as_mut().poll(cx).is_ready() {
            return Poll::Ready(End::Evicted);
        }
        if !stopping && stopped.as_mut().poll(cx).is_ready() {
            stopping = true;
            connection.as_mut().graceful_shutdown();
        }
        if connection.as_mut().poll(cx).is_ready() {
            return Poll::Ready(End::Done);
        }
        if stopping && watch.wants_head() {
            return Poll::Ready(End::Done);
        }
        // The poll above may have moved the deadline.
        let Some((at, late)) = watch.deadline(patience) else { return Poll::Pending };
        if timer.deadline() != at {
            timer.as_mut().reset(at);
        }
        timer.as_mut().poll(cx).map(|()| End::Late(late))
    })
    .await
}
