//! The actor: the principal of each event.
//!
//! ```text
//! over HTTP          the public name of the key that was sent, apk_…
//! at the shell       user@host
//! by itself          publisher, expiry-notices, prune, key-age, idle-keys, trim-events
//! ```
//!
//! The principal never comes from the caller. It is part of the [handle](crate::Issuer::acting_as)
//! that the rules are called on, so no rule can omit it. The person that the caller names is
//! recorded separately, as *on behalf of*.

use std::fmt;
use std::sync::Arc;

/// The publishing loop, which acts without a request.
pub const PUBLISHER: &str = "publisher";
/// The longest name of a user or a host, in characters.
const MAX_CHARS: usize = 120;

/// A change without an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nobody was named who does this, so it was not done; this is a fault of the program")]
pub struct NoActor;

/// A principal.
#[derive(Clone, PartialEq, Eq)]
pub struct Actor(Arc<str>);

impl Actor {
    /// The authenticated key with this id.
    #[must_use]
    pub fn key(id: &str) -> Self {
        Self(id.into())
    }

    /// A part of the program that acts without a request.
    #[must_use]
    pub fn part(name: &'static str) -> Self {
        Self(name.into())
    }

    /// The user of this process as `user@host`, which is never a key's id.
    #[must_use]
    pub fn process() -> Self {
        Self(format!("{}@{}", tidy(&user()), tidy(&host())).into())
    }

    /// No actor: the server's own handle before a request is authenticated. Nothing can be
    /// committed without an actor.
    #[must_use]
    pub fn nobody() -> Self {
        Self("".into())
    }

    /// The name as events record it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }

    /// Whether it is a key, that is, the holder of its token.
    pub(crate) fn is_key(&self) -> bool {
        self.0.starts_with("apk_")
    }

    fn is_nobody(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Actor({})", self.0)
    }
}

/// The actor of an operation, the person it acts for, and the reason.
#[derive(Clone, Copy, Debug)]
pub struct Who<'a> {
    actor: &'a Actor,
    on_behalf_of: Option<&'a str>,
    reason: Option<&'a str>,
}

impl<'a> Who<'a> {
    /// `actor`, with the person that it says it acts for, if any.
    #[must_use]
    pub const fn new(actor: &'a Actor, on_behalf_of: Option<&'a str>) -> Self {
        Self { actor, on_behalf_of, reason: None }
    }

    /// The same, with this reason.
    #[must_use]
    pub const fn because(self, reason: Option<&'a str>) -> Self {
        Self { reason, ..self }
    }

    /// The same, with this reason if none was given.
    #[must_use]
    pub fn or_because(self, reason: &'a str) -> Self {
        Self { reason: self.reason.or(Some(reason)), ..self }
    }

    /// The reason given by the caller.
    #[must_use]
    pub const fn reason(self) -> Option<&'a str> {
        self.reason
    }

    /// The principal's name.
    ///
    /// # Errors
    /// [`NoActor`] if there is none.
    pub fn actor(self) -> Result<&'a str, NoActor> {
        if self.actor.is_nobody() { Err(NoActor) } else { Ok(self.actor.name()) }
    }

    /// The person that the caller names; unverified.
    #[must_use]
    pub const fn on_behalf_of(self) -> Option<&'a str> {
        self.on_behalf_of
    }

    /// The name that records show: the person that the caller names, or else the principal.
    #[must_use]
    pub fn shown(self) -> &'a str {
        self.on_behalf_of.unwrap_or(self.actor.name())
    }
}

fn user() -> String {
    let named = ["USER", "LOGNAME", "USERNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|value| !value.trim().is_empty()));
    named.unwrap_or_else(nameless)
}

#[cfg(unix)]
fn nameless() -> String {
    format!("uid-{}", rustix::process::getuid().as_raw())
}

#[cfg(not(unix))]
fn nameless() -> String {
    "unknown".into()
}

#[cfg(unix)]
fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(not(unix))]
fn host() -> String {
    std::env::var("COMPUTERNAME").unwrap_or_else(|_| "unknown".into())
}

/// Replaces characters that would break a line or a terminal.
fn tidy(name: &str) -> String {
    let name = name.trim().chars().take(MAX_CHARS);
    name.map(|one| if one.is_control() || one.is_whitespace() { '_' } else { one }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_never_taken_for_a_key_and_nobody_for_no_one() {
        assert!(Actor::process().name().contains('@'));
        assert_eq!(tidy(" a\u{1b}b c\n"), "a_b_c");
        assert_eq!(tidy(&"x".repeat(1000)).len(), MAX_CHARS);
        let nobody = Actor::nobody();
        let who = Who::new(&nobody, Some("the boss"));
        assert_eq!(who.actor(), Err(NoActor));
        let key = Actor::key("apk_x");
        assert_eq!(Who::new(&key, Some("the boss")).actor().unwrap(), "apk_x");
        assert_eq!(Who::new(&key, Some("the boss")).shown(), "the boss");
        assert_eq!(Who::new(&key, None).shown(), "apk_x");
    }
}
