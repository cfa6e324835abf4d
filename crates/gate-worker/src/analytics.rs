//! Data points for Workers Analytics Engine. It gives no acknowledgement, and its failures don't
//! affect the gate's answers.

use core::cell::Cell;

use wasm_bindgen::{JsCast as _, JsValue};
use worker::js_sys::{Array, Function, Reflect};

use portcullis_gate::telemetry::analytics::DataPoint;
use portcullis_gate::telemetry::log::Event;

use crate::js::{get, object};
use crate::log::log;

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
    let texts: Array = point.blobs.iter().map(|blob| JsValue::from_str(blob)).collect();
    let numbers: Array = point.doubles.iter().map(|number| JsValue::from_f64(*number)).collect();
    let indexes = Array::of1(&JsValue::from_str(&point.index));
    let fields =
        [("indexes", indexes.into()), ("blobs", texts.into()), ("doubles", numbers.into())];
    let function: Function =
        Reflect::get(&dataset, &JsValue::from_str("writeDataPoint"))?.dyn_into()?;
    function.call1(&dataset, &object(&fields)).map(|_| ())
}
