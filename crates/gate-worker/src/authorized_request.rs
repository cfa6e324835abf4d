//! Forwarding a request with the caller's identity, and streaming the origin's answer back.

use core::fmt;
use core::pin::pin;
use core::time::Duration;
use std::rc::Rc;

use futures_util::future::{Either, select};
use serde::Serialize;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};
use worker::js_sys::{self, Array, Function, Promise};
use worker::wasm_bindgen_futures::JsFuture;
use worker::{Delay, web_sys};

use portcullis_gate::forward::Forward;
use portcullis_gate::identity::assertion_cache::AssertionText;
use portcullis_gate::identity::caller::Caller;
use portcullis_gate::response::headers::rate_headers;
use portcullis_gate::response::problem::Problem;
use portcullis_gate::settings::rates::RateClass;
use portcullis_gate::telemetry::log::Event;

use crate::answer::{answer, refuse};
use crate::clock::now;
use crate::crypto::sign;
use crate::host::Runtime;
use crate::isolate::Shared;
use crate::js::{call, get, to_object};
use crate::log::log;

#[wasm_bindgen(module = "/src/forward.js")]
extern "C" {
    /// Forwards a request according to its plan. Returns a promise of the origin's answer.
    #[wasm_bindgen(catch)]
    fn send(
        request: &web_sys::Request,
        base: &str,
        fields: &web_sys::Headers,
        plan: &Array,
    ) -> Result<Promise, JsValue>;
    /// Like `send`, but returns the request instead of fetching it.
    #[wasm_bindgen(catch, js_name = upstreamRequest)]
    fn request_for_origin(
        request: &web_sys::Request,
        base: &str,
        fields: &web_sys::Headers,
        plan: &Array,
    ) -> Result<web_sys::Request, JsValue>;
    /// The plan of a request and its answer, for the other functions.
    #[doc(hidden)]
    #[wasm_bindgen(js_name = planOf)]
    pub fn plan_of(answer_headers: &str, flags: &str, target: &str, edits: &str) -> Array;
    /// The answer for the client.
    fn answered(answer: &web_sys::Response, plan: &Array, seconds: u32) -> web_sys::Response;
    #[wasm_bindgen(thread_local_v2, js_name = send)]
    static SEND: Function;
}

/// The function that forwards requests, for the entry.
#[doc(hidden)]
#[must_use]
pub fn sender() -> Function {
    SEND.with(Clone::clone)
}

/// The decision on a request.
#[must_use]
#[derive(Debug)]
pub enum Decision {
    /// Accepted: its key is valid, or it needs none.
    Authorized(AuthorizedRequest),
    /// Refused, or a request for one of the gate's own pages: return this answer.
    Answer(web_sys::Response),
}

/// An accepted request.
pub struct AuthorizedRequest {
    pub(crate) shared: Shared,
    pub(crate) runtime: Rc<Runtime>,
    pub(crate) request: web_sys::Request,
    /// The fields that are never forwarded.
    pub(crate) removed: Vec<String>,
    /// The origin of the page that sent the request, if any.
    pub(crate) origin: Option<String>,
    pub(crate) forward: Box<Forward>,
}

impl fmt::Debug for AuthorizedRequest {
    /// Omits request and environment, which hold keys and secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizedRequest")
            .field("caller", &self.forward.caller)
            .finish_non_exhaustive()
    }
}

impl AuthorizedRequest {
    /// Passes, unless the platform's rate limiter counts the key's requests and refuses this one.
    pub(crate) async fn limited(self) -> worker::Result<Decision> {
        if let Some(class) = self.class()
            && self.forward.rate.is_some_and(|rate| rate.allowance.is_none())
            && !within_limit(&self.runtime, class, &self.forward).await
        {
            let limited = self.shared.gate.borrow_mut().limited(&self.forward, now());
            if let Some(limited) = limited {
                let origin = self.origin.as_deref();
                return refuse(&self.runtime, limited, origin).map(Decision::Answer);
            }
        }
        Ok(Decision::Authorized(self))
    }

    /// The caller. `None` on an open route, and for preflights of other routes.
    #[must_use]
    pub const fn caller(&self) -> Option<&Caller> {
        self.forward.caller.as_ref()
    }

    /// The path that was checked against the key's policy, without the query. A Worker should match
    /// its own routes against this path.
    #[must_use]
    pub fn path(&self) -> String {
        let target = self.forward.target.as_str();
        target.split_once('?').map_or(target, |(path, _)| path).to_owned()
    }

    /// Passes if the key's policy grants these scopes as well; never without a key. Call it before
    /// the request is answered or forwarded.
    ///
    /// # Errors
    /// Those of the runtime; they let no request through.
    pub fn require(self, scopes: &[&str]) -> worker::Result<Decision> {
        match self.forward.lacks(scopes, now()) {
            Some(refused) => {
                refuse(&self.runtime, refused, self.origin.as_deref()).map(Decision::Answer)
            }
            None => Ok(Decision::Authorized(self)),
        }
    }

    /// The original request, with its key, and with its body, which can be read once.
    #[must_use]
    pub fn original(&self) -> worker::Request {
        // Not `self.request.clone()`: that is the runtime's `clone`, which tees the body.
        Clone::clone(&self.request).into()
    }

    /// Forwards the request to the gate's origin and streams its answer. Answers 502 if the origin
    /// can't be reached.
    ///
    /// # Errors
    /// Those of the runtime.
    pub async fn send(self) -> worker::Result<web_sys::Response> {
        let (headers, plan) = self.plan(self.assertion().await.as_deref())?;
        let base = self.runtime.settings.origin.join("");
        let sent = send(&self.request, &base, &headers, &plan)?;
        match JsFuture::from(sent).await {
            Ok(response) => self.finish(response.unchecked_ref()),
            Err(error) => {
                let reason = js_sys::Error::from(error).message().into();
                let key = self.forward.caller.as_ref().map(Caller::name);
                log(&Event::Origin { key, reason });
                answer(&Problem::OriginUnreachable, None, self.origin.as_deref())
            }
        }
    }

    /// The request for the origin: without its key, with the caller's identity. It takes over the
    /// body, which can be read once.
    ///
    /// # Errors
    /// Those of the runtime.
    pub async fn upstream_request(&self) -> worker::Result<web_sys::Request> {
        let (headers, plan) = self.plan(self.assertion().await.as_deref())?;
        let base = self.runtime.settings.origin.join("");
        Ok(request_for_origin(&self.request, &base, &headers, &plan)?)
    }

    /// The client's fields without the removed ones, and the plan of all other changes.
    fn plan(&self, assertion: Option<&str>) -> Result<(web_sys::Headers, Array), JsValue> {
        let headers = web_sys::Headers::new_with_headers(&self.request.headers())?;
        for name in &self.removed {
            headers.delete(name)?;
        }
        let edits = self.forward.edits(assertion);
        let flags = self.forward.flags.letters();
        Ok((headers, plan_of("", &flags, &self.forward.target, &edits)))
    }

    fn class(&self) -> Option<&RateClass> {
        self.forward.rate.and_then(|rate| self.runtime.settings.rates.get(rate.class))
    }

    /// The signed statement of the caller for the origin, cached or signed now.
    async fn assertion(&self) -> Option<Rc<str>> {
        let (known, unsigned) = match self.forward.assertion.clone()? {
            AssertionText::Signed(text) => return Some(text),
            AssertionText::Unsigned(known, unsigned) => (known, unsigned),
        };
        let (_, seed) = self.runtime.settings.secrets.as_ref()?.assertion()?;
        let Ok(signature) = sign(seed, unsigned.message()).await else {
            log(&Event::Assertion);
            return None;
        };
        let text: Rc<str> = unsigned.seal(&signature).into();
        self.shared.gate.borrow_mut().assertions_mut().keep(known, Rc::clone(&text));
        Some(text)
    }

    /// The answer for the client. Unchanged unless rate-limit or debug headers, `Cache-Control:
    /// private` or a time limit apply.
    ///
    /// # Errors
    /// Those of the runtime.
    pub fn finish(&self, response: &web_sys::Response) -> worker::Result<web_sys::Response> {
        let mut lines = Vec::new();
        if let Some(class) = self.class() {
            let allowance = self.forward.rate.and_then(|rate| rate.allowance);
            let headers = rate_headers(class, allowance, true);
            lines.extend(headers.into_iter().map(|(name, value)| format!("{name}\n{value}")));
        }
        lines.extend(self.forward.debug.as_ref().map(|debug| format!("portcullis-debug\n{debug}")));
        let plan = plan_of(&lines.join("\n"), &self.forward.flags.letters(), "", "");
        let seconds = self.forward.max_connection_age.unwrap_or(0);
        Ok(answered(response, &plan, seconds))
    }
}

/// The key of the platform's rate limiter.
#[derive(Serialize)]
struct Limit {
    key: String,
}

/// Calls the platform's rate limiter. If it doesn't answer within the deadline the request passes:
/// the limiter bounds a key's rate and doesn't decide whether the key is valid.
async fn within_limit(runtime: &Runtime, class: &RateClass, forward: &Forward) -> bool {
    let asked = async {
        let binding = get(&runtime.env, class.binding.as_deref()?)?;
        let key = forward.caller.as_ref()?.name().to_string();
        let answer = call(&binding, "limit", &[&to_object(&Limit { key }).ok()?]).await.ok()?;
        get(&answer, "success")?.as_bool()
    };
    let timeout = Delay::from(Duration::from_millis(runtime.settings.bounds.deadline));
    let answered = match select(pin!(asked), pin!(timeout)).await {
        Either::Left((answered, _)) => answered,
        Either::Right(_) => None,
    };
    if answered.is_none() {
        log(&Event::RateLimiter { class: class.name.clone() });
    }
    answered.unwrap_or(true)
}
