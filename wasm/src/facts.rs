//! Checking a request against the policy of a key.

use alloc::vec::Vec;
use core::net::IpAddr;

use portcullis_core::policy::{Denial, NoPolicy, RequestFacts};

/// Why an accepted key doesn't allow a request, or why that is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No policy is available to check the request against.
    #[error(transparent)]
    NoPolicy(#[from] NoPolicy),
    /// The policy does not allow it.
    #[error(transparent)]
    Denial(#[from] Denial),
}

impl Denied {
    /// A stable code, one of the `RefusalCode`s in `index.d.ts`.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NoPolicy(reason) => reason.code(),
            Self::Denial(denial) => denial.code(),
        }
    }
}

/// The facts of a request from JavaScript, as consecutive files:
///
/// ```text
/// address        4 or 16 bytes; empty if unknown
/// origin         a text after one byte; empty if unknown
/// method, path   texts
/// sales channel  a text after one byte; empty if there is none
/// scopes         any number of texts
/// ```
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    address: Option<IpAddr>,
    origin: Option<&'a str>,
    method: &'a str,
    path: &'a str,
    sales_channel: Option<&'a str>,
    scopes: Vec<&'a str>,
}

impl<'a> Facts<'a> {
    /// Reads the files. `None` if there are fewer than five.
    #[must_use]
    pub fn read(files: &[&'a [u8]]) -> Option<Self> {
        let ([address, origin, method, path, sales_channel], scopes) = files.split_first_chunk()?;
        Some(Self {
            address: read_address(address),
            origin: read_known(origin),
            method: read_text(method),
            path: read_text(path),
            sales_channel: read_known(sales_channel),
            scopes: scopes.iter().map(|scope| read_text(scope)).collect(),
        })
    }

    /// The facts as the core's type.
    #[must_use]
    pub fn request(&self) -> RequestFacts<'_> {
        let Self { address, origin, method, path, sales_channel, ref scopes } = *self;
        RequestFacts { address, origin, method, path, scopes, sales_channel }
    }
}

fn read_address(bytes: &[u8]) -> Option<IpAddr> {
    let short = || <[u8; 4]>::try_from(bytes).ok().map(IpAddr::from);
    let long = || <[u8; 16]>::try_from(bytes).ok().map(IpAddr::from);
    short().or_else(long)
}

fn read_known(bytes: &[u8]) -> Option<&str> {
    bytes.split_first().map(|(_, text)| read_text(text))
}

/// Invalid UTF-8 is read as empty, which no policy allows or grants.
fn read_text(bytes: &[u8]) -> &str {
    core::str::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_are_read_as_they_are_written() {
        let scopes: [&[u8]; 2] = [b"orders:read", &[0xFF]];
        let known: [&[u8]; 5] = [&[192, 0, 2, 1], b"!https://a.example", b"GET", b"/a", b"!sc_1"];
        let files = [&known[..], &scopes].concat();
        let facts = Facts::read(&files).unwrap();
        let request = facts.request();
        assert_eq!(request.address, Some("192.0.2.1".parse().unwrap()));
        assert_eq!(request.origin, Some("https://a.example"));
        assert_eq!((request.method, request.path), ("GET", "/a"));
        assert_eq!(request.sales_channel, Some("sc_1"));
        assert_eq!(request.scopes, ["orders:read", ""]);

        let none = Facts::read(&[&[], &[], &[], &[], b"!"]).unwrap();
        let request = none.request();
        assert_eq!((request.address, request.origin), (None, None));
        assert_eq!(request.sales_channel, Some(""), "asked for, and empty");
        assert!(Facts::read(&[&[], &[], &[], &[]]).is_none());
        assert_eq!(read_address(&[0; 16]), Some("::".parse().unwrap()));
        assert_eq!(read_address(&[0; 5]), None);
    }
}
