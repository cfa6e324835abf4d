//! The Worker: what connects the gate's logic with the runtime, and nothing else.
//!
//! Nearly every request passes by `hot`, which `entry.js` asks first; what is left comes to `fetch`.
//!
//! State lives in this instance's memory. After a panic `worker` 0.8.7 marks the instance as
//! broken and makes a new one before the next request: what was held is gone, the new gate is cold
//! and therefore closed until it has fetched and verified keyring and list again. The request that
//! panicked never gets an answer from here; the runtime gives it a 500. Nothing passes by a panic:
//! tried in workerd, before and after an `await`, with the issuer there and gone.

#![cfg(target_arch = "wasm32")]

mod crypto;
mod host;
mod hot;
mod js;
mod pass;

use core::cell::RefCell;
use core::time::Duration;
use std::rc::Rc;

use worker::js_sys::{self, Uint8Array};
use worker::wasm_bindgen::{JsCast as _, JsValue};
use worker::{Context, Delay, Env, event, web_sys};

use portcullis_edge::answer::Problem;
use portcullis_edge::gate::Gate;
use portcullis_edge::log::{self, Event};
use portcullis_edge::refresh::{fetch_policy, refresh};
use portcullis_edge::request::{Incoming, path_and_query};
use portcullis_edge::settings::{Settings, SettingsError};
use portcullis_edge::turn::{Next, Page, Refused, Turn};
use portcullis_edge::usage;

use crate::host::{Runtime, now};
use crate::js::{get, variable};

thread_local! {
    static GATE: RefCell<Option<Shared>> = const { RefCell::new(None) };
}

/// The isolate's gate, and its settings, which never change.
#[derive(Clone)]
struct Shared {
    gate: Rc<RefCell<Gate>>,
    settings: Rc<Settings>,
}

/// Answers a request, or passes it on.
#[event(fetch)]
async fn fetch(
    request: web_sys::Request,
    env: Env,
    ctx: Context,
) -> worker::Result<web_sys::Response> {
    let env: JsValue = env.into();
    let shared = match shared(&env) {
        Ok(shared) => shared,
        Err(error) => {
            host::log(&Event::Settings(error));
            return answer(&Problem::Misconfigured, None);
        }
    };
    let headers = request.headers();
    let header = |name| headers.get(name).ok().flatten();
    let (method, url) = (request.method(), request.url());
    let target = after_host(&url);
    let (path, query) = path_and_query(target);
    let [authorization, x_api_key, publishable_key, origin, preflight_for] = [
        header("authorization"),
        header("x-api-key"),
        header("x-publishable-api-key"),
        header("origin"),
        header("access-control-request-method"),
    ];
    let incoming = Incoming {
        method: &method,
        path,
        query,
        authorization: authorization.as_deref(),
        x_api_key: x_api_key.as_deref(),
        publishable_key: publishable_key.as_deref(),
        origin: origin.as_deref(),
        // Cloudflare sets it, whatever the client sent.
        address: header("cf-connecting-ip").and_then(|address| address.trim().parse().ok()),
        preflight_for: preflight_for.as_deref(),
        debug: header("portcullis-debug").is_some(),
    };
    let runtime = Rc::new(Runtime { env, settings: Rc::clone(&shared.settings) });
    match judge(&shared.gate, &runtime, &ctx, &incoming).await {
        Next::Pass(passage) => pass::pass(&shared.gate, &runtime, &request, target, passage).await,
        Next::Refuse(refused) => refuse(&shared.settings, refused),
        Next::Own(page) => own(&shared.gate, page),
        // `judge` sleeps itself.
        Next::Sleep(_) => answer(&Problem::Unavailable { retry_after: 1 }, None),
    }
}

/// The isolate's gate, made by the first request whose settings are valid.
fn shared(env: &JsValue) -> Result<Shared, SettingsError> {
    GATE.with_borrow_mut(|shared| {
        if let Some(shared) = shared {
            return Ok(shared.clone());
        }
        let mut gate = Gate::new(Settings::read(|name| variable(env, name))?);
        // What was deployed with the Worker: as a module, or bound.
        let bundle = get(&js_sys::global(), "PORTCULLIS_BUNDLE").or_else(|| get(env, "BUNDLE"));
        let bundle = bundle.map(|bundle| Uint8Array::new(&bundle).to_vec());
        if let Some(bundle) = bundle.filter(|bundle| !bundle.is_empty()) {
            match gate.restore(&bundle, now()) {
                Ok(events) => events.iter().for_each(host::log),
                Err(error) => host::log(&Event::Floor(error)),
            }
        }
        let settings = gate.shared_settings();
        Ok(shared.insert(Shared { gate: Rc::new(RefCell::new(gate)), settings }).clone())
    })
}

/// The isolate's gate, once there is one.
fn held() -> Option<Shared> {
    GATE.with_borrow(Clone::clone)
}

/// Has the runtime verify a key's Ed25519 signature where that is new to this isolate, because its
/// own is quicker. What it finds to be good is remembered; everything else is for the judgement.
async fn verify_natively(gate: &RefCell<Gate>, request: &Incoming<'_>) {
    let signature = gate.borrow().signature_to_check(request);
    if let Some(signature) = signature
        && crypto::verify(&signature).await.unwrap_or(false)
    {
        gate.borrow_mut().remember(signature);
    }
}

/// Judges a request; sleeps where it has to wait.
async fn judge(
    gate: &Rc<RefCell<Gate>>,
    runtime: &Rc<Runtime>,
    ctx: &Context,
    request: &Incoming<'_>,
) -> Next {
    verify_natively(gate, request).await;
    let mut turn = Turn::new();
    loop {
        let judged = gate.borrow_mut().judge(request, &mut turn, now());
        if let Some(job) = judged.refresh {
            let (gate, runtime) = (Rc::clone(gate), Rc::clone(runtime));
            ctx.wait_until(async move { refresh(&gate, &*runtime, job).await });
        }
        if let Some(job) = judged.policy {
            let (gate, runtime) = (Rc::clone(gate), Rc::clone(runtime));
            ctx.wait_until(async move { fetch_policy(&gate, &*runtime, job).await });
        }
        if let Some(report) = judged.report {
            let (gate, runtime) = (Rc::clone(gate), Rc::clone(runtime));
            ctx.wait_until(async move { usage::send(&gate, &*runtime, report).await });
        }
        match judged.next {
            Next::Sleep(millis) => Delay::from(Duration::from_millis(millis)).await,
            next @ (Next::Pass(_) | Next::Refuse(_) | Next::Own(_)) => return next,
        }
    }
}

/// The part of a serialized URL that follows the host. It is in normal form already, and starts
/// with a slash: the URLs of requests are http or https.
fn after_host(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    after_scheme.find('/').and_then(|at| after_scheme.get(at..)).unwrap_or("/")
}

fn refuse(settings: &Settings, refused: Refused) -> worker::Result<web_sys::Response> {
    let problem = Problem::of(&refused, &settings.rates);
    let debug =
        settings.debug.then(|| log::debug(refused.reason.code(), refused.name, refused.list));
    host::log(&Event::Refused(refused));
    answer(&problem, debug.as_deref())
}

/// The gate's own pages.
fn own(gate: &Rc<RefCell<Gate>>, page: Page) -> worker::Result<web_sys::Response> {
    let (status, kind, body) = match page {
        Page::Health { ready: true } => (200, "text/plain", "ready\n".to_owned()),
        Page::Health { ready: false } => (503, "text/plain", "no list is in force\n".to_owned()),
        Page::Status => (200, "application/json", gate.borrow().status(now())),
        Page::Nothing => (404, "text/plain", "there is nothing at this address\n".to_owned()),
    };
    let headers = [("content-type", kind.to_owned()), ("cache-control", "no-store".to_owned())];
    respond(status, &headers, &body)
}

pub(crate) fn answer(problem: &Problem, debug: Option<&str>) -> worker::Result<web_sys::Response> {
    let mut headers = problem.headers();
    headers.extend(debug.map(|debug| ("portcullis-debug", debug.to_owned())));
    respond(problem.status(), &headers, &problem.body())
}

fn respond(
    status: u16,
    values: &[(&'static str, String)],
    body: &str,
) -> worker::Result<web_sys::Response> {
    let headers = web_sys::Headers::new()?;
    for (name, value) in values {
        headers.set(name, value)?;
    }
    let init = web_sys::ResponseInit::new();
    init.set_status(status);
    init.set_headers(headers.unchecked_ref());
    Ok(web_sys::Response::new_with_opt_str_and_init(Some(body), &init)?)
}
