//! The path of nearly every request: a valid key, decided on from the gate's memory. It is one
//! synchronous call from plain JavaScript, because an asynchronous handler costs more than the
//! verification.
//!
//! `Pipeline::evaluate` decides, as on the slow path. Whatever needs more (a wait, a fetch, a
//! signature, the platform's rate limiter, a debug header) falls through to the slow path. So the
//! fast path refuses nothing. All that it changes are the counts of forwarded requests, the gate's
//! own rate limits, and cached headers.

use std::rc::Rc;

use portcullis_core::time::Time;

use crate::forward::{Edits, Flags};
use crate::gate::{Gate, RESERVED};
use crate::header_cache::{CachedEdits, Lookup};
use crate::identity::assertion_cache::AssertionText;
use crate::identity::headers::Identity;
use crate::pipeline::{Cleared, ClearedKey, Evaluation};
use crate::refresh::schedule::Freshness;
use crate::request::Request;
use crate::request_state::RequestState;
use crate::response::headers::rate_headers;
use crate::response::refused::Rate;
use crate::settings::Settings;

/// A request that is forwarded at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FastForward {
    /// What changes between the client's request and the origin's.
    pub edits: Rc<CachedEdits>,
    /// The allowance after this request, if this isolate limits the key.
    pub rate: Option<Rate>,
}

impl FastForward {
    /// The rate-limit headers for the origin's answer, as names and values. Empty if nothing limits
    /// the key.
    #[must_use]
    pub fn rate_headers(&self, settings: &Settings) -> Vec<(&'static str, String)> {
        let limit = self.rate.and_then(|rate| Some((settings.rates.get(rate.class)?, rate)));
        limit.map_or_else(Vec::new, |(class, rate)| rate_headers(class, rate.allowance, true))
    }
}

impl Gate {
    /// Forwards a request at once, if it needs no wait, fetch, platform limiter, signature or debug
    /// header. `None` decides nothing about the request: call [`next_step`](Self::next_step).
    #[must_use]
    pub fn try_forward(&mut self, request: &Request<'_>, now: Time) -> Option<FastForward> {
        let settings = Rc::clone(&self.settings);
        let is_plain = !request.debug
            && !settings.debug
            && request.handshake.is_none()
            && request.hop_by_hop.is_empty()
            && !request.path.starts_with(RESERVED);
        // A request that carries a report of uses is the slow path's.
        if !is_plain || self.telemetry.usage().is_due(now) {
            return None;
        }
        if self.telemetry.canaries().is_due(now) {
            return None;
        }
        // The request has waited for nothing, so an evaluation that needs anything ends here.
        let state = RequestState::new();
        let mut evaluation = Evaluation::new(&state, now);
        // Destructured by reference: a `Cleared` is some hundred bytes.
        let outcome = self.pipeline().evaluate(request, &mut evaluation);
        let Ok(Cleared { route, removed_keys, query, key: Some(key) }) = &outcome else {
            return None;
        };
        let ClearedKey { accepted, freshness, policy, class, assertion, in_authorization } = key;
        // What differs between requests of one key can't be cached with the key's edits.
        let target_changes = query.is_some() || request.is_reencoded();
        if evaluation.refresh || target_changes || route.max_connection_age.is_some() {
            return None;
        }
        // Signing an assertion is asynchronous; the cache holds it for the next request.
        let assertion = match assertion {
            Some(AssertionText::Unsigned(..)) => return None,
            Some(AssertionText::Signed(text)) => Some(text),
            None => None,
        };
        // The platform's own limiter needs an `await`. A stale verdict is left to the slow path.
        if class.is_some_and(|(_, class)| class.binding.is_some()) || *freshness != Freshness::Fresh
        {
            return None;
        }
        let flags = Flags {
            uncached: !route.shared_cache,
            private: !route.shared_cache && !in_authorization,
            own_protocol: false,
            may_be_cut: false,
        };
        let client = request.client;
        let lookup = Lookup { accepted, removed_keys: *removed_keys, flags, client, assertion };
        let class = class.map(|(class, _)| class);
        let serial = accepted.serial().get();
        // Reuse the edits of the last such request, or write them.
        let found = self.caches.headers.find(&lookup);
        let mut new = None;
        let edits = found.unwrap_or_else(|| {
            let identity = Identity::new(settings.identity, accepted, policy, *freshness);
            let edits = Edits {
                removed_keys: *removed_keys,
                client: Some(client),
                identity: identity.lines(),
                assertion: assertion.map(|text| &**text),
                uncached: flags.uncached,
            };
            new = Some(lookup.owned());
            let lines = edits.lines(core::iter::empty(), None);
            Rc::new(CachedEdits { lines, flags, name: accepted.name(), slot: lookup.slot() })
        });
        // Take from the rate limiter last, so that a request that falls through to the slow path is
        // not counted twice.
        let rate = match class.and_then(|class| Some((class, settings.rates.get(class)?))) {
            None => None,
            Some((class, setting)) => {
                let allowance = self.limiter.take(serial, class, setting, now);
                if !allowance.allowed {
                    return None;
                }
                Some(Rate { class, allowance: Some(allowance) })
            }
        };
        if let Some(key) = new {
            self.caches.headers.keep(key, Rc::clone(&edits));
        }
        self.count_forwarded(Some(edits.name), now);
        Some(FastForward { edits, rate })
    }
}
