//! The token: a key's text, and the 28 bytes that its tag or signature covers.
//!
//! Specified in `docs/token.md`.
//!
//! ```
//! use portcullis_core::{Environment, Kind};
//! use portcullis_core::token::{MalformedToken, TokenText};
//!
//! let token = "sk_live_2pdeIAiMffl8YlD05XnmmoFqL57uAl3AJ4SGo0IemltWCDDVtYEBvto8Jl\
//!     dTkYNYK5De2P8B56bdlBKnptTKlT77KAjNAlRhjhmBnGFvHB8RjLJ03AJZGyB4I8rBzTgQ7lql";
//! let text = TokenText::parse(token)?;
//! assert_eq!(text.prefix().to_string(), "sk_live_");
//! assert_eq!((text.prefix().kind, text.prefix().environment), (Kind::Secret, Environment::Live));
//!
//! // A typing mistake is found without any key.
//! let mistyped = token.replace("2pde", "2pdE");
//! assert_eq!(TokenText::parse(&mistyped).unwrap_err(), MalformedToken::Checksum);
//! # Ok::<(), MalformedToken>(())
//! ```

mod kind;
mod layout;
mod mask;
mod message;
mod name;
mod prefix;
mod text;

pub use kind::{Algorithm, Environment, Kind};
pub use layout::{Claims, Lifetime, Serial, SignedPart};
#[cfg(all(feature = "issue", not(feature = "primitives")))]
pub(crate) use mask::toggle as toggle_mask;
/// Internals that tests and benchmarks of this crate need.
#[cfg(feature = "primitives")]
pub use mask::toggle as toggle_mask;
pub(crate) use message::{as_canary, message_block, message_in, with_signed};
pub use name::Name;
pub use prefix::{Label, LabelError, Prefix};
pub(crate) use text::Proof;
#[cfg(feature = "issue")]
pub(crate) use text::checksum;
pub use text::{MalformedToken, TokenText};
