//! The decision on a request, in one function for both paths.
//!
//! [`Pipeline::evaluate`] changes nothing. It clears the request, refuses it, or returns what it
//! needs first. The fast path forwards a cleared request and leaves everything else to the slow
//! path, which meets the need and evaluates again: see `gate::fast_path` and `gate::slow_path`.
//!
//! ```text
//! route, credential, parse, authenticate, current, accept, policy, rate class
//! ```
//!
//! The pipeline borrows what it reads and doesn't know the gate, so that a host which holds the
//! trust state as a shared snapshot can run the same decision.

mod authenticate;

use core::num::NonZeroU32;

use portcullis_core::assignment::NoAssignment;
use portcullis_core::keyring::Purpose;
use portcullis_core::list::{ListError, ListVersion};
use portcullis_core::policy::{Denial, NoPolicy, Policy, RequestFacts, decide};
use portcullis_core::signature_cache::{PendingSignature, SignatureCache, VerifiedSignature};
use portcullis_core::time::Time;
use portcullis_core::token::{Kind, Name};
use portcullis_core::verify::{Accepted, Canary, Refusal, Requirements, Unverified};

use crate::identity::assertion_cache::{AssertionCache, AssertionText};
use crate::refresh::policy_fetches::Sought;
use crate::refresh::schedule::{Freshness, ListStep, RefreshReason, RefreshSchedule};
use crate::request::credential::{Credential, RemovedKeys};
use crate::request::keys::holds_key;
use crate::request::malformed::MalformedRequest;
use crate::request::{Request, query};
use crate::request_state::RequestState;
use crate::response::refused::Reason;
use crate::settings::Settings;
use crate::settings::rates::RateClass;
use crate::settings::routes::{Kinds, NoRoute, Places, Route};
use crate::trust_state::{PolicyUnknown, TrustState};

/// The inputs of an evaluation, and its side results.
pub(crate) struct Evaluation<'r> {
    pub(crate) now: Time,
    pub(crate) state: &'r RequestState,
    /// Start a background refresh, whatever the decision.
    pub(crate) refresh: bool,
    /// A signature that was verified here, for the signature cache.
    pub(crate) verified: Option<Box<VerifiedSignature>>,
    /// Whether a key that is refused for its tag may be a canary. Not on the fast path, which
    /// refuses nothing: the slow path would look a second time.
    pub(crate) seeks_canaries: bool,
    /// The canary that was refused.
    pub(crate) canary: Option<Canary>,
}

impl<'r> Evaluation<'r> {
    pub(crate) const fn new(state: &'r RequestState, now: Time) -> Self {
        Self { now, state, refresh: false, verified: None, seeks_canaries: false, canary: None }
    }
}

/// A request that may go to the origin.
pub(crate) struct Cleared<'g> {
    pub(crate) route: &'g Route,
    /// The places that hold keys, which the gate removes.
    pub(crate) removed_keys: RemovedKeys,
    /// The query without keys, if it held any.
    pub(crate) query: Option<String>,
    /// The key, unless the route needs none.
    pub(crate) key: Option<ClearedKey<'g>>,
}

/// The key of a request that may go to the origin.
pub(crate) struct ClearedKey<'g> {
    pub(crate) accepted: Accepted,
    pub(crate) freshness: Freshness,
    pub(crate) policy: Policy<'g>,
    /// The rate class. The request isn't counted yet.
    pub(crate) class: Option<(usize, &'g RateClass)>,
    pub(crate) assertion: Option<AssertionText>,
    pub(crate) in_authorization: bool,
}

/// Why an evaluation ends without clearing the request.
pub(crate) enum Stop {
    /// Refused. The name is that of an authentic key.
    Refuse(Reason, Option<Name>),
    /// The decision needs something first.
    Need(Need),
}

/// What the gate needs before it decides on a request.
pub(crate) enum Need {
    /// A fresher list, or the first one.
    List { held: Option<ListVersion>, at_most: u64, refresh: bool },
    /// An extra refresh, which may change the verdict on this key.
    Refresh(RefreshReason),
    /// A policy or an assignment that is not held.
    Policy { kind: Kind, sought: Sought },
    /// The verification of a signature.
    Signature(Box<PendingSignature>),
}

impl Stop {
    const fn refuse(reason: Reason) -> Self {
        Self::Refuse(reason, None)
    }

    const fn because(refusal: Refusal) -> Self {
        Self::Refuse(Reason::Key(refusal), None)
    }
}

/// What a decision reads, borrowed from its owner.
#[derive(Clone, Copy)]
pub(crate) struct Pipeline<'g> {
    pub(crate) settings: &'g Settings,
    pub(crate) trust: &'g TrustState,
    pub(crate) schedule: &'g RefreshSchedule,
    pub(crate) signatures: &'g SignatureCache,
    pub(crate) assertions: &'g AssertionCache,
}

impl<'g> Pipeline<'g> {
    /// Decides on a request for the origin.
    pub(crate) fn evaluate(
        &self,
        request: &Request<'_>,
        evaluation: &mut Evaluation<'_>,
    ) -> Result<Cleared<'g>, Stop> {
        let settings = self.settings;
        let find = |method| settings.routes.find(method, request.path);
        // A preflight carries no key, and belongs to the route of the method that it asks about.
        if let Some(Ok(route)) = request.preflight().map(find)
            && route.preflight
        {
            return Ok(self.without_key(route, request));
        }
        let route = find(request.method).map_err(|no_route| Stop::refuse(no_route.into()))?;
        if route.open {
            return Ok(self.without_key(route, request));
        }
        // Find the key and verify it.
        let credential = Credential::read(request, &route.places, route.kinds)
            .map_err(|error| Stop::refuse(Reason::Credential(error)))?;
        let requirements = Requirements {
            purpose: Purpose::Token,
            kind: route.kinds.only(),
            environment: Some(route.environment),
        };
        let (accepted, freshness) = self.verify(credential.token(), requirements, evaluation)?;
        let stop = |reason| Stop::Refuse(reason, Some(accepted.name()));
        if route.strict && freshness == Freshness::Stale {
            return Err(stop(Reason::Stale));
        }
        // Check its policy and rate class.
        let policy = self.policy(&accepted, evaluation)?;
        authorize(&policy, route, request).map_err(stop)?;
        let class = match settings.rates.find(policy.rate_class()) {
            Ok(class) => class,
            Err(_) if settings.allows_unknown_class => None,
            Err(_) => return Err(stop(Reason::UnknownRateClass)),
        };
        // List what to remove: the presented keys, and keys in places that the route doesn't read.
        let removed_keys = credential.removed_keys(route.keep_credential, request);
        let elsewhere = RemovedKeys::found_in(request, credential.presented());
        let assertion = self.assertion(&accepted, (&policy, freshness), evaluation.now);
        let in_authorization = credential.is_in_authorization();
        Ok(Cleared {
            route,
            removed_keys: removed_keys.and(elsewhere),
            query: self.query_without_keys(request, &route.places, removed_keys.query),
            key: Some(ClearedKey {
                accepted,
                freshness,
                policy,
                class,
                assertion,
                in_authorization,
            }),
        })
    }

    /// Decides on a request for a page of the gate that needs an admin key.
    pub(crate) fn evaluate_admin(
        &self,
        request: &Request<'_>,
        evaluation: &mut Evaluation<'_>,
    ) -> Result<(), Stop> {
        let (places, kinds) = (Places::HEADERS, Kinds { secret: true, publishable: false });
        let credential = Credential::read(request, &places, kinds)
            .map_err(|error| Stop::refuse(Reason::Credential(error)))?;
        let requirements = Requirements { purpose: Purpose::Admin, kind: None, environment: None };
        self.verify(credential.token(), requirements, evaluation).map(|_| ())
    }

    /// Clears a request that needs no key. Keys that it carries are removed all the same.
    fn without_key(&self, route: &'g Route, request: &Request<'_>) -> Cleared<'g> {
        Cleared {
            route,
            removed_keys: RemovedKeys::found_in(request, RemovedKeys::default()),
            query: self.query_without_keys(request, &Places::NONE, false),
            key: None,
        }
    }

    /// The query without keys; `None` if it holds none. Removes the parameter that the route reads
    /// if `removed_keys`, and this system's keys from the parameters of other routes.
    fn query_without_keys(
        &self,
        request: &Request<'_>,
        places: &Places,
        removed_keys: bool,
    ) -> Option<String> {
        if request.query.is_empty() {
            return None;
        }
        let mut left: Option<String> = None;
        // On its own route the parameter is a credential, and is removed as the route says. On
        // other routes it is data, unless its value is a key of this system.
        for name in self.settings.routes.key_parameters() {
            let is_routes = places.query.as_deref() == Some(name);
            let query = left.as_deref().unwrap_or(&request.query);
            let without = query::without(query, name, |value| {
                if is_routes { removed_keys } else { holds_key(&query::value(value)) }
            });
            if without != query {
                left = Some(without);
            }
        }
        left
    }

    /// Verifies a key. A key that can be refused without a list is refused before any wait, so that
    /// only an authentic key makes the gate fetch or wait.
    fn verify(
        &self,
        token: &str,
        requirements: Requirements,
        evaluation: &mut Evaluation<'_>,
    ) -> Result<(Accepted, Freshness), Stop> {
        let now = evaluation.now;
        let held = self.trust.list_in_force(now).ok();
        let unverified = Unverified::parse(token).map_err(|error| Stop::because(error.into()))?;
        let Some(verifier) = self.trust.verifier() else {
            // Without a keyring nothing can be verified.
            self.await_fresher_list(held, evaluation)?;
            return Err(Stop::because(ListError::Missing.into()));
        };
        let keyring = verifier.keyring();
        // Authenticate, and refuse an admin key in another key's place.
        let authentic =
            self.authenticate(&unverified, keyring, requirements.purpose, evaluation)?;
        let name = authentic.namer();
        // Check the key against the list and the requirements.
        let verdict = match &verifier.list_at(now) {
            Ok(in_force) => {
                let in_force = in_force.with_files(self.trust.policies());
                authentic.current(&in_force).and_then(|current| current.accept(&requirements))
            }
            Err(error) => Err((*error).into()),
        };
        // Wait for a fresher list before the verdict is used: neither an accept nor a refusal by a
        // stale list may be returned while a wait is due. `list_at` above enforces the other bound:
        // past its next update, a list accepts nothing.
        self.await_fresher_list(held, evaluation)?;
        match verdict {
            Ok(accepted) => {
                let freshness = self.schedule.freshness(accepted.list(), now);
                Ok((accepted, freshness))
            }
            // If the file of the key's assignment isn't held, wait for its fetch. Once that wait is
            // over, refuse: what the token says is not used in its place.
            Err(Refusal::Assignment(NoAssignment::Unavailable(missed)))
                if !evaluation.state.policy_is_over(self.schedule, now) =>
            {
                let sought = Sought::Assignment(missed.serial);
                Err(Stop::Need(Need::Policy { kind: missed.kind, sought }))
            }
            Err(refusal) => {
                self.refresh_for(RefreshReason::of(refusal), evaluation)?;
                Err(Stop::Refuse(refusal.into(), Some(name())))
            }
        }
    }

    /// The policy of an accepted key.
    fn policy(&self, accepted: &Accepted, evaluation: &Evaluation<'_>) -> Result<Policy<'g>, Stop> {
        let claims = accepted.claims();
        let stop = |reason| Stop::Refuse(reason, Some(accepted.name()));
        if claims.policy.is_none() && self.settings.require_policy {
            return Err(stop(Reason::PolicyRequired));
        }
        // If the policy's file isn't held, wait for its fetch. Once that wait is over, refuse.
        let (kind, number) = (claims.kind, claims.policy.map_or(0, NonZeroU32::get));
        match self.trust.policy(kind, number) {
            Ok(policy) => Ok(policy),
            Err(PolicyUnknown::NoList) => Err(stop(ListError::Missing.into())),
            Err(PolicyUnknown::Policy(NoPolicy::Unavailable(_)))
                if !evaluation.state.policy_is_over(self.schedule, evaluation.now) =>
            {
                Err(Stop::Need(Need::Policy { kind, sought: Sought::Policy(number) }))
            }
            Err(PolicyUnknown::Policy(missing)) => Err(stop(Reason::Policy(missing))),
        }
    }

    /// The signed statement of the caller for the origin. `None` unless the keyring lists the
    /// gate's assertion key.
    fn assertion(
        &self,
        accepted: &Accepted,
        verdict: (&Policy<'_>, Freshness),
        now: Time,
    ) -> Option<AssertionText> {
        let (kid, _) = self.settings.secrets.as_ref()?.assertion()?;
        let entry = self.trust.verifier()?.keyring().entry(kid)?;
        let may_sign = entry.purpose == Purpose::Assertion && entry.counts_at(now);
        let signer = (kid, self.settings.origin.authority());
        self.assertions.find(signer, accepted, verdict, now).filter(|_| may_sign)
    }

    /// Stops if the request has to wait for a fresher list. `Ok` if the held list decides, or its
    /// absence: the wait is over, or none is needed. A list past its next update isn't refused here
    /// but by `Verifier::list_at`.
    pub(crate) fn await_fresher_list(
        &self,
        held: Option<ListVersion>,
        evaluation: &mut Evaluation<'_>,
    ) -> Result<(), Stop> {
        match self.schedule.list_step(held, evaluation.now) {
            ListStep::Go { refresh, .. } => {
                evaluation.refresh |= refresh;
                Ok(())
            }
            ListStep::Wait { at_most, refresh } => {
                let state = evaluation.state;
                if state.list_is_over(held.is_none(), self.schedule, evaluation.now) {
                    Ok(())
                } else {
                    Err(Stop::Need(Need::List { held, at_most, refresh }))
                }
            }
            ListStep::Closed => Ok(()),
        }
    }

    /// Requests one refresh if that may change the verdict on this key. `Ok` if it can't, or
    /// didn't.
    fn refresh_for(
        &self,
        reason: Option<RefreshReason>,
        evaluation: &Evaluation<'_>,
    ) -> Result<(), Stop> {
        let Some(reason) = reason else { return Ok(()) };
        let now = evaluation.now;
        let may = self.schedule.may_refresh_for(reason, now) || self.schedule.is_in_flight(now);
        if evaluation.state.retry_is_over(now) || !may {
            Ok(())
        } else {
            Err(Stop::Need(Need::Refresh(reason)))
        }
    }
}

/// Checks a request against a policy with the scopes that its route needs. If the route reads sales
/// channels from the query, checks each of them.
fn authorize(policy: &Policy<'_>, route: &Route, request: &Request<'_>) -> Result<(), Reason> {
    let scopes: Vec<&str> = route.scopes.iter().map(String::as_str).collect();
    let address = request.client.address;
    let mut facts = RequestFacts {
        address,
        origin: request.origin,
        method: request.method,
        path: request.path,
        scopes: &scopes,
        sales_channel: None,
    };
    // An unknown address is an error of the gate's settings, not of the client.
    let denied = |denial| {
        let unknown = denial == Denial::Address && address.is_none();
        if unknown { Reason::AddressUnknown } else { Reason::Denied(denial) }
    };
    // Check everything but the sales channel, then every channel that the query names.
    decide(policy, &facts).map_err(denied)?;
    let Some(parameter) = &route.sales_channel else { return Ok(()) };
    for channel in query::values(&request.query, parameter)? {
        facts.sales_channel = Some(channel);
        decide(policy, &facts).map_err(denied)?;
    }
    Ok(())
}

impl From<NoRoute> for Reason {
    fn from(no_route: NoRoute) -> Self {
        match no_route {
            NoRoute::Unknown => Self::NoRoute,
            NoRoute::Ambiguous => Self::Malformed(MalformedRequest::AmbiguousPath),
        }
    }
}
