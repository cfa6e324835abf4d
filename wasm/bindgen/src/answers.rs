//! What calls return: the objects of the package's other entries, field for field.

use core::num::NonZeroU32;

use portcullis_core::policy::Policy;
use portcullis_core::time::Time;
use portcullis_core::verify::Accepted;
use portcullis_wasm::{Engine, Freshness, ListFacts};
use serde::Serialize;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::JsValue;

use crate::error::Thrown;

/// As a plain object, with `null` for a missing value.
pub(crate) fn object(answer: &impl Serialize) -> Result<JsValue, Thrown> {
    Ok(answer.serialize(&Serializer::new().serialize_missing_as_null(true))?)
}

/// The list, and its state at the instant of the call.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct List {
    freshness: &'static str,
    epoch: Option<u32>,
    number: Option<f64>,
    age_ms: Option<f64>,
    this_update: Option<f64>,
    next_update: Option<f64>,
}

impl From<Option<ListFacts>> for List {
    fn from(list: Option<ListFacts>) -> Self {
        Self {
            freshness: list.map_or(Freshness::Unknown, |list| list.freshness).name(),
            epoch: list.map(|list| list.epoch),
            number: list.map(|list| list.number),
            age_ms: list.map(|list| list.age_ms),
            this_update: list.map(|list| list.this_update),
            next_update: list.map(|list| list.next_update),
        }
    }
}

/// The contents of an accepted key.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Key {
    name: String,
    issuer: String,
    kind: &'static str,
    environment: &'static str,
    algorithm: &'static str,
    kid: u16,
    serial: f64,
    issued_at: f64,
    expires_at: Option<f64>,
    owner: Option<u32>,
    policy: Option<u32>,
}

impl From<&Accepted> for Key {
    fn from(accepted: &Accepted) -> Self {
        let claims = accepted.claims();
        let seconds = |seconds| number(Time::from_secs(seconds).millis());
        Self {
            name: accepted.name().to_string(),
            issuer: accepted.issuer().to_string(),
            kind: claims.kind.name(),
            environment: claims.environment.name(),
            algorithm: accepted.algorithm().name(),
            kid: claims.kid,
            serial: number(claims.serial.get()),
            issued_at: seconds(claims.lifetime.issued_at),
            expires_at: claims.lifetime.expires_at.map(seconds),
            owner: claims.owner.map(NonZeroU32::get),
            policy: claims.policy.map(NonZeroU32::get),
        }
    }
}

/// What a key's policy grants.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Grant {
    scopes: Vec<String>,
    sales_channels: Vec<String>,
    rate_class: Option<String>,
}

impl From<&Policy<'_>> for Grant {
    fn from(policy: &Policy<'_>) -> Self {
        Self {
            scopes: policy.scopes().map(String::from).collect(),
            sales_channels: policy.sales_channels().map(String::from).collect(),
            rate_class: policy.rate_class().map(String::from),
        }
    }
}

/// The result of `verify`.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum Verdict {
    Accepted {
        ok: bool,
        key: Key,
        list: List,
        #[serde(skip_serializing_if = "Option::is_none")]
        grant: Option<Grant>,
    },
    Refused {
        ok: bool,
        code: &'static str,
        message: String,
        list: List,
    },
}

impl Verdict {
    pub(crate) fn refused(
        code: &'static str,
        reason: &impl ToString,
        list: Option<ListFacts>,
    ) -> Self {
        Self::Refused { ok: false, code, message: reason.to_string(), list: list.into() }
    }
}

/// What a verifier holds.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status {
    issuer: Option<String>,
    keyring: Option<Keyring>,
    list: List,
    waiting_secrets: Vec<u16>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Keyring {
    version: u32,
    not_after: f64,
}

impl Status {
    pub(crate) fn of(engine: &Engine, now: Time, fresh_for: u64) -> Self {
        let keyring = engine.keyring();
        Self {
            issuer: keyring.map(|keyring| keyring.issuer().to_string()),
            keyring: keyring.map(|keyring| Keyring {
                version: keyring.version(),
                not_after: number(keyring.not_after().millis()),
            }),
            list: engine.list(now, fresh_for).into(),
            waiting_secrets: engine.waiting().collect(),
        }
    }
}

/// A file that `update` needs.
#[derive(Serialize)]
pub(crate) struct WantedFile {
    pub(crate) name: String,
    pub(crate) longest: u32,
}

/// Exact up to 2^53, far above serials and genuine instants; beyond that the nearest number in
/// JavaScript.
#[expect(clippy::cast_precision_loss, reason = "see above: these are shown, never compared")]
const fn number(value: u64) -> f64 {
    value as f64
}
