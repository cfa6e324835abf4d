//! Signatures by the runtime's own Ed25519.

use core::cell::RefCell;

use wasm_bindgen::{JsCast as _, JsValue};
use worker::js_sys::{self, Array, Uint8Array};

use crate::js::{call, get};

/// What stands in front of a seed in PKCS #8 (RFC 8410).
const PKCS8: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

thread_local! {
    /// The isolate's signer, imported once: its seed is a setting, and never changes.
    static SIGNER: RefCell<Option<JsValue>> = const { RefCell::new(None) };
}

/// The signature of the key with this seed over `message`.
pub(crate) async fn sign(seed: &[u8; 32], message: &[u8]) -> Result<[u8; 64], JsValue> {
    let subtle = get(&js_sys::global(), "crypto").and_then(|crypto| get(&crypto, "subtle"));
    let subtle = subtle.ok_or(JsValue::UNDEFINED)?;
    let algorithm = JsValue::from_str("Ed25519");
    let held = SIGNER.with_borrow(Clone::clone);
    let key = match held {
        Some(key) => key,
        None => {
            let der = zeroize::Zeroizing::new([PKCS8.as_slice(), seed].concat());
            let der: JsValue = Uint8Array::from(der.as_slice()).into();
            let usages: JsValue = Array::of1(&JsValue::from_str("sign")).into();
            let arguments =
                [&JsValue::from_str("pkcs8"), &der, &algorithm, &JsValue::FALSE, &usages];
            let key = call(&subtle, "importKey", &arguments).await?;
            SIGNER.with_borrow_mut(|signer| signer.insert(key).clone())
        }
    };
    let message: JsValue = Uint8Array::from(message).into();
    let signature = call(&subtle, "sign", &[&algorithm, &key, &message]).await?;
    let signature = Uint8Array::new(signature.unchecked_ref()).to_vec();
    signature.try_into().map_err(|_| JsValue::UNDEFINED)
}
