//! Delivers a report of uses to the issuer and to Analytics Engine, in the background.

use core::cell::RefCell;

use crate::analytics::DataPoint;
use crate::gate::Gate;
use crate::host::Host;
use crate::log::Event;
use crate::usage::{PATIENCE, Report};

/// Sends a report. If the delivery fails, the uses are kept for the next report.
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
