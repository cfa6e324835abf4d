//! Calls into the runtime for which there are no bindings, and reading streams with an end.

use worker::js_sys::{Array, Function, Promise, Reflect, Uint8Array};
use worker::wasm_bindgen::{JsCast as _, JsValue};
use worker::wasm_bindgen_futures::{JsFuture, spawn_local};
use worker::web_sys::{ReadableStream, ReadableStreamDefaultReader};

use portcullis_gate::source::FetchError;

/// `object[name]`, where it is there and not null.
pub(crate) fn get(object: &JsValue, name: &str) -> Option<JsValue> {
    let value = Reflect::get(object, &JsValue::from_str(name)).ok()?;
    (!value.is_null() && !value.is_undefined()).then_some(value)
}

/// `await object[method](...arguments)`.
pub(crate) async fn call(
    object: &JsValue,
    method: &str,
    arguments: &[&JsValue],
) -> Result<JsValue, JsValue> {
    // A method of a service binding is callable and no `Function`: its own `apply` would be called
    // over there.
    let function: Function = Reflect::get(object, &JsValue::from_str(method))?.unchecked_into();
    let arguments: Array = arguments.iter().copied().collect();
    JsFuture::from(Promise::resolve(&Reflect::apply(&function, object, &arguments)?)).await
}

/// An object with these fields.
pub(crate) fn object(fields: &[(&str, JsValue)]) -> JsValue {
    let object = worker::js_sys::Object::new();
    for (name, value) in fields {
        // Setting a field of a plain object can't fail.
        let _ = Reflect::set(&object, &JsValue::from_str(name), value);
    }
    object.into()
}

/// A variable, secret or binding as text. `null` is what workerd's `fromEnvironment` gives for an
/// unset one; numbers and objects are what a `wrangler.toml` may hold.
pub(crate) fn variable(env: &JsValue, name: &str) -> Option<String> {
    let value = get(env, name)?;
    value.as_string().or_else(|| worker::js_sys::JSON::stringify(&value).ok().map(String::from))
}

/// Reads a stream to its end, which must come within `longest` bytes: whatever still comes is not
/// waited for.
pub(crate) async fn read(stream: &ReadableStream, longest: usize) -> Result<Vec<u8>, FetchError> {
    let unreachable = |_: JsValue| FetchError::Unreachable;
    let mut reader = Reader { inner: stream.get_reader().unchecked_into(), ended: false };
    let mut bytes = Vec::new();
    loop {
        let part = JsFuture::from(reader.inner.read()).await.map_err(unreachable)?;
        if get(&part, "done").is_none_or(|done| done.is_truthy()) {
            reader.ended = true;
            return Ok(bytes);
        }
        let part: Uint8Array = get(&part, "value").ok_or(FetchError::Unreachable)?.unchecked_into();
        let length = usize::try_from(part.length()).unwrap_or(usize::MAX);
        if length > longest.saturating_sub(bytes.len()) {
            return Err(FetchError::TooLong);
        }
        bytes.extend_from_slice(&part.to_vec());
    }
}

/// A reader that lets go of its stream where the reading is given up.
struct Reader {
    inner: ReadableStreamDefaultReader,
    ended: bool,
}

impl Drop for Reader {
    fn drop(&mut self) {
        if !self.ended {
            let cancelled = JsFuture::from(self.inner.cancel());
            // That this fails as well is nobody's concern, and must not be reported as unhandled.
            spawn_local(async move { drop(cancelled.await) });
        }
    }
}
