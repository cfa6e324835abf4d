//! The phase of a connection, which decides how long it may last and whether it may be evicted.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::limits::Patience;

/// A client that keeps the server waiting in the middle of a request or an answer for this long may
/// lose its connection to another client.
const SLOW: Duration = Duration::from_millis(500);
/// How long the problem that reports a late body may take to reach the client.
const LAST_WORD: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The server waits for a request's head, or has received a part of it.
    Head,
    /// A request was answered, and no byte of the next one has arrived.
    Idle,
    /// The server waits for a request's body.
    Body,
    /// The server handles a request, or writes the answer.
    Answer,
}

/// Why a connection was closed by the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Late {
    Head,
    Idle,
    Body,
    Write,
}

impl Late {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Idle => "idle",
            Self::Body => "body",
            Self::Write => "write",
        }
    }
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// When the current wait for the client began; in `Answer` and `Body`, when the head was
    /// complete.
    since: Instant,
    /// Since when the client has accepted no byte of the answer.
    stalled: Option<Instant>,
    evicted: bool,
}

/// The state of one connection, shared by its socket, its requests and the table of all
/// connections.
#[derive(Debug)]
pub(super) struct Watch {
    state: Mutex<State>,
    evicted: Notify,
}

impl Watch {
    pub(super) fn new(now: Instant) -> Self {
        let state = State { phase: Phase::Head, since: now, stalled: None, evicted: false };
        Self { state: Mutex::new(state), evicted: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that bytes arrived.
    pub(super) fn read(&self) {
        let mut state = self.state();
        if state.phase == Phase::Idle {
            (state.phase, state.since) = (Phase::Head, Instant::now());
        }
    }

    /// Records whether bytes could be written.
    pub(super) fn wrote(&self, some: bool) {
        let mut state = self.state();
        if some {
            state.stalled = None;
        } else if state.stalled.is_none() {
            state.stalled = Some(Instant::now());
        }
    }

    /// Records that a request's head is complete. Returns false if the connection was evicted: then
    /// the request is not started, so that the client can send it again.
    pub(super) fn begin(&self) -> bool {
        let mut state = self.state();
        (state.phase, state.since) = (Phase::Answer, Instant::now());
        !state.evicted
    }

    /// Records that the server waits for the request's body, or that the body arrived. Returns
    /// false if the connection was evicted.
    pub(super) fn body(&self, waits: bool) -> bool {
        let mut state = self.state();
        state.phase = if waits { Phase::Body } else { Phase::Answer };
        !state.evicted
    }

    /// Records that the answer is complete.
    pub(super) fn answered(&self) {
        let mut state = self.state();
        (state.phase, state.since) = (Phase::Idle, Instant::now());
    }

    /// Since when the server has waited for the client, if the connection may be evicted. A
    /// connection is never evicted while the server works on a request.
    pub(super) fn waits_since(&self, now: Instant) -> Option<Instant> {
        self.state().waits_since(now)
    }

    /// Whether the server waits only for a request's head.
    pub(super) fn wants_head(&self) -> bool {
        let state = self.state();
        state.phase == Phase::Head && state.stalled.is_none()
    }

    /// Whether the connection was evicted.
    pub(super) fn is_evicted(&self) -> bool {
        self.state().evicted
    }

    /// Evicts the connection if that is allowed. Returns whether it was evicted.
    pub(super) fn evict(&self, now: Instant) -> bool {
        let mut state = self.state();
        if state.waits_since(now).is_none() {
            return false;
        }
        state.evicted = true;
        drop(state);
        self.evicted.notify_one();
        true
    }

    /// Waits until the connection is evicted.
    pub(super) async fn evicted(&self) {
        self.evicted.notified().await;
    }

    /// The instant at which the connection is closed unless it makes progress, and the reason.
    pub(super) fn deadline(&self, patience: &Patience) -> Option<(Instant, Late)> {
        let state = self.state();
        let phase = match state.phase {
            Phase::Head => Some((state.since + patience.head, Late::Head)),
            Phase::Idle => Some((state.since + patience.idle, Late::Idle)),
            Phase::Body => Some((state.since + patience.body + LAST_WORD, Late::Body)),
            Phase::Answer => None,
        };
        let write = state.stalled.map(|since| (since + patience.write, Late::Write));
        drop(state);
        phase.into_iter().chain(write).min_by_key(|(at, _)| *at)
    }
}

impl State {
    fn waits_since(&self, now: Instant) -> Option<Instant> {
        if self.evicted {
            return None;
        }
        let slow = now.saturating_duration_since(self.since) >= SLOW;
        match self.phase {
            Phase::Head | Phase::Idle => Some(self.since),
            Phase::Body if slow => Some(self.since),
            Phase::Answer if slow && self.stalled.is_some() => Some(self.since),
            Phase::Body | Phase::Answer => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn after(millis: u64) -> Instant {
        tokio::time::advance(Duration::from_millis(millis)).await;
        Instant::now()
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_is_worked_on_is_never_closed_for_another() {
        let watch = Watch::new(Instant::now());
        assert!(watch.begin());
        assert!(!watch.evict(after(3_600_000).await));
        assert_eq!(watch.deadline(&Patience::default()), None);
        watch.answered();
        assert!(watch.evict(Instant::now()));
        assert!(!watch.begin(), "what comes after is not begun");
        assert!(!watch.evict(Instant::now()), "once is enough");
    }

    #[tokio::test(start_paused = true)]
    async fn each_thing_that_a_client_can_do_slowly_has_its_end() {
        let patience = Patience::default();
        let start = Instant::now();
        let watch = Watch::new(start);
        let ends = |watch: &Watch| {
            let (at, late) = watch.deadline(&patience).unwrap();
            (at.duration_since(start).as_secs(), late)
        };
        after(3000).await;
        watch.read();
        assert_eq!(ends(&watch), (10, Late::Head), "bytes of a head buy no time");
        watch.begin();
        after(1000).await;
        watch.body(true);
        watch.body(false);
        watch.body(true);
        assert_eq!(ends(&watch), (3 + 60 + 2, Late::Body), "nor do those of a body");
        watch.body(false);
        watch.wrote(false);
        after(1000).await;
        watch.wrote(false);
        assert_eq!(ends(&watch), (4 + 30, Late::Write));
        watch.wrote(true);
        assert_eq!(watch.deadline(&patience), None);
        watch.answered();
        assert_eq!(ends(&watch), (5 + 75, Late::Idle));
        after(70_000).await;
        watch.read();
        assert_eq!(ends(&watch), (75 + 10, Late::Head));
    }

    #[tokio::test(start_paused = true)]
    async fn slow_bodies_and_slow_readers_may_lose_their_place() {
        let watch = Watch::new(Instant::now());
        watch.begin();
        watch.body(true);
        assert_eq!(watch.waits_since(after(400).await), None);
        watch.body(false);
        watch.body(true);
        assert!(watch.waits_since(after(200).await).is_some(), "trickling makes nothing younger");
        watch.body(false);
        assert_eq!(watch.waits_since(Instant::now()), None);
        watch.wrote(false);
        assert!(watch.evict(Instant::now()));
        assert!(!watch.body(true));
    }
}
