//! Notifications to a service manager, by sd_notify(3): the server is ready, it is stopping, and,
//! if the manager watches it, its publisher is running. Without a manager nothing is sent.

use std::time::{Duration, Instant};

use portcullis_issuer::Issuer;
use sd_notify::NotifyState;

/// Reports that the server listens and its list is in force.
pub(super) fn ready() {
    tell(&NotifyState::Ready);
}

/// Reports that the server is stopping.
pub(super) fn ending() {
    tell(&NotifyState::Stopping);
}

/// Notifies the watchdog as long as the publisher is running, if the manager restarts silent
/// services (`WatchdogSec=`). A publisher with failing attempts is running; a stuck one is not.
pub(super) async fn go_on(issuer: Issuer) {
    // sd_watchdog_enabled(3) recommends half of the watchdog's interval.
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
