//! How a report of uses gets to the issuer and to Analytics Engine, behind a request.

use core::cell::RefCell;

use crate::analytics::DataPoint;
use crate::gate::Gate;
use crate::host::Host;
use crate::log::Event;
use crate::usage::{PATIENCE, Report};

/// Sends a report; what does not arrive is kept.
pub async fn deliver<H: Host>(gate: &RefCell<Gate>, host: &H, mut report: Report) {
    let (analytics, report_usage, list) = {
        let gate = gate.borrow();
        let settings = gate.settings();
        (settings.analytics, settings.report_usage, gate.list_seen(host.now()))
    };
    if analytics {
        report.news().for_each(|(name, uses)| host.write(&DataPoint::passed(name, uses, list)));
    }
    let sent = if report_usage { host.report(report.body(), PATIENCE).await } else { Ok(()) };
    match sent {
        Ok(()) => gate.borrow_mut().usage_mut().arrived(),
        Err(error) => {
            gate.borrow_mut().usage_mut().take_back(report, host.now());
            host.log(&Event::Usage(error));
        }
    }
}
