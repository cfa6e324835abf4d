//! Finding the key in a request.

use core::iter;
use std::borrow::Cow;

use base64::engine::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_core::token::{Kind, Prefix};

use crate::request::keys::{holds_key, holds_other};
use crate::request::malformed::MalformedRequest;
use crate::request::{Request, query};
use crate::settings::routes::{Kinds, Places};

/// The unverified key of a request, and the places that held keys.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential<'a> {
    token: Cow<'a, str>,
    /// The place of the key to verify.
    location: Location,
    /// Every place that held a key.
    removed_keys: RemovedKeys,
}

/// A place that may hold a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Location {
    Authorization,
    XApiKey,
    Publishable,
    Protocol,
    Query,
}

/// The places of a request that held keys, and are removed before it goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RemovedKeys {
    /// `Authorization`. With other contents it is left for the origin.
    pub authorization: bool,
    /// `X-API-Key`.
    pub x_api_key: bool,
    /// `x-publishable-api-key`.
    pub publishable_key: bool,
    /// The subprotocols of a WebSocket that carry keys. They are never forwarded.
    pub protocol: bool,
    /// The query parameter that the route names.
    pub query: bool,
}

impl RemovedKeys {
    const fn of(location: Location) -> Self {
        Self {
            authorization: matches!(location, Location::Authorization),
            x_api_key: matches!(location, Location::XApiKey),
            publishable_key: matches!(location, Location::Publishable),
            protocol: matches!(location, Location::Protocol),
            query: matches!(location, Location::Query),
        }
    }

    pub(crate) const fn and(self, other: Self) -> Self {
        Self {
            authorization: self.authorization || other.authorization,
            x_api_key: self.x_api_key || other.x_api_key,
            publishable_key: self.publishable_key || other.publishable_key,
            protocol: self.protocol || other.protocol,
            query: self.query || other.query,
        }
    }

    const fn but(self, other: Self) -> Self {
        Self {
            authorization: self.authorization && !other.authorization,
            x_api_key: self.x_api_key && !other.x_api_key,
            publishable_key: self.publishable_key && !other.publishable_key,
            protocol: self.protocol && !other.protocol,
            query: self.query && !other.query,
        }
    }

    /// The names of the headers to remove.
    pub fn headers(self) -> impl Iterator<Item = &'static str> {
        let headers = [
            ("authorization", self.authorization),
            ("x-api-key", self.x_api_key),
            ("x-publishable-api-key", self.publishable_key),
        ];
        headers.into_iter().filter_map(|(name, removed_keys)| removed_keys.then_some(name))
    }
}

/// Why no key could be read from a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// No place that the route reads carries a key.
    #[error("the request carries no API key")]
    Missing,
    /// `Authorization` has the scheme `Bearer` and then no token, or more than one.
    #[error("the Authorization header is not `Bearer` and one API key")]
    BearerForm,
    /// A place that only holds keys is empty.
    #[error("a header or parameter that is for the API key is empty")]
    Empty,
    /// Two different keys of one kind: it is ambiguous which one is meant.
    #[error("the request carries two different API keys; send one")]
    Conflict,
    /// A parameter of the request is another spelling of the one that the route reads keys from.
    #[error(transparent)]
    Parameter(#[from] MalformedRequest),
}

impl CredentialError {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "no_key",
            Self::BearerForm => "malformed_authorization",
            Self::Empty => "empty_key",
            Self::Conflict => "two_keys",
            Self::Parameter(malformed) => malformed.code(),
        }
    }
}

/// A text in a place for keys, and the kind of key that it looks like.
#[derive(Clone)]
struct Candidate<'a> {
    location: Location,
    text: Cow<'a, str>,
    kind: Option<Kind>,
}

impl<'a> Candidate<'a> {
    fn new(location: Location, text: Cow<'a, str>) -> Self {
        let kind = kind_of(&text);
        Self { location, text, kind }
    }
}

impl<'a> Credential<'a> {
    /// Reads the key from the places that a route reads, for a route that accepts `kinds`.
    ///
    /// A request may carry both a secret and a publishable key. Of the kinds that the route
    /// accepts, the secret key is preferred. A text in `Authorization` that doesn't look like a key
    /// (a shopper's JWT) is left for the origin if another place holds a key, and verified
    /// otherwise.
    ///
    /// # Errors
    /// See [`CredentialError`].
    pub fn read(
        request: &'a Request<'_>,
        locations: &'a Places,
        kinds: Kinds,
    ) -> Result<Self, CredentialError> {
        use CredentialError::Empty;
        // Read each place that the route allows.
        let bearer =
            request.authorization.filter(|_| locations.bearer).map(bearer).transpose()?.flatten();
        let basic = request.authorization.filter(|_| locations.basic && bearer.is_none());
        let authorization =
            bearer.map(Cow::Borrowed).or(basic.map(basic_key).transpose()?.flatten());
        let header =
            |value: Option<&'a str>, read: bool| value.filter(|_| read).map(one).transpose();
        let x_api_key = header(request.x_api_key, locations.x_api_key)?;
        let publishable = header(request.publishable_key, locations.publishable_key)?;
        let handshake = request.handshake.filter(|_| locations.websocket_protocol);
        let protocol =
            only_one(handshake.iter().flat_map(|handshake| handshake.keys().map(not_empty)))?;
        let query = match &locations.query {
            Some(name) => {
                let values = query::values(&request.query, name)?.map(query::value);
                only_one(values.map(|value| if value.is_empty() { Err(Empty) } else { Ok(value) }))?
            }
            None => None,
        };
        let found = [
            authorization.map(|text| Candidate::new(Location::Authorization, text)),
            x_api_key.map(|text| Candidate::new(Location::XApiKey, text.into())),
            publishable.map(|text| Candidate::new(Location::Publishable, text.into())),
            protocol.map(|text| Candidate::new(Location::Protocol, text.into())),
            query.map(|text| Candidate::new(Location::Query, text)),
        ];
        Self::choose(found, kinds)
    }

    fn choose(found: [Option<Candidate<'a>>; 5], kinds: Kinds) -> Result<Self, CredentialError> {
        // A text in `Authorization` that isn't a key belongs to the origin, if another place has one.
        let elsewhere = found.iter().flatten().any(|one| one.location != Location::Authorization);
        let is_foreign =
            |one: &Candidate<'_>| one.location == Location::Authorization && one.kind.is_none();
        let mut chosen: Option<Candidate<'a>> = None;
        let (mut secret, mut publishable) = (None::<Cow<'a, str>>, None::<Cow<'a, str>>);
        let mut removed_keys = RemovedKeys::default();
        for one in found.into_iter().flatten() {
            if elsewhere && is_foreign(&one) {
                continue;
            }
            removed_keys = removed_keys.and(RemovedKeys::of(one.location));
            // A text that looks like neither kind conflicts with keys of both.
            let (first, second) = match one.kind {
                Some(Kind::Secret) => (Some(&mut secret), None),
                Some(Kind::Publishable) => (Some(&mut publishable), None),
                None => (Some(&mut secret), Some(&mut publishable)),
            };
            for seen in first.into_iter().chain(second) {
                if *seen.get_or_insert_with(|| one.text.clone()) != one.text {
                    return Err(CredentialError::Conflict);
                }
            }
            if chosen.as_ref().is_none_or(|held| rank(one.kind, kinds) < rank(held.kind, kinds)) {
                chosen = Some(one);
            }
        }
        let Candidate { location, text, .. } = chosen.ok_or(CredentialError::Missing)?;
        Ok(Self { token: text, location, removed_keys })
    }

    /// Every place that held a key among those that the route reads.
    #[must_use]
    pub const fn presented(&self) -> RemovedKeys {
        self.removed_keys
    }

    /// Whether the verified key was in `Authorization`, which shows caches that the answer is for
    /// one key alone (RFC 9111, section 3.5).
    #[must_use]
    pub const fn is_in_authorization(&self) -> bool {
        matches!(self.location, Location::Authorization)
    }

    /// The key's text.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The places to remove before the request goes to the origin. That is every key, or every key
    /// except the verified one if `keep_verified`. A field that holds a second key is removed all
    /// the same.
    #[must_use]
    pub fn removed_keys(&self, keep_verified: bool, request: &Request<'_>) -> RemovedKeys {
        let field = match self.location {
            Location::Authorization => request.authorization,
            Location::XApiKey => request.x_api_key,
            Location::Publishable => request.publishable_key,
            // The parameter holds one key, and subprotocols with keys are never forwarded.
            Location::Protocol | Location::Query => None,
        };
        let is_alone = || !field.is_some_and(|value| holds_other(value, &self.token));
        if keep_verified && is_alone() {
            self.removed_keys.but(RemovedKeys::of(self.location))
        } else {
            self.removed_keys
        }
    }
}

impl core::fmt::Debug for Credential<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Credential")
            .field("place", &self.location)
            .field("taken", &self.removed_keys)
            .finish_non_exhaustive()
    }
}

impl RemovedKeys {
    /// The places that hold keys of this system, whether or not the route reads them. Keys are
    /// recognized by form and checksum, so that other systems' tokens stay. Places in `presented`
    /// are known already and not searched.
    pub(crate) fn found_in(request: &Request<'_>, presented: Self) -> Self {
        let any = |value: Option<&str>, known: bool| !known && value.is_some_and(holds_key);
        Self {
            authorization: any(request.authorization, presented.authorization),
            x_api_key: any(request.x_api_key, presented.x_api_key),
            publishable_key: any(request.publishable_key, presented.publishable_key),
            protocol: false,
            query: false,
        }
    }
}

/// Preference among several keys: secret ones first, of the kinds that the route accepts.
const fn rank(kind: Option<Kind>, kinds: Kinds) -> u8 {
    match kind {
        Some(Kind::Secret) if kinds.secret => 0,
        Some(Kind::Publishable) if kinds.publishable => 1,
        Some(Kind::Secret | Kind::Publishable) | None => 2,
    }
}

/// The kind that a text's prefix names. Only the prefix is examined.
fn kind_of(text: &str) -> Option<Kind> {
    let (prefix, _) = text.split_at(text.rfind('_')? + 1);
    Prefix::parse(prefix.as_bytes()).map(|prefix| prefix.kind)
}

fn bearer(value: &str) -> Result<Option<&str>, CredentialError> {
    let mut tokens = value.split(',').map(|part| strip_scheme(part, "bearer"));
    let Some(Some(first)) = tokens.next() else {
        let is_bearer = tokens.any(|token| token.is_some());
        return if is_bearer { Err(CredentialError::BearerForm) } else { Ok(None) };
    };
    let is_token =
        |token: &&str| !token.is_empty() && !token.bytes().any(|byte| byte.is_ascii_whitespace());
    let tokens = iter::once(Some(first)).chain(tokens);
    only_one(tokens.map(|token| token.filter(is_token).ok_or(CredentialError::BearerForm)))
}

/// A key as the user name of `Basic` with an empty password, or unencoded in place of the
/// credentials. Any other user and password are left alone.
fn basic_key(value: &str) -> Result<Option<Cow<'_, str>>, CredentialError> {
    let keys = value.split(',').filter_map(|part| {
        let text = strip_scheme(part, "basic")?;
        if kind_of(text).is_some() {
            return Some(Ok(Cow::Borrowed(text)));
        }
        let name = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
        let name = name.strip_suffix(':').unwrap_or(&name);
        let is_key = !name.contains(':') && kind_of(name).is_some();
        is_key.then(|| Ok(Cow::Owned(name.to_owned())))
    });
    only_one(keys)
}

/// The text after the scheme's name, which is case-insensitive (RFC 9110).
fn strip_scheme<'a>(part: &'a str, scheme: &str) -> Option<&'a str> {
    let part = part.trim_ascii();
    let (name, rest) = part.split_at_checked(scheme.len())?;
    let ends = rest.is_empty() || rest.starts_with([' ', '\t']);
    (name.eq_ignore_ascii_case(scheme) && ends).then(|| rest.trim_ascii())
}

/// The one key of a header. A key holds no comma, so the header is split there; equal keys count as
/// one.
fn one(value: &str) -> Result<&str, CredentialError> {
    only_one(value.split(',').map(|part| not_empty(part.trim_ascii())))?
        .ok_or(CredentialError::Empty)
}

fn not_empty(text: &str) -> Result<&str, CredentialError> {
    if text.is_empty() { Err(CredentialError::Empty) } else { Ok(text) }
}

fn only_one<T: PartialEq>(
    mut values: impl Iterator<Item = Result<T, CredentialError>>,
) -> Result<Option<T>, CredentialError> {
    let Some(first) = values.next().transpose()? else { return Ok(None) };
    for value in values {
        if value? != first {
            return Err(CredentialError::Conflict);
        }
    }
    Ok(Some(first))
}

#[cfg(test)]
mod tests;
