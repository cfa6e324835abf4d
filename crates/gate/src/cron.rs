//! What a gate does without requests, where a cron trigger calls it.
//!
//! An isolate that has gone quiet holds a list that grows old, and uses that nobody was told of.
//! The platform calls one isolate of its choice: what this does for the others is the floor.

use core::cell::RefCell;

use crate::deliver::deliver;
use crate::gate::Gate;
use crate::host::Host;
use crate::refresh::refresh;

/// Refreshes the list, keeps the floor for isolates to come, and reports all uses that were counted.
pub async fn tick<H: Host>(gate: &RefCell<Gate>, host: &H) {
    let job = gate.borrow_mut().refresh_now(host.now());
    if let Some(job) = job {
        refresh(gate, host, job).await;
    }
    // A refresh keeps the floor only where the list is another; its newest stamp is a better one.
    let floor = gate.borrow().floor();
    if let Some(floor) = floor {
        host.keep(floor).await;
    }
    let analytics = gate.borrow().settings().analytics;
    loop {
        let report = gate.borrow_mut().usage_mut().flush(host.now());
        let Some(report) = report else { return };
        deliver(gate, host, report).await;
        // A second one would be more data points than the platform takes of one call.
        if analytics {
            return;
        }
    }
}
