//! A cache of the edits of forwarded requests, so that they are not built again for a key's next
//! request.
//!
//! The cache holds no verdict: the key is verified each time, and the result is the cache key.

use core::net::IpAddr;
use std::rc::Rc;

use portcullis_core::crypto::IssuerId;
use portcullis_core::token::{Claims, Name};
use portcullis_core::verify::Accepted;

use crate::credential::Taken;
use crate::forward::Flags;
use crate::request::client::Client;

/// Entries in the cache, of some 600 bytes each.
pub const PLACES: usize = 1024;

/// The edits between a client's request and the origin's, as one text. Names and values alternate,
/// one per line. An empty value removes the field, any other value sets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedEdits {
    pub(crate) lines: String,
    pub(crate) flags: Flags,
    pub(crate) name: Name,
    pub(crate) place: usize,
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

    /// The slot of this text, below [`PLACES`]: for a host that caches it in another form as well.
    #[must_use]
    pub const fn place(&self) -> usize {
        self.place
    }
}

/// The cache key: everything that the text depends on. The list's number also fixes its policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    issuer: IssuerId,
    claims: Claims,
    list: (u32, u64),
    taken: Taken,
    flags: Flags,
    address: Option<IpAddr>,
    host: Box<str>,
    scheme: Box<str>,
    assertion: Option<Rc<str>>,
}

/// The borrowed form of the cache key.
pub(crate) struct Wanted<'a> {
    pub(crate) accepted: &'a Accepted,
    pub(crate) taken: Taken,
    pub(crate) flags: Flags,
    pub(crate) client: Client<'a>,
    pub(crate) assertion: Option<&'a Rc<str>>,
}

impl Wanted<'_> {
    /// The slot. Serials are random, so they spread evenly. The address is hashed in because many
    /// clients use the same publishable key.
    pub(crate) fn place(&self) -> usize {
        let address = match self.client.address {
            Some(IpAddr::V4(address)) => u64::from(address.to_bits()),
            Some(IpAddr::V6(address)) => {
                let [high, low] = [address.to_bits() >> 64, address.to_bits()];
                u64::try_from((high ^ low) & u128::from(u64::MAX)).unwrap_or(0)
            }
            None => 0,
        };
        let spread = address.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32;
        let place = self.accepted.serial().get().wrapping_add(spread) % PLACES as u64;
        usize::try_from(place).unwrap_or(0)
    }

    fn is(&self, known: &Known) -> bool {
        let list = self.accepted.list();
        known.claims == *self.accepted.claims()
            && known.list == (list.epoch, list.number)
            && known.issuer == self.accepted.issuer()
            && known.taken == self.taken
            && known.flags == self.flags
            && known.address == self.client.address
            && *known.host == *self.client.host
            && *known.scheme == *self.client.scheme
            && known.assertion.as_ref() == self.assertion
    }

    pub(crate) fn owned(&self) -> Known {
        let list = self.accepted.list();
        Known {
            issuer: self.accepted.issuer(),
            claims: *self.accepted.claims(),
            list: (list.epoch, list.number),
            taken: self.taken,
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
    places: Vec<Option<(Known, Rc<CachedEdits>)>>,
}

impl HeaderCache {
    pub(crate) fn find(&self, wanted: &Wanted<'_>) -> Option<Rc<CachedEdits>> {
        let held = self.places.get(wanted.place()).and_then(Option::as_ref);
        held.filter(|(known, _)| wanted.is(known)).map(|(_, text)| Rc::clone(text))
    }

    /// Stores a text in its slot.
    pub(crate) fn keep(&mut self, known: Known, text: Rc<CachedEdits>) {
        if self.places.is_empty() {
            self.places.resize(PLACES, None);
        }
        if let Some(place) = self.places.get_mut(text.place) {
            *place = Some((known, text));
        }
    }
}
