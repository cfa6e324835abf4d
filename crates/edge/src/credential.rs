//! Where a request carries its key.

/// The key that a request carries, not looked at yet.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    token: String,
    in_authorization: bool,
}

/// Why no key could be read from a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Neither header carries one.
    #[error("the request carries no API key")]
    Missing,
    /// `Authorization` says `Bearer` and then no token, or more than a token.
    #[error("the Authorization header is not `Bearer` and one API key")]
    BearerForm,
    /// `X-API-Key` is there and empty.
    #[error("the X-API-Key header is empty")]
    Empty,
    /// Two different keys: which one is meant can't be known.
    #[error("the request carries two different API keys; send one")]
    Conflict,
}

impl CredentialError {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "no_key",
            Self::BearerForm => "malformed_authorization",
            Self::Empty => "empty_api_key_header",
            Self::Conflict => "two_keys",
        }
    }
}

impl Credential {
    /// Reads the key from the values of `Authorization` and `X-API-Key`.
    ///
    /// A header that is sent twice arrives as one value with a comma, and no key holds one: equal
    /// keys count as one, different ones are a conflict. Another scheme in `Authorization` is none
    /// of the gate's business and is left for the origin.
    ///
    /// # Errors
    /// See [`CredentialError`].
    pub fn read(
        authorization: Option<&str>,
        x_api_key: Option<&str>,
    ) -> Result<Self, CredentialError> {
        let bearer = authorization.map(bearer).transpose()?.flatten();
        let api_key = x_api_key.map(api_key).transpose()?;
        match (bearer, api_key) {
            (None, None) => Err(CredentialError::Missing),
            (Some(bearer), Some(api_key)) if bearer != api_key => Err(CredentialError::Conflict),
            (Some(token), _) => Ok(Self { token: token.to_owned(), in_authorization: true }),
            (None, Some(token)) => Ok(Self { token: token.to_owned(), in_authorization: false }),
        }
    }

    /// The key's text.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The headers that must not reach the origin.
    ///
    /// `Authorization` stays where it did not carry the key: it is the origin's then.
    #[must_use]
    pub const fn headers_to_remove(&self) -> &'static [&'static str] {
        if self.in_authorization { &["authorization", "x-api-key"] } else { &["x-api-key"] }
    }
}

impl core::fmt::Debug for Credential {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Credential")
            .field("in_authorization", &self.in_authorization)
            .finish_non_exhaustive()
    }
}

fn bearer(value: &str) -> Result<Option<&str>, CredentialError> {
    let speaks_of_bearer = value.split(',').any(|part| strip_bearer(part).is_some());
    if !speaks_of_bearer {
        return Ok(None);
    }
    let tokens = value.split(',').map(|part| match strip_bearer(part) {
        Some(token) if !token.is_empty() && !token.contains(char::is_whitespace) => Ok(token),
        Some(_) | None => Err(CredentialError::BearerForm),
    });
    only_one(tokens, CredentialError::BearerForm).map(Some)
}

/// What follows the scheme `Bearer` (RFC 6750; its name is case-insensitive, RFC 9110).
fn strip_bearer(part: &str) -> Option<&str> {
    const SCHEME: &str = "bearer";
    let part = part.trim();
    let (scheme, rest) = part.split_at_checked(SCHEME.len())?;
    let ends = rest.is_empty() || rest.starts_with([' ', '\t']);
    (scheme.eq_ignore_ascii_case(SCHEME) && ends).then(|| rest.trim())
}

fn api_key(value: &str) -> Result<&str, CredentialError> {
    let keys = value.split(',').map(|part| match part.trim() {
        "" => Err(CredentialError::Empty),
        key => Ok(key),
    });
    only_one(keys, CredentialError::Empty)
}

fn only_one<'a>(
    mut values: impl Iterator<Item = Result<&'a str, CredentialError>>,
    none: CredentialError,
) -> Result<&'a str, CredentialError> {
    let first = values.next().ok_or(none)??;
    for value in values {
        if value? != first {
            return Err(CredentialError::Conflict);
        }
    }
    Ok(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_way_of_carrying_a_key() {
        use CredentialError::{BearerForm, Conflict, Empty, Missing};
        type Row<'a> = (Option<&'a str>, Option<&'a str>, Result<(&'a str, bool), CredentialError>);
        let table: &[Row<'_>] = &[
            (None, None, Err(Missing)),
            (Some("Bearer sk_1"), None, Ok(("sk_1", true))),
            (Some("bEARER \t sk_1 "), None, Ok(("sk_1", true))),
            (None, Some("sk_1"), Ok(("sk_1", false))),
            (None, Some(" sk_1 "), Ok(("sk_1", false))),
            (Some("Bearer sk_1"), Some("sk_1"), Ok(("sk_1", true))),
            (Some("Bearer sk_1"), Some("sk_2"), Err(Conflict)),
            (Some("Bearer sk_1, Bearer sk_1"), None, Ok(("sk_1", true))),
            (Some("Bearer sk_1, Bearer sk_2"), None, Err(Conflict)),
            (None, Some("sk_1, sk_1"), Ok(("sk_1", false))),
            (None, Some("sk_1, sk_2"), Err(Conflict)),
            (Some("Bearer"), None, Err(BearerForm)),
            (Some("Bearer  "), None, Err(BearerForm)),
            (Some("Bearer"), Some("sk_1"), Err(BearerForm)),
            (Some("Bearer a b"), None, Err(BearerForm)),
            (Some("Bearer a, b"), None, Err(BearerForm)),
            (Some("Basic YTpi, Bearer a"), None, Err(BearerForm)),
            (Some("Basic YTpi"), None, Err(Missing)),
            (Some("Basic YTpi"), Some("sk_1"), Ok(("sk_1", false))),
            (Some("Bearerish sk_1"), None, Err(Missing)),
            (Some("Digest username=\"bearer\", nonce=\"x\""), None, Err(Missing)),
            (Some(""), None, Err(Missing)),
            (None, Some(""), Err(Empty)),
            (None, Some("sk_1,"), Err(Empty)),
            // No key, but a form that is judged like one: 401, not 400.
            (
                Some("Bearer \u{43a}\u{43b}\u{44e}\u{447}"),
                None,
                Ok(("\u{43a}\u{43b}\u{44e}\u{447}", true)),
            ),
        ];
        for (authorization, x_api_key, expected) in table {
            let read = Credential::read(*authorization, *x_api_key);
            let read = read.as_ref().map(|c| (c.token(), c.in_authorization)).map_err(|e| *e);
            assert_eq!(read, *expected, "{authorization:?} {x_api_key:?}");
        }
    }

    #[test]
    fn only_the_header_that_carried_the_key_is_removed() {
        let removed = |a, x| Credential::read(a, x).unwrap().headers_to_remove();
        assert_eq!(removed(Some("Bearer k"), None), ["authorization", "x-api-key"]);
        assert_eq!(removed(Some("Basic YTpi"), Some("k")), ["x-api-key"]);
    }

    #[test]
    fn a_header_of_a_megabyte_is_read_and_never_shown() {
        let huge = format!("Bearer {}", "a".repeat(1 << 20));
        let read = Credential::read(Some(&huge), None).unwrap();
        assert_eq!(read.token().len(), 1 << 20);
        assert!(format!("{read:?}").len() < 100);
    }

    proptest! {
        #[test]
        fn no_header_makes_it_panic(a in any::<Option<String>>(), x in any::<Option<String>>()) {
            if let Ok(read) = Credential::read(a.as_deref(), x.as_deref()) {
                prop_assert!(!read.token().is_empty());
            }
        }
    }
}
