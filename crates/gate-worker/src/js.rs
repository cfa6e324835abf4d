//! Calls into the runtime that have no bindings, and reading streams up to a limit.

use serde::Serialize;
use worker::js_sys::{Array, Function, JSON, Object, Promise, Reflect, Uint8Array};
use worker::wasm_bindgen::{JsCast as _, JsValue};
use worker::wasm_bindgen_futures::{JsFuture, spawn_local};
use worker::web_sys::{ReadableStream, ReadableStreamDefaultReader};

use portcullis_gate::refresh::source::FetchError;

/// `object[name]`, if it exists and isn't null.
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
    // A service binding's method is callable but not a `Function`: its `apply` would be called
    // remotely.
    let function: Function = Reflect::get(object, &JsValue::from_str(method))?.unchecked_into();
    let arguments: Array = arguments.iter().copied().collect();
    JsFuture::from(Promise::resolve(&Reflect::apply(&function, object, &arguments)?)).await
}

/// A plain object of the runtime's own, for its methods to read.
pub(crate) fn to_object<T: Serialize>(value: &T) -> Result<JsValue, JsValue> {
    Ok(serde_wasm_bindgen::to_value(value)?)
}

/// A variable, secret or binding as text. `null` is the value of an unset `fromEnvironment` in
/// workerd; numbers and objects come from `wrangler.toml` and are passed on as JSON.
///
/// Only the environment's own properties count, and JSON has an object's own fields alone, so that
/// no property of a prototype is taken for a setting. Not by serde-wasm-bindgen: it reads inherited
/// properties and passes over misspelt fields, while the settings' JSON reader names them, and it
/// would add 4 % to the module.
pub(crate) fn variable(env: &JsValue, name: &str) -> Option<String> {
    if !Object::has_own(env.unchecked_ref::<Object>(), &JsValue::from_str(name)) {
        return None;
    }
    let value = get(env, name)?;
    value.as_string().or_else(|| JSON::stringify(&value).ok().map(String::from))
}

/// Reads a stream to its end, at most `longest` bytes. Fails as soon as it exceeds them.
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

/// A reader that cancels its stream if reading is abandoned.
struct Reader {
    inner: ReadableStreamDefaultReader,
    ended: bool,
}

impl Drop for Reader {
    fn drop(&mut self) {
        if !self.ended {
            let cancelled = JsFuture::from(self.inner.cancel());
            // A failure here has no effect, and must not be reported as unhandled.
            spawn_local(async move { drop(cancelled.await) });
        }
    }
}
