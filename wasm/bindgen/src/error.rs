//! What a call throws.

use js_sys::{Error, Reflect, Symbol, TypeError};
use portcullis_wasm::Fault;
use wasm_bindgen::{JsCast, JsValue};

/// What JavaScript catches.
pub(crate) type Thrown = JsValue;

/// An argument of the wrong type, or a name that is not known.
///
/// The message in parts: formatting code would be a tenth of what this crate adds to a module.
pub(crate) fn type_error(message: &[&str]) -> Thrown {
    TypeError::new(&message.concat()).into()
}

/// An `Error` with the `name` and the `code` of the package's `PortcullisError`.
pub(crate) fn portcullis_error(code: &str, message: &str) -> Thrown {
    let error = Error::new(message);
    error.set_name("PortcullisError");
    // An error that was just made takes any property: there is no failure to report.
    let _ = Reflect::set(&error, &"code".into(), &code.into());
    error.into()
}

/// Misuse, or a refused file.
pub(crate) fn fault(fault: &Fault) -> Thrown {
    portcullis_error(fault.code(), &fault.to_string())
}

/// The verifier was left in the middle of a call, which only a trap or an exception that some other
/// code threw into the module can do. Its state is undefined, so it verifies nothing any more.
pub(crate) fn interrupted() -> Thrown {
    let error = Error::new("an earlier call was interrupted: make a new verifier");
    error.into()
}

/// A property's name as a text for a message. A symbol is written as JavaScript writes it.
pub(crate) fn name_of(name: &JsValue) -> String {
    let symbol = || Some(name.dyn_ref::<Symbol>()?.to_string().into());
    name.as_string().or_else(symbol).unwrap_or_default()
}
