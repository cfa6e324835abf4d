//! What the entry calls for each request, in plain synchronous calls: see `portcullis_gate::hot`.

use core::cell::RefCell;
use std::rc::Rc;

use portcullis_core::time::Time;
use wasm_bindgen::prelude::wasm_bindgen;
use worker::js_sys::{Array, JsString};
use worker::web_sys;

use portcullis_gate::answer::Problem;
use portcullis_gate::log::Event;
use portcullis_gate::request::{Incoming, path_and_query};
use portcullis_gate::told::{Onward, PLACES};
use portcullis_gate_worker::module::{after_host, answer, held, log};

/// A text, and what the runtime has of it.
type Handed = (Rc<Onward>, Array);

thread_local! {
    /// Texts that were handed over, as the runtime has them: a key that comes again is told of by
    /// an object that is there.
    static ARRAYS: RefCell<Vec<Option<Handed>>> = const { RefCell::new(Vec::new()) };
}

fn array_of(onward: &Rc<Onward>) -> Array {
    ARRAYS.with_borrow_mut(|arrays| {
        if arrays.is_empty() {
            arrays.resize(PLACES, None);
        }
        let place = arrays.get_mut(onward.place());
        if let Some(Some((held, array))) = &place
            && Rc::ptr_eq(held, onward)
        {
            return array.clone();
        }
        let lines = onward.lines().trim_end_matches('\n');
        let array = JsString::from(["\n", lines].concat()).split("\n");
        if let Some(place) = place {
            *place = Some((Rc::clone(onward), array.clone()));
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
pub struct Hot;

#[wasm_bindgen]
impl Hot {
    /// Does nothing. After a panic the first call makes a new instance, and only one that hands
    /// over no text does it soundly: the text would lie in the old instance's memory.
    pub fn wake() {}

    /// Where requests go, without the slash at the end; nothing before the gate has its settings.
    #[must_use]
    pub fn origin() -> Option<String> {
        held().map(|shared| shared.settings.origin.join(""))
    }

    /// What to do with a request that passes at once, in an array that is not to be changed: the
    /// headers that the origin's answer gets, names and values in a line each; then the lines of
    /// `portcullis_gate::told::Onward`. Nothing where the handler has to look at it.
    ///
    /// `request` is a line each for method, URL, and the values of `authorization`, `x-api-key`,
    /// `x-publishable-api-key`, `origin` and `cf-connecting-ip`, empty for one that is not there. No
    /// value of them holds a line's end. Preflights and whoever asks what was found of its key are
    /// the handler's.
    #[must_use]
    pub fn glance(request: &str, now_millis: f64) -> Option<Array> {
        let shared = held()?;
        let mut lines = request.split('\n');
        let (method, url) = (lines.next()?, lines.next()?);
        let (path, query) = path_and_query(after_host(url));
        let mut header = || lines.next().filter(|value| !value.is_empty());
        let incoming = Incoming {
            method,
            path,
            query,
            authorization: header(),
            x_api_key: header(),
            publishable_key: header(),
            origin: header(),
            address: header().and_then(|address| address.trim().parse().ok()),
            preflight_for: None,
            debug: false,
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a clock's")]
        let now = Time::from_millis(now_millis as u64);
        let mut gate = shared.gate.try_borrow_mut().ok()?;
        let passed = gate.glance(&incoming, now)?;
        let array = array_of(&passed.onward);
        let told = passed.answered(&shared.settings);
        Some(if told.is_empty() { array } else { limited(&array, &told) })
    }

    /// The answer where a request that passed did not reach the origin.
    ///
    /// # Errors
    /// The runtime's.
    pub fn unreachable(reason: String) -> worker::Result<web_sys::Response> {
        log(&Event::Origin { key: None, reason });
        answer(&Problem::OriginUnreachable, None)
    }
}
