//! The gate: a Cloudflare Worker that judges API keys in front of an origin.
//!
//! A request's key is verified with no network call: the gate holds its issuer's keyring and
//! revocation list and refreshes them behind requests. Accepted requests go to the origin with
//! verified identity headers in the key's place; everything else is answered here.
//!
//! | module | |
//! | --- | --- |
//! | [`settings`] | what the operator sets |
//! | [`credential`] | where a request carries its key |
//! | [`gate`] | what an isolate holds, and the judgement of one request |
//! | [`pace`] | when to refresh, who waits and for how long: pure |
//! | [`refresh`] | which files are fetched and what is made of them |
//! | [`identity`] | what the origin is told |
//! | [`answer`] | what the gate answers itself |
//! | [`log`] | what the operator is told |
//!
//! All of it runs, and is tested, on the host. What connects it with the runtime is in `worker/`.

pub mod answer;
pub mod credential;
pub mod gate;
pub mod identity;
pub mod log;
pub mod pace;
pub mod refresh;
pub mod settings;
