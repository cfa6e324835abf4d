//! The caller's identity for the origin, in headers that only the gate can have set.

use core::fmt::{Display, Write as _};

use portcullis_core::policy::Policy;
use portcullis_core::verify::Accepted;

use crate::refresh::schedule::Freshness;

/// The header with the whole identity. Names that begin with it and a hyphen are reserved as well;
/// those of a client are dropped.
pub const NAME: &str = "portcullis";

/// In how many headers the origin gets the identity: `IDENTITY`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// One header: a dictionary of structured fields (RFC 9651). Each further header costs the gate
    /// about a microsecond, and the origin its parsing.
    #[default]
    One,
    /// One header for each value.
    Each,
}

/// Whether a client's header must not reach the origin.
///
/// `Portcullis_Key` is reserved too: CGI and its descendants turn both spellings into one variable.
/// `Connection` names headers that the next proxy removes, and could name the gate's.
#[must_use]
pub fn is_reserved(header: &str) -> bool {
    let mut name = header.bytes().map(|b| if b == b'_' { b'-' } else { b.to_ascii_lowercase() });
    header.eq_ignore_ascii_case("connection")
        || (NAME.bytes().all(|expected| name.next() == Some(expected))
            && matches!(name.next(), None | Some(b'-')))
}

/// The identity headers. Names and values alternate, one per line, so that all of them cross to the
/// runtime as one string. No value holds a line break.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity(String);

impl Identity {
    /// The identity of an accepted key with this policy, verified against a list of this freshness.
    #[must_use]
    pub fn new(form: Form, accepted: &Accepted, policy: &Policy<'_>, freshness: Freshness) -> Self {
        let claims = accepted.claims();
        let mut writer = HeaderWriter::new(form);
        writer.item("key", accepted.name());
        writer.item("issuer", accepted.issuer());
        writer.item("kind", claims.kind.name());
        writer.item("environment", claims.environment.name());
        writer.item("list", accepted.list().number);
        writer.item("freshness", freshness.name());
        if let Some(owner) = claims.owner {
            writer.item("owner", owner.get());
        }
        if let Some(policy) = claims.policy {
            writer.item("policy", policy.get());
        }
        writer.list("scopes", policy.scopes(), ' ');
        writer.list("sales-channels", policy.sales_channels(), ',');
        Self(writer.lines())
    }

    /// All lines.
    #[must_use]
    pub fn lines(&self) -> &str {
        &self.0
    }

    /// Names and values.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut lines = self.0.lines();
        core::iter::from_fn(move || Some((lines.next()?, lines.next()?)))
    }
}

/// A writer of the identity, in one of the forms. No value holds a quotation mark, a backslash or
/// anything beyond visible ASCII: the policy decoder checks scopes and sales channels.
struct HeaderWriter {
    form: Form,
    text: String,
}

impl HeaderWriter {
    fn new(form: Form) -> Self {
        Self { form, text: String::with_capacity(320) }
    }

    fn key(&mut self, key: &str) {
        let written = match self.form {
            Form::One if self.text.is_empty() => write!(self.text, "{NAME}\n{key}="),
            Form::One => write!(self.text, ", {key}="),
            Form::Each => writeln!(self.text, "{NAME}-{key}"),
        };
        // Writing to a `String` can't fail.
        debug_assert!(written.is_ok());
    }

    fn put(&mut self, value: impl Display) {
        let written = write!(self.text, "{value}");
        debug_assert!(written.is_ok());
    }

    fn end(&mut self) {
        if self.form == Form::Each {
            self.text.push('\n');
        }
    }

    /// A token or an integer of RFC 9651.
    fn item(&mut self, key: &str, value: impl Display) {
        self.key(key);
        self.put(value);
        self.end();
    }

    /// An inner list of strings (RFC 9651), or in a header of its own with `between` between the
    /// values. Writes nothing if there are no values.
    fn list<'a>(&mut self, key: &str, values: impl Iterator<Item = &'a str>, between: char) {
        let mut values = values.peekable();
        if values.peek().is_none() {
            return;
        }
        self.key(key);
        for (at, value) in values.enumerate() {
            match (self.form, at) {
                (Form::One, 0) => self.put(format_args!("(\"{value}\"")),
                (Form::One, _) => self.put(format_args!(" \"{value}\"")),
                (Form::Each, 0) => self.put(value),
                (Form::Each, _) => self.put(format_args!("{between}{value}")),
            }
        }
        if self.form == Form::One {
            self.text.push(')');
        }
        self.end();
    }

    fn lines(mut self) -> String {
        if self.form == Form::One {
            self.text.push('\n');
        }
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_prefix_is_reserved_in_every_spelling() {
        for name in [
            "portcullis",
            "PORTCULLIS",
            "portcullis-",
            "portcullis_",
            "portcullis-key",
            "Portcullis-Key",
            "PORTCULLIS_KEY",
            "portcullis-anything-new",
            "Connection",
        ] {
            assert!(is_reserved(name), "{name}");
        }
        for name in ["portculli", "portcullises", "x-portcullis-key", "connections", ""] {
            assert!(!is_reserved(name), "{name}");
        }
    }

    fn identity(form: Form) -> Identity {
        let mut writer = HeaderWriter::new(form);
        writer.item("key", "apk_1");
        writer.item("issuer", "iss_1");
        writer.list("none", [].into_iter(), ' ');
        writer.list("scopes", ["orders:*", "*"].into_iter(), ' ');
        writer.list("sales-channels", ["a", "b"].into_iter(), ',');
        Identity(writer.lines())
    }

    #[test]
    fn one_header_says_everything_as_a_dictionary() {
        let expected =
            r#"key=apk_1, issuer=iss_1, scopes=("orders:*" "*"), sales-channels=("a" "b")"#;
        assert_eq!(identity(Form::One).headers().collect::<Vec<_>>(), [("portcullis", expected)]);
    }

    #[test]
    fn each_has_a_header_of_its_own_or_none() {
        let expected = [
            ("portcullis-key", "apk_1"),
            ("portcullis-issuer", "iss_1"),
            ("portcullis-scopes", "orders:* *"),
            ("portcullis-sales-channels", "a,b"),
        ];
        assert_eq!(identity(Form::Each).headers().collect::<Vec<_>>(), expected);
    }
}
