//! Deciding on a request: the loop around the gate's steps.

use core::cell::RefCell;
use core::time::Duration;
use std::rc::Rc;

use worker::wasm_bindgen::JsValue;
use worker::{Context, Delay, Env, web_sys};

use portcullis_gate::gate::Gate;
use portcullis_gate::refresh::policy::fetch_policy;
use portcullis_gate::refresh::refresh;
use portcullis_gate::request::Request;
use portcullis_gate::request::malformed::MalformedRequest;
use portcullis_gate::request_state::{Next, RequestState};
use portcullis_gate::response::problem::Problem;
use portcullis_gate::telemetry::deliver::{deliver, deliver_canaries};
use portcullis_gate::telemetry::log::Event;

use crate::answer::{answer, refuse, reserved_page};
use crate::authorized_request::{AuthorizedRequest, Decision};
use crate::clock::now;
use crate::crypto;
use crate::host::Runtime;
use crate::isolate::shared;
use crate::log::log;
use crate::request::RequestText;

/// Decides on a request. Waits for a fresh list, an extra refresh or a policy if it needs one, and
/// never longer than the settings allow. Whatever can't be decided, invalid settings included, is
/// an [`Answer`](Decision::Answer).
///
/// # Errors
/// Those of the runtime; they let no request through.
pub async fn authorize(
    request: web_sys::Request,
    env: &Env,
    ctx: &Context,
) -> worker::Result<Decision> {
    let env: JsValue = env.clone().into();
    let shared = match shared(&env) {
        Ok(shared) => shared,
        Err(error) => {
            log(&Event::Settings(error));
            let origin = request.headers().get("origin").ok().flatten();
            return answer(&Problem::Misconfigured, None, origin.as_deref()).map(Decision::Answer);
        }
    };
    let texts = RequestText::of(&request, &shared.settings)?;
    let runtime = Rc::new(Runtime { env, settings: Rc::clone(&shared.settings) });
    let evaluated = async |request: &Result<Request<'_>, MalformedRequest>| {
        let next = decide(&shared.gate, &runtime, ctx, request).await;
        (next, request.as_ref().ok().and_then(Request::origin).map(str::to_owned))
    };
    let (next, origin) = texts.read(&shared.settings, evaluated).await;
    let origin = origin.or_else(|| request.headers().get("origin").ok().flatten());
    match next {
        Next::Forward(forward) => {
            let removed = texts.removed;
            AuthorizedRequest { shared, runtime, request, removed, origin, forward }.limited().await
        }
        Next::Refuse(refused) => refuse(&runtime, refused, origin.as_deref()).map(Decision::Answer),
        Next::Reserved(page) => reserved_page(&shared.gate, page).map(Decision::Answer),
        // Handled in `decide`.
        Next::Sleep(_) | Next::Verify(_) => {
            let problem = Problem::Unavailable { retry_after: 1 };
            answer(&problem, None, origin.as_deref()).map(Decision::Answer)
        }
    }
}

/// Decides on a request, sleeping while it has to wait. The runtime verifies signatures that are
/// new to this isolate, because its native Ed25519 is faster.
async fn decide(
    gate: &Rc<RefCell<Gate>>,
    runtime: &Rc<Runtime>,
    ctx: &Context,
    request: &Result<Request<'_>, MalformedRequest>,
) -> Next {
    let mut state = RequestState::new();
    loop {
        let step = gate.borrow_mut().next_step(request, &mut state, now());
        // Start background work, which may outlast the request.
        if let Some(job) = step.refresh {
            let (gate, runtime) = (Rc::clone(gate), Rc::clone(runtime));
            ctx.wait_until(async move { refresh(&gate, &*runtime, job).await });
        }
        if let Some(job) = step.policy {
            let (gate, runtime) = (Rc::clone(gate), Rc::clone(runtime));
            ctx.wait_until(async move { fetch_policy(&gate, &*runtime, job).await });
        }
        if let Some(report) = step.report {
            let (gate, runtime) = (Rc::clone(gate), Rc::clone(runtime));
            ctx.wait_until(async move { deliver(&gate, &*runtime, report).await });
        }
        if let Some(report) = step.canaries {
            let (gate, runtime) = (Rc::clone(gate), Rc::clone(runtime));
            ctx.wait_until(async move {
                // The answer comes first: it must take no longer than a forgery's.
                Delay::from(Duration::from_millis(1)).await;
                deliver_canaries(&gate, &*runtime, report).await;
            });
        }
        // Wait or verify, and evaluate again; otherwise the decision is made.
        match step.next {
            Next::Sleep(millis) => Delay::from(Duration::from_millis(millis)).await,
            Next::Verify(signature) => {
                let good = crypto::verify(&signature).await.ok();
                if good == Some(true) {
                    gate.borrow_mut().remember(signature.clone().verified_by_host());
                }
                state.signature_is(signature, good);
            }
            next @ (Next::Forward(_) | Next::Refuse(_) | Next::Reserved(_)) => return next,
        }
    }
}
