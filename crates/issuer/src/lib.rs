//! The issuer of Portcullis: it makes API keys, keeps their records, and publishes the signed
//! revocation list.
//!
//! ```text
//! issuer     Issuer, what a program holds: keys(), owners(), list(), …, with a method for each operation
//! schedule, webhooks, metrics, backup
//! publish    the publisher: Unannounced -> bodies, head, stamp, read back -> Committed
//! actions    a Context in; checks, record and event in one Change -> Unannounced
//! events     the audit trail
//! context    what an action may touch: store, signing keys, clock, in the name of an actor
//! store, keystore, record
//! ```
//!
//! Each line imports from its own and those below it. The program `portcullis` and the HTTP API, the
//! crate `portcullis-api`, call the same [`Issuer`]. Wall-clock time comes from a [`clock::Clock`]
//! that the caller provides. Secret tokens are never stored, and neither are hashes of them.
//!
//! ```
//! use std::sync::Arc;
//! use portcullis_core::token::Label;
//! use portcullis_issuer::actions::{NewKey, Revocation, When};
//! use portcullis_issuer::clock::SystemClock;
//! use portcullis_issuer::init::{Plan, init};
//! use portcullis_issuer::publish::DEFAULT_VALID_FOR;
//! use portcullis_issuer::{Home, Issuer};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("home");
//! let home = Home::new(path);
//! let clock = Arc::new(SystemClock);
//! let plan = Plan { labels: vec![Label::NONE], root: None, encrypt: false };
//! init(&home, &plan, clock.clone()).await?;
//! let issuer = Issuer::open(&home, clock, DEFAULT_VALID_FOR).await?;
//!
//! let made = issuer.keys().create(&NewKey::titled("billing")).await?;
//! assert!(issuer.keys().verify(&made.token, None, None).await?.result.is_ok());
//!
//! // The change is committed; `publication` says whether a published list carries it.
//! let revocation = Revocation { when: When::Now, by: None };
//! let revoked = issuer.keys().revoke(&made.record.id, &revocation).await?;
//! assert!(revoked.publication.list().is_some());
//! assert!(issuer.keys().verify(&made.token, None, None).await?.result.is_err());
//! # issuer.close().await;
//! # Ok(())
//! # }
//! ```

pub mod actions;
pub mod actor;
pub mod at_rest;
pub mod backup;
pub mod clock;
pub(crate) mod clock_bound;
pub mod committed;
pub mod conceal;
pub(crate) mod context;
pub mod doctor;
pub mod error;
pub mod events;
pub mod files;
pub mod health;
pub mod home;
pub mod import;
pub mod init;
pub mod invalid;
pub mod issuer;
pub mod keystore;
pub(crate) mod lease;
pub mod local_verifier;
pub mod metrics;
pub mod moving;
pub mod names;
pub mod policy_rules;
pub mod publish;
pub mod random;
pub mod record;
pub(crate) mod reserve;
pub mod schedule;
pub mod settings;
mod sources;
mod sparse;
pub mod status;
pub mod store;
mod text;
pub mod time_format;
mod upkeep;
pub mod webhooks;

pub use committed::{Committed, Publication};
pub use error::Error;
pub use home::Home;
pub use issuer::Issuer;
