//! Portcullis: API keys that are verified offline at the edge and revoked everywhere within
//! seconds.
//!
//! This crate verifies a key from its own bytes, a [`Keyring`](keyring::Keyring) signed by a pinned
//! root, and the latest signed revocation [`List`](list::List). It does no I/O, reads no clock and
//! draws no random numbers: the caller passes the time and the files.
//!
//! # The path of a verification
//!
//! ```text
//! text -> Unverified -> Authentic -> Current -> Accepted
//! ```
//!
//! Each step consumes the previous one ([`verify`]). Only [`Accepted`](verify::Accepted) gives
//! access to claims. A [`Verifier`](verifier::Verifier) holds keyring and list and adopts newer
//! ones, never older ones.
//!
//! The [`Policy`](policy::Policy) of an accepted key says what the key may do;
//! [`decide`](policy::decide) checks a request against it.
//!
//! A gate names the caller to its origin in a signed [`Assertion`](assertion::Assertion).
//!
//! The formats are specified in `docs/token.md`, `docs/keyring.md`, `docs/revocation-list.md`,
//! `docs/policy.md` and `docs/assertion.md`.
//!
//! The feature `issue` adds the signing half; a verifier is built without it.

#![no_std]

extern crate alloc;

pub mod assertion;
mod authenticate;
#[cfg(not(feature = "primitives"))]
mod base62;
#[cfg(feature = "primitives")]
#[doc(hidden)]
pub mod base62;
pub mod crypto;
mod field;
mod file_name;
#[cfg(feature = "issue")]
pub mod issue;
pub mod keyring;
pub mod list;
mod names;
pub mod policy;
mod policy_file;
mod refusal;
pub mod signature_cache;
pub mod time;
pub mod token;
pub mod verifier;
pub mod verify;
mod wire;

pub use field::Field;
pub use names::{InvalidId, UnknownName};
pub use wire::{FileKind, WireError};
