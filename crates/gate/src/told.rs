//! What the origin was told of callers a moment ago, so that a key that comes again costs no
//! second writing of it.
//!
//! No verdict is kept here: a key is judged by everything each time, and what it was found to be
//! then leads to the text.

use std::rc::Rc;

use portcullis_core::crypto::IssuerId;
use portcullis_core::token::{Claims, Name};
use portcullis_core::verify::Accepted;

use crate::credential::Taken;

/// So many texts are kept, of some 400 bytes each.
pub const PLACES: usize = 1024;

/// What changes in the headers of a request that passes, as one text of lines, names and values by
/// turns: a header with an empty value is to be taken out, the others are to be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Onward {
    pub(crate) lines: String,
    pub(crate) name: Name,
    pub(crate) place: usize,
}

impl Onward {
    /// The lines; the last one ends like the others.
    #[must_use]
    pub fn lines(&self) -> &str {
        &self.lines
    }

    /// Where this text is kept, below [`PLACES`]: for whoever keeps it in another form as well.
    #[must_use]
    pub const fn place(&self) -> usize {
        self.place
    }

    fn changes(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut lines = self.lines.lines();
        core::iter::from_fn(move || Some((lines.next()?, lines.next()?)))
    }

    /// The names of the headers to take out.
    pub fn taken(&self) -> impl Iterator<Item = &str> {
        self.changes().filter(|(_, value)| value.is_empty()).map(|(name, _)| name)
    }

    /// Names and values of the headers to set.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        self.changes().filter(|(_, value)| !value.is_empty())
    }
}

/// All that such a text is made of. A list's number stands for the policies that it leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    issuer: IssuerId,
    claims: Claims,
    list: (u32, u64),
    taken: Taken,
    assertion: Option<Rc<str>>,
}

impl Known {
    pub(crate) fn new(accepted: &Accepted, taken: Taken, assertion: Option<Rc<str>>) -> Self {
        let list = accepted.list();
        Self {
            issuer: accepted.issuer(),
            claims: *accepted.claims(),
            list: (list.epoch, list.number),
            taken,
            assertion,
        }
    }

    pub(crate) const fn taken(&self) -> Taken {
        self.taken
    }

    pub(crate) fn assertion(&self) -> Option<&str> {
        self.assertion.as_deref()
    }

    /// Serials are handed out in a random order.
    pub(crate) fn place(&self) -> usize {
        usize::try_from(self.claims.serial.get() % PLACES as u64).unwrap_or(0)
    }
}

/// The newest texts: each key has one place.
#[derive(Debug, Default)]
pub(crate) struct Told {
    places: Vec<Option<(Known, Rc<Onward>)>>,
}

impl Told {
    pub(crate) fn find(&self, known: &Known) -> Option<Rc<Onward>> {
        let held = self.places.get(known.place()).and_then(Option::as_ref);
        held.filter(|(held, _)| held == known).map(|(_, text)| Rc::clone(text))
    }

    pub(crate) fn keep(&mut self, known: Known, text: Rc<Onward>) {
        if self.places.is_empty() {
            self.places.resize(PLACES, None);
        }
        if let Some(place) = self.places.get_mut(known.place()) {
            *place = Some((known, text));
        }
    }
}
