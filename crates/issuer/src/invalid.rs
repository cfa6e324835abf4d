//! A value that an argument or a setting can't have.

/// A field with an invalid value. `Display` names it, and says what it must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` {reason}")]
pub struct Invalid {
    /// The argument's name in the HTTP API.
    pub field: &'static str,
    /// The requirement.
    pub reason: &'static str,
}
