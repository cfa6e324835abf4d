//! A request for the origin, as edits of the client's request.
//!
//! A host starts from the client's fields, drops those that their rule removes, and applies the
//! edits. Nothing else of the client's request is changed, and no removed field reaches the origin.

use core::fmt::Write as _;
use core::net::IpAddr;

use crate::identity::assertion_cache::AssertionText;
use crate::identity::caller::Caller;
use crate::request::client::Client;
use crate::request::credential::{CredentialError, RemovedKeys};
use crate::response::refused::{Rate, Reason, Refused};

use portcullis_core::time::Time;

/// The field with the assertion for the origin.
pub const ASSERTION: &str = "portcullis-assertion";
/// `Cache-Control` of a request with a key, for caches on the way: the answer is for this key
/// alone.
const NOT_SHARED: &str = "no-cache, no-store";

/// A request that goes to the origin.
#[derive(Clone, Debug)]
pub struct Forward {
    /// The caller; `None` for open routes and preflights.
    pub caller: Option<Caller>,
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The signed statement of the caller's identity, if the gate has an assertion key.
    pub assertion: Option<AssertionText>,
    /// The rate class that limits the key.
    pub rate: Option<Rate>,
    /// Seconds after which an open connection is closed.
    pub max_connection_age: Option<u32>,
    /// The value of the debug header, if it is requested and allowed.
    pub debug: Option<String>,
    /// What else the host needs to know.
    pub flags: Flags,
    pub(crate) removed_keys: RemovedKeys,
    pub(crate) hop_by_hop: Vec<String>,
    pub(crate) client: Option<(Option<IpAddr>, String, String)>,
    /// The subprotocols for the origin, if the request is a WebSocket handshake.
    pub(crate) protocols: Option<String>,
}

/// What a host needs to know of a request besides its edits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Bypass caches: the answer is for this key alone.
    pub uncached: bool,
    /// Add `private` to the answer unless it has its own cache directives. The client's key was not
    /// in `Authorization`, which caches recognize.
    pub private: bool,
    /// The client offers the gate's own subprotocol, which is chosen if the origin chooses none.
    pub own_protocol: bool,
    /// The answer's body may be cut off later, so it is passed on in its original encoding.
    pub may_be_cut: bool,
}

impl Flags {
    /// A letter for each: `u`, `p`, `o`, `m`.
    #[must_use]
    pub fn letters(self) -> String {
        let all = [
            (self.uncached, 'u'),
            (self.private, 'p'),
            (self.own_protocol, 'o'),
            (self.may_be_cut, 'm'),
        ];
        all.into_iter().filter_map(|(set, letter)| set.then_some(letter)).collect()
    }
}

impl Forward {
    /// The edits: names and values alternate, one per line. An empty value removes the field, any
    /// other value sets it.
    #[must_use]
    pub fn edits(&self, assertion: Option<&str>) -> String {
        let client = self.client.as_ref();
        Edits {
            removed_keys: self.removed_keys,
            client: client.map(|(address, host, scheme)| Client {
                address: *address,
                host,
                scheme,
            }),
            identity: self.caller.as_ref().map_or("", |caller| caller.identity.lines()),
            assertion,
            uncached: self.flags.uncached,
        }
        .lines(self.hop_by_hop.iter().map(String::as_str), self.protocols.as_deref())
    }

    /// The refusal if not all of `scopes` are granted; always a refusal without a key.
    #[must_use]
    pub fn lacks(&self, scopes: &[&str], now: Time) -> Option<Refused> {
        match &self.caller {
            Some(caller) => Refused::lacking(caller, scopes, now),
            None => Some(Refused {
                reason: Reason::Credential(CredentialError::Missing),
                name: None,
                list: None,
                retry_after: 1,
                scopes: None,
            }),
        }
    }
}

/// The inputs of a request's edits.
pub(crate) struct Edits<'a> {
    pub(crate) removed_keys: RemovedKeys,
    pub(crate) client: Option<Client<'a>>,
    pub(crate) identity: &'a str,
    pub(crate) assertion: Option<&'a str>,
    pub(crate) uncached: bool,
}

impl Edits<'_> {
    pub(crate) fn lines<'n>(
        &self,
        hop_by_hop: impl Iterator<Item = &'n str>,
        protocols: Option<&str>,
    ) -> String {
        let mut lines = String::with_capacity(768);
        let mut remove = |name: &str| lines.extend([name, "\n\n"]);
        self.removed_keys.headers().for_each(&mut remove);
        hop_by_hop.for_each(remove);
        let mut set = |name: &str, value: &str| lines.extend([name, "\n", value, "\n"]);
        if let Some(Client { address, host, scheme }) = self.client {
            if let Some(address) = address {
                let mut text = String::new();
                // Writing to a `String` can't fail.
                let _ = write!(text, "{address}");
                set("x-forwarded-for", &text);
            }
            if !host.is_empty() {
                set("x-forwarded-host", host);
            }
            set("x-forwarded-proto", scheme);
        }
        if let Some(protocols) = protocols {
            set("upgrade", "websocket");
            set("sec-websocket-protocol", protocols);
        }
        if self.uncached {
            set("cache-control", NOT_SHARED);
        }
        lines.push_str(self.identity);
        if let Some(text) = self.assertion {
            lines.extend([ASSERTION, "\n", text, "\n"]);
        }
        lines
    }
}
