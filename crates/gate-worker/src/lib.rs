//! The gate in a Rust Worker: verifies a request's API key and forwards the request.
//!
//! ```ignore
//! #[event(fetch)]
//! async fn fetch(request: web_sys::Request, env: Env, ctx: Context) -> Result<web_sys::Response> {
//!     let authorized = match portcullis_gate_worker::authorize(request, &env, &ctx).await? {
//!         Decision::Authorized(authorized) => authorized,
//!         Decision::Answer(answer) => return Ok(answer),
//!     };
//!     match authorized.caller() {
//!         Some(caller) if caller.may("reports:read") => reports(caller),
//!         Some(_) | None => authorized.send().await,
//!     }
//! }
//! ```
//!
//! Settings and bindings are those of the gate (`docs/gate.md`), read from the Worker's environment
//! at its first request. Requests and answers are the runtime's own types, so that they are
//! forwarded without being rebuilt; `into()` converts a `worker::Response` to one.
//!
//! The gate's state is in this instance's memory. After any panic, `worker` 0.8.7 marks the
//! instance as broken and makes a new one before the next request. The state is then lost, and the
//! new gate accepts nothing until it has fetched and verified keyring and list again. The request
//! that panicked gets a 500 from the runtime. No panic lets a request through: tested in workerd,
//! before and after an `await`, with the issuer reachable and unreachable.

#![cfg(target_arch = "wasm32")]

mod analytics;
mod answer;
mod authorize;
mod authorized_request;
mod background;
mod clock;
mod crypto;
mod host;
mod isolate;
mod js;
mod log;
mod queue;
mod request;

pub use crate::authorize::authorize;
pub use crate::authorized_request::{AuthorizedRequest, Decision};
pub use crate::background::{queue, scheduled};
pub use portcullis_core::token::{Environment, Kind, Name};
pub use portcullis_gate::identity::caller::Caller;
pub use portcullis_gate::refresh::schedule::Freshness;

/// Internals for the gate's own module; not part of the interface.
#[doc(hidden)]
pub mod module {
    pub use crate::answer::answer;
    pub use crate::authorized_request::{plan_of, sender};
    pub use crate::isolate::{Shared, existing};
    pub use crate::log::log;
    pub use crate::request::parts_of;
}
