//! A request before it is read.

use core::fmt;

/// A client's request as a host read it. No decision is made on it.
#[derive(Clone, Copy, Default)]
pub struct Received<'a> {
    /// The method.
    pub method: &'a str,
    /// Path and query, unchanged.
    pub target: &'a str,
    /// The connection's scheme, `http` or `https`.
    pub scheme: &'a str,
    /// The requested host, with its port.
    pub host: &'a str,
    /// The peer address of the connection, with or without its port, if the host knows it.
    pub peer: Option<&'a str>,
    /// Whether the request has a body.
    pub has_body: bool,
    /// Names in lower case and values. At least the fields whose [rule](crate::request::fields::rule) reads them. A
    /// repeated field appears once, its values joined by commas.
    pub fields: &'a [(&'a str, &'a str)],
}

impl fmt::Debug for Received<'_> {
    /// Shows the method only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Received").field("method", &self.method).finish_non_exhaustive()
    }
}
