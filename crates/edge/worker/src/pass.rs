//! Sending a request on, as who it was found to be, and the origin's answer back as it comes.

use core::cell::RefCell;
use core::pin::pin;
use core::time::Duration;
use std::rc::Rc;

use futures_util::future::{Either, select};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};
use worker::js_sys;
use worker::wasm_bindgen_futures::JsFuture;
use worker::{Delay, web_sys};

use portcullis_edge::answer::{Problem, rate_headers};
use portcullis_edge::assertions::Asserted;
use portcullis_edge::gate::Gate;
use portcullis_edge::hot::ASSERTION;
use portcullis_edge::identity::is_reserved;
use portcullis_edge::log::Event;
use portcullis_edge::settings::RateClass;
use portcullis_edge::turn::{Passage, Rate};

use crate::answer;
use crate::crypto::sign;
use crate::host::{Runtime, global, log};
use crate::js::{call, get, object};

#[wasm_bindgen(module = "/src/connection.js")]
extern "C" {
    /// The answer, ended after so many seconds where it is still being given then.
    #[wasm_bindgen(js_name = endAfter)]
    fn end_after(response: &web_sys::Response, seconds: u32) -> web_sys::Response;
}

pub(crate) async fn pass(
    gate: &RefCell<Gate>,
    runtime: &Runtime,
    request: &web_sys::Request,
    target: &str,
    passage: Passage,
) -> worker::Result<web_sys::Response> {
    let class = passage.rate.and_then(|rate| runtime.settings.rates.get(rate.class));
    if let Some(class) = class
        && passage.rate.is_some_and(|rate| rate.allowance.is_none())
        && !within_limit(runtime, class, &passage).await
    {
        return answer(&Problem::RateLimited { class: class.clone(), allowance: None }, None);
    }
    let url = match &passage.query {
        Some(query) => {
            let path = target.split_once('?').map_or(target, |(path, _)| path);
            let mark = if query.is_empty() { "" } else { "?" };
            runtime.settings.origin.join(&[path, mark, query].concat())
        }
        None => runtime.settings.origin.join(target),
    };
    let onward = onward(request, &url, &passage)?;
    if let Some(assertion) = assertion(gate, runtime, &passage).await {
        onward.headers().set(ASSERTION, &assertion)?;
    }
    match JsFuture::from(global().fetch_with_request(&onward)).await {
        Ok(response) => back(response.unchecked_into(), &passage, class),
        Err(error) => {
            let reason = js_sys::Error::from(error).message().into();
            log(&Event::Origin { key: passage.caller.map(|caller| caller.name), reason });
            answer(&Problem::OriginUnreachable, None)
        }
    }
}

/// What tells the origin who is calling, signed now or a moment ago.
async fn assertion(gate: &RefCell<Gate>, runtime: &Runtime, passage: &Passage) -> Option<Rc<str>> {
    let (known, unsigned) = match passage.assertion.clone()? {
        Asserted::Signed(text) => return Some(text),
        Asserted::Unsigned(known, unsigned) => (known, unsigned),
    };
    let (_, seed) = runtime.settings.secrets.as_ref()?.assertion()?;
    let Ok(signature) = sign(seed, unsigned.message()).await else {
        log(&Event::Assertion);
        return None;
    };
    let text: Rc<str> = unsigned.seal(&signature).into();
    gate.borrow_mut().assertions_mut().keep(known, Rc::clone(&text));
    Some(text)
}

/// The request as the origin gets it.
fn onward(
    request: &web_sys::Request,
    url: &str,
    passage: &Passage,
) -> Result<web_sys::Request, JsValue> {
    // A request as the second argument hands on method, body and headers; what arrives at a
    // Worker has the redirect mode `manual`, so redirects are the client's to follow.
    let onward = web_sys::Request::new_with_str_and_init(url, request.unchecked_ref())?;
    let headers = onward.headers();
    let names = js_sys::try_iter(&headers.keys())?.into_iter().flatten();
    let reserved: Vec<String> =
        names.filter_map(|name| name.ok()?.as_string()).filter(|name| is_reserved(name)).collect();
    for name in &reserved {
        headers.delete(name)?;
    }
    for name in passage.taken.headers() {
        headers.delete(name)?;
    }
    if let Some(caller) = &passage.caller {
        for (name, value) in caller.identity.headers() {
            headers.set(name, value)?;
        }
    }
    Ok(onward)
}

/// The answer as the client gets it: untouched, unless there is something to say or to end.
fn back(
    response: web_sys::Response,
    passage: &Passage,
    class: Option<&RateClass>,
) -> worker::Result<web_sys::Response> {
    let response = match passage.max_connection_age {
        Some(seconds) => end_after(&response, seconds),
        None => response,
    };
    let is_socket = response.status() == 101;
    if is_socket || (class.is_none() && passage.debug.is_none()) {
        return Ok(response);
    }
    let copy = web_sys::Response::new_with_opt_readable_stream_and_init(
        response.body().as_ref(),
        response.unchecked_ref(),
    )?;
    let headers = copy.headers();
    if let Some(class) = class {
        let allowance = passage.rate.and_then(|rate: Rate| rate.allowance);
        for (name, value) in rate_headers(class, allowance, true) {
            headers.set(name, &value)?;
        }
    }
    if let Some(debug) = &passage.debug {
        headers.set("portcullis-debug", debug)?;
    }
    Ok(copy)
}

/// Asks the platform's rate limiter. One that does not answer within the deadline limits nobody: it
/// says how often a key may come, never whether it is good.
async fn within_limit(runtime: &Runtime, class: &RateClass, passage: &Passage) -> bool {
    let asked = async {
        let binding = get(&runtime.env, class.binding.as_deref()?)?;
        let key = JsValue::from_str(&passage.caller.as_ref()?.name.to_string());
        let answer = call(&binding, "limit", &[&object(&[("key", key)])]).await.ok()?;
        get(&answer, "success")?.as_bool()
    };
    let patience = Delay::from(Duration::from_millis(runtime.settings.bounds.deadline));
    let answered = match select(pin!(asked), pin!(patience)).await {
        Either::Left((answered, _)) => answered,
        Either::Right(_) => None,
    };
    if answered.is_none() {
        log(&Event::RateLimiter { class: class.name.clone() });
    }
    answered.unwrap_or(true)
}
