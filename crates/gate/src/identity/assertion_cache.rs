//! A cache of assertions, so that a key's next request costs no second signature. See
//! `docs/assertion.md`.

use std::rc::Rc;

use portcullis_core::assertion::{Assertion, UnsignedAssertion};
use portcullis_core::crypto::IssuerId;
use portcullis_core::policy::{Policy, Texts};
use portcullis_core::time::Time;
use portcullis_core::token::Claims;
use portcullis_core::verify::Accepted;

use crate::refresh::schedule::Freshness;

/// Lifetime of an assertion, in seconds.
const LIFETIME_SECS: u32 = 60;
/// How long a cached one is reused: less than its lifetime, because the origin's clock may differ
/// and a request takes time.
const REUSED_SECS: u32 = 30;
/// Entries in the cache, of some 400 bytes each.
const SLOTS: usize = 1024;

/// The cache key of an assertion: the key's claims in effect and the list. Its epoch and number stand
/// for its head, as no verifier takes two heads under one number: so they fix the policy too. The
/// serial alone is not enough: after a restored backup an issuer may assign it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AssertionKey {
    issuer: IssuerId,
    claims: Claims,
    list: (u32, u64),
    freshness: Freshness,
    issued_at: u32,
}

/// The assertion for a request.
#[derive(Clone, Debug)]
pub enum AssertionText {
    /// It is cached.
    Signed(Rc<str>),
    /// It has to be signed; then [keep](AssertionCache::keep) it.
    Unsigned(AssertionKey, UnsignedAssertion),
}

/// The newest assertions: a direct-mapped cache, one slot for each key.
#[derive(Debug, Default)]
pub struct AssertionCache {
    slots: Vec<Option<(AssertionKey, Rc<str>)>>,
}

impl AssertionCache {
    /// The assertion for an accepted key. `None` if it would exceed the maximal length: the origin
    /// then gets none.
    pub fn find(
        &self,
        (kid, audience): (u16, &str),
        accepted: &Accepted,
        (policy, freshness): (&Policy<'_>, Freshness),
        now: Time,
    ) -> Option<AssertionText> {
        let claims = accepted.claims();
        let list = accepted.list();
        let known = AssertionKey {
            issuer: accepted.issuer(),
            claims: *claims,
            list: (list.epoch, list.number),
            freshness,
            issued_at: now.secs(),
        };
        // Reuse the cached assertion if it is the same apart from its time, and young enough.
        let cached = self.slots.get(known.slot()).and_then(Option::as_ref);
        if let Some((_, text)) = cached.filter(|(held, _)| held.can_reuse(&known)) {
            return Some(AssertionText::Signed(Rc::clone(text)));
        }
        let assertion = Assertion {
            issuer: accepted.issuer(),
            list: list.number,
            issued_at: known.issued_at,
            expires_at: known.issued_at.saturating_add(LIFETIME_SECS),
            kind: claims.kind,
            environment: claims.environment,
            name: accepted.name(),
            owner: claims.owner,
            policy: claims.policy,
            fresh: freshness == Freshness::Fresh,
            audience,
            scopes: &joined(policy.scopes(), " "),
            sales_channels: &joined(policy.sales_channels(), ","),
        };
        Some(AssertionText::Unsigned(known, assertion.unsigned(kid).ok()?))
    }

    /// Caches a signed assertion.
    pub fn keep(&mut self, known: AssertionKey, text: Rc<str>) {
        if self.slots.is_empty() {
            self.slots.resize(SLOTS, None);
        }
        if let Some(slot) = self.slots.get_mut(known.slot()) {
            *slot = Some((known, text));
        }
    }
}

impl AssertionKey {
    /// Whether the assertion cached under `self` may be used for `other` now.
    fn can_reuse(&self, other: &Self) -> bool {
        let age = other.issued_at.checked_sub(self.issued_at);
        let same = Self { issued_at: self.issued_at, ..*other } == *self;
        same && matches!(age, Some(0..REUSED_SECS))
    }

    /// The slot. Serials are assigned in a random order, so they spread evenly.
    fn slot(&self) -> usize {
        usize::try_from(self.claims.serial.get() % SLOTS as u64).unwrap_or(0)
    }
}

fn joined(texts: Texts<'_>, between: &str) -> String {
    texts.collect::<Vec<_>>().join(between)
}
