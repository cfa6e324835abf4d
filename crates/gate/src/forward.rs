//! A request that goes to the origin, as edits of what the client sent.
//!
//! A host starts from the client's fields without those whose rule says that they are removed, and
//! carries the edits out: nothing else of the client's request is changed, and nothing else of it
//! reaches the origin.

use core::fmt::Write as _;
use core::net::IpAddr;

use crate::assertions::Asserted;
use crate::caller::Caller;
use crate::credential::{CredentialError, Taken};
use crate::refused::{Rate, Reason, Refused};
use crate::request::client::Client;

use portcullis_core::time::Time;

/// The field in which an origin finds the assertion.
pub const ASSERTION: &str = "portcullis-assertion";
/// What a request with a key tells the caches on its way: its answer is for this key alone.
const NOT_SHARED: &str = "no-cache, no-store";

/// A request that goes to the origin.
#[derive(Clone, Debug)]
pub struct Forward {
    /// Who is calling, but for open routes and preflights.
    pub caller: Option<Caller>,
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// What tells the origin the same as the caller's identity, signed, if the gate has a key for that.
    pub assertion: Option<Asserted>,
    /// What counts the key's requests.
    pub rate: Option<Rate>,
    /// After how many seconds a connection that is still open is ended.
    pub max_connection_age: Option<u32>,
    /// What was found of the key, for the caller, if that is asked for and allowed.
    pub debug: Option<String>,
    /// What the host has to know besides.
    pub flags: Flags,
    pub(crate) taken: Taken,
    pub(crate) hop_by_hop: Vec<String>,
    pub(crate) client: Option<(Option<IpAddr>, String, String)>,
    /// The subprotocols that are left for the origin, of a WebSocket's handshake.
    pub(crate) protocols: Option<String>,
}

/// What a host has to know of a request beside its edits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// Caches are passed by: the answer is for this key alone.
    pub uncached: bool,
    /// The answer is to say `private`, unless it says itself who may keep it: the client's key was
    /// not in `Authorization`, by which caches know.
    pub private: bool,
    /// The client offers the gate's own subprotocol, which is chosen if the origin chooses none.
    pub own_protocol: bool,
    /// The answer's body may be cut off later: it goes on as it came, in its own encoding.
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
    /// The edits: a name and a value in a line each. A field with an empty value is to be taken out,
    /// the others are to be set.
    #[must_use]
    pub fn edits(&self, assertion: Option<&str>) -> String {
        let client = self.client.as_ref();
        Edits {
            taken: self.taken,
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

    /// The refusal if not all of `scopes` are granted; without a key none is.
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

/// What the edits of a request are made of.
pub(crate) struct Edits<'a> {
    pub(crate) taken: Taken,
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
        self.taken.headers().for_each(&mut remove);
        hop_by_hop.for_each(remove);
        let mut set = |name: &str, value: &str| lines.extend([name, "\n", value, "\n"]);
        if let Some(Client { address, host, scheme }) = self.client {
            if let Some(address) = address {
                let mut text = String::new();
                // Writing to a text can't fail.
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
