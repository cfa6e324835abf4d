//! Delivers a report of uses to the issuer and to Analytics Engine, in the background, and tells of
//! canaries.

use core::cell::RefCell;

use crate::gate::Gate;
use crate::host::Host;
use crate::telemetry::analytics::DataPoint;
use crate::telemetry::canaries::CanaryReport;
use crate::telemetry::log::Event;
use crate::telemetry::usage::{Report, TIMEOUT};

/// Sends a report. If the delivery fails, the uses are kept for the next report.
pub async fn deliver<H: Host>(gate: &RefCell<Gate>, host: &H, mut report: Report) {
    // Release the borrow before the await: other requests use the gate meanwhile.
    let (analytics, report_usage, list) = {
        let gate = gate.borrow();
        let settings = gate.settings();
        (settings.analytics, settings.report_usage, gate.list_seen(host.now()))
    };
    if analytics {
        report
            .unwritten()
            .for_each(|(name, uses)| host.write_point(&DataPoint::forwarded(name, uses, list)));
    }
    let sent = if report_usage { host.report_usage(report.body(), TIMEOUT).await } else { Ok(()) };
    match sent {
        Ok(()) => gate.borrow_mut().telemetry_mut().usage_mut().delivered(),
        Err(error) => {
            gate.borrow_mut().telemetry_mut().usage_mut().put_back(report, host.now());
            host.log(&Event::Usage(error));
        }
    }
}

/// Logs the uses of canaries, and reports them to the issuer if the settings report uses. If the
/// delivery fails, they are kept for the next report.
pub async fn deliver_canaries<H: Host>(gate: &RefCell<Gate>, host: &H, mut report: CanaryReport) {
    report.events().for_each(|event| host.log(&event));
    if !gate.borrow().settings().report_usage {
        return;
    }
    if let Err(error) = host.report_usage(report.body(), TIMEOUT).await {
        gate.borrow_mut().telemetry_mut().canaries_mut().put_back(report, host.now());
        host.log(&Event::Usage(error));
    }
}
