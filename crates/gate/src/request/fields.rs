//! The rule of each header field, by its name.
//!
//! Origins fold names: CGI and its descendants map `portcullis-owner`, `Portcullis_Owner` and
//! `portcullis.owner` to one variable. A name that has a rule only when folded is refused, because
//! the gate can't know which one the origin will use.

use std::borrow::Cow;

use crate::identity::headers::NAME;
use crate::request::malformed::MalformedRequest;

/// What happens to a header field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Forwarded, and no decision reads it.
    Forward,
    /// Not forwarded, and no decision reads it.
    Remove,
    /// A decision reads it, and determines whether it is forwarded.
    Read,
    /// A decision reads it, and it isn't forwarded.
    ReadAndRemove,
    /// The request is refused.
    Refuse,
}

/// The role of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    /// Reserved for the gate.
    Own,
    /// The client requests debug information.
    Debug,
    /// Hop-by-hop (RFC 9110, section 7.6.1).
    Connection,
    /// Read to recognize an upgrade of the connection.
    Upgrade,
    /// The framing of the body, which the host sets anew.
    Framing,
    /// The length of the body, read to see whether there is a body.
    Length,
    /// An unverified claim about who forwarded the request, and from where.
    Forwarding,
    /// The claims that are read if the connection is a trusted proxy's.
    Forwarded,
    /// The client's address according to Cloudflare.
    Cloudflare,
    /// A path other than the request's, or a proxy for a CGI's own requests.
    Target,
    /// A method other than the request's.
    Method,
    /// It may hold a key.
    Credential,
    /// A decision reads it.
    Read,
    /// The gate sets it on some requests; on the others the client's is forwarded.
    Set,
}

/// The rule of the field with this name. `cloudflare`: Cloudflare's fields can be trusted here,
/// rather than come from a client.
#[must_use]
pub fn rule(name: &str, cloudflare: bool) -> Rule {
    let folded = fold(name);
    let Some(group) = group(&folded) else { return Rule::Forward };
    if matches!(folded, Cow::Owned(_)) {
        return Rule::Refuse;
    }
    match group {
        Group::Own | Group::Framing | Group::Forwarding | Group::Target | Group::Connection => {
            Rule::Remove
        }
        Group::Debug | Group::Upgrade | Group::Forwarded | Group::Method | Group::Length => {
            Rule::ReadAndRemove
        }
        Group::Cloudflare if cloudflare => Rule::Read,
        Group::Cloudflare => Rule::Remove,
        Group::Credential | Group::Read => Rule::Read,
        Group::Set => Rule::Forward,
    }
}

/// The fields that decisions read, without surrounding blanks, which are not part of a value (RFC
/// 9110, section 5.5).
#[derive(Default)]
pub(crate) struct Fields<'a> {
    pub(crate) authorization: Option<&'a str>,
    pub(crate) x_api_key: Option<&'a str>,
    pub(crate) publishable_key: Option<&'a str>,
    pub(crate) origin: Option<&'a str>,
    pub(crate) preflight_for: Option<&'a str>,
    pub(crate) connection: Option<&'a str>,
    /// Not trimmed: runtimes recognize a handshake by the exact value only.
    pub(crate) upgrade: Option<&'a str>,
    pub(crate) protocols: Option<&'a str>,
    pub(crate) content_length: Option<&'a str>,
    pub(crate) is_chunked: bool,
    pub(crate) debug: bool,
}

impl<'a> Fields<'a> {
    /// Reads all fields in one pass. Refuses those that no request with `method` may have.
    pub(crate) fn read(
        fields: &[(&'a str, &'a str)],
        method: &str,
    ) -> Result<Self, MalformedRequest> {
        let mut read = Self::default();
        for (name, value) in fields {
            let trimmed = Some(value.trim_ascii());
            match *name {
                "authorization" => read.authorization = trimmed,
                "x-api-key" => read.x_api_key = trimmed,
                "x-publishable-api-key" => read.publishable_key = trimmed,
                "origin" => read.origin = trimmed,
                "access-control-request-method" => read.preflight_for = trimmed,
                "connection" => read.connection = trimmed,
                "upgrade" => read.upgrade = Some(value),
                "sec-websocket-protocol" => read.protocols = trimmed,
                "content-length" => read.content_length = trimmed,
                "transfer-encoding" => read.is_chunked = true,
                "portcullis-debug" => read.debug = true,
                _ => check(name, value, method)?,
            }
        }
        Ok(read)
    }
}

/// Refuses a name that has a rule only when folded, and a method override to a method other than
/// `method`.
fn check(name: &str, value: &str, method: &str) -> Result<(), MalformedRequest> {
    let folded = fold(name);
    match (group(&folded), folded) {
        (Some(_), Cow::Owned(_)) => Err(MalformedRequest::AmbiguousHeader),
        (Some(Group::Method), Cow::Borrowed(_))
            if !value.trim_ascii().eq_ignore_ascii_case(method) =>
        {
            Err(MalformedRequest::MethodOverride)
        }
        (Some(_) | None, _) => Ok(()),
    }
}

/// Collects the fields that `Connection` names, which are removed (RFC 9110, section 7.6.1).
/// Refuses a field that the gate reads or sets: its removal would change the basis of the decision.
pub(crate) fn connection_options<'a>(
    options: &'a str,
    named: &mut Vec<&'a str>,
) -> Result<(), MalformedRequest> {
    for option in options.split(',').map(str::trim_ascii).filter(|option| !option.is_empty()) {
        // These two are options, not names of fields.
        if ["close", "keep-alive"].iter().any(|known| option.eq_ignore_ascii_case(known)) {
            continue;
        }
        let folded = fold(option).to_ascii_lowercase();
        match group(&folded) {
            None if option.bytes().all(is_name_byte) => named.push(option),
            Some(Group::Connection | Group::Upgrade) => {}
            None
            | Some(
                Group::Own
                | Group::Debug
                | Group::Framing
                | Group::Length
                | Group::Set
                | Group::Forwarding
                | Group::Forwarded
                | Group::Cloudflare
                | Group::Target
                | Group::Method
                | Group::Credential
                | Group::Read,
            ) => return Err(MalformedRequest::AmbiguousHeader),
        }
    }
    Ok(())
}

/// A byte of a token (RFC 9110, section 5.6.2).
const fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'^'..=b'`' | b'|' | b'~')
}

/// The name as CGI would fold it, with hyphens; borrowed if it doesn't change.
fn fold(name: &str) -> Cow<'_, str> {
    let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if name.bytes().all(is_plain) {
        return Cow::Borrowed(name);
    }
    let sign = |b: u8| if b.is_ascii_alphanumeric() { b.to_ascii_lowercase() } else { b'-' };
    Cow::Owned(name.bytes().map(|b| char::from(sign(b))).collect())
}

fn group(name: &str) -> Option<Group> {
    if let Some(rest) = name.strip_prefix(NAME)
        && (rest.is_empty() || rest.starts_with('-'))
    {
        return Some(if rest == "-debug" { Group::Debug } else { Group::Own });
    }
    // The names that the gate reads, sets or removes. Any other name is forwarded.
    let group = match name {
        "authorization" | "x-api-key" | "x-publishable-api-key" => Group::Credential,
        "origin" | "access-control-request-method" => Group::Read,
        "connection" | "upgrade" | "sec-websocket-protocol" => Group::Upgrade,
        "keep-alive"
        | "proxy-connection"
        | "proxy-authenticate"
        | "proxy-authorization"
        | "te"
        | "trailer"
        | "http2-settings" => Group::Connection,
        "content-length" | "transfer-encoding" => Group::Length,
        "expect" | "host" => Group::Framing,
        "cache-control" => Group::Set,
        "x-forwarded-for" | "x-forwarded-host" | "x-forwarded-proto" => Group::Forwarded,
        "forwarded"
        | "forwarded-for"
        | "x-forwarded"
        | "x-original-forwarded-for"
        | "x-real-ip"
        | "x-client-ip"
        | "client-ip"
        | "x-cluster-client-ip"
        | "true-client-ip"
        | "fastly-client-ip"
        | "x-remote-ip"
        | "x-remote-addr"
        | "x-originating-ip"
        | "x-azure-clientip"
        | "x-envoy-external-address"
        | "x-appengine-user-ip"
        | "wl-proxy-client-ip"
        | "x-host"
        | "x-original-host"
        | "x-http-host-override"
        | "x-scheme"
        | "x-original-scheme"
        | "x-url-scheme"
        | "front-end-https" => Group::Forwarding,
        "cf-connecting-ip" | "cf-connecting-ipv6" | "cf-pseudo-ipv4" => Group::Cloudflare,
        "x-original-url"
        | "x-original-uri"
        | "x-original-path"
        | "x-rewrite-url"
        | "x-rewrite-uri"
        | "x-override-url"
        | "x-request-uri"
        | "x-envoy-original-path"
        | "x-waws-unencoded-url"
        | "x-script-name"
        | "script-name"
        | "proxy" => Group::Target,
        "x-http-method-override" | "x-http-method" | "x-method-override" => Group::Method,
        _ if name.starts_with("x-forwarded-") => Group::Forwarding,
        _ if name.starts_with("sec-websocket-") => Group::Connection,
        _ => return None,
    };
    Some(group)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RULED: &[&str] = &[
        "portcullis",
        "portcullis-owner",
        "portcullis-",
        "portcullis-debug",
        "authorization",
        "x-api-key",
        "x-publishable-api-key",
        "origin",
        "access-control-request-method",
        "connection",
        "upgrade",
        "sec-websocket-protocol",
        "sec-websocket-key",
        "te",
        "transfer-encoding",
        "content-length",
        "expect",
        "x-forwarded-for",
        "x-forwarded-port",
        "forwarded",
        "x-real-ip",
        "cf-connecting-ip",
        "x-original-url",
        "proxy",
        "cache-control",
        "x-http-method-override",
    ];

    #[test]
    fn each_rule() {
        for (name, expected) in [
            ("portcullis", Rule::Remove),
            ("portcullis-anything-new", Rule::Remove),
            ("portcullis-debug", Rule::ReadAndRemove),
            ("authorization", Rule::Read),
            ("connection", Rule::ReadAndRemove),
            ("x-forwarded-prefix", Rule::Remove),
            ("cf-connecting-ip", Rule::Remove),
            ("sec-websocket-key", Rule::Remove),
            ("x-custom", Rule::Forward),
            ("x_custom", Rule::Forward),
            ("portcullises", Rule::Forward),
            ("x-portcullis-key", Rule::Forward),
            ("connections", Rule::Forward),
            ("", Rule::Forward),
        ] {
            assert_eq!(rule(name, false), expected, "{name}");
        }
        assert_eq!(rule("cf-connecting-ip", true), Rule::Read);
    }

    proptest! {
        #[test]
        fn a_name_that_has_a_rule_only_when_folded_is_refused(
            at in any::<prop::sample::Index>(),
            signs in prop::collection::vec("[-_.!#$%&'*+^`|~]", 32),
            case in any::<u32>(),
        ) {
            let name = RULED[at.index(RULED.len())];
            let mut signs = signs.into_iter();
            let spelled: String = name.char_indices().map(|(at, c)| match c {
                '-' => signs.next().unwrap(),
                c if case >> at & 1 == 1 => c.to_ascii_uppercase().to_string(),
                c => c.to_string(),
            }).collect();
            prop_assert_eq!(rule(&spelled, false) == Rule::Refuse, spelled != name);
        }
    }

    #[test]
    fn a_connection_names_what_was_for_the_gate_alone() {
        let mut named = Vec::new();
        connection_options("Keep-Alive, close, TE,X-Hop , upgrade,,HTTP2-Settings", &mut named)
            .unwrap();
        assert_eq!(named, ["X-Hop"]);
        for refused in
            ["authorization", "Portcullis", "x_api_key", "Origin", "x-forwarded-for", "a b"]
        {
            let read = connection_options(refused, &mut named);
            assert_eq!(read, Err(MalformedRequest::AmbiguousHeader), "{refused}");
        }
    }
}
