//! The issuer's HTTP API: its routes, and the answers that the commands of the program return too.
//!
//! ```text
//! /v1/keys…, /v1/verify, /v1/list        JSON, behind an admin key, never cached
//! /v1/self/revoke                        the key in the request revokes itself
//! /v1/openapi.json, /v1/docs             what the API is: public
//! /.well-known/portcullis/…              what verifiers fetch: public, with strong ETags
//! /health/live, /health/ready, /metrics  for monitors; metrics behind an admin key unless opened
//! ```
//!
//! Errors are `application/problem+json` (RFC 9457).

mod admins;
mod bulk_revocations;
mod caller;
mod committed;
mod connections;
mod events;
mod extract;
mod fallback;
mod fields;
mod health;
mod idempotency;
mod keyring;
mod keys;
mod list;
mod metrics;
mod middleware;
mod openapi;
mod options;
mod owners;
mod policies;
mod problem;
mod require;
mod router;
mod serve;
mod settings;
mod usage;
pub mod view;
mod webhooks;
mod well_known;

pub use connections::{
    Connections, DEFAULT_MAX, LEAST_DESCRIPTORS, Patience, raise_descriptor_limit,
};
pub use events::streams::StreamLimits;
pub use extract::MAX_BODY_LEN;
pub use middleware::rate_limit::Rate;
pub use options::Settings;
pub use problem::Problem;
pub use router::{openapi, router, router_with};
pub use serve::{LETS_GO_WITHIN, STOPS_WITHIN, Server};
