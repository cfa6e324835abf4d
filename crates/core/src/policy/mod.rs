//! Policies: what a key may do. Found by the policy number in the token.
//!
//! ```text
//! directory   maps ranges of policy numbers to bodies, or to directories of narrower ranges
//! bodies      the policies of one range; private ones begin with a salt
//! ```
//!
//! The list's head names two directories by digest and length: one for publishable keys, whose
//! policies are public, and one for secret keys. [`Policies`] holds the fetched files and finds a
//! [`Policy`] under a head; [`decide`] checks a request against it.
//!
//! Specified in `docs/policy.md`.
//!
//! ```
//! use portcullis_core::policy::{Denial, Policy, RequestFacts, decide};
//!
//! // The record of a policy that grants the scopes `orders:*` and allows the method GET only.
//! let policy = Policy::decode(b"\0\x28\0\x04\x03GET\0\x09\x08orders:*")?;
//!
//! let request = RequestFacts { method: "GET", path: "/orders", ..RequestFacts::default() };
//! let grant = decide(&policy, &RequestFacts { scopes: &["orders:read"], ..request })?;
//! assert_eq!(grant.policy().scopes().collect::<Vec<_>>(), ["orders:*"]);
//!
//! let denial = decide(&policy, &RequestFacts { scopes: &["carts:read"], ..request });
//! assert_eq!(denial.err(), Some(Denial::Scope));
//! let denial = decide(&policy, &RequestFacts { method: "DELETE", ..request });
//! assert_eq!(denial.err(), Some(Denial::Method));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod assigned;
mod body;
mod decide;
mod directory;
mod held;
mod item;
mod network;
mod path;
mod record;
mod scope;

pub use crate::policy_file::Visibility;
pub use body::PolicyBody;
pub use decide::{Denial, Grant, RequestFacts, decide};
pub use directory::{Directory, Holds, RangeLine};
pub use held::{CapacityExceeded, NoPolicy, Policies};
pub use network::Network;
pub use path::{PlainPath, is_pattern as is_path_pattern};
pub use record::{Policy, PolicyTooNew, Texts};

#[cfg(feature = "issue")]
pub(crate) use body::{HEADER_LEN, INDEX_LEN, LETTER as BODY_LETTER};
#[cfg(feature = "issue")]
pub(crate) use record::MAX_POLICY_LEN;

/// Whether `text` is a scope that a request may need: segments without wildcards.
#[must_use]
pub fn is_scope(text: &str) -> bool {
    scope::is_scope(text.as_bytes(), false)
}

/// Whether `text` is a scope that a policy may grant: segments, each of them a word or `*`.
#[must_use]
pub fn is_grant(text: &str) -> bool {
    scope::is_scope(text.as_bytes(), true)
}

/// Whether `grant` covers the scope `required`, segment by segment. `*` matches any one segment,
/// and at the end any one or more.
///
/// ```
/// use portcullis_core::policy::grant_covers;
///
/// assert!(grant_covers("orders:*", "orders:read"));
/// assert!(!grant_covers("orders:*", "orders"));
/// ```
#[must_use]
pub fn grant_covers(grant: &str, required: &str) -> bool {
    scope::covers(grant.as_bytes(), required.as_bytes())
}

/// Whether `text` is a method that a policy may name.
#[must_use]
pub fn is_method(text: &str) -> bool {
    item::List::Methods.admits(text.as_bytes())
}

/// Whether `text` is a rate class.
#[must_use]
pub fn is_rate_class(text: &str) -> bool {
    item::List::RateClass.admits(text.as_bytes())
}
