//! The work of a gate without requests, if a cron trigger calls it.
//!
//! In an idle isolate the list ages and counted uses stay unreported. The platform calls one
//! isolate of its choice; the others profit only from the floor.

use core::cell::RefCell;

use crate::gate::Gate;
use crate::host::Host;
use crate::refresh::refresh;
use crate::telemetry::deliver::{deliver, deliver_canaries};

/// Refreshes the list, stores the floor for future isolates, and reports all counted uses, and those
/// of canaries that are due.
pub async fn tick<H: Host>(gate: &RefCell<Gate>, host: &H) {
    let job = gate.borrow_mut().refresh_now(host.now());
    if let Some(job) = job {
        refresh(gate, host, job).await;
    }
    // A refresh stores the floor only if the list changed. The newest stamp is a better floor.
    let floor = gate.borrow().trust().floor();
    if let Some(floor) = floor {
        host.store_floor(floor).await;
    }
    let canaries = gate.borrow_mut().telemetry_mut().canaries_mut().report(host.now());
    if let Some(report) = canaries {
        deliver_canaries(gate, host, report).await;
    }
    let analytics = gate.borrow().settings().analytics;
    loop {
        let report = gate.borrow_mut().telemetry_mut().usage_mut().flush(host.now());
        let Some(report) = report else { return };
        deliver(gate, host, report).await;
        // A second report would exceed the platform's limit of data points per invocation.
        if analytics {
            return;
        }
    }
}
