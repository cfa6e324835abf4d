//! The synchronous calls of the entry for each request: see `portcullis_gate::gate::fast_path`.

use core::cell::RefCell;
use std::rc::Rc;

use portcullis_core::time::Time;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::js_sys::{Array, Function};
use worker::web_sys;

use portcullis_gate::header_cache::{CachedEdits, SLOTS};
use portcullis_gate::request::Request;
use portcullis_gate::request::fields::{Rule, rule};
use portcullis_gate::request::received::Received;
use portcullis_gate::response::problem::Problem;
use portcullis_gate::telemetry::log::Event;
use portcullis_gate_worker::module::{answer, existing, log, parts_of, plan_of, sender};

/// Cached edits, and their plan as a JavaScript array.
type Handed = (Rc<CachedEdits>, Array);

thread_local! {
    /// Plans that were passed to JavaScript, so that a key's next request reuses the array.
    static ARRAYS: RefCell<Vec<Option<Handed>>> = const { RefCell::new(Vec::new()) };
}

fn array_of(edits: &Rc<CachedEdits>) -> Array {
    ARRAYS.with_borrow_mut(|arrays| {
        if arrays.is_empty() {
            arrays.resize(SLOTS, None);
        }
        let slot = arrays.get_mut(edits.slot());
        if let Some(Some((existing, array))) = &slot
            && Rc::ptr_eq(existing, edits)
        {
            return array.clone();
        }
        // No headers for the answer, and an unchanged target.
        let array = plan_of("", &edits.flags().letters(), "", edits.lines());
        if let Some(slot) = slot {
            *slot = Some((Rc::clone(edits), array.clone()));
        }
        array
    })
}

/// A copy of the array with this request's rate-limit headers as its first element.
fn limited(array: &Array, headers: &[(&'static str, String)]) -> Array {
    let lines: Vec<String> =
        headers.iter().map(|(name, value)| format!("{name}\n{value}")).collect();
    let own = array.slice(0, array.length());
    own.set(0, lines.join("\n").into());
    own
}

/// The exported calls. A class, because worker-build exports nothing else of this module.
#[wasm_bindgen]
#[derive(Debug)]
pub struct FastPath;

#[wasm_bindgen]
impl FastPath {
    /// Does nothing. The first call after a panic makes a new instance. It must not pass a string,
    /// which would lie in the old instance's memory.
    pub fn wake() {}

    /// The origin's URL, without a final slash; `None` until the gate has its settings.
    #[must_use]
    pub fn origin() -> Option<String> {
        existing().map(|shared| shared.settings.origin.join(""))
    }

    /// Whether the settings need the connection's peer address.
    #[must_use]
    pub fn needs_peer() -> bool {
        existing().is_some_and(|shared| shared.settings.client.needs_peer())
    }

    /// The function that forwards a request according to its plan.
    #[must_use]
    pub fn sender() -> Function {
        sender()
    }

    /// The rule of the field with this name: 0, forwarded; 1, removed; 2, read; 3, read and
    /// removed; 4, left to the handler, which refuses the request. `None` until the gate has its
    /// settings. The entry caches the results.
    #[must_use]
    pub fn rule(name: &str) -> Option<u8> {
        let shared = existing()?;
        Some(match rule(name, shared.settings.client.trusts_cloudflare()) {
            Rule::Forward => 0,
            Rule::Remove => 1,
            Rule::Read => 2,
            Rule::ReadAndRemove => 3,
            Rule::Refuse => 4,
        })
    }

    /// The plan of a request that is forwarded at once, in an array that must not be changed: see
    /// `forward.js`. `None` if the handler has to decide.
    ///
    /// `request` has one line each for method, URL, peer address, and `1` if a body follows; then
    /// two lines for the name and value of each field that is read. No value holds a line break.
    #[must_use]
    pub fn plan(request: &str, now_millis: f64) -> Option<Array> {
        let shared = existing()?;
        let mut lines = request.split('\n');
        let (method, url) = (lines.next()?, lines.next()?);
        let (peer, has_body) = (lines.next()?, lines.next()? == "1");
        let mut fields = Vec::with_capacity(8);
        while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
            fields.push((name, value));
        }
        let (scheme, host, target) = parts_of(url);
        let peer = Some(peer).filter(|peer| !peer.is_empty());
        let received = Received { method, target, scheme, host, peer, has_body, fields: &fields };
        let request = Request::read(&received, &shared.settings);
        let Ok(request) = &request else { return None };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a clock's")]
        let now = Time::from_millis(now_millis as u64);
        let mut gate = shared.gate.try_borrow_mut().ok()?;
        let passed = gate.try_forward(request, now)?;
        let array = array_of(&passed.edits);
        let headers = passed.rate_headers(&shared.settings);
        Some(if headers.is_empty() { array } else { limited(&array, &headers) })
    }

    /// The answer if a forwarded request did not reach the origin. `origin` is that of the page
    /// that sent it, or empty.
    ///
    /// # Errors
    /// Those of the runtime.
    pub fn unreachable(reason: String, origin: &str) -> worker::Result<web_sys::Response> {
        log(&Event::Origin { key: None, reason });
        answer(&Problem::OriginUnreachable, None, Some(origin).filter(|it| !it.is_empty()))
    }
}
