//! Sending to the queue that is bound as `USAGE_QUEUE`.

use serde::Serialize;
use worker::js_sys::JSON;
use worker::wasm_bindgen::JsValue;

use portcullis_gate::refresh::source::FetchError;

use crate::js::{call, get, to_object};

/// How a message is sent.
#[derive(Serialize)]
struct SendOptions {
    #[serde(rename = "contentType")]
    content_type: &'static str,
}

/// Sends a report to the queue.
pub(crate) async fn send(env: &JsValue, report: &str) -> Result<(), FetchError> {
    let queue = get(env, "USAGE_QUEUE").ok_or(FetchError::Absent)?;
    let report = JSON::parse(report).map_err(|_| FetchError::Unreachable)?;
    let options = to_object(&SendOptions { content_type: "json" });
    let options = options.map_err(|_| FetchError::Unreachable)?;
    let sent = call(&queue, "send", &[&report, &options]).await;
    sent.map(|_| ()).map_err(|_| FetchError::Unreachable)
}
