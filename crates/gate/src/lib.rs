//! The gate: what verifies API keys in front of an origin.
//!
//! A request's key is verified with no network call: the gate holds its issuer's keyring,
//! revocation list and policies and refreshes them behind requests. Accepted requests go to the
//! origin with verified identity headers in the key's place; everything else is answered here.
//!
//! | module | |
//! | --- | --- |
//! | [`settings`] | what the operator sets: bounds, sources, routes, rate classes |
//! | [`request`] | a request in normal form: what is decided on, and what is sent |
//! | [`credential`] | where a request carries its key |
//! | `pipeline` | the decision: pure, in the order of its steps |
//! | [`gate`] | what an isolate holds |
//! | `slow_path` | a decision with all that it may take |
//! | [`fast_path`], [`header_cache`] | how a good key passes at once |
//! | [`request_state`], `waits` | what one request waits for, and what comes of it |
//! | [`refused`] | a request that is not forwarded, and why |
//! | [`forward`] | what changes between the client's request and the origin's |
//! | [`refresh_schedule`] | when to refresh, who waits and for how long: pure |
//! | [`source`], [`host`] | the files that an issuer publishes, and what else comes from outside |
//! | [`refresh`] | which files are fetched and what is made of them |
//! | [`hold`] | how the gate takes what is newer |
//! | [`policies`] | the policies that are held, and which are on their way |
//! | [`rate`] | counting a key's requests |
//! | [`caller`] | who is calling |
//! | [`identity`], [`assertions`] | what the origin is told of it |
//! | [`answer`] | what the gate answers itself |
//! | [`usage`], [`deliver`], [`usage_queue`] | how often keys are used, for the issuer; by way of a queue |
//! | [`cron`] | what is done without requests |
//! | [`status`], [`log`], [`analytics`] | what the operator is told |
//!
//! All of it runs, and is tested, on the host. What connects it with the runtime is in `worker/`,
//! and the module that is deployed in `module/`.

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
