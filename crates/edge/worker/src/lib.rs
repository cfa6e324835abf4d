//! The Worker: what connects the gate's logic with the runtime, and nothing else.
//!
//! State lives in this instance's memory. After a panic `worker` 0.8.7 marks the instance as
//! broken and makes a new one before the next request: what was held is gone, the new gate is cold
//! and therefore closed until it has fetched and verified keyring and list again. The request that
//! panicked never gets an answer from here; the runtime gives it a 500. Nothing passes by a panic:
//! tried in workerd, before and after an `await`, with the issuer there and gone.

#![cfg(target_arch = "wasm32")]

use core::cell::RefCell;
use core::time::Duration;
use std::rc::Rc;

use futures_util::future::{Either, select};
use portcullis_core::time::Time;
use worker::js_sys::{self, Uint8Array};
use worker::wasm_bindgen::{JsCast as _, JsValue};
use worker::wasm_bindgen_futures::JsFuture;
use worker::web_sys::{self, AbortController, ReadableStreamDefaultReader, WorkerGlobalScope};
use worker::{Context, Delay, Env, event};

use portcullis_edge::answer::Problem;
use portcullis_edge::credential::Credential;
use portcullis_edge::gate::{Gate, Next, Passage, Refused, Turn};
use portcullis_edge::identity::is_reserved;
use portcullis_edge::log::Event;
use portcullis_edge::refresh::{FetchError, File, Source, refresh};
use portcullis_edge::settings::{BaseUrl, Settings, SettingsError};

thread_local! {
    static GATE: RefCell<Option<Rc<RefCell<Gate>>>> = const { RefCell::new(None) };
}

/// Answers a request, or passes it on.
#[event(fetch)]
async fn fetch(
    request: web_sys::Request,
    env: Env,
    ctx: Context,
) -> worker::Result<web_sys::Response> {
    let gate = match gate(&env) {
        Ok(gate) => gate,
        Err(error) => {
            log(&Event::Settings(error));
            return answer(Problem::Misconfigured);
        }
    };
    let headers = request.headers();
    let read = Credential::read(
        headers.get("authorization")?.as_deref(),
        headers.get("x-api-key")?.as_deref(),
    );
    let credential = match read {
        Ok(credential) => credential,
        Err(error) => {
            log(&Event::Unreadable(error));
            return answer(Problem::of_credential(error));
        }
    };
    match judge(&gate, &ctx, credential.token()).await {
        Ok(passage) => pass(&gate, &request, &credential, &passage).await,
        Err(refused) => {
            log(&Event::Refused(refused));
            answer(Problem::of_refusal(refused.refusal, refused.retry_after))
        }
    }
}

/// The isolate's gate, made by the first request whose settings are valid.
fn gate(env: &Env) -> Result<Rc<RefCell<Gate>>, SettingsError> {
    GATE.with_borrow_mut(|gate| {
        if let Some(gate) = gate {
            return Ok(Rc::clone(gate));
        }
        let settings = Settings::read(|name| variable(env, name))?;
        Ok(Rc::clone(gate.insert(Rc::new(RefCell::new(Gate::new(settings))))))
    })
}

/// A variable or secret as text. `null` is what workerd's `fromEnvironment` gives for an unset one;
/// numbers and objects are what a `wrangler.toml` may hold.
fn variable(env: &Env, name: &str) -> Option<String> {
    let value = js_sys::Reflect::get(env, &JsValue::from_str(name)).ok()?;
    if value.is_null() || value.is_undefined() {
        return None;
    }
    value.as_string().or_else(|| js_sys::JSON::stringify(&value).ok().map(String::from))
}

async fn judge(gate: &Rc<RefCell<Gate>>, ctx: &Context, token: &str) -> Result<Passage, Refused> {
    let mut turn = Turn::new();
    loop {
        let judged = gate.borrow_mut().judge(token, &mut turn, now());
        if let Some(job) = judged.start {
            let gate = Rc::clone(gate);
            let issuer = gate.borrow().settings().issuer.clone();
            ctx.wait_until(async move { refresh(&gate, &Http { issuer }, job).await });
        }
        match judged.next {
            Next::Sleep(millis) => Delay::from(Duration::from_millis(millis)).await,
            Next::Pass(passage) => return Ok(passage),
            Next::Refuse(refused) => return Err(refused),
        }
    }
}

/// Sends the request on, as who it was found to be, and the origin's answer back as it comes.
async fn pass(
    gate: &Rc<RefCell<Gate>>,
    request: &web_sys::Request,
    credential: &Credential,
    passage: &Passage,
) -> worker::Result<web_sys::Response> {
    let url = gate.borrow().settings().origin.join(path_and_query(&request.url()));
    // A request as the second argument hands on method, body and headers; what arrives at a
    // Worker has the redirect mode `manual`, so redirects are the client's to follow.
    let onward = web_sys::Request::new_with_str_and_init(&url, request.unchecked_ref())?;
    let headers = onward.headers();
    let names = js_sys::try_iter(&headers.keys())?.into_iter().flatten();
    let reserved: Vec<String> =
        names.filter_map(|name| name.ok()?.as_string()).filter(|name| is_reserved(name)).collect();
    let removed = reserved.iter().map(String::as_str);
    for name in removed.chain(credential.headers_to_remove().iter().copied()) {
        headers.delete(name)?;
    }
    for (name, value) in passage.identity.headers() {
        headers.set(name, value)?;
    }
    match JsFuture::from(global().fetch_with_request(&onward)).await {
        Ok(response) => Ok(response.unchecked_into()),
        Err(error) => {
            let reason = js_sys::Error::from(error).message().into();
            log(&Event::Origin { key: passage.name, reason });
            answer(Problem::OriginUnreachable)
        }
    }
}

/// The part of a serialized URL that follows the host. It is in normal form already, and starts
/// with a slash: the URLs of requests are http or https.
fn path_and_query(url: &str) -> &str {
    let after_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    after_scheme.find('/').and_then(|at| after_scheme.get(at..)).unwrap_or("/")
}

fn answer(problem: Problem) -> worker::Result<web_sys::Response> {
    let headers = web_sys::Headers::new()?;
    for (name, value) in problem.headers() {
        headers.set(name, &value)?;
    }
    let init = web_sys::ResponseInit::new();
    init.set_status(problem.status());
    init.set_headers(&headers);
    Ok(web_sys::Response::new_with_opt_str_and_init(Some(&problem.body()), &init)?)
}

fn log(event: &Event) {
    let line = JsValue::from_str(&event.line());
    if event.is_alarm() {
        web_sys::console::error_1(&line);
    } else {
        web_sys::console::log_1(&line);
    }
}

fn global() -> WorkerGlobalScope {
    js_sys::global().unchecked_into()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a clock before 1970 reads as 1970, which closes the gate"
)]
fn now() -> Time {
    Time::from_millis(js_sys::Date::now() as u64)
}

/// The issuer, over HTTP.
struct Http {
    issuer: BaseUrl,
}

impl Source for Http {
    async fn get(&self, file: File, timeout: u64) -> Result<Vec<u8>, FetchError> {
        let controller = AbortController::new().map_err(|_| FetchError::Unreachable)?;
        let fetched = core::pin::pin!(self.read(file, controller.signal()));
        let late = core::pin::pin!(Delay::from(Duration::from_millis(timeout)));
        match select(fetched, late).await {
            Either::Left((fetched, _)) => fetched,
            Either::Right(((), _)) => {
                controller.abort();
                Err(FetchError::Late)
            }
        }
    }

    fn now(&self) -> Time {
        now()
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a number from 0 to 1 scaled to 32 bits"
    )]
    fn random(&self) -> u32 {
        (js_sys::Math::random() * f64::from(u32::MAX)) as u32
    }

    fn log(&self, event: &Event) {
        log(event);
    }
}

impl Http {
    async fn read(&self, file: File, signal: web_sys::AbortSignal) -> Result<Vec<u8>, FetchError> {
        let unreachable = |_: JsValue| FetchError::Unreachable;
        let init = web_sys::RequestInit::new();
        init.set_signal(Some(&signal));
        // workerd knows no `error`; a redirect is an answer like another, and not a 200.
        init.set_redirect(web_sys::RequestRedirect::Manual);
        init.set_cache(web_sys::RequestCache::NoStore);
        let url = self.issuer.join(&file.path());
        let answer = JsFuture::from(global().fetch_with_str_and_init(&url, &init)).await;
        let answer: web_sys::Response = answer.map_err(unreachable)?.unchecked_into();
        if answer.status() != 200 {
            return Err(FetchError::Status(answer.status()));
        }
        let Some(body) = answer.body() else { return Ok(Vec::new()) };
        let reader: ReadableStreamDefaultReader = body.get_reader().unchecked_into();
        let mut bytes = Vec::new();
        loop {
            let part = JsFuture::from(reader.read()).await.map_err(unreachable)?;
            let get = |key: &str| js_sys::Reflect::get(&part, &JsValue::from_str(key));
            if get("done").map_err(unreachable)?.is_truthy() {
                return Ok(bytes);
            }
            let part: Uint8Array = get("value").map_err(unreachable)?.unchecked_into();
            let length = usize::try_from(part.length()).unwrap_or(usize::MAX);
            if length > file.longest().saturating_sub(bytes.len()) {
                // Whatever still comes is not waited for.
                let _ = reader.cancel();
                return Err(FetchError::TooLong);
            }
            bytes.extend_from_slice(&part.to_vec());
        }
    }
}
