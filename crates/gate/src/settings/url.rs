//! URLs in the settings.

use crate::settings::error::Fault;
use crate::settings::words::digits;

/// A URL to which paths are appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(String);

impl BaseUrl {
    /// Accepts fewer URLs than the standard, on purpose: a full URL parser would be the largest
    /// part of the module, to read two URLs that an operator writes by hand.
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        let (scheme, rest) = text.trim().split_once("://").ok_or(Fault::Url)?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let host_ends = authority.rfind(']').unwrap_or(0);
        let colon = authority.rfind(':').filter(|colon| *colon >= host_ends);
        let (host, port) = authority.split_at(colon.unwrap_or(authority.len()));
        let plain = matches!(scheme, "http" | "https")
            && !host.is_empty()
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-_[:]".contains(&b))
            && port.strip_prefix(':').is_none_or(|port| digits(port).is_some())
            && path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/.-_~%".contains(&b));
        if !plain {
            return Err(Fault::Url);
        }
        Ok(Self(format!("{scheme}://{authority}{}", path.trim_end_matches('/'))))
    }

    /// The host, and the port if there is one.
    #[must_use]
    pub fn authority(&self) -> &str {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        rest.split('/').next().unwrap_or_default()
    }

    /// The URL of `path`, which starts with a slash and may have a query.
    #[must_use]
    pub fn join(&self, path: &str) -> String {
        [self.0.as_str(), path].concat()
    }
}
