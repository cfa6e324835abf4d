//! The gate's module: what the runtime calls, and nothing else.
//!
//! Nearly every request passes by `fast_path`, which `entry.js` asks first; what is left comes to `fetch`.
//! Events are handled here and not in `portcullis_gate_worker`: its users have handlers of their own.

#![cfg(target_arch = "wasm32")]

mod fast_path;

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::{Context, Env, ScheduleContext, ScheduledEvent, event, web_sys};

use portcullis_gate_worker::{Verdict, authorize};

/// Answers a request, or passes it on.
#[event(fetch)]
async fn fetch(
    request: web_sys::Request,
    env: Env,
    ctx: Context,
) -> worker::Result<web_sys::Response> {
    match authorize(request, &env, &ctx).await? {
        Verdict::Pass(passage) => passage.send().await,
        Verdict::Answer(answer) => Ok(answer),
    }
}

/// Refreshes and reports without a request.
#[event(scheduled)]
async fn scheduled(_: ScheduledEvent, env: Env, _: ScheduleContext) {
    portcullis_gate_worker::scheduled(&env).await;
}

/// Hands the issuer what gates have sent over the queue of reports. By itself, for `worker` hands
/// over no message that it can't read.
///
/// # Errors
/// Then the platform delivers the batch again.
#[wasm_bindgen(
    wasm_bindgen_futures = ::worker::wasm_bindgen_futures,
    js_sys = ::worker::js_sys
)]
pub async fn queue(batch: JsValue, env: Env, _: JsValue) -> Result<JsValue, JsValue> {
    portcullis_gate_worker::queue(&batch, &env).await?;
    Ok(JsValue::UNDEFINED)
}
