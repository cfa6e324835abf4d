//! A cache of the edits of forwarded requests, so that they are not built again for a key's next
//! request.
//!
//! The cache holds no verdict: the key is verified each time, and the result is the cache key.

use core::net::IpAddr;
use std::rc::Rc;

use portcullis_core::crypto::IssuerId;
use portcullis_core::token::{Claims, Name};
use portcullis_core::verify::Accepted;

use crate::forward::Flags;
use crate::request::client::Client;
use crate::request::credential::RemovedKeys;

/// Entries in the cache, of some 600 bytes each.
pub const SLOTS: usize = 1024;

/// The edits between a client's request and the origin's, as one text. Names and values alternate,
/// one per line. An empty value removes the field, any other value sets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedEdits {
    pub(crate) lines: String,
    pub(crate) flags: Flags,
    pub(crate) name: Name,
    pub(crate) slot: usize,
}

impl CachedEdits {
    /// The text. Its last line ends with a line feed too.
    #[must_use]
    pub fn lines(&self) -> &str {
        &self.lines
    }

    /// What else the host needs to know.
    #[must_use]
    pub const fn flags(&self) -> Flags {
        self.flags
    }

    /// The slot of this text, below [`SLOTS`]: for a host that caches it in another form as well.
    #[must_use]
    pub const fn slot(&self) -> usize {
        self.slot
    }
}

/// The cache key: everything that the text depends on. The claims are those in effect. Epoch and number
/// of the list stand for its head, as no verifier takes two heads under one number: so they fix its
/// policies and assignments too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CacheKey {
    issuer: IssuerId,
    claims: Claims,
    list: (u32, u64),
    removed_keys: RemovedKeys,
    flags: Flags,
    address: Option<IpAddr>,
    host: Box<str>,
    scheme: Box<str>,
    assertion: Option<Rc<str>>,
}

/// The borrowed form of the cache key.
pub(crate) struct Lookup<'a> {
    pub(crate) accepted: &'a Accepted,
    pub(crate) removed_keys: RemovedKeys,
    pub(crate) flags: Flags,
    pub(crate) client: Client<'a>,
    pub(crate) assertion: Option<&'a Rc<str>>,
}

impl Lookup<'_> {
    /// The slot. Serials are random, so they spread evenly. The address is hashed in because many
    /// clients use the same publishable key.
    pub(crate) fn slot(&self) -> usize {
        let address = match self.client.address {
            Some(IpAddr::V4(address)) => u64::from(address.to_bits()),
            Some(IpAddr::V6(address)) => {
                let [high, low] = [address.to_bits() >> 64, address.to_bits()];
                u64::try_from((high ^ low) & u128::from(u64::MAX)).unwrap_or(0)
            }
            None => 0,
        };
        let spread = address.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let slot = self.accepted.serial().get().wrapping_add(spread) % SLOTS as u64;
        usize::try_from(slot).unwrap_or(0)
    }

    fn matches(&self, key: &CacheKey) -> bool {
        let list = self.accepted.list();
        key.claims == *self.accepted.claims()
            && key.list == (list.epoch, list.number)
            && key.issuer == self.accepted.issuer()
            && key.removed_keys == self.removed_keys
            && key.flags == self.flags
            && key.address == self.client.address
            && *key.host == *self.client.host
            && *key.scheme == *self.client.scheme
            && key.assertion.as_ref() == self.assertion
    }

    pub(crate) fn owned(&self) -> CacheKey {
        let list = self.accepted.list();
        CacheKey {
            issuer: self.accepted.issuer(),
            claims: *self.accepted.claims(),
            list: (list.epoch, list.number),
            removed_keys: self.removed_keys,
            flags: self.flags,
            address: self.client.address,
            host: self.client.host.into(),
            scheme: self.client.scheme.into(),
            assertion: self.assertion.cloned(),
        }
    }
}

/// The newest texts: a direct-mapped cache, one slot for each key and address.
#[derive(Debug, Default)]
pub(crate) struct HeaderCache {
    slots: Vec<Option<(CacheKey, Rc<CachedEdits>)>>,
}

impl HeaderCache {
    pub(crate) fn find(&self, lookup: &Lookup<'_>) -> Option<Rc<CachedEdits>> {
        let held = self.slots.get(lookup.slot()).and_then(Option::as_ref);
        held.filter(|(key, _)| lookup.matches(key)).map(|(_, text)| Rc::clone(text))
    }

    /// Stores a text in its slot.
    pub(crate) fn keep(&mut self, key: CacheKey, text: Rc<CachedEdits>) {
        if self.slots.is_empty() {
            self.slots.resize(SLOTS, None);
        }
        if let Some(slot) = self.slots.get_mut(text.slot) {
            *slot = Some((key, text));
        }
    }
}
