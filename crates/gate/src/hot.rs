//! The way of nearly every request: a key that is good, by what is held. One synchronous call from
//! plain JavaScript, because an asynchronous handler costs more than the verdict does.
//!
//! What is decided here is decided by the same parts as in [`Gate::judge`], in its order; whatever
//! needs more than a look (a wait, a fetch, a signature, the platform's rate limiter, a word about
//! the key) is left to it. So nothing is refused here, and no state is changed but the counts of
//! what passed.

use std::rc::Rc;

use portcullis_core::keyring::Purpose;
use portcullis_core::list::List;
use portcullis_core::memo::SignatureToCheck;
use portcullis_core::policy::Policy;
use portcullis_core::replica::Replica;
use portcullis_core::time::Time;
use portcullis_core::verify::{Accepted, Demand, Unverified};

use crate::answer::rate_headers;
use crate::assertions::Asserted;
use crate::credential::Credential;
use crate::gate::{Gate, RESERVED};
use crate::identity::{Form, Identity};
use crate::pace::{Standing, Step};
use crate::permit::permit;
use crate::request::Incoming;
use crate::settings::Settings;
use crate::told::{Known, Onward};
use crate::turn::Rate;

/// The header in which an origin finds the assertion.
pub const ASSERTION: &str = "portcullis-assertion";

/// What passed at a glance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// What changes in its headers.
    pub onward: Rc<Onward>,
    /// What has counted it, where its key is limited by this isolate.
    pub rate: Option<Rate>,
}

impl Passed {
    /// What the client is told with the origin's answer, names and values by turns; nothing where
    /// nothing limits its key.
    #[must_use]
    pub fn answered(&self, settings: &Settings) -> Vec<(&'static str, String)> {
        let limit = self.rate.and_then(|rate| Some((settings.rates.get(rate.class)?, rate)));
        limit.map_or_else(Vec::new, |(class, rate)| rate_headers(class, rate.allowance, true))
    }
}

impl Gate {
    /// Lets a request pass at once, where nothing is to be waited for, fetched, counted by the
    /// platform, signed or told of the key. `None` says nothing of the request: [`judge`](Self::judge) does.
    #[must_use]
    pub fn glance(&mut self, request: &Incoming<'_>, now: Time) -> Option<Passed> {
        let settings = Rc::clone(&self.settings);
        let asks = request.debug || settings.debug || request.preflight_for.is_some();
        if asks || request.path.starts_with(RESERVED) {
            return None;
        }
        let route = settings.routes.find(request.method, request.path)?;
        let places = &route.places;
        if route.open || route.max_connection_age.is_some() || places.query.is_some() {
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
        permit(&policy, route, request).ok()?;
        let class = settings.rates.find(policy.rate_class());
        if class.is_some_and(|(_, class)| class.binding.is_some()) {
            return None;
        }
        let assertion = match self.assertion(&accepted, (&policy, Standing::Fresh), now) {
            Some(Asserted::Unsigned(..)) => return None,
            Some(Asserted::Signed(text)) => Some(text),
            None => None,
        };
        // Nothing is spent by a request that is to be judged once more.
        let rate = match class {
            None => None,
            Some((class, setting)) => {
                let serial = accepted.serial().get();
                let allowance = self.limiter.take(serial, class, setting, now);
                if !allowance.allowed {
                    return None;
                }
                Some(Rate { class, allowance: Some(allowance) })
            }
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
        Some(Passed { onward, rate })
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
