//! The revocation list: a stamp, a head, and bodies. The stamp authenticates the head, and the head
//! the bodies.
//!
//! ```text
//! stamp   154 bytes, signed, renewed every few seconds: number, head digest, this and next update
//! head    signed: number, digest of the previous head, one line per shard, bulk entries
//! bodies  immutable, named by their SHA-256: the slots of one shard that are revoked,
//!         suspended, or revoked from a later time on
//! ```
//!
//! Specified in `docs/revocation-list.md`; the terms are those of RFC 5280.
//!
//! ```
//! # let bundle: &[u8] = include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/files/list.bundle"));
//! # let root = portcullis_core::PublicKey::from_text("Ed9_Cgn9aUMnM8oyYyIf2YRyr50V8TzLtzhO1S2nPGg")?;
//! # let now = portcullis_core::Time::from_millis(1767225600000);
//! use portcullis_core::Verifier;
//! use portcullis_core::list::Bundle;
//!
//! let mut verifier = Verifier::new(root, Bundle::decode(bundle)?.keyring)?;
//! verifier.adopt_bundle(bundle, now)?;
//!
//! let list = verifier.list().ok_or("no list")?;
//! assert_eq!(list.list_version().number, 1);
//! assert_eq!(list.list_version().age_millis(now), 0);
//! assert!(list.head().bulk().is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod bitmap;
mod body;
mod bulk;
mod bundle;
mod dense;
mod deployment;
mod error;
mod golomb;
pub(crate) mod head;
mod pages;
mod revocation_list;
mod set;
pub(crate) mod stamp;

pub use crate::file_name::FileName;
pub use body::{Body, Counts, SlotState, TimedSlot};
pub use bulk::{BulkEntry, BulkScope, BulkState, IssuedAt};
pub use bundle::{Bundle, MAX_BUNDLE_LEN};
pub use deployment::Deployment;
pub use error::{ListError, Part};
pub use head::{Head, ShardLine};
pub use revocation_list::{RevocationList, Status};
pub use set::SlotSet;
pub use stamp::{ListVersion, MAX_SKEW_MILLIS, Stamp};

#[cfg(feature = "issue")]
pub(crate) use body::{ASSIGNED as BODY_ASSIGNED, LETTER as BODY_LETTER};
#[cfg(feature = "issue")]
pub(crate) use set::encode_set;
