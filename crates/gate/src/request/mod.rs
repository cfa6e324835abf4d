//! A request in normal form: the basis of the decision and of the origin's request.
//!
//! A host reads the client's request into [`Received`]. [`Request::read`] brings it into normal
//! form or refuses it, so that no alternative spelling gets past a decision. See `docs/request.md`.
//!
//! | module | |
//! | --- | --- |
//! | [`fields`] | the rule of each header field, by its name |
//! | [`query`] | query parameters, in every spelling |
//! | [`path`] | paths that an origin may fold into others |
//! | [`client`] | the client's address, host and scheme |
//! | [`handshake`] | WebSocket handshakes |
//! | [`credential`] | the key of a request, and what else of it holds keys |
//! | `keys` | keys in any text |

pub mod client;
pub mod credential;
pub mod fields;
pub mod handshake;
pub(crate) mod keys;
pub mod malformed;
pub mod path;
pub mod query;
pub mod received;

use core::fmt;
use std::borrow::Cow;

use crate::request::client::Client;
use crate::request::fields::Fields;
use crate::request::handshake::Handshake;
use crate::request::malformed::MalformedRequest;
use crate::request::received::Received;
use crate::settings::Settings;

/// A request in normal form. [`read`](Self::read) is the only constructor.
#[derive(Clone)]
pub struct Request<'a> {
    pub(crate) method: &'a str,
    /// Path and query, unchanged.
    target: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: Cow<'a, str>,
    pub(crate) authorization: Option<&'a str>,
    pub(crate) x_api_key: Option<&'a str>,
    pub(crate) publishable_key: Option<&'a str>,
    pub(crate) origin: Option<&'a str>,
    preflight_for: Option<&'a str>,
    pub(crate) handshake: Option<Handshake<'a>>,
    pub(crate) client: Client<'a>,
    pub(crate) debug: bool,
    /// Fields that `Connection` names: they are hop-by-hop.
    pub(crate) hop_by_hop: Vec<&'a str>,
}

impl<'a> Request<'a> {
    /// Brings a request into normal form.
    ///
    /// # Errors
    /// See [`MalformedRequest`].
    pub fn read(received: &Received<'a>, settings: &Settings) -> Result<Self, MalformedRequest> {
        let Received { method, target, has_body, fields, .. } = *received;
        // In the order in which an origin would read them: method, target, fields, body.
        if !is_method(method) {
            return Err(MalformedRequest::Method);
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        path::check(path)?;
        let query_as_sent = query::as_sent(query)?;
        let read = Fields::read(fields, method)?;
        let is_empty = read.content_length == Some("0") && !read.is_chunked;
        if has_body && !is_empty && matches!(method, "GET" | "HEAD") {
            return Err(MalformedRequest::UnexpectedBody);
        }
        let mut hop_by_hop = Vec::new();
        if let Some(options) = read.connection {
            fields::connection_options(options, &mut hop_by_hop)?;
        }
        if method == "POST" && query::asks_for_a_method(query) {
            return Err(MalformedRequest::MethodOverride);
        }
        // A parameter that some route reads a key from has one spelling, on every route.
        for name in settings.routes.key_parameters() {
            query::check(query, name)?;
        }
        let handshake = read.upgrade.and_then(|upgrade| {
            Handshake::read(method, (upgrade, read.connection), read.protocols)
        });
        Ok(Self {
            method,
            target,
            path,
            query: query_as_sent,
            authorization: read.authorization,
            x_api_key: read.x_api_key,
            publishable_key: read.publishable_key,
            origin: read.origin.filter(|origin| !origin.is_empty()),
            // A preflight names a method. An empty field counts as absent, as CGI omits it.
            preflight_for: read.preflight_for.filter(|method| is_method(method)),
            handshake,
            client: settings.client.locate(received),
            debug: read.debug,
            hop_by_hop,
        })
    }

    /// The method, for the decision and for the origin.
    #[must_use]
    pub const fn method(&self) -> &'a str {
        self.method
    }

    /// The path, without the query.
    #[must_use]
    pub const fn path(&self) -> &'a str {
        self.path
    }

    /// The path and query for the origin; `without_keys` replaces a query that held keys.
    pub(crate) fn target(&self, without_keys: Option<&str>) -> Cow<'a, str> {
        match (without_keys, &self.query) {
            (None, Cow::Borrowed(_)) => Cow::Borrowed(self.target),
            (Some(""), _) => Cow::Borrowed(self.path),
            (Some(query), _) => Cow::Owned([self.path, "?", query].concat()),
            (None, Cow::Owned(query)) => Cow::Owned([self.path, "?", query].concat()),
        }
    }

    /// Whether the query is sent in another encoding than it was received in.
    pub(crate) const fn is_reencoded(&self) -> bool {
        matches!(self.query, Cow::Owned(_))
    }

    /// The `Origin` field: the page's origin, set by browsers.
    #[must_use]
    pub const fn origin(&self) -> Option<&'a str> {
        self.origin
    }

    /// The method of a CORS preflight (Fetch standard, CORS-preflight request). A preflight carries
    /// no credentials.
    #[must_use]
    pub fn preflight(&self) -> Option<&'a str> {
        self.preflight_for.filter(|_| self.method == "OPTIONS" && self.origin.is_some())
    }
}

impl fmt::Debug for Request<'_> {
    /// Omits credentials, and the query, which may hold one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("origin", &self.origin)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

/// An RFC 9110 token of capital letters, digits, `-` and `_`, except the methods that echo a
/// request or open a tunnel.
fn is_method(method: &str) -> bool {
    (1..=32).contains(&method.len())
        && method.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_'))
        && !matches!(method, "CONNECT" | "TRACE" | "TRACK")
}

#[cfg(test)]
impl<'a> Request<'a> {
    /// A `GET` of `/` that is empty apart from the changes of `change`.
    pub(crate) fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut request = Self {
            method: "GET",
            target: "/",
            path: "/",
            query: Cow::Borrowed(""),
            authorization: None,
            x_api_key: None,
            publishable_key: None,
            origin: None,
            preflight_for: None,
            handshake: None,
            client: Client { address: None, host: "api.example", scheme: "https" },
            debug: false,
            hop_by_hop: Vec::new(),
        };
        change(&mut request);
        request
    }
}

#[cfg(test)]
mod tests;
