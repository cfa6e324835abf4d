//! Signing and verifying with the runtime's native Ed25519.

use core::cell::RefCell;

use wasm_bindgen::{JsCast as _, JsValue};
use worker::js_sys::{self, Array, Uint8Array};

use portcullis_core::signature_cache::PendingSignature;

use crate::js::{call, get};

/// The PKCS #8 prefix of a seed (RFC 8410).
const PKCS8: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

thread_local! {
    /// The isolate's signing key, imported once: its seed is a setting and never changes.
    static SIGNER: RefCell<Option<JsValue>> = const { RefCell::new(None) };
    /// Imported public keys of the keyring, newest first.
    static PUBLIC: RefCell<Vec<([u8; 32], JsValue)>> = const { RefCell::new(Vec::new()) };
}

/// Enough for the few active signers of a keyring.
const MAX_PUBLIC: usize = 16;

fn subtle() -> Result<JsValue, JsValue> {
    let subtle = get(&js_sys::global(), "crypto").and_then(|crypto| get(&crypto, "subtle"));
    subtle.ok_or(JsValue::UNDEFINED)
}

/// Whether a signature is good. Its R and S are strict already, and the runtime's equation has no
/// cofactor either, so the verdict is that of the core.
pub(crate) async fn verify(signature: &PendingSignature) -> Result<bool, JsValue> {
    let subtle = subtle()?;
    let algorithm = JsValue::from_str("Ed25519");
    let existing = PUBLIC.with_borrow(|keys| {
        keys.iter().find(|(bytes, _)| bytes == signature.key()).map(|(_, key)| key.clone())
    });
    let key = match existing {
        Some(key) => key,
        None => {
            let raw: JsValue = Uint8Array::from(signature.key().as_slice()).into();
            let usages: JsValue = Array::of1(&JsValue::from_str("verify")).into();
            let arguments = [&JsValue::from_str("raw"), &raw, &algorithm, &JsValue::FALSE, &usages];
            let key = call(&subtle, "importKey", &arguments).await?;
            PUBLIC.with_borrow_mut(|keys| {
                keys.truncate(MAX_PUBLIC - 1);
                keys.insert(0, (*signature.key(), key.clone()));
            });
            key
        }
    };
    let proof: JsValue = Uint8Array::from(signature.signature().as_slice()).into();
    let message: JsValue = Uint8Array::from(signature.message().as_slice()).into();
    let good = call(&subtle, "verify", &[&algorithm, &key, &proof, &message]).await?;
    Ok(good.is_truthy())
}

/// Signs `message` with the key of this seed.
pub(crate) async fn sign(seed: &[u8; 32], message: &[u8]) -> Result<[u8; 64], JsValue> {
    let subtle = subtle()?;
    let algorithm = JsValue::from_str("Ed25519");
    let existing = SIGNER.with_borrow(Clone::clone);
    let key = match existing {
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
