//! The gate in a Rust Worker: verifies a request's API key and forwards the request.
//!
//! ```ignore
//! #[event(fetch)]
//! async fn fetch(request: web_sys::Request, env: Env, ctx: Context) -> Result<web_sys::Response> {
//!     let authorized = match portcullis_gate_worker::authorize(request, &env, &ctx).await? {
//!         Verdict::Authorized(authorized) => authorized,
//!         Verdict::Answer(answer) => return Ok(answer),
//!     };
//!     match authorized.caller() {
//!         Some(caller) if caller.may("reports:read") => reports(caller),
//!         Some(_) | None => authorized.send().await,
//!     }
//! }
//! ```
//!
//! Settings and bindings are those of the gate (`docs/gate.md`), read from the Worker's environment
//! at its first request. Requests and answers are the runtime's own types, so that they are
//! forwarded without being rebuilt; `into()` converts a `worker::Response` to one.
//!
//! The gate's state is in this instance's memory. After any panic, `worker` 0.8.7 marks the
//! instance as broken and makes a new one before the next request. The state is then lost, and the
//! new gate accepts nothing until it has fetched and verified keyring and list again. The request
//! that panicked gets a 500 from the runtime. No panic lets a request through: tested in workerd,
//! before and after an `await`, with the issuer reachable and unreachable.

#![cfg(target_arch = "wasm32")]

mod analytics;
mod answer;
mod authorized_request;
mod background;
mod clock;
mod crypto;
mod host;
mod js;
mod log;
mod queue;
mod request;

use core::cell::RefCell;
use core::time::Duration;
use std::rc::Rc;

use worker::js_sys::{self, Uint8Array};
use worker::wasm_bindgen::JsValue;
use worker::{Context, Delay, Env, web_sys};

use portcullis_gate::answer::Problem;
use portcullis_gate::deliver::deliver;
use portcullis_gate::gate::Gate;
use portcullis_gate::log::Event;
use portcullis_gate::refresh::{fetch_policy, refresh};
use portcullis_gate::request::{Malformed, Request};
use portcullis_gate::request_state::{Next, RequestState};
use portcullis_gate::settings::{Settings, SettingsError};

use crate::answer::answer;
use crate::clock::now;
use crate::host::Runtime;
use crate::js::{get, variable};
use crate::request::RequestText;

pub use crate::authorized_request::AuthorizedRequest;
pub use crate::background::{queue, scheduled};
pub use portcullis_core::token::{Environment, Kind, Name};
pub use portcullis_gate::caller::Caller;
pub use portcullis_gate::refresh_schedule::Freshness;

/// Internals for the gate's own module; not part of the interface.
#[doc(hidden)]
pub mod module {
    pub use crate::answer::answer;
    pub use crate::authorized_request::{plan_of, sender};
    pub use crate::log::log;
    pub use crate::request::parts_of;
    pub use crate::{Shared, existing};
}

thread_local! {
    static GATE: RefCell<Option<Shared>> = const { RefCell::new(None) };
}

/// The isolate's gate and its settings, which never change.
#[doc(hidden)]
#[derive(Clone)]
pub struct Shared {
    pub gate: Rc<RefCell<Gate>>,
    pub settings: Rc<Settings>,
}

/// The decision on a request.
#[must_use]
#[derive(Debug)]
pub enum Verdict {
    /// Accepted: its key is valid, or it needs none.
    Authorized(AuthorizedRequest),
    /// Refused, or a request for one of the gate's own pages: return this answer.
    Answer(web_sys::Response),
}

/// Decides on a request. Waits for a fresh list, an extra refresh or a policy if it needs one, and
/// never longer than the settings allow. Whatever can't be decided, invalid settings included, is
/// an [`Answer`](Verdict::Answer).
///
/// # Errors
/// Those of the runtime; they let no request through.
pub async fn authorize(
    request: web_sys::Request,
    env: &Env,
    ctx: &Context,
) -> worker::Result<Verdict> {
    let env: JsValue = env.clone().into();
    let shared = match shared(&env) {
        Ok(shared) => shared,
        Err(error) => {
            log::log(&Event::Settings(error));
            let origin = request.headers().get("origin").ok().flatten();
            return answer(&Problem::Misconfigured, None, origin.as_deref()).map(Verdict::Answer);
        }
    };
    let texts = RequestText::of(&request, &shared.settings)?;
    let runtime = Rc::new(Runtime { env, settings: Rc::clone(&shared.settings) });
    let evaluated = async |request: &Result<Request<'_>, Malformed>| {
        let next = authorized(&shared.gate, &runtime, ctx, request).await;
        (next, request.as_ref().ok().and_then(Request::origin).map(str::to_owned))
    };
    let (next, origin) = texts.read(&shared.settings, evaluated).await;
    let origin = origin.or_else(|| request.headers().get("origin").ok().flatten());
    match next {
        Next::Forward(forward) => {
            let removed = texts.removed;
            AuthorizedRequest { shared, runtime, request, removed, origin, forward }.limited().await
        }
        Next::Refuse(refused) => {
            answer::refuse(&runtime, refused, origin.as_deref()).map(Verdict::Answer)
        }
        Next::Reserved(page) => answer::reserved_page(&shared.gate, page).map(Verdict::Answer),
        // Handled in `authorized`.
        Next::Sleep(_) | Next::Verify(_) => {
            let problem = Problem::Unavailable { retry_after: 1 };
            answer(&problem, None, origin.as_deref()).map(Verdict::Answer)
        }
    }
}

/// The isolate's gate, made by the first request with valid settings.
fn shared(env: &JsValue) -> Result<Shared, SettingsError> {
    GATE.with_borrow_mut(|shared| {
        if let Some(shared) = shared {
            return Ok(shared.clone());
        }
        let mut gate = Gate::new(Settings::read(|name| variable(env, name))?);
        // Restore the bundle that was deployed with the Worker, as a module or as a binding.
        let bundle = get(&js_sys::global(), "PORTCULLIS_BUNDLE").or_else(|| get(env, "BUNDLE"));
        let bundle = bundle.map(|bundle| Uint8Array::new(&bundle).to_vec());
        if let Some(bundle) = bundle.filter(|bundle| !bundle.is_empty()) {
            match gate.restore(&bundle, now()) {
                Ok(events) => events.iter().for_each(log::log),
                Err(error) => log::log(&Event::Floor(error)),
            }
        }
        let settings = gate.shared_settings();
        Ok(shared.insert(Shared { gate: Rc::new(RefCell::new(gate)), settings }).clone())
    })
}

/// The isolate's gate, if it exists already.
#[doc(hidden)]
#[must_use]
pub fn existing() -> Option<Shared> {
    GATE.with_borrow(Clone::clone)
}

/// Decides on a request, sleeping while it has to wait. The runtime verifies signatures that are
/// new to this isolate, because its native Ed25519 is faster.
async fn authorized(
    gate: &Rc<RefCell<Gate>>,
    runtime: &Rc<Runtime>,
    ctx: &Context,
    request: &Result<Request<'_>, Malformed>,
) -> Next {
    let mut state = RequestState::new();
    loop {
        let authorized = gate.borrow_mut().next_step(request, &mut state, now());
        // Start background work, which may outlast the request.
        if let Some(job) = authorized.refresh {
            let (gate, runtime) = (Rc::clone(gate), Rc::clone(runtime));
            ctx.wait_until(async move { refresh(&gate, &*runtime, job).await });
        }
        if let Some(job) = authorized.policy {
            let (gate, runtime) = (Rc::clone(gate), Rc::clone(runtime));
            ctx.wait_until(async move { fetch_policy(&gate, &*runtime, job).await });
        }
        if let Some(report) = authorized.report {
            let (gate, runtime) = (Rc::clone(gate), Rc::clone(runtime));
            ctx.wait_until(async move { deliver(&gate, &*runtime, report).await });
        }
        // Wait or verify, and evaluate again; otherwise the decision is made.
        match authorized.next {
            Next::Sleep(millis) => Delay::from(Duration::from_millis(millis)).await,
            Next::Verify(signature) => {
                let good = crypto::verify(&signature).await.ok();
                if good == Some(true) {
                    gate.borrow_mut().remember(signature.clone());
                }
                state.signature_is(signature, good);
            }
            next @ (Next::Forward(_) | Next::Refuse(_) | Next::Reserved(_)) => return next,
        }
    }
}
