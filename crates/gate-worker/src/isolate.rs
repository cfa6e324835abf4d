//! The isolate's gate: one for all of its requests and events.

use core::cell::RefCell;
use std::rc::Rc;

use worker::js_sys::{self, Uint8Array};
use worker::wasm_bindgen::JsValue;

use portcullis_gate::gate::Gate;
use portcullis_gate::settings::Settings;
use portcullis_gate::settings::error::SettingsError;
use portcullis_gate::telemetry::log::Event;

use crate::clock::now;
use crate::js::{get, variable};
use crate::log::log;

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

/// The isolate's gate, made by the first request with valid settings.
pub(crate) fn shared(env: &JsValue) -> Result<Shared, SettingsError> {
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
                Ok(events) => events.iter().for_each(log),
                Err(error) => log(&Event::Floor(error)),
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
