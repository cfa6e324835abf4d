//! The options of each call.

use portcullis_core::policy::RequestFacts;
use portcullis_core::token::{Environment, Kind};
use wasm_bindgen::JsValue;

use crate::error::Thrown;
use crate::options::{Value, options, read, wrong};
use crate::values::{Address, Bytes, Duration, Fact, Instant, Kid, Root, Scopes, Secret, list_of};

options! {
    /// Of the constructor.
    Creation of "Verifier" {
        root "root": Root,
        keyring "keyring": Bytes,
        secrets "secrets": Secrets,
        bundle "bundle": Bytes,
        fresh_for "freshFor": Duration,
        now "now": Instant,
    }
}

options! {
    /// A secret of an HMAC key.
    Held of "secrets" {
        kid "kid": Kid,
        secret "secret": Secret,
    }
}

/// The secrets of HMAC keys, by kid.
pub(crate) struct Secrets(pub(crate) Vec<(Kid, Secret)>);

impl Value for Secrets {
    const WHAT: &'static str = "a list of `{ kid, secret }`";

    fn read(value: &JsValue) -> Result<Option<Self>, Thrown> {
        let Some(list) = list_of(value)? else { return Ok(None) };
        let held = list.iter().map(|entry| {
            let Held { kid, secret } = read(entry)?;
            let kid = kid.ok_or_else(|| wrong::<Kid>("secrets", "kid"))?;
            Ok((kid, secret.ok_or_else(|| wrong::<Secret>("secrets", "secret"))?))
        });
        held.collect::<Result<_, _>>().map(|held| Some(Self(held)))
    }
}

options! {
    /// What a key must satisfy.
    Demand of "verify" {
        now "now": Instant,
        kind "kind": Kind,
        environment "environment": Environment,
        fresh_for "freshFor": Duration,
        request "request": Request,
    }
}

options! {
    /// The facts of a request that a policy can restrict.
    Request of "request" {
        address "address": Address,
        origin "origin": Fact,
        method "method": Fact,
        path "path": Fact,
        scopes "scopes": Scopes,
        sales_channel "salesChannel": Fact,
    }
}

options! {
    /// Of `adopt`.
    Adopt of "adopt" {
        now "now": Instant,
    }
}

options! {
    /// Of `update`.
    Refresh of "update" {
        now "now": Instant,
    }
}

options! {
    /// Of `status`.
    Look of "status" {
        now "now": Instant,
        fresh_for "freshFor": Duration,
    }
}

impl Value for Request {
    const WHAT: &'static str = "a plain object";

    fn read(value: &JsValue) -> Result<Option<Self>, Thrown> {
        read(value).map(Some)
    }
}

impl Request {
    /// Calls `act` with the facts as the core's type.
    pub(crate) fn with_facts<T>(&self, act: impl FnOnce(&RequestFacts<'_>) -> T) -> T {
        let scopes = self.scopes.iter().flat_map(|scopes| &scopes.0);
        let scopes: Vec<&str> = scopes.map(String::as_str).collect();
        act(&RequestFacts {
            address: self.address.as_ref().and_then(|address| address.0),
            origin: known(&self.origin),
            method: known(&self.method).unwrap_or_default(),
            path: known(&self.path).unwrap_or_default(),
            scopes: &scopes,
            sales_channel: known(&self.sales_channel),
        })
    }
}

fn known(fact: &Option<Fact>) -> Option<&str> {
    fact.as_ref()?.0.as_deref()
}
