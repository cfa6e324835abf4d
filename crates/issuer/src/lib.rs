//! The issuer of Portcullis: it makes API keys, keeps their records, and publishes the signed
//! revocation list.
//!
//! ```text
//! command -> rule -> record and event in one transaction -> publish: facts -> bodies, head, stamp,
//! read back with the verifying half, published
//! ```
//!
//! The program `portcullis` and the [HTTP API](http) share one set of [`actions`]. Time is an
//! argument ([`clock::Clock`]). Secret tokens are never stored, and neither are hashes of them.

pub mod actions;
pub mod actor;
pub mod at_rest;
pub mod backup;
pub mod clock;
pub(crate) mod clock_bound;
pub mod committed;
pub mod conceal;
pub mod config;
pub mod context;
pub mod doctor;
pub mod error;
pub mod events;
pub mod files;
pub mod health;
pub mod home;
pub mod http;
pub mod import;
pub mod init;
pub mod invalid;
pub mod issuer;
pub mod keystore;
pub mod lease;
pub mod local_verifier;
pub mod metrics;
pub mod moving;
pub mod names;
pub mod policy_rules;
pub mod publish;
pub mod random;
pub mod record;
pub(crate) mod reserve;
pub mod scan;
pub mod schedule;
pub mod settings;
mod sources;
mod sparse;
pub mod status;
pub mod store;
mod text;
pub mod time_format;
mod upkeep;
pub mod view;
pub mod webhooks;

pub use committed::{Committed, Publication};
pub use error::Error;
pub use home::Home;
pub use issuer::Issuer;
