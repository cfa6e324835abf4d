//! The Worker's log.

use worker::{console_error, console_log};

use portcullis_gate::telemetry::log::Event;

/// Writes to the Worker's log.
pub fn log(event: &Event) {
    if event.is_alarm() {
        console_error!("{}", event.line());
    } else {
        console_log!("{}", event.line());
    }
}
