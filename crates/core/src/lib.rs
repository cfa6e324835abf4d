#![doc = include_str!("../README.md")]
//!
//! # Where to find what
//!
//! | module | contents |
//! |---|---|
//! | [`verify`] | the path of a verification and its types |
//! | [`verifier`] | keyring and list of one issuer, and how they are renewed |
//! | [`signature_cache`] | verified signatures, so that a key's next use costs no Ed25519 |
//! | [`policy`] | what a key may do |
//! | [`assignment`] | what was changed for a key since it was issued |
//! | [`assertion`] | a gate's statement about a key to its origin |
//! | [`token`], [`keyring`], [`list`] | the formats |
//! | [`crypto`], [`time`], [`error`] | what they are made of |
#![cfg_attr(feature = "issue", doc = "| [`issue`] | the signing half (feature `issue`) |")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![no_std]

extern crate alloc;

pub mod assertion;
pub mod assignment;
mod authenticate;
#[cfg(not(feature = "primitives"))]
mod base62;
#[cfg(feature = "primitives")]
#[doc(hidden)]
pub mod base62;
mod canary;
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
mod search;
pub mod signature_cache;
pub mod time;
pub mod token;
pub mod verifier;
pub mod verify;
mod wire;

pub use crypto::PublicKey;
pub use keyring::Purpose;
pub use signature_cache::SignatureCache;
pub use time::Time;
pub use token::{Environment, Kind};
pub use verifier::Verifier;
pub use verify::{Accepted, Refusal, Requirements};
pub use wire::WireError;

pub mod error {
    //! Errors that several modules share, and what they name.
    //!
    //! ```
    //! use portcullis_core::Kind;
    //! use portcullis_core::error::{Field, FileKind, WireError};
    //! use portcullis_core::list::Bundle;
    //!
    //! let error = Bundle::decode(b"<!doctype html>").unwrap_err();
    //! assert_eq!(error, WireError::WrongFile { expected: FileKind::Bundle });
    //! assert_eq!(error.to_string(), "this is not a bundle; check the address that it came from");
    //!
    //! let error = WireError::NotCanonical(Field::Labels);
    //! assert_eq!(error.to_string(), "the field `labels` is out of range or not in its canonical form");
    //!
    //! let error = "private".parse::<Kind>().unwrap_err();
    //! assert_eq!(error.to_string(), "a kind is one of secret, publishable");
    //! ```

    pub use crate::field::Field;
    pub use crate::names::{InvalidId, UnknownName};
    pub use crate::wire::{FileKind, WireError};
}
