//! The way of nearly every request: a key that is good, by what is held. One synchronous call from
//! plain JavaScript, because an asynchronous handler costs more than the verdict does.
//!
//! What is decided here is decided by the same parts as in [`Gate::judge`], in its order; whatever
//! needs more than a look (a wait, a fetch, a count, a signature, a word to the client) is left to
//! it. So nothing is refused here, and no state is changed but the count of what passed.

use std::rc::Rc;

use portcullis_core::keyring::Purpose;
use portcullis_core::list::List;
use portcullis_core::memo::SignatureToCheck;
use portcullis_core::policy::{Policy, RequestFacts, decide};
use portcullis_core::replica::Replica;
use portcullis_core::time::Time;
use portcullis_core::verify::{Accepted, Demand, Unverified};

use crate::assertions::Asserted;
use crate::credential::Credential;
use crate::gate::{Gate, RESERVED};
use crate::identity::{Form, Identity};
use crate::pace::{Standing, Step};
use crate::request::Incoming;
use crate::told::{Known, Onward};

/// The header in which an origin finds the assertion.
pub const ASSERTION: &str = "portcullis-assertion";

impl Gate {
    /// Lets a request pass at once, where nothing is to be waited for, fetched, counted by the
    /// platform, signed or told. `None` says nothing of the request: [`judge`](Self::judge) does.
    #[must_use]
    pub fn glance(&mut self, request: &Incoming<'_>, now: Time) -> Option<Rc<Onward>> {
        let settings = Rc::clone(&self.settings);
        let asks = request.debug || settings.debug || request.preflight_for.is_some();
        if asks || request.path.starts_with(RESERVED) {
            return None;
        }
        let route = settings.routes.find(request.method, request.path)?;
        let places = &route.places;
        let needs_more = route.max_connection_age.is_some() || route.sales_channel.is_some();
        if route.open || needs_more || places.query.is_some() {
            return None;
        }
        let mark = self.held(now).ok()?;
        let go = Step::Go { standing: Standing::Fresh, refresh: false };
        if self.pace.look(Some(mark), now) != go || self.has_report(now) {
            return None;
        }
        let credential = Credential::read(request, places, route.kinds).ok()?;
        let demand = Demand {
            purpose: Purpose::Token,
            kind: route.kinds.only(),
            environment: Some(route.environment),
        };
        let replica = self.replica.as_ref()?;
        let unverified = Unverified::parse(credential.token()).ok()?;
        let known = unverified.authenticate_known(&self.memo, replica.keyring(), demand.purpose)?;
        let fresh = replica.at(now).ok()?;
        let accepted = known.current(&fresh).ok()?.accept(&demand).ok()?;
        let claims = accepted.claims();
        if claims.policy == 0 && settings.require_policy {
            return None;
        }
        let head = replica.list().map(List::head)?;
        let policy = self.policies.find(head, claims.kind, claims.policy).ok()?;
        let scopes: Vec<&str> = route.scopes.iter().map(String::as_str).collect();
        let facts = RequestFacts {
            address: request.address,
            origin: request.origin,
            method: request.method,
            path: request.path,
            scopes: &scopes,
            sales_channel: None,
        };
        decide(&policy, &facts).ok()?;
        if settings.rates.find(policy.rate_class()).is_some() {
            return None;
        }
        let assertion = match self.assertion(&accepted, (&policy, Standing::Fresh), now) {
            Some(Asserted::Unsigned(..)) => return None,
            Some(Asserted::Signed(text)) => Some(text),
            None => None,
        };
        let taken = credential.taken(route.keep_credential);
        let known = Known::new(&accepted, taken, assertion);
        let onward = match self.told.find(&known) {
            Some(onward) => onward,
            None => {
                let form = settings.identity;
                let onward = Rc::new(onward(form, &accepted, &policy, &known));
                self.told.keep(known, Rc::clone(&onward));
                onward
            }
        };
        self.count_passed(onward.name, now);
        Some(onward)
    }

    /// The signature that this request's key needs to have verified, for which the runtime's own
    /// Ed25519 is quicker than ours. It may be [remembered](Self::remember) if it is good.
    #[must_use]
    pub fn signature_to_check(&self, request: &Incoming<'_>) -> Option<SignatureToCheck> {
        let route = self.settings.routes.find(request.method, request.path)?;
        let credential = Credential::read(request, &route.places, route.kinds).ok()?;
        let unverified = Unverified::parse(credential.token()).ok()?;
        let keyring = self.replica.as_ref().map(Replica::keyring)?;
        unverified.signature_to_check(keyring, Purpose::Token, &self.memo).ok()?
    }

    /// Keeps a signature that the runtime has found to be good.
    pub fn remember(&mut self, signature: SignatureToCheck) {
        self.memo.insert(signature);
    }
}

fn onward(form: Form, accepted: &Accepted, policy: &Policy<'_>, known: &Known) -> Onward {
    let identity = Identity::new(form, accepted, policy, Standing::Fresh);
    let mut lines = String::with_capacity(640);
    for name in known.taken().headers() {
        lines.extend([name, "\n\n"]);
    }
    lines.push_str(identity.lines());
    if let Some(text) = known.assertion() {
        lines.extend([ASSERTION, "\n", text, "\n"]);
    }
    Onward { lines, name: accepted.name(), place: known.place() }
}
