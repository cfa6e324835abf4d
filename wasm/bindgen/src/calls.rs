//! The options of each call.

use portcullis_core::policy::RequestFacts;
use portcullis_core::token::{Environment, Kind};

use crate::options::options;
use crate::values::{Address, Bytes, Duration, Fact, Instant, Kid, Root, Scopes, Secret, Secrets};

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
