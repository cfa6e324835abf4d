//! The npm package's Rust half: `portcullis-core` behind an interface that JavaScript can call.
//!
//! Everything that decides is in [`Verifier`] and is tested on the host; [`RawVerifier`] only
//! translates. It is the package's private interface: `js/core.js` is its one caller and
//! `index.d.ts` describes what users see. Bytes and numbers go in; plain objects come out; an
//! error is a JavaScript `Error` with a `code`. There is no clock and no randomness in here.

mod fault;
mod verdict;
mod verifier;

pub use fault::Fault;
pub use verdict::{KeyFacts, ListFacts, Standing, Status, Verdict};
pub use verifier::{Ask, Verifier, Wanted};

use js_sys::Uint8Array;
use portcullis_core::time::Time;
use serde::Serialize;
use wasm_bindgen::prelude::*;
use zeroize::Zeroizing;

/// A [`Verifier`] as `js/core.js` sees it. Instants are milliseconds since the epoch.
#[wasm_bindgen]
#[derive(Debug)]
pub struct RawVerifier(Verifier);

#[wasm_bindgen]
impl RawVerifier {
    /// A verifier that pins `root` (43 characters of base64url) and knows nothing else yet.
    ///
    /// # Errors
    /// [`Fault::Root`].
    #[wasm_bindgen(constructor)]
    pub fn new(root: &str) -> Result<Self, JsValue> {
        Ok(Self(Verifier::new(root)?))
    }

    /// Holds the secret of an HMAC key. The argument's copy in here is wiped.
    ///
    /// # Errors
    /// [`Fault::SecretLength`] and [`Fault::Keyring`].
    #[wasm_bindgen(js_name = holdSecret)]
    pub fn hold_secret(&mut self, kid: u16, secret: Vec<u8>) -> Result<(), JsValue> {
        Ok(self.0.hold_secret(kid, &Zeroizing::new(secret))?)
    }

    /// Takes a keyring; says whether it was news.
    ///
    /// # Errors
    /// [`Fault::Keyring`].
    #[wasm_bindgen(js_name = offerKeyring)]
    pub fn offer_keyring(&mut self, document: &[u8]) -> Result<bool, JsValue> {
        Ok(self.0.offer_keyring(document)?)
    }

    /// Takes keyring and list from a bundle; says whether anything in it was news.
    ///
    /// # Errors
    /// [`Fault::Keyring`] and [`Fault::List`].
    #[wasm_bindgen(js_name = adoptBundle)]
    pub fn adopt_bundle(&mut self, bundle: &[u8], now_ms: f64) -> Result<bool, JsValue> {
        Ok(self.0.adopt_bundle(bundle, instant(now_ms))?)
    }

    /// Takes a list from its stamp and the parts fetched so far; gives those still to fetch, as an
    /// array of `{ kind: 'head' | 'body', digest, len }`, empty once the list is in force.
    ///
    /// # Errors
    /// [`Fault::NoKeyring`] and [`Fault::List`].
    #[wasm_bindgen(js_name = offerList)]
    #[expect(clippy::needless_pass_by_value, reason = "arrays cross by value")]
    pub fn offer_list(
        &mut self,
        stamp: &[u8],
        parts: Vec<Uint8Array>,
        now_ms: f64,
    ) -> Result<JsValue, JsValue> {
        let parts: Vec<Vec<u8>> = parts.iter().map(Uint8Array::to_vec).collect();
        let wanted = self.0.offer_list(stamp, &parts, instant(now_ms))?;
        to_js(&wanted.into_iter().map(File::from).collect::<Vec<_>>())
    }

    /// Judges a token. `kind` is 1 for secret, 2 for publishable, `environment` 1 for live, 2 for
    /// test; 0 asks for neither.
    ///
    /// # Errors
    /// None of ours: a verdict always fits an object.
    pub fn verify(
        &self,
        token: &str,
        kind: u8,
        environment: u8,
        now_ms: f64,
        fresh_for_ms: f64,
    ) -> Result<JsValue, JsValue> {
        let ask = Ask::from_codes(kind, environment, instant(now_ms), millis(fresh_for_ms));
        to_js(&self.0.verify(token, &ask))
    }

    /// What is held, and whether it may be judged by.
    ///
    /// # Errors
    /// None of ours: a status always fits an object.
    pub fn status(&self, now_ms: f64, fresh_for_ms: f64) -> Result<JsValue, JsValue> {
        to_js(&self.0.status(instant(now_ms), millis(fresh_for_ms)))
    }
}

/// A file to fetch: it is named by its SHA-256 in hexadecimal, and `len` bytes long.
#[derive(Serialize)]
struct File {
    kind: &'static str,
    digest: String,
    len: u32,
}

impl From<Wanted> for File {
    fn from(wanted: Wanted) -> Self {
        let (kind, name) = match wanted {
            Wanted::Head(name) => ("head", name),
            Wanted::Body(name) => ("body", name),
        };
        Self { kind, digest: name.digest.to_string(), len: name.len }
    }
}

fn instant(millis_since_epoch: f64) -> Time {
    Time::from_millis(millis(millis_since_epoch))
}

/// Below zero and NaN become 0, an instant at which every list is from the future.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, and both ends are instants at which nothing is accepted"
)]
fn millis(number: f64) -> u64 {
    number as u64
}

fn to_js(value: &impl Serialize) -> Result<JsValue, JsValue> {
    let serializer = serde_wasm_bindgen::Serializer::new().serialize_missing_as_null(true);
    Ok(value.serialize(&serializer)?)
}
