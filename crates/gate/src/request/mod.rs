//! A request in normal form: what the gate decides on, and what the origin's request is built from.
//!
//! A host reads what a client sent into [`Received`]. [`Request::read`] brings that into normal form
//! or refuses it, so no second spelling gets past a decision. See `docs/request.md`.
//!
//! | module | |
//! | --- | --- |
//! | [`fields`] | the rule of each header field, by its name |
//! | [`query`] | parameters of the query, in every spelling |
//! | [`path`] | paths that an origin may fold into others |
//! | [`client`] | where a request comes from |
//! | [`handshake`] | WebSockets |
//! | `keys` | keys in any text |

pub mod client;
pub mod fields;
pub mod handshake;
pub(crate) mod keys;
pub mod path;
pub mod query;

use core::fmt;
use std::borrow::Cow;

use crate::request::client::Client;
use crate::request::fields::Fields;
use crate::request::handshake::Handshake;
use crate::settings::Settings;

/// What a client sent, as a host read it. Nothing is decided on it.
#[derive(Clone, Copy, Default)]
pub struct Received<'a> {
    /// The method.
    pub method: &'a str,
    /// Path and query, as they came.
    pub target: &'a str,
    /// `http` or `https`, of the connection.
    pub scheme: &'a str,
    /// The host that the client asked for, with its port.
    pub host: &'a str,
    /// The connection's other end, with or without its port, where the host can tell.
    pub peer: Option<&'a str>,
    /// Whether a body follows.
    pub has_body: bool,
    /// Names in lower case, and values, of at least those fields whose [rule](fields::rule) says that
    /// they are read. A field that came twice is one, its values joined by commas.
    pub fields: &'a [(&'a str, &'a str)],
}

/// A request in normal form. There is no other way to one than [`read`](Self::read).
#[derive(Clone)]
pub struct Request<'a> {
    pub(crate) method: &'a str,
    /// Path and query as they came.
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
    /// Fields that `Connection` names: they were for the gate alone.
    pub(crate) hop_by_hop: Vec<&'a str>,
}

/// Why a request has no normal form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The method is no token in capital letters, or one that is never passed on.
    #[error("the method is not one that is passed on")]
    Method,
    /// The request asks for another method than its own.
    #[error("the request asks for another method than its own; send that method instead")]
    MethodOverride,
    /// `GET` or `HEAD` with a body.
    #[error("a GET or HEAD request has a body; send it without, or by another method")]
    UnexpectedBody,
    /// The path holds what no URI has.
    #[error("the path holds a character that must be percent-encoded")]
    Target,
    /// The path has a segment that is `.` or `..`.
    #[error("the path can be read in two ways; send it without dot segments and other spellings")]
    AmbiguousPath,
    /// A parameter that an origin may take for one that the gate reads.
    #[error("a query parameter can be taken for another one; send the name as it is documented")]
    AmbiguousParameter,
    /// A header field that an origin may take for one that the gate reads or sets.
    #[error("a header field can be taken for another one; send the name as it is documented")]
    AmbiguousHeader,
}

impl Malformed {
    /// A stable code for logs and answers.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Method => "malformed_method",
            Self::MethodOverride => "method_override",
            Self::UnexpectedBody => "unexpected_body",
            Self::Target => "malformed_target",
            Self::AmbiguousPath => "ambiguous_path",
            Self::AmbiguousParameter => "ambiguous_parameter",
            Self::AmbiguousHeader => "ambiguous_header",
        }
    }
}

impl<'a> Request<'a> {
    /// Brings a request into normal form.
    ///
    /// # Errors
    /// See [`Malformed`].
    pub fn read(received: &Received<'a>, settings: &Settings) -> Result<Self, Malformed> {
        let Received { method, target, has_body, fields, .. } = *received;
        if !is_method(method) {
            return Err(Malformed::Method);
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        path::check(path)?;
        let query_as_sent = query::as_sent(query)?;
        let read = Fields::read(fields, method)?;
        let is_empty = read.content_length == Some("0") && !read.is_chunked;
        if has_body && !is_empty && matches!(method, "GET" | "HEAD") {
            return Err(Malformed::UnexpectedBody);
        }
        let mut hop_by_hop = Vec::new();
        if let Some(options) = read.connection {
            fields::connection_options(options, &mut hop_by_hop)?;
        }
        if method == "POST" && query::asks_for_a_method(query) {
            return Err(Malformed::MethodOverride);
        }
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
            // A preflight names a method. CGI leaves an empty field out, and sees none.
            preflight_for: read.preflight_for.filter(|method| is_method(method)),
            handshake,
            client: settings.client.locate(received),
            debug: read.debug,
            hop_by_hop,
        })
    }

    /// The method, which the origin gets as well.
    #[must_use]
    pub const fn method(&self) -> &'a str {
        self.method
    }

    /// The path, without the query.
    #[must_use]
    pub const fn path(&self) -> &'a str {
        self.path
    }

    /// Path and query as they are sent, the query without keys if it held some.
    pub(crate) fn target(&self, without_keys: Option<&str>) -> Cow<'a, str> {
        match (without_keys, &self.query) {
            (None, Cow::Borrowed(_)) => Cow::Borrowed(self.target),
            (Some(""), _) => Cow::Borrowed(self.path),
            (Some(query), _) => Cow::Owned([self.path, "?", query].concat()),
            (None, Cow::Owned(query)) => Cow::Owned([self.path, "?", query].concat()),
        }
    }

    /// Whether the query is sent in another spelling than it came in.
    pub(crate) const fn is_encoded_anew(&self) -> bool {
        matches!(self.query, Cow::Owned(_))
    }

    /// The `Origin` field: who shows the answer in a browser.
    #[must_use]
    pub const fn origin(&self) -> Option<&'a str> {
        self.origin
    }

    /// The method that a browser asks about before it sends a request to another origin (Fetch
    /// standard, CORS-preflight request). Such a request carries no credentials.
    #[must_use]
    pub fn preflight(&self) -> Option<&'a str> {
        self.preflight_for.filter(|_| self.method == "OPTIONS" && self.origin.is_some())
    }
}

impl fmt::Debug for Request<'_> {
    /// Without credentials, and without the query, which may hold one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("path", &self.path)
            .field("origin", &self.origin)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Received<'_> {
    /// As [`Request`]'s.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received").field("method", &self.method).finish_non_exhaustive()
    }
}

/// A token of RFC 9110 in capital letters, but for the methods that show a request to its client or
/// open a tunnel.
fn is_method(method: &str) -> bool {
    (1..=32).contains(&method.len())
        && method.bytes().all(|b| matches!(b, b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_'))
        && !matches!(method, "CONNECT" | "TRACE" | "TRACK")
}

#[cfg(test)]
impl<'a> Request<'a> {
    /// A request for `/` with nothing in it but what `change` puts there.
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
