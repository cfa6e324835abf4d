//! Data points for Workers Analytics Engine. It gives no acknowledgement, and its failures don't
//! affect the gate's answers.

use core::cell::Cell;

use wasm_bindgen::{JsCast as _, JsValue};
use worker::js_sys::{Function, Reflect};

use serde::Serialize;

use portcullis_gate::telemetry::analytics::DataPoint;
use portcullis_gate::telemetry::log::Event;

use crate::js::{get, to_object};
use crate::log::log;

/// The argument of `writeDataPoint`.
#[derive(Serialize)]
struct Point<'a> {
    indexes: [&'a str; 1],
    blobs: &'a [String; 5],
    doubles: &'a [f64; 3],
}

thread_local! {
    /// Whether a failure was logged. Logged once per isolate: a failing dataset would fail for
    /// every request.
    static FAILED: Cell<bool> = const { Cell::new(false) };
}

/// Writes a data point to the bound dataset.
pub(crate) fn write(env: &JsValue, point: &DataPoint) {
    if try_write(env, point).is_err() && !FAILED.replace(true) {
        log(&Event::Analytics);
    }
}

fn try_write(env: &JsValue, point: &DataPoint) -> Result<(), JsValue> {
    let dataset = get(env, "ANALYTICS").ok_or(JsValue::UNDEFINED)?;
    let DataPoint { index, blobs, doubles } = point;
    let point = to_object(&Point { indexes: [index], blobs, doubles })?;
    let function: Function =
        Reflect::get(&dataset, &JsValue::from_str("writeDataPoint"))?.dyn_into()?;
    function.call1(&dataset, &point).map(|_| ())
}
