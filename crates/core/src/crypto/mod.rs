//! The cryptographic primitives: contexts, digests, HMAC tags, strict Ed25519.
//!
//! # Contexts
//!
//! Every signature and tag covers `context || message`. The context is 11 bytes that name the
//! purpose, so that a signature made for one purpose is invalid for any other, even under the same
//! key. The context is part of the message (plain Ed25519, not Ed25519ctx), because WebCrypto
//! offers no other form.
//!
//! ```
//! use portcullis_core::crypto::{Digest, PublicKey, PublicKeyError};
//!
//! let root = PublicKey::from_text("Ed9_Cgn9aUMnM8oyYyIf2YRyr50V8TzLtzhO1S2nPGg")?;
//! assert_eq!(PublicKey::from_bytes(&root.to_bytes())?, root);
//!
//! // A point of small order is no key: it would accept signatures that no one made.
//! let mut identity = [0; 32];
//! identity[0] = 1;
//! assert_eq!(PublicKey::from_bytes(&identity), Err(PublicKeyError::SmallOrder));
//!
//! let digest = Digest::of(b"a file");
//! assert_eq!(digest.to_string().parse(), Ok(digest));
//! # Ok::<(), PublicKeyError>(())
//! ```

mod context;
mod ed25519;
mod hmac;
mod issuer_id;
#[cfg(feature = "primitives")]
#[doc(hidden)]
pub mod primitives;

pub use crate::file_name::Digest;
#[cfg(feature = "primitives")]
#[doc(hidden)]
pub use context::Context;
#[cfg(not(feature = "primitives"))]
pub(crate) use context::Context;
pub(crate) use ed25519::is_strict;
pub use ed25519::{JwsInput, PublicKey, PublicKeyError};
pub use hmac::HmacKey;
#[cfg(all(test, feature = "issue"))]
pub(crate) use hmac::counted;
pub(crate) use hmac::last_block;
pub use issuer_id::IssuerId;
