//! The gate in a Rust Worker: verifies a request's API key and forwards the request.
//!
//! ```ignore
//! #[event(fetch)]
//! async fn fetch(request: web_sys::Request, env: Env, ctx: Context) -> Result<web_sys::Response> {
//!     let passage = match portcullis_gate_worker::authorize(request, &env, &ctx).await? {
//!         Verdict::Pass(passage) => passage,
//!         Verdict::Answer(answer) => return Ok(answer),
//!     };
//!     match passage.caller() {
//!         Some(caller) if caller.may("reports:read") => reports(caller),
//!         Some(_) | None => passage.send().await,
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
mod background;
mod clock;
mod crypto;
mod host;
mod js;
mod log;
mod pass;
mod queue;
mod request;
mod shared;

use core::cell::RefCell;
use core::time::Duration;
use std::rc::Rc;

use worker::wasm_bindgen::JsValue;
use worker::{Context, Delay, Env, web_sys};

use portcullis_gate::answer::Problem;
use portcullis_gate::deliver::deliver;
use portcullis_gate::gate::Gate;
use portcullis_gate::log::Event;
use portcullis_gate::refresh::{fetch_policy, refresh};
use portcullis_gate::request::{Malformed, Request};
use portcullis_gate::request_state::{Next, RequestState};

use crate::answer::answer;
use crate::clock::now;
use crate::host::Runtime;
use crate::request::Texts;
use crate::shared::shared;

pub use crate::background::{queue, scheduled};
pub use crate::pass::{Passage, Verdict};
pub use portcullis_core::token::{Environment, Kind, Name};
pub use portcullis_gate::caller::Caller;
pub use portcullis_gate::refresh_schedule::Standing;

/// Internals for the gate's own module; not part of the interface.
#[doc(hidden)]
pub mod module {
    pub use crate::answer::answer;
    pub use crate::log::log;
    pub use crate::pass::{plan_of, sender};
    pub use crate::request::parts_of;
    pub use crate::shared::{Shared, held};
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
    let texts = Texts::of(&request, &shared.settings)?;
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
            Passage { shared, runtime, request, removed, origin, forward }.limited().await
        }
        Next::Refuse(refused) => {
            answer::refuse(&runtime, refused, origin.as_deref()).map(Verdict::Answer)
        }
        Next::Own(page) => answer::own(&shared.gate, page).map(Verdict::Answer),
        // Handled in `authorized`.
        Next::Sleep(_) | Next::Verify(_) => {
            let problem = Problem::Unavailable { retry_after: 1 };
            answer(&problem, None, origin.as_deref()).map(Verdict::Answer)
        }
    }
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
                    gate.borrow_mut().remember(signature.clone().verified_by_host());
                }
                state.signature_is(signature, good);
            }
            next @ (Next::Forward(_) | Next::Refuse(_) | Next::Own(_)) => return next,
        }
    }
}
