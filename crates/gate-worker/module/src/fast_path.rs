//! What the entry calls for each request, in plain synchronous calls: see `portcullis_gate::fast_path`.

use core::cell::RefCell;
use std::rc::Rc;

use portcullis_core::time::Time;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::js_sys::{Array, Function, JsString};
use worker::web_sys;

use portcullis_gate::answer::Problem;
use portcullis_gate::header_cache::{CachedEdits, PLACES};
use portcullis_gate::log::Event;
use portcullis_gate::request::fields::{Rule, rule};
use portcullis_gate::request::{Received, Request};
use portcullis_gate_worker::module::{answer, held, log, parts_of, sender};

/// A text, and what the runtime has of it.
type Handed = (Rc<CachedEdits>, Array);

thread_local! {
    /// Texts that were handed over, as the runtime has them: a key that comes again is told of by
    /// an object that is there.
    static ARRAYS: RefCell<Vec<Option<Handed>>> = const { RefCell::new(Vec::new()) };
}

fn array_of(edits: &Rc<CachedEdits>) -> Array {
    ARRAYS.with_borrow_mut(|arrays| {
        if arrays.is_empty() {
            arrays.resize(PLACES, None);
        }
        let place = arrays.get_mut(edits.place());
        if let Some(Some((held, array))) = &place
            && Rc::ptr_eq(held, edits)
        {
            return array.clone();
        }
        let (flags, lines) = (edits.flags().letters(), edits.lines().trim_end_matches('\n'));
        // Nothing for the answer, and the target as it came.
        let array = JsString::from(["\n", &flags, "\n\n", lines].concat()).split("\n");
        if let Some(place) = place {
            *place = Some((Rc::clone(edits), array.clone()));
        }
        array
    })
}

/// With what the client is told of its limit in the first place, in an array of this request's own.
fn limited(array: &Array, told: &[(&'static str, String)]) -> Array {
    let lines: Vec<String> = told.iter().map(|(name, value)| format!("{name}\n{value}")).collect();
    let own = array.slice(0, array.length());
    own.set(0, lines.join("\n").into());
    own
}

/// The calls. A class, because worker-build exports nothing else from the module that it makes.
#[wasm_bindgen]
#[derive(Debug)]
pub struct FastPath;

#[wasm_bindgen]
impl FastPath {
    /// Does nothing. After a panic the first call makes a new instance, and only one that hands
    /// over no text does it soundly: the text would lie in the old instance's memory.
    pub fn wake() {}

    /// Where requests go, without the slash at the end; nothing before the gate has its settings.
    #[must_use]
    pub fn origin() -> Option<String> {
        held().map(|shared| shared.settings.origin.join(""))
    }

    /// Whether a decision takes the connection's other end: then it is told.
    #[must_use]
    pub fn needs_peer() -> bool {
        held().is_some_and(|shared| shared.settings.client.needs_peer())
    }

    /// What sends a request on by its plan.
    #[must_use]
    pub fn sender() -> Function {
        sender()
    }

    /// The rule of the field with this name: 0, it is passed on; 1, it is removed; 2, it is read; 3,
    /// both; 4, the handler refuses the request. Nothing before the gate has its settings. The entry
    /// keeps the answers.
    #[must_use]
    pub fn rule(name: &str) -> Option<u8> {
        let shared = held()?;
        Some(match rule(name, shared.settings.client.keeps_cloudflares()) {
            Rule::PassOn => 0,
            Rule::Remove => 1,
            Rule::Read => 2,
            Rule::ReadAndRemove => 3,
            Rule::Refuse => 4,
        })
    }

    /// The plan of a request that is forwarded at once, in an array that is not to be changed: see
    /// `forward.js`. Nothing if the handler has to look at it.
    ///
    /// `request` is a line each for method, URL, the connection's other end, and `1` if a body
    /// follows; then two for each field that is read, its name and its value. No value of them holds
    /// a line's end.
    #[must_use]
    pub fn plan(request: &str, now_millis: f64) -> Option<Array> {
        let shared = held()?;
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
        let told = passed.answered(&shared.settings);
        Some(if told.is_empty() { array } else { limited(&array, &told) })
    }

    /// The answer if a request that was forwarded did not reach the origin; `origin` is that of the
    /// page that asks, or empty.
    ///
    /// # Errors
    /// The runtime's.
    pub fn unreachable(reason: String, origin: &str) -> worker::Result<web_sys::Response> {
        log(&Event::Origin { key: None, reason });
        answer(&Problem::OriginUnreachable, None, Some(origin).filter(|it| !it.is_empty()))
    }
}
