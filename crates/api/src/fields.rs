//! Converts the texts of requests to the values that the actions use.

use std::time::Duration;

use portcullis_core::time::Time;
use portcullis_core::token::{Algorithm, Environment, Kind};
use portcullis_issuer::actions::{Expiry, When};
use portcullis_issuer::error::Error;
use portcullis_issuer::names;
use portcullis_issuer::time_format::parse_rfc3339;

/// The most keys that one request can make.
const MAX_KEYS: usize = 1000;

pub(super) fn instant(text: Option<&str>, field: &'static str) -> Result<Option<Time>, Error> {
    named(text, parse_rfc3339, field, "must be a time such as 2026-01-31T12:00:00Z (RFC 3339)")
}

/// A moment, which a request gives either in seconds from now or as a time.
pub(super) fn moment(
    in_seconds: Option<u64>,
    at: Option<&str>,
    field: &'static str,
) -> Result<Option<When>, Error> {
    match (in_seconds, at) {
        (None, None) => Ok(None),
        (Some(seconds), None) => Ok(Some(When::In(Duration::from_secs(seconds)))),
        (None, at @ Some(_)) => Ok(instant(at, field)?.map(When::At)),
        (Some(_), Some(_)) => {
            Err(Error::Invalid { field, reason: "and its form in seconds exclude each other" })
        }
    }
}

/// The expiry of a new key.
pub(super) fn expiry(
    in_seconds: Option<u64>,
    at: Option<&str>,
    never: bool,
) -> Result<Expiry, Error> {
    match (moment(in_seconds, at, "expires_at")?, never) {
        (Some(_), true) => {
            let reason = "and a time of expiry exclude each other";
            Err(Error::Invalid { field: "never_expires", reason })
        }
        (None, true) => Ok(Expiry::Never),
        (moment, false) => Ok(moment.into()),
    }
}

pub(super) fn check_many(many: usize) -> Result<(), Error> {
    let reason = "must be 1 to 1000 in one request";
    if (1..=MAX_KEYS).contains(&many) {
        Ok(())
    } else {
        Err(Error::Invalid { field: "keys", reason })
    }
}

pub(super) fn named<T>(
    name: Option<&str>,
    read: impl Fn(&str) -> Option<T>,
    field: &'static str,
    reason: &'static str,
) -> Result<Option<T>, Error> {
    name.map(|name| read(name).ok_or(Error::Invalid { field, reason })).transpose()
}

pub(super) fn kind(name: Option<&str>) -> Result<Option<Kind>, Error> {
    named(name, |name| name.parse().ok(), "kind", "must be secret or publishable")
}

pub(super) fn environment(name: Option<&str>) -> Result<Option<Environment>, Error> {
    named(name, |name| name.parse().ok(), "environment", "must be live or test")
}

pub(super) fn algorithm(name: Option<&str>) -> Result<Option<Algorithm>, Error> {
    named(name, names::algorithm, "algorithm", "must be ed25519 or hmac-sha256-128")
}
