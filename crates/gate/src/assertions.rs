//! A cache of assertions, so that a key's next request costs no second signature. See
//! `docs/assertion.md`.

use core::num::NonZeroU32;
use std::rc::Rc;

use portcullis_core::assertion::{Assertion, UnsignedAssertion};
use portcullis_core::crypto::IssuerId;
use portcullis_core::policy::{Policy, Texts};
use portcullis_core::time::Time;
use portcullis_core::token::Claims;
use portcullis_core::verify::Accepted;

use crate::refresh_schedule::Standing;

/// Lifetime of an assertion, in seconds.
const LIFETIME_SECS: u32 = 60;
/// How long a cached one is reused: less than its lifetime, because the origin's clock may differ
/// and a request takes time.
const REUSED_SECS: u32 = 30;
/// Entries in the cache, of some 400 bytes each.
const KEPT: usize = 1024;

/// The cache key of an assertion: the key's claims and the list, whose number also fixes the
/// policy. The serial alone is not enough: after a restored backup an issuer may assign it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    issuer: IssuerId,
    claims: Claims,
    list: (u32, u64),
    standing: Standing,
    issued_at: u32,
}

/// The assertion for a request.
#[derive(Clone, Debug)]
pub enum Asserted {
    /// It is cached.
    Signed(Rc<str>),
    /// It has to be signed; then [keep](Assertions::keep) it.
    Unsigned(Known, UnsignedAssertion),
}

/// The newest assertions: a direct-mapped cache, one slot for each key.
#[derive(Debug, Default)]
pub struct Assertions {
    places: Vec<Option<(Known, Rc<str>)>>,
}

impl Assertions {
    /// The assertion for an accepted key. `None` if it would exceed the maximal length: the origin
    /// then gets none.
    pub fn find(
        &self,
        (kid, audience): (u16, &str),
        accepted: &Accepted,
        (policy, standing): (&Policy<'_>, Standing),
        now: Time,
    ) -> Option<Asserted> {
        let claims = accepted.claims();
        let list = accepted.list();
        let known = Known {
            issuer: accepted.issuer(),
            claims: *claims,
            list: (list.epoch, list.number),
            standing,
            issued_at: now.secs(),
        };
        // Reuse the cached assertion if it is the same apart from its time, and young enough.
        let kept = self.places.get(known.place()).and_then(Option::as_ref);
        if let Some((_, text)) = kept.filter(|(held, _)| held.serves(&known)) {
            return Some(Asserted::Signed(Rc::clone(text)));
        }
        let assertion = Assertion {
            issuer: accepted.issuer(),
            list: list.number,
            issued_at: known.issued_at,
            expires_at: known.issued_at.saturating_add(LIFETIME_SECS),
            kind: claims.kind,
            environment: claims.environment,
            name: accepted.name(),
            owner: claims.owner.map_or(0, NonZeroU32::get),
            policy: claims.policy.map_or(0, NonZeroU32::get),
            fresh: standing == Standing::Fresh,
            audience,
            scopes: &joined(policy.scopes(), " "),
            sales_channels: &joined(policy.sales_channels(), ","),
        };
        Some(Asserted::Unsigned(known, assertion.unsigned(kid).ok()?))
    }

    /// Caches a signed assertion.
    pub fn keep(&mut self, known: Known, text: Rc<str>) {
        if self.places.is_empty() {
            self.places.resize(KEPT, None);
        }
        if let Some(place) = self.places.get_mut(known.place()) {
            *place = Some((known, text));
        }
    }
}

impl Known {
    /// Whether the assertion cached under `self` may be used for `asked` now.
    fn serves(&self, asked: &Self) -> bool {
        let age = asked.issued_at.checked_sub(self.issued_at);
        let same = Self { issued_at: self.issued_at, ..*asked } == *self;
        same && matches!(age, Some(0..REUSED_SECS))
    }

    /// The slot. Serials are assigned in a random order, so they spread evenly.
    fn place(&self) -> usize {
        usize::try_from(self.claims.serial.get() % KEPT as u64).unwrap_or(0)
    }
}

fn joined(texts: Texts<'_>, between: &str) -> String {
    texts.collect::<Vec<_>>().join(between)
}
