//! Sending a request on, as who it was found to be, and the origin's answer back as it comes.

use core::fmt;
use core::pin::pin;
use core::time::Duration;
use std::rc::Rc;

use futures_util::future::{Either, select};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};
use worker::js_sys;
use worker::wasm_bindgen_futures::JsFuture;
use worker::{Delay, web_sys};

use portcullis_gate::answer::{Problem, rate_headers};
use portcullis_gate::assertions::Asserted;
use portcullis_gate::caller::Caller;
use portcullis_gate::hot::ASSERTION;
use portcullis_gate::identity::is_reserved;
use portcullis_gate::log::Event;
use portcullis_gate::request::path_and_query;
use portcullis_gate::settings::RateClass;
use portcullis_gate::turn;

use crate::answer::{answer, refuse};
use crate::clock::now;
use crate::crypto::sign;
use crate::host::{Runtime, global};
use crate::js::{call, get, object};
use crate::log::log;
use crate::{Shared, Verdict, after_host};

#[wasm_bindgen(module = "/src/connection.js")]
extern "C" {
    /// The answer, ended after so many seconds where it is still being given then.
    #[wasm_bindgen(js_name = endAfter)]
    fn end_after(response: &web_sys::Response, seconds: u32) -> web_sys::Response;
}

/// A request that may pass.
pub struct Passage {
    pub(crate) shared: Shared,
    pub(crate) runtime: Rc<Runtime>,
    pub(crate) request: web_sys::Request,
    pub(crate) told: Box<turn::Passage>,
}

impl fmt::Debug for Passage {
    /// Without request and environment, which hold keys and secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Passage").field("caller", &self.told.caller).finish_non_exhaustive()
    }
}

impl Passage {
    /// Passes, unless the platform's rate limiter counts the key's requests and says otherwise.
    pub(crate) async fn limited(self) -> worker::Result<Verdict> {
        if let Some(class) = self.class()
            && self.told.rate.is_some_and(|rate| rate.allowance.is_none())
            && !within_limit(&self.runtime, class, &self.told).await
        {
            let limited = self.shared.gate.borrow_mut().limited(&self.told, now());
            if let Some(limited) = limited {
                return refuse(&self.runtime, limited).map(Verdict::Answer);
            }
        }
        Ok(Verdict::Pass(self))
    }

    /// Who is calling; nobody on a route that is open, and in the preflights of the others.
    #[must_use]
    pub const fn caller(&self) -> Option<&Caller> {
        self.told.caller.as_ref()
    }

    /// The path that the key's policy was held against, without the query: what a Worker with
    /// routes of its own should go by.
    #[must_use]
    pub fn path(&self) -> String {
        path_and_query(after_host(&self.request.url())).0.to_owned()
    }

    /// Passes, if the key's policy grants these scopes as well: to be asked before the request is
    /// answered or sent on. Without a key it does not pass.
    ///
    /// # Errors
    /// The runtime's, by which no request passes.
    pub fn demand(self, scopes: &[&str]) -> worker::Result<Verdict> {
        match self.told.lacks(scopes, now()) {
            Some(refused) => refuse(&self.runtime, refused).map(Verdict::Answer),
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
        let onward = self.onward().await?;
        match JsFuture::from(global().fetch_with_request(&onward)).await {
            Ok(response) => self.finish(response.unchecked_into()),
            Err(error) => {
                let reason = js_sys::Error::from(error).message().into();
                let key = self.told.caller.as_ref().map(Caller::name);
                log(&Event::Origin { key, reason });
                answer(&Problem::OriginUnreachable, None)
            }
        }
    }

    /// The request as the origin gets it: without its key, and with what tells whose it is. It has
    /// the body, which can be read once.
    ///
    /// # Errors
    /// The runtime's.
    pub async fn onward(&self) -> worker::Result<web_sys::Request> {
        let url = self.request.url();
        let target = after_host(&url);
        let origin = &self.runtime.settings.origin;
        let url = match &self.told.query {
            Some(query) => {
                let path = target.split_once('?').map_or(target, |(path, _)| path);
                let mark = if query.is_empty() { "" } else { "?" };
                origin.join(&[path, mark, query].concat())
            }
            None => origin.join(target),
        };
        let onward = self.rewritten(&url)?;
        if let Some(assertion) = self.assertion().await {
            onward.headers().set(ASSERTION, &assertion)?;
        }
        Ok(onward)
    }

    fn class(&self) -> Option<&RateClass> {
        self.told.rate.and_then(|rate| self.runtime.settings.rates.get(rate.class))
    }

    /// What tells the origin who is calling, signed now or a moment ago.
    async fn assertion(&self) -> Option<Rc<str>> {
        let (known, unsigned) = match self.told.assertion.clone()? {
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

    fn rewritten(&self, url: &str) -> Result<web_sys::Request, JsValue> {
        // A request as the second argument hands on method, body and headers; what arrives at a
        // Worker has the redirect mode `manual`, so redirects are the client's to follow.
        let onward = web_sys::Request::new_with_str_and_init(url, self.request.unchecked_ref())?;
        let headers = onward.headers();
        let names = js_sys::try_iter(&headers.keys())?.into_iter().flatten();
        let names = names.filter_map(|name| name.ok()?.as_string());
        let reserved: Vec<String> = names.filter(|name| is_reserved(name)).collect();
        for name in &reserved {
            headers.delete(name)?;
        }
        for name in self.told.taken.headers() {
            headers.delete(name)?;
        }
        if let Some(caller) = &self.told.caller {
            for (name, value) in caller.identity.headers() {
                headers.set(name, value)?;
            }
        }
        Ok(onward)
    }

    /// An answer as the client gets it: untouched, unless there is something to say of the key's
    /// rate, or of what was found of it, or a time at which the connection ends.
    ///
    /// # Errors
    /// The runtime's.
    pub fn finish(&self, response: web_sys::Response) -> worker::Result<web_sys::Response> {
        let class = self.class();
        let response = match self.told.max_connection_age {
            Some(seconds) => end_after(&response, seconds),
            None => response,
        };
        let is_socket = response.status() == 101;
        if is_socket || (class.is_none() && self.told.debug.is_none()) {
            return Ok(response);
        }
        let copy = web_sys::Response::new_with_opt_readable_stream_and_init(
            response.body().as_ref(),
            response.unchecked_ref(),
        )?;
        let headers = copy.headers();
        if let Some(class) = class {
            let allowance = self.told.rate.and_then(|rate| rate.allowance);
            for (name, value) in rate_headers(class, allowance, true) {
                headers.set(name, &value)?;
            }
        }
        if let Some(debug) = &self.told.debug {
            headers.set("portcullis-debug", debug)?;
        }
        Ok(copy)
    }
}

/// Asks the platform's rate limiter. One that does not answer within the deadline limits nobody: it
/// says how often a key may come, never whether it is good.
async fn within_limit(runtime: &Runtime, class: &RateClass, passage: &turn::Passage) -> bool {
    let asked = async {
        let binding = get(&runtime.env, class.binding.as_deref()?)?;
        let key = JsValue::from_str(&passage.caller.as_ref()?.name().to_string());
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
