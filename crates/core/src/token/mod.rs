//! The token: a key's text, and the 28 bytes that its tag or signature covers.
//!
//! Specified in `docs/token.md`.

mod kind;
mod layout;
mod message;
mod name;
mod prefix;
mod text;

pub use kind::{Algorithm, Environment, Kind};
pub use layout::{Claims, Lifetime, Serial, SignedPart};
pub(crate) use message::{message_block, message_in, with_signed};
pub use name::Name;
pub use prefix::{Label, LabelError, Prefix};
pub(crate) use text::Proof;
#[cfg(feature = "issue")]
pub(crate) use text::checksum;
pub use text::{Malformed, Text};
