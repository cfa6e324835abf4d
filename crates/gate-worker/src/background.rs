//! Handlers besides requests: for a cron trigger, and for a batch of the queue that carries the
//! reports of uses.

use std::rc::Rc;

use serde::Serialize;
use wasm_bindgen::{JsCast as _, JsValue};
use worker::Env;
use worker::js_sys::{Array, Date, JSON, JsString};

use portcullis_core::time::Time;
use portcullis_gate::cron;
use portcullis_gate::host::Host as _;
use portcullis_gate::telemetry::log::Event;
use portcullis_gate::telemetry::usage_queue::{self, Message, MessageOutcome};

use crate::clock::time;
use crate::host::Runtime;
use crate::isolate::{Shared, shared};
use crate::js::{call, get, to_object};
use crate::log::log;

/// Refreshes the list, stores the floor and reports the counted uses: for a cron trigger.
pub async fn scheduled(env: &Env) {
    if let Ok((shared, runtime)) = for_event(env) {
        cron::tick(&shared.gate, &runtime).await;
    }
}

/// Delivers the reports in a batch of the queue `USAGE_QUEUE` to the issuer. Acknowledges each
/// message, or requests its redelivery.
///
/// # Errors
/// If the settings are invalid, or a message can't be acknowledged. The platform then redelivers the
/// batch.
pub async fn queue(batch: &JsValue, env: &Env) -> Result<(), JsValue> {
    let (_, runtime) = for_event(env)?;
    let messages = get(batch, "messages").map(|messages| Array::from(&messages).to_vec());
    let messages = messages.unwrap_or_default();
    let read: Vec<Message> = messages.iter().map(|message| read(message, runtime.now())).collect();
    let settled = usage_queue::forward(&runtime, &read).await;
    for (message, settled) in messages.iter().zip(settled) {
        match settled {
            MessageOutcome::Delivered | MessageOutcome::Dropped => {
                call(message, "ack", &[]).await?
            }
            MessageOutcome::Retry { seconds } => {
                let options = to_object(&Retry { delay_seconds: seconds })?;
                call(message, "retry", &[&options]).await?
            }
        };
    }
    Ok(())
}

fn for_event(env: &Env) -> Result<(Shared, Runtime), JsValue> {
    let env: JsValue = env.clone().into();
    let shared = shared(&env).map_err(|error| {
        log(&Event::Settings(error));
        JsValue::from_str("the gate's settings are wrong; its log says which")
    })?;
    let runtime = Runtime { env, settings: Rc::clone(&shared.settings) };
    Ok((shared, runtime))
}

/// Reads a message. It is untrusted: anyone with access to the queue may have written it.
fn read(message: &JsValue, now: Time) -> Message {
    let body = get(message, "body").and_then(|body| match body.dyn_into::<JsString>() {
        Ok(text) => Some(text.into()),
        Err(value) => JSON::stringify(&value).ok().map(String::from),
    });
    let sent = get(message, "timestamp").and_then(|at| at.dyn_into::<Date>().ok());
    let age = sent.map_or(0, |sent| now.millis_since(time(sent.get_time())) / 1000);
    Message { body, age_secs: u32::try_from(age).unwrap_or(u32::MAX) }
}

/// How a message is sent again.
#[derive(Serialize)]
struct Retry {
    #[serde(rename = "delaySeconds")]
    delay_seconds: u32,
}
