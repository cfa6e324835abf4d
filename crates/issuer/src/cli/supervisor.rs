//! What a service manager is told, as sd_notify(3) says: that the server is ready, that it ends, and,
//! if it wants to know, that it goes on publishing. Without one nothing is told.

use std::time::{Duration, Instant};

use portcullis_issuer::Issuer;
use sd_notify::NotifyState;

/// The server listens, and its list is in force.
pub(super) fn ready() {
    tell(&NotifyState::Ready);
}

/// The server was asked to end.
pub(super) fn ending() {
    tell(&NotifyState::Stopping);
}

/// Says so for as long as the publisher goes on, if the manager restarts what is silent
/// (`WatchdogSec=`). A publisher that fails goes on; one that is stuck does not.
pub(super) async fn go_on(issuer: Issuer) {
    // Silence of half the time is allowed, sd_watchdog_enabled(3).
    let Some(every) = sd_notify::watchdog_enabled().and_then(|most| most.checked_div(2)) else {
        return;
    };
    let mut ticks = tokio::time::interval(every.max(Duration::from_millis(1)));
    loop {
        ticks.tick().await;
        if !issuer.health().is_stuck(Instant::now()) {
            tell(&NotifyState::Watchdog);
        }
    }
}

fn tell(state: &NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(std::slice::from_ref(state)) {
        tracing::warn!("the service manager could not be told {state}: {error}");
    }
}
