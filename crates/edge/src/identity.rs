//! Who is calling, as the origin is told: headers that only the gate can have set.

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

/// The headers that tell the origin whose request it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity(Vec<(&'static str, String)>);

impl Identity {
    /// The identity of an accepted key, judged by a list of this standing.
    #[must_use]
    pub fn new(accepted: &Accepted, standing: Standing) -> Self {
        let claims = accepted.claims();
        let mut headers = vec![
            ("portcullis-key", accepted.name().to_string()),
            ("portcullis-issuer", accepted.issuer().to_string()),
            ("portcullis-kind", claims.kind.name().to_owned()),
            ("portcullis-environment", claims.environment.name().to_owned()),
            ("portcullis-list", accepted.list().number.to_string()),
            ("portcullis-standing", standing.name().to_owned()),
        ];
        // 0 is no owner and no policy: an origin that looks one up must not find a number.
        let numbers = [("portcullis-owner", claims.owner), ("portcullis-policy", claims.policy)];
        let set = numbers.into_iter().filter(|(_, number)| *number != 0);
        headers.extend(set.map(|(name, number)| (name, number.to_string())));
        Self(headers)
    }

    /// Names and values.
    #[must_use]
    pub fn headers(&self) -> &[(&'static str, String)] {
        &self.0
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
}
