//! Edits of requests that were forwarded a moment ago, so that a key that comes again costs no
//! second writing of them.
//!
//! No verdict is kept here: a key is verified each time, and what it was found to be then leads to
//! the text.

use core::net::IpAddr;
use std::rc::Rc;

use portcullis_core::crypto::IssuerId;
use portcullis_core::token::{Claims, Name};
use portcullis_core::verify::Accepted;

use crate::credential::Taken;
use crate::forward::Flags;
use crate::request::client::Client;

/// So many texts are kept, of some 600 bytes each.
pub const PLACES: usize = 1024;

/// What changes between a client's request and the origin's, as one text of lines, names and values
/// by turns: a field with an empty value is to be taken out, the others are to be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CachedEdits {
    pub(crate) lines: String,
    pub(crate) flags: Flags,
    pub(crate) name: Name,
    pub(crate) place: usize,
}

impl CachedEdits {
    /// The lines; the last one ends like the others.
    #[must_use]
    pub fn lines(&self) -> &str {
        &self.lines
    }

    /// What the host has to know besides.
    #[must_use]
    pub const fn flags(&self) -> Flags {
        self.flags
    }

    /// Where this text is kept, below [`PLACES`]: for a host that keeps it in another form as well.
    #[must_use]
    pub const fn place(&self) -> usize {
        self.place
    }
}

/// All that such a text is made of. A list's number stands for the policies that it leads to.
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

/// What a text is looked for by, borrowed.
pub(crate) struct Wanted<'a> {
    pub(crate) accepted: &'a Accepted,
    pub(crate) taken: Taken,
    pub(crate) flags: Flags,
    pub(crate) client: Client<'a>,
    pub(crate) assertion: Option<&'a Rc<str>>,
}

impl Wanted<'_> {
    /// Serials are handed out in a random order. A publishable key is used from many addresses.
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

/// The newest texts: each key has a place for each address.
#[derive(Debug, Default)]
pub(crate) struct HeaderCache {
    places: Vec<Option<(Known, Rc<CachedEdits>)>>,
}

impl HeaderCache {
    pub(crate) fn find(&self, wanted: &Wanted<'_>) -> Option<Rc<CachedEdits>> {
        let held = self.places.get(wanted.place()).and_then(Option::as_ref);
        held.filter(|(known, _)| wanted.is(known)).map(|(_, text)| Rc::clone(text))
    }

    /// Keeps a text in its place.
    pub(crate) fn keep(&mut self, known: Known, text: Rc<CachedEdits>) {
        if self.places.is_empty() {
            self.places.resize(PLACES, None);
        }
        if let Some(place) = self.places.get_mut(text.place) {
            *place = Some((known, text));
        }
    }
}
