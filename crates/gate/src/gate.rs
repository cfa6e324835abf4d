//! The gate: what it holds, and how it judges one request.

use std::rc::Rc;

use portcullis_core::keyring::Purpose;
use portcullis_core::list::{List, ListError, Mark};
use portcullis_core::memo::Memo;
use portcullis_core::policy::{Denial, NoPolicy, Policy};
use portcullis_core::replica::Replica;
use portcullis_core::time::Time;
use portcullis_core::token::Name;
use portcullis_core::verify::{Accepted, Demand, Refusal, Unverified};

use crate::analytics::MOST_POINTS;
use crate::answer::debug;
use crate::assertions::{Asserted, Assertions};
use crate::caller::Caller;
use crate::counters::{Counters, SourceState};
use crate::credential::{Credential, Taken};
use crate::pace::{Doubt, Job, Pace, Span, Standing};
use crate::permit::permit;
use crate::policies::{PolicyFiles, PolicyJob};
use crate::rate::Limiter;
use crate::request::{Incoming, without_parameter};
use crate::settings::{Kinds, Places, RateClass, Route, Settings};
use crate::told::Told;
use crate::turn::{Judged, ListSeen, Next, Page, Passage, Rate, Reason, Refused, Turn};
use crate::usage::{BATCH, Usage};

/// Every path under this prefix is the gate's own and never reaches the origin.
pub const RESERVED: &str = "/.portcullis/";

/// Signatures that one isolate remembers to have checked: 150 kB of its 128 MB.
const REMEMBERED: usize = 1024;

/// What one isolate holds. It starts empty and therefore closed; so does it after a panic, because
/// the runtime then makes a new instance whose memory is blank.
#[derive(Debug)]
pub struct Gate {
    pub(crate) settings: Rc<Settings>,
    pub(crate) replica: Option<Replica>,
    pub(crate) memo: Memo,
    pub(crate) pace: Pace,
    pub(crate) policies: PolicyFiles,
    pub(crate) limiter: Limiter,
    pub(crate) assertions: Assertions,
    pub(crate) told: Told,
    pub(crate) usage: Usage,
    pub(crate) counters: Counters,
    pub(crate) sources: Vec<SourceState>,
    /// How long the operator need not be told again that no source is as quick as `fresh_for`.
    pub(crate) outpaced_told: Span,
    /// The stamp of the list that is held, as it was received.
    pub(crate) stamp: Vec<u8>,
}

/// What a judgement makes the request send out behind itself.
#[derive(Default)]
pub(crate) struct Errands {
    pub(crate) refresh: Option<Job>,
    pub(crate) policy: Option<PolicyJob>,
}

/// What a request is judged with: the route that it is on, and where it is in time.
pub(crate) struct Door<'r> {
    pub(crate) demand: Demand,
    pub(crate) now: Time,
    pub(crate) turn: &'r mut Turn,
    pub(crate) errands: Errands,
}

impl Gate {
    /// A gate that holds nothing yet.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            replica: None,
            memo: Memo::new(REMEMBERED),
            pace: Pace::new(settings.bounds),
            policies: PolicyFiles::new(),
            limiter: Limiter::default(),
            assertions: Assertions::default(),
            told: Told::default(),
            usage: Usage::new(if settings.analytics { MOST_POINTS } else { BATCH }),
            counters: Counters::default(),
            sources: settings.sources.iter().map(SourceState::new).collect(),
            outpaced_told: Span::NEVER,
            stamp: Vec::new(),
            settings: Rc::new(settings),
        }
    }

    /// Judges a request at `now`. The host does what the answer says and asks again after a sleep.
    #[must_use]
    pub fn judge(&mut self, request: &Incoming<'_>, turn: &mut Turn, now: Time) -> Judged {
        if let Some(pause) = self.still_waiting(turn, now) {
            return Judged { refresh: None, policy: None, report: None, next: Next::Sleep(pause) };
        }
        let demand = Demand { purpose: Purpose::Token, kind: None, environment: None };
        let mut door = Door { demand, now, turn, errands: Errands::default() };
        let outcome = if request.path.starts_with(RESERVED) {
            self.own(request, &mut door).map(Next::Own)
        } else {
            self.pass(request, &mut door).map(Next::Pass)
        };
        let Door { turn, errands: Errands { refresh, policy }, .. } = door;
        let next = match outcome {
            Ok(next) => next,
            Err(Stop::Wait) => Next::Sleep(self.still_waiting(turn, now).unwrap_or(1)),
            Err(Stop::Refuse(reason, name)) => {
                Next::Refuse(self.refused(request, reason, name, now))
            }
        };
        let mut report = None;
        match &next {
            Next::Sleep(_) | Next::Own(_) => {}
            Next::Pass(passage) => {
                match &passage.caller {
                    Some(caller) => self.count_passed(caller.name(), now),
                    None => self.counters.passed += 1,
                }
                report = self.usage.report(now);
            }
            Next::Refuse(refused) => self.counters.refused(refused.reason.code()),
        }
        Judged { refresh, policy, report, next }
    }

    fn pass(&mut self, request: &Incoming<'_>, door: &mut Door<'_>) -> Result<Passage, Stop> {
        let settings = Rc::clone(&self.settings);
        let route = |method| settings.routes.find(method, request.path);
        // By the method that is asked about: the preflight of a route is that route's.
        let preflight = request.preflight().and_then(route);
        if preflight.is_some_and(|route| route.preflight) {
            return Ok(Passage::anonymous(None));
        }
        let route = route(request.method).ok_or(Stop::Refuse(Reason::NoRoute, None))?;
        if route.open {
            return Ok(Passage::anonymous(route.max_connection_age));
        }
        let credential = Credential::read(request, &route.places, route.kinds)
            .map_err(|error| Stop::Refuse(Reason::Credential(error), None))?;
        door.demand.kind = route.kinds.only();
        door.demand.environment = Some(route.environment);
        let (accepted, standing) = self.decide(credential.token(), door)?;
        let name = accepted.name();
        if route.strict && standing == Standing::Stale {
            return Err(Stop::Refuse(Reason::Stale, Some(name)));
        }
        let caller = (accepted, standing, name);
        let mut passage = self.allow(&caller, (route, request), door)?;
        passage.taken = credential.taken(route.keep_credential);
        passage.query = route
            .places
            .query
            .as_deref()
            .filter(|_| passage.taken.query)
            .map(|name| without_parameter(request.query, name));
        Ok(passage)
    }

    /// The gate's own pages. Health is for anybody; the rest is for admin keys.
    fn own(&mut self, request: &Incoming<'_>, door: &mut Door<'_>) -> Result<Page, Stop> {
        let page = match request.path.strip_prefix(RESERVED).unwrap_or_default() {
            "health" => {
                // Whoever looks makes the gate fetch, so that a gate without traffic gets ready.
                match self.pace_list(self.held(door.now).ok(), door) {
                    Ok(()) => return Ok(Page::Health { ready: self.held(door.now).is_ok() }),
                    Err(stop) => return Err(stop),
                }
            }
            "status" => Page::Status,
            _ => return Ok(Page::Nothing),
        };
        let kinds = Kinds { secret: true, publishable: false };
        let credential = Credential::read(request, &Places::HEADERS, kinds)
            .map_err(|error| Stop::Refuse(Reason::Credential(error), None))?;
        door.demand.purpose = Purpose::Admin;
        self.decide(credential.token(), door).map(|_| page)
    }

    /// Judges a key. Keys that need no list to be refused are refused before any wait, so that only
    /// an authentic key makes the gate fetch, or wait, for its sake.
    fn decide(&mut self, token: &str, door: &mut Door<'_>) -> Result<(Accepted, Standing), Stop> {
        let now = door.now;
        let held = self.held(now);
        let unverified = Unverified::parse(token).map_err(|error| Stop::because(error.into()))?;
        let Some(replica) = &self.replica else {
            // Without a keyring nothing at all can be said of a key.
            self.pace_list(held.ok(), door)?;
            return Err(Stop::because(ListError::Missing.into()));
        };
        let purpose = door.demand.purpose;
        let authentic =
            match unverified.authenticate_with(&mut self.memo, replica.keyring(), purpose) {
                Ok(authentic) => authentic,
                Err(refusal) => {
                    self.settle(Doubt::of(refusal), door)?;
                    return Err(Stop::because(refusal));
                }
            };
        let name = authentic.name();
        let judged = match &replica.at(now) {
            Ok(fresh) => authentic.current(fresh).and_then(|current| current.accept(&door.demand)),
            Err(error) => Err((*error).into()),
        };
        // The bound comes first: a verdict by an old list is none, whichever way it went.
        self.pace_list(held.ok(), door)?;
        match judged {
            Ok(accepted) => {
                let standing = self.pace.standing(accepted.list(), now);
                Ok((accepted, standing))
            }
            Err(refusal) => {
                self.settle(Doubt::of(refusal), door)?;
                Err(Stop::Refuse(refusal.into(), Some(name)))
            }
        }
    }

    /// Holds the request of an accepted key against its policy.
    fn allow(
        &mut self,
        caller: &(Accepted, Standing, Name),
        (route, request): (&Route, &Incoming<'_>),
        door: &mut Door<'_>,
    ) -> Result<Passage, Stop> {
        let (accepted, standing, name) = caller;
        let claims = accepted.claims();
        let stop = |reason| Stop::Refuse(reason, Some(*name));
        if claims.policy == 0 && self.settings.require_policy {
            return Err(stop(Reason::PolicyRequired));
        }
        let list = self.replica.as_ref().and_then(Replica::list);
        let head = list.map(List::head).ok_or_else(|| stop(ListError::Missing.into()))?;
        let policy = match self.policies.find(head, claims.kind, claims.policy) {
            Ok(policy) => policy,
            Err(missing @ NoPolicy::Missing) => return Err(stop(Reason::Policy(missing))),
            Err(missing @ NoPolicy::Unavailable(_)) => {
                let (kind, number) = (claims.kind, claims.policy);
                self.await_policy((kind, number), door)?;
                return Err(stop(Reason::Policy(missing)));
            }
        };
        permit(&policy, route, request).map_err(|denial| stop(Reason::Denied(denial)))?;
        let rate = match self.settings.rates.find(policy.rate_class()) {
            None => None,
            Some((class, RateClass { binding: Some(_), .. })) => {
                Some(Rate { class, allowance: None })
            }
            Some((class, setting)) => {
                let serial = accepted.serial().get();
                let allowance = self.limiter.take(serial, class, setting, door.now);
                let rate = Rate { class, allowance: Some(allowance) };
                if !allowance.allowed {
                    return Err(stop(Reason::RateLimited(rate)));
                }
                Some(rate)
            }
        };
        let asks = self.settings.debug || (request.debug && may_debug(&policy));
        let seen = asks.then(|| ListSeen::new(accepted.list(), &self.pace, door.now));
        Ok(Passage {
            caller: Some(Caller::new(self.settings.identity, accepted, &policy, *standing)),
            taken: Taken::default(),
            query: None,
            assertion: self.assertion(accepted, (&policy, *standing), door.now),
            rate,
            max_connection_age: route.max_connection_age,
            debug: seen.map(|seen| debug("accepted", Some(*name), Some(seen))),
        })
    }

    /// What tells the origin who is calling, signed, where the keyring lists the gate's key for it.
    pub(crate) fn assertion(
        &self,
        accepted: &Accepted,
        said: (&Policy<'_>, Standing),
        now: Time,
    ) -> Option<Asserted> {
        let (kid, _) = self.settings.secrets.as_ref()?.assertion()?;
        let entry = self.replica.as_ref()?.keyring().entry(kid)?;
        let may_sign = entry.purpose == Purpose::Assertion && entry.counts_at(now);
        let signer = (kid, self.settings.origin.authority());
        self.assertions.find(signer, accepted, said, now).filter(|_| may_sign)
    }

    /// Counts a request that passes.
    pub(crate) fn count_passed(&mut self, name: Name, now: Time) {
        self.counters.passed += 1;
        if self.settings.report_usage || self.settings.analytics {
            self.usage.count(name, now);
        }
    }

    /// A request that was to pass, and that the platform's rate limiter then did not let through.
    /// Nothing for one that no limiter counts.
    pub fn limited(&mut self, passage: &Passage, now: Time) -> Option<Refused> {
        let reason = Reason::RateLimited(passage.rate?);
        self.counters.refused(reason.code());
        let name = passage.caller.as_ref().map(Caller::name);
        let list = self.list_seen(now);
        Some(Refused { reason, name, list, retry_after: 1, scopes: None })
    }

    /// Whether what was counted is due to be told, which takes more than a look.
    pub(crate) fn has_report(&self, now: Time) -> bool {
        self.usage.is_due(now)
    }

    /// The list that is held, whether or not it may still be judged by.
    pub(crate) fn list_seen(&self, now: Time) -> Option<ListSeen> {
        self.mark().map(|mark| ListSeen::new(mark, &self.pace, now))
    }

    pub(crate) fn held(&self, now: Time) -> Result<Mark, ListError> {
        let replica = self.replica.as_ref().ok_or(ListError::Missing)?;
        replica.at(now).map(|fresh| fresh.mark())
    }

    fn refused(
        &self,
        request: &Incoming<'_>,
        reason: Reason,
        name: Option<Name>,
        now: Time,
    ) -> Refused {
        let list = self.list_seen(now);
        let seconds = self.pace.pause_left(now).div_ceil(1000).max(1);
        let retry_after = u32::try_from(seconds).unwrap_or(u32::MAX);
        let needed = || {
            let route = self.settings.routes.find(request.method, request.path)?;
            Some(route.scopes.join(" "))
        };
        let lacks_scope = reason == Reason::Denied(Denial::Scope);
        let scopes = if lacks_scope { needed() } else { None };
        Refused { reason, name, list, retry_after, scopes }
    }
}

/// Why the path ends before acceptance.
pub(crate) enum Stop {
    Wait,
    Refuse(Reason, Option<Name>),
}

impl Stop {
    pub(crate) const fn because(refusal: Refusal) -> Self {
        Self::Refuse(Reason::Key(refusal), None)
    }
}

/// Whether the holder of a key may be told what was found of it. By name: a key that may do
/// everything has not asked for this.
fn may_debug(policy: &Policy<'_>) -> bool {
    policy.scopes().any(|grant| grant == "portcullis:debug")
}
