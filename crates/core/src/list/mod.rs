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
pub use revocation_list::{List, Status};
pub use set::SlotSet;
pub use stamp::{ListVersion, MAX_SKEW_MILLIS, Stamp};

#[cfg(feature = "issue")]
pub(crate) use body::LETTER as BODY_LETTER;
#[cfg(feature = "issue")]
pub(crate) use set::encode_set;
