//! The gate's module: the event handlers, and nothing else.
//!
//! `entry.js` tries `fast_path` first, which forwards nearly every request; the others reach
//! `fetch`. The events are handled here and not in `portcullis_gate_worker`, because a Worker that
//! uses that library has handlers of its own.

#![cfg(target_arch = "wasm32")]

mod fast_path;

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::{Context, Env, ScheduleContext, ScheduledEvent, event, web_sys};

use portcullis_gate_worker::{Decision, authorize};

/// Answers or forwards a request.
#[event(fetch)]
async fn fetch(
    request: web_sys::Request,
    env: Env,
    ctx: Context,
) -> worker::Result<web_sys::Response> {
    match authorize(request, &env, &ctx).await? {
        Decision::Authorized(authorized) => authorized.send().await,
        Decision::Answer(answer) => Ok(answer),
    }
}

/// Refreshes and reports, by a cron trigger.
#[event(scheduled)]
async fn scheduled(_: ScheduledEvent, env: Env, _: ScheduleContext) {
    portcullis_gate_worker::scheduled(&env).await;
}

/// Delivers reports of uses from the queue to the issuer. Exported directly, because `worker`
/// passes no message that it can't deserialize.
///
/// # Errors
/// The platform then redelivers the batch.
#[wasm_bindgen(
    wasm_bindgen_futures = ::worker::wasm_bindgen_futures,
    js_sys = ::worker::js_sys
)]
pub async fn queue(batch: JsValue, env: Env, _: JsValue) -> Result<JsValue, JsValue> {
    portcullis_gate_worker::queue(&batch, &env).await?;
    Ok(JsValue::UNDEFINED)
}
