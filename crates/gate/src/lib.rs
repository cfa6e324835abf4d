//! The gate verifies API keys in front of an origin.
//!
//! A key is verified without a network call: the gate holds its issuer's keyring, revocation list
//! and policies, and refreshes them in the background. An accepted request goes to the origin with
//! verified identity headers in place of the key. The gate answers every other request itself.
//!
//! | module | |
//! | --- | --- |
//! | [`settings`] | what the operator configures: bounds, sources, routes, rate classes |
//! | [`request`] | a request in normal form, for the decision and the origin |
//! | [`credential`] | finding the key in a request |
//! | `pipeline` | the decision: pure, in the order of its steps |
//! | [`gate`] | the state of one isolate |
//! | `slow_path` | a decision that may wait, fetch, sign or refuse |
//! | [`fast_path`], [`header_cache`] | forwarding a valid key in one synchronous call |
//! | [`request_state`], `waits` | what one request waits for, and its next step |
//! | [`refused`] | a request that is not forwarded, and why |
//! | [`forward`] | the edits between the client's request and the origin's |
//! | [`refresh_schedule`] | when to refresh, which requests wait and for how long: pure |
//! | [`source`], [`host`] | an issuer's files, and other inputs from outside |
//! | [`refresh`] | which files a refresh fetches, and how it applies them |
//! | [`adopt`] | replacing the held keyring, list and policies by newer ones |
//! | [`policies`] | the policies that are held, and the fetches in flight |
//! | [`rate`] | counting a key's requests |
//! | [`caller`] | the accepted key and its grants |
//! | [`identity`], [`assertions`] | the caller, for the origin: headers, and a signed assertion |
//! | [`answer`] | the gate's own answers |
//! | [`usage`], [`deliver`], [`usage_queue`] | reporting uses of keys to the issuer |
//! | [`cron`] | work without requests |
//! | [`status`], [`log`], [`analytics`] | reporting to the operator |
//!
//! All of it runs, and is tested, on the host. `crates/gate-worker` connects it with the Workers
//! runtime, and `crates/gate-worker/module` is the module that is deployed.

pub mod adopt;
pub mod analytics;
pub mod answer;
pub mod assertions;
pub mod caller;
mod counters;
pub mod credential;
pub mod cron;
pub mod deliver;
pub mod fast_path;
pub mod forward;
pub mod gate;
pub mod header_cache;
pub mod host;
pub mod identity;
pub mod log;
mod pipeline;
pub mod policies;
pub mod rate;
pub mod refresh;
pub mod refresh_schedule;
pub mod refused;
mod report;
pub mod request;
pub mod request_state;
pub mod settings;
mod slow_path;
pub mod source;
pub mod status;
pub mod usage;
pub mod usage_queue;
mod waits;
