//! Sending to the queue that is bound as `USAGE_QUEUE`.

use worker::js_sys::JSON;
use worker::wasm_bindgen::JsValue;

use portcullis_gate::refresh::source::FetchError;

use crate::js::{call, get, object};

/// Sends a report to the queue.
pub(crate) async fn send(env: &JsValue, report: &str) -> Result<(), FetchError> {
    let queue = get(env, "USAGE_QUEUE").ok_or(FetchError::Absent)?;
    let report = JSON::parse(report).map_err(|_| FetchError::Unreachable)?;
    let options = object(&[("contentType", "json".into())]);
    let sent = call(&queue, "send", &[&report, &options]).await;
    sent.map(|_| ()).map_err(|_| FetchError::Unreachable)
}
