//! The layers around the handlers.

pub(super) mod auth;
pub(super) mod headers;
pub(super) mod observe;
pub(super) mod rate_limit;
pub(super) mod secrets_in_addresses;
