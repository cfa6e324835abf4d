//! The types of options: which JavaScript values are accepted, and what is read of them.

use core::net::IpAddr;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use js_sys::{ArrayBuffer, JsString, Uint8Array};
use portcullis_core::policy::is_scope;
use portcullis_core::token::{Environment, Kind};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use zeroize::Zeroizing;

use crate::error::Thrown;
use crate::options::Value;

// What js-sys declares as calls that never throw, with the exceptions that the caller's objects may
// throw.
#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = Date)]
    type Date;
    #[wasm_bindgen(method, catch, js_name = getTime)]
    fn get_time(this: &Date) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_name = Uint8Array)]
    type Copy;
    #[wasm_bindgen(constructor, catch, js_class = "Uint8Array")]
    fn of(bytes: &JsValue) -> Result<Copy, JsValue>;
}

/// A root key in text.
pub(crate) struct Root(pub(crate) String);

impl Value for Root {
    const WHAT: &'static str = "the issuer's public root key, a string";

    fn read(value: &JsValue) -> Result<Option<Self>, Thrown> {
        Ok(value.as_string().map(Self))
    }
}

/// Milliseconds since 1970.
#[derive(Clone, Copy)]
pub(crate) struct Instant(pub(crate) f64);

impl Value for Instant {
    const WHAT: &'static str = "a Date, or milliseconds since 1970";

    fn read(value: &JsValue) -> Result<Option<Self>, Thrown> {
        let millis = match value.dyn_ref::<Date>() {
            Some(date) => date.get_time()?.as_f64(),
            None => value.as_f64(),
        };
        Ok(millis.filter(|millis| *millis >= 0.0 && millis.is_finite()).map(Self))
    }
}

/// Milliseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Duration(pub(crate) f64);

impl Value for Duration {
    const WHAT: &'static str = "milliseconds, 0 or more";

    fn read(value: &JsValue) -> Result<Option<Self>, Thrown> {
        Ok(value.as_f64().filter(|millis| *millis >= 0.0).map(Self))
    }
}

impl Value for Kind {
    const WHAT: &'static str = "secret or publishable";

    fn read(value: &JsValue) -> Result<Option<Self>, Thrown> {
        Ok(value.as_string().and_then(|name| name.parse().ok()))
    }
}

impl Value for Environment {
    const WHAT: &'static str = "live or test";

    fn read(value: &JsValue) -> Result<Option<Self>, Thrown> {
        Ok(value.as_string().and_then(|name| name.parse().ok()))
    }
}

/// A fact of a request; `None` if it is given as unknown.
pub(crate) struct Fact(pub(crate) Option<String>);

impl Value for Fact {
    const WHAT: &'static str = "a string, or null";

    fn read(value: &JsValue) -> Result<Option<Self>, Thrown> {
        let text = value.as_string();
        Ok((text.is_some() || value.is_null()).then_some(Self(text)))
    }
}

/// A client's address. A text that is no address is an address that is not known.
pub(crate) struct Address(pub(crate) Option<IpAddr>);

impl Value for Address {
    const WHAT: &'static str = Fact::WHAT;

    fn read(value: &JsValue) -> Result<Option<Self>, Thrown> {
        let fact = Fact::read(value)?;
        Ok(fact.map(|Fact(text)| Self(text.and_then(|text| text.parse().ok()))))
    }
}

/// Scopes without wildcards.
pub(crate) struct Scopes(pub(crate) Vec<String>);

impl Value for Scopes {
    const WHAT: &'static str = "a text like `orders:read`, without wildcards, or a list of them";

    fn read(value: &JsValue) -> Result<Option<Self>, Thrown> {
        let list = match value.is_string() {
            true => Some(vec![value.clone()]),
            false => list_of(value)?,
        };
        let scope = |value: JsValue| value.as_string().filter(|scope| is_scope(scope));
        Ok(list.and_then(|list| list.into_iter().map(scope).collect()).map(Self))
    }
}

/// A signer's number.
pub(crate) struct Kid(pub(crate) u16);

impl Value for Kid {
    const WHAT: &'static str = "a number from 0 to 65535";

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked: a whole number that a u16 can hold"
    )]
    fn read(value: &JsValue) -> Result<Option<Self>, Thrown> {
        let kid = value.as_f64().filter(|kid| *kid >= 0.0 && *kid <= 65_535.0);
        Ok(kid.filter(|kid| f64::from(*kid as u16) == *kid).map(|kid| Self(kid as u16)))
    }
}

/// The contents of a file.
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Value for Bytes {
    const WHAT: &'static str = "a Uint8Array or an ArrayBuffer";

    fn read(value: &JsValue) -> Result<Option<Self>, Thrown> {
        if !value.is_instance_of::<Uint8Array>() && !value.is_instance_of::<ArrayBuffer>() {
            return Ok(None);
        }
        // By way of a new array: what the caller's class makes of `length` plays no part.
        let array: JsValue = Copy::of(value)?.into();
        Ok(Some(Self(array.unchecked_ref::<Uint8Array>().to_vec())))
    }
}

/// A secret, wiped when it is dropped.
pub(crate) enum Secret {
    Bytes(Zeroizing<Vec<u8>>),
    /// A text that spells no secret. It has the right type: an engine refuses it later.
    NotBase64,
}

/// As `atob` reads it: the two bits that are left of the last character may be any.
const BASE64_URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone),
);

impl Value for Secret {
    const WHAT: &'static str = "43 characters of base64url, a Uint8Array or an ArrayBuffer";

    fn read(value: &JsValue) -> Result<Option<Self>, Thrown> {
        let Some(text) = value.dyn_ref::<JsString>() else {
            return Ok(Bytes::read(value)?.map(|Bytes(bytes)| Self::Bytes(Zeroizing::new(bytes))));
        };
        let mut bytes = Zeroizing::new(vec![0; 32]);
        let text = Zeroizing::new(if text.length() == 43 { text.into() } else { String::new() });
        Ok(Some(match BASE64_URL.decode_slice(text.as_bytes(), &mut bytes) {
            Ok(32) => Self::Bytes(bytes),
            Ok(_) | Err(_) => Self::NotBase64,
        }))
    }
}

/// The members of an iterable. A string doesn't count as a list of its characters.
pub(crate) fn list_of(value: &JsValue) -> Result<Option<Vec<JsValue>>, Thrown> {
    if !value.is_object() {
        return Ok(None);
    }
    js_sys::try_iter(value)?.map(Iterator::collect).transpose()
}
