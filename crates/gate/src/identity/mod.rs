//! The caller's identity: for the origin in headers and as a signed assertion, and for a host.

pub mod assertion_cache;
pub mod caller;
pub mod headers;
