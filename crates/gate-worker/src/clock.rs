//! The runtime's clock.

use portcullis_core::time::Time;
use worker::js_sys;

pub(crate) fn now() -> Time {
    time(js_sys::Date::now())
}

/// An instant from the runtime's milliseconds.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a clock before 1970 reads as 1970, which closes the gate"
)]
pub(crate) fn time(millis: f64) -> Time {
    Time::from_millis(millis as u64)
}
