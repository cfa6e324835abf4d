//! Portcullis: API keys that prove themselves at the edge, and die everywhere within seconds.
//!
//! This crate judges a key from its own bytes, a [`Keyring`](keyring::Keyring) signed by a pinned
//! root, and the latest signed revocation [`List`](list::List). It does no I/O, reads no clock and
//! draws no random numbers: time is an argument, and files are handed in.
//!
//! # The path of a verification
//!
//! ```text
//! text -> Unverified -> Authentic -> Current -> Accepted
//! ```
//!
//! Each step consumes the one before ([`verify`]); claims can be read from
//! [`Accepted`](verify::Accepted) alone. A [`Verifier`](replica::Replica) holds keyring and list,
//! adopts newer ones, and never goes back.
//!
//! What an accepted key may do is said by its [`Policy`](policy::Policy), which
//! [`decide`](policy::decide) holds a request against.
//!
//! A gate tells its origin who is calling by a signed [`Assertion`](assertion::Assertion).
//!
//! The formats are specified in `docs/token.md`, `docs/keyring.md`, `docs/revocation-list.md`,
//! `docs/policy.md` and `docs/assertion.md`.
//!
//! The writing half, which signs, is the feature `issue`; a verifier is built without it.

#![no_std]

extern crate alloc;

pub mod assertion;
pub mod base62;
pub mod crypto;
#[cfg(feature = "issue")]
pub mod issue;
pub mod keyring;
pub mod list;
pub mod policy;
mod refusal;
pub mod signature_cache;
pub mod time;
pub mod token;
pub mod verifier;
pub mod verify;
mod wire;

pub use wire::WireError;
