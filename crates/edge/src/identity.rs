//! Who is calling, as the origin is told: headers that only the gate can have set.

use core::fmt::{Display, Write as _};

use portcullis_core::policy::Policy;
use portcullis_core::verify::Accepted;

use crate::pace::Standing;

/// Every header under this prefix is the gate's; a client's own are dropped.
pub const PREFIX: &str = "portcullis-";

/// Whether a client's header must not reach the origin.
///
/// `Portcullis_Key` counts as well: CGI and its heirs turn both spellings into one variable.
/// `Connection` names headers that the next proxy shall take out, and could name the gate's.
#[must_use]
pub fn is_reserved(header: &str) -> bool {
    let mut name = header.bytes().map(|b| if b == b'_' { b'-' } else { b.to_ascii_lowercase() });
    header.eq_ignore_ascii_case("connection")
        || PREFIX.bytes().all(|expected| name.next() == Some(expected))
}

/// The headers that tell the origin whose request it is: names and values by turns, each in a line
/// of its own, so that all of them cross to the runtime as one text. No value holds a line's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity(String);

impl Identity {
    /// The identity of an accepted key with this policy, judged by a list of this standing.
    #[must_use]
    pub fn new(accepted: &Accepted, policy: &Policy<'_>, standing: Standing) -> Self {
        let claims = accepted.claims();
        let mut identity = Self(String::with_capacity(320));
        identity.put("portcullis-key", accepted.name());
        identity.put("portcullis-issuer", accepted.issuer());
        identity.put("portcullis-kind", claims.kind.name());
        identity.put("portcullis-environment", claims.environment.name());
        identity.put("portcullis-list", accepted.list().number);
        identity.put("portcullis-standing", standing.name());
        // 0 is no owner and no policy: an origin that looks one up must not find a number.
        if claims.owner != 0 {
            identity.put("portcullis-owner", claims.owner);
        }
        if claims.policy != 0 {
            identity.put("portcullis-policy", claims.policy);
        }
        identity.put_all("portcullis-scopes", policy.scopes(), ' ');
        identity.put_all("portcullis-sales-channels", policy.sales_channels(), ',');
        identity
    }

    fn put(&mut self, name: &str, value: impl Display) {
        // Writing to a text can't fail.
        let _ = writeln!(self.0, "{name}\n{value}");
    }

    fn put_all<'a>(&mut self, name: &str, values: impl Iterator<Item = &'a str>, between: char) {
        for (at, value) in values.enumerate() {
            if at == 0 {
                self.0.push_str(name);
            }
            self.0.push(if at == 0 { '\n' } else { between });
            self.0.push_str(value);
        }
        if !self.0.is_empty() && !self.0.ends_with('\n') {
            self.0.push('\n');
        }
    }

    /// The lines.
    #[must_use]
    pub fn lines(&self) -> &str {
        &self.0
    }

    /// Names and values.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut lines = self.0.lines();
        core::iter::from_fn(move || Some((lines.next()?, lines.next()?)))
    }

    /// The value of a header.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.headers().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_prefix_is_reserved_in_every_spelling() {
        for name in [
            "portcullis-",
            "portcullis-key",
            "Portcullis-Key",
            "PORTCULLIS_KEY",
            "portcullis-anything-new",
            "Connection",
        ] {
            assert!(is_reserved(name), "{name}");
        }
        for name in ["portculli", "portcullis", "x-portcullis-key", "connections", ""] {
            assert!(!is_reserved(name), "{name}");
        }
    }

    #[test]
    fn lists_are_one_line_and_left_out_where_there_is_nothing() {
        let mut identity = Identity(String::new());
        identity.put_all("none", [].into_iter(), ' ');
        identity.put("one", 1);
        identity.put_all("two", ["a", "b"].into_iter(), ',');
        assert_eq!(identity.headers().collect::<Vec<_>>(), [("one", "1"), ("two", "a,b")]);
        assert_eq!(identity.get("two"), Some("a,b"));
    }
}
