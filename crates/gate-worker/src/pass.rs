//! Sending a request on, as who it was found to be, and the origin's answer back as it comes.

use core::fmt;
use core::pin::pin;
use core::time::Duration;
use std::rc::Rc;

use futures_util::future::{Either, select};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};
use worker::js_sys::{self, Array, Function, Promise};
use worker::wasm_bindgen_futures::JsFuture;
use worker::{Delay, web_sys};

use portcullis_gate::answer::{Problem, rate_headers};
use portcullis_gate::assertions::Asserted;
use portcullis_gate::caller::Caller;
use portcullis_gate::forward::Forward;
use portcullis_gate::log::Event;
use portcullis_gate::settings::RateClass;

use crate::answer::{answer, refuse};
use crate::clock::now;
use crate::crypto::sign;
use crate::host::Runtime;
use crate::js::{call, get, object};
use crate::log::log;
use crate::{Shared, Verdict};

#[wasm_bindgen(module = "/src/forward.js")]
extern "C" {
    /// Sends a request on by its plan; gives a promise of the origin's answer.
    #[wasm_bindgen(catch)]
    fn send(
        request: &web_sys::Request,
        base: &str,
        fields: &web_sys::Headers,
        plan: &Array,
    ) -> Result<Promise, JsValue>;
    /// The same as a request.
    #[wasm_bindgen(catch, js_name = onward)]
    fn onward_request(
        request: &web_sys::Request,
        base: &str,
        fields: &web_sys::Headers,
        plan: &Array,
    ) -> Result<web_sys::Request, JsValue>;
    /// What becomes of a request and of its answer, as the others take it.
    #[doc(hidden)]
    #[wasm_bindgen(js_name = planOf)]
    pub fn plan_of(told: &str, flags: &str, target: &str, edits: &str) -> Array;
    /// An answer as the client gets it.
    fn answered(answer: &web_sys::Response, plan: &Array, seconds: u32) -> web_sys::Response;
    #[wasm_bindgen(thread_local_v2, js_name = send)]
    static SEND: Function;
}

/// What sends requests on, for the entry.
#[doc(hidden)]
#[must_use]
pub fn sender() -> Function {
    SEND.with(Clone::clone)
}

/// A request that may pass.
pub struct Passage {
    pub(crate) shared: Shared,
    pub(crate) runtime: Rc<Runtime>,
    pub(crate) request: web_sys::Request,
    /// The fields that no origin gets.
    pub(crate) removed: Vec<String>,
    /// The page that asks, if one does.
    pub(crate) origin: Option<String>,
    pub(crate) forward: Box<Forward>,
}

impl fmt::Debug for Passage {
    /// Without request and environment, which hold keys and secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passage").field("caller", &self.forward.caller).finish_non_exhaustive()
    }
}

impl Passage {
    /// Passes, unless the platform's rate limiter counts the key's requests and says otherwise.
    pub(crate) async fn limited(self) -> worker::Result<Verdict> {
        if let Some(class) = self.class()
            && self.forward.rate.is_some_and(|rate| rate.allowance.is_none())
            && !within_limit(&self.runtime, class, &self.forward).await
        {
            let limited = self.shared.gate.borrow_mut().limited(&self.forward, now());
            if let Some(limited) = limited {
                let origin = self.origin.as_deref();
                return refuse(&self.runtime, limited, origin).map(Verdict::Answer);
            }
        }
        Ok(Verdict::Pass(self))
    }

    /// Who is calling; nobody on a route that is open, and in the preflights of the others.
    #[must_use]
    pub const fn caller(&self) -> Option<&Caller> {
        self.forward.caller.as_ref()
    }

    /// The path that the key's policy was held against, without the query: what a Worker with
    /// routes of its own should go by.
    #[must_use]
    pub fn path(&self) -> String {
        let target = self.forward.target.as_str();
        target.split_once('?').map_or(target, |(path, _)| path).to_owned()
    }

    /// Passes, if the key's policy grants these scopes as well: to be asked before the request is
    /// answered or sent on. Without a key it does not pass.
    ///
    /// # Errors
    /// The runtime's, by which no request passes.
    pub fn requirements(self, scopes: &[&str]) -> worker::Result<Verdict> {
        match self.forward.lacks(scopes, now()) {
            Some(refused) => {
                refuse(&self.runtime, refused, self.origin.as_deref()).map(Verdict::Answer)
            }
            None => Ok(Verdict::Pass(self)),
        }
    }

    /// The request, as it came: with its key, and its body, which can be read once.
    #[must_use]
    pub fn request(&self) -> worker::Request {
        // Not `self.request.clone()`: that is the runtime's, and makes two bodies of one.
        Clone::clone(&self.request).into()
    }

    /// Sends the request on to the gate's origin, and gives its answer back as it comes. An origin
    /// that can't be reached is answered for.
    ///
    /// # Errors
    /// The runtime's.
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

    /// The request as the origin gets it: without its key, and with what tells whose it is. It has
    /// the body, which can be read once.
    ///
    /// # Errors
    /// The runtime's.
    pub async fn onward(&self) -> worker::Result<web_sys::Request> {
        let (headers, plan) = self.plan(self.assertion().await.as_deref())?;
        let base = self.runtime.settings.origin.join("");
        Ok(onward_request(&self.request, &base, &headers, &plan)?)
    }

    /// The client's fields without those that no origin gets, and what else changes.
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

    /// What tells the origin who is calling, signed now or a moment ago.
    async fn assertion(&self) -> Option<Rc<str>> {
        let (known, unsigned) = match self.forward.assertion.clone()? {
            Asserted::Signed(text) => return Some(text),
            Asserted::Unsigned(known, unsigned) => (known, unsigned),
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

    /// An answer as the client gets it: untouched, unless there is something to say of the key's
    /// rate, of who may keep it, or of what was found of the key, or a time at which it ends.
    ///
    /// # Errors
    /// The runtime's.
    pub fn finish(&self, response: &web_sys::Response) -> worker::Result<web_sys::Response> {
        let mut lines = Vec::new();
        if let Some(class) = self.class() {
            let allowance = self.forward.rate.and_then(|rate| rate.allowance);
            let said = rate_headers(class, allowance, true);
            lines.extend(said.into_iter().map(|(name, value)| format!("{name}\n{value}")));
        }
        lines.extend(self.forward.debug.as_ref().map(|debug| format!("portcullis-debug\n{debug}")));
        let plan = plan_of(&lines.join("\n"), &self.forward.flags.letters(), "", "");
        let seconds = self.forward.max_connection_age.unwrap_or(0);
        Ok(answered(response, &plan, seconds))
    }
}

/// Asks the platform's rate limiter. One that does not answer within the deadline limits nobody: it
/// says how often a key may come, never whether it is good.
async fn within_limit(runtime: &Runtime, class: &RateClass, forward: &Forward) -> bool {
    let asked = async {
        let binding = get(&runtime.env, class.binding.as_deref()?)?;
        let key = JsValue::from_str(&forward.caller.as_ref()?.name().to_string());
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
