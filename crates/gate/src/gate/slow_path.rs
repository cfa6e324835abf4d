//! Deciding on a request that may wait, fetch, need a signature, or be refused.

use std::rc::Rc;

use portcullis_core::policy::{Denial, Policy};
use portcullis_core::time::Time;
use portcullis_core::token::Name;

use crate::forward::{Flags, Forward};
use crate::gate::{Gate, RESERVED};
use crate::identity::caller::Caller;
use crate::pipeline::{Cleared, ClearedKey, Evaluation, Need, Stop};
use crate::refresh::policy_fetches::PolicyJob;
use crate::refresh::schedule::{Job, RefreshSchedule};
use crate::request::Request;
use crate::request::client::Client;
use crate::request::handshake::Handshake;
use crate::request::malformed::MalformedRequest;
use crate::request_state::{Next, RequestState, ReservedPage, Step};
use crate::response::headers::debug;
use crate::response::refused::{ListSeen, Rate, Reason, Refused};
use crate::settings::Settings;

/// Needs that consecutive evaluations may meet before the request sleeps: a list, a reason to
/// refresh, a policy, and a list that expires meanwhile.
const MAX_NEEDS: usize = 8;

/// The background work that a request starts.
#[derive(Debug, Default)]
pub(crate) struct BackgroundWork {
    pub(crate) refresh: Option<Job>,
    pub(crate) policy: Option<PolicyJob>,
}

impl Gate {
    /// Decides on a request at `now`. The host carries out the step, and calls again after a sleep
    /// or once it has verified a signature.
    #[must_use]
    pub fn next_step(
        &mut self,
        request: &Result<Request<'_>, MalformedRequest>,
        state: &mut RequestState,
        now: Time,
    ) -> Step {
        let mut background = BackgroundWork::default();
        let next = self.next(request, (state, now), &mut background);
        let (mut report, mut canaries) = (None, None);
        match &next {
            Next::Sleep(_) | Next::Verify(_) | Next::Reserved(_) => {}
            Next::Forward(forward) => {
                self.count_forwarded(forward.caller.as_ref().map(Caller::name), now);
                report = self.telemetry.usage_mut().report(now);
                canaries = self.telemetry.canaries_mut().report(now);
            }
            Next::Refuse(refused) => {
                self.telemetry.count_refused(refused.reason.code());
                canaries = self.telemetry.canaries_mut().report(now);
            }
        }
        let BackgroundWork { refresh, policy } = background;
        Step { refresh, policy, report, canaries, next }
    }

    fn next(
        &mut self,
        request: &Result<Request<'_>, MalformedRequest>,
        (state, now): (&mut RequestState, Time),
        background: &mut BackgroundWork,
    ) -> Next {
        let request = match request {
            Ok(request) => request,
            Err(malformed) => {
                return Next::Refuse(self.refused(None, (*malformed).into(), None, now));
            }
        };
        // A wait that isn't over needs no evaluation.
        if let Some(pause) = self.still_waiting(state, now) {
            return Next::Sleep(pause);
        }
        // Each turn handles one need. The next evaluation doesn't meet it again: either the request
        // sleeps for it, or the wait is over.
        for _ in 0..MAX_NEEDS {
            state.arrived.get_or_insert(now);
            let mut evaluation = Evaluation::new(state, now);
            evaluation.seeks_canaries = true;
            let outcome = self.outcome(request, &mut evaluation);
            let Evaluation { refresh, verified, canary, .. } = evaluation;
            if let Some(canary) = canary {
                self.telemetry.canaries_mut().count(canary, request.client.address, now);
            }
            if let Some(signature) = verified {
                self.caches.signatures.insert(*signature);
            }
            if refresh && background.refresh.is_none() {
                background.refresh = Some(self.schedule.start(self.held(now).ok(), None, now));
            }
            let need = match outcome {
                Ok(next) => return next,
                Err(Stop::Refuse(reason, name)) => {
                    return Next::Refuse(self.refused(Some(request), reason, name, now));
                }
                Err(Stop::Need(need)) => need,
            };
            match need {
                Need::Signature(signature) => return Next::Verify(*signature),
                Need::List { held, at_most, refresh } => {
                    self.wait_for_list((held, at_most, refresh), (state, now), background);
                }
                Need::Refresh(reason) => {
                    self.wait_for_refresh(reason, (state, now), background);
                }
                Need::Policy { kind, sought } => {
                    self.wait_for_policy((kind, sought), (state, now), background);
                }
            }
            if let Some(pause) = self.still_waiting(state, now) {
                return Next::Sleep(pause);
            }
        }
        Next::Sleep(1)
    }

    /// Serves the gate's own pages, and evaluates every other request.
    fn outcome(
        &mut self,
        request: &Request<'_>,
        evaluation: &mut Evaluation<'_>,
    ) -> Result<Next, Stop> {
        let Some(page) = request.path.strip_prefix(RESERVED) else {
            let now = evaluation.now;
            let cleared = self.pipeline().evaluate(request, evaluation)?;
            let forward = Self::forward(&self.settings, &self.schedule, cleared, request, now);
            return self.counted(forward, now).map(|forward| Next::Forward(Box::new(forward)));
        };
        let page = match page {
            // A health check starts a refresh, so that a gate without traffic gets ready.
            "health" => {
                self.pipeline().await_fresher_list(self.held(evaluation.now).ok(), evaluation)?;
                ReservedPage::Health { ready: self.held(evaluation.now).is_ok() }
            }
            "status" => {
                self.pipeline().evaluate_admin(request, evaluation)?;
                ReservedPage::Status
            }
            _ => ReservedPage::Nothing,
        };
        Ok(Next::Reserved(page))
    }

    /// Turns a cleared request into a `Forward`. The second value is the key's serial, if this
    /// isolate counts its requests.
    fn forward(
        settings: &Settings,
        refresh_schedule: &RefreshSchedule,
        cleared: Cleared<'_>,
        request: &Request<'_>,
        now: Time,
    ) -> (Forward, Option<u64>) {
        let Cleared { route, removed_keys, query, key } = cleared;
        let handshake = request.handshake;
        let Client { address, host, scheme } = request.client;
        // What every request has.
        let mut forward = Forward {
            caller: None,
            method: request.method.to_owned(),
            target: request.target(query.as_deref()).into_owned(),
            assertion: None,
            rate: None,
            max_connection_age: route.max_connection_age,
            debug: None,
            flags: Flags {
                uncached: false,
                private: false,
                own_protocol: handshake.is_some_and(Handshake::offers_own),
                may_be_cut: route.max_connection_age.is_some(),
            },
            removed_keys,
            hop_by_hop: request.hop_by_hop.iter().map(|name| name.to_ascii_lowercase()).collect(),
            client: Some((address, host.to_owned(), scheme.to_owned())),
            protocols: handshake.map(Handshake::for_origin),
        };
        let Some(key) = key else { return (forward, None) };
        let ClearedKey { accepted, freshness, policy, class, assertion, in_authorization } = key;
        // What a key adds: identity, assertion, caching and rate.
        let asks = settings.debug || (request.debug && may_debug(&policy));
        let seen = asks.then(|| ListSeen::new(accepted.list(), refresh_schedule, now));
        forward.debug = seen.map(|seen| debug("accepted", Some(accepted.name()), Some(seen)));
        forward.caller = Some(Caller::new(settings.identity, &accepted, &policy, freshness));
        forward.assertion = assertion;
        forward.flags.uncached = !route.shared_cache;
        forward.flags.private = !route.shared_cache && !in_authorization;
        forward.rate = class.map(|(class, _)| Rate { class, allowance: None });
        let counts_here = class.is_some_and(|(_, class)| class.binding.is_none());
        (forward, counts_here.then(|| accepted.serial().get()))
    }

    /// Counts a request if this isolate limits its key. Last, so that a refused request is not
    /// counted.
    fn counted(
        &mut self,
        (mut forward, serial): (Forward, Option<u64>),
        now: Time,
    ) -> Result<Forward, Stop> {
        let settings = Rc::clone(&self.settings);
        if let (Some(serial), Some(rate)) = (serial, &mut forward.rate)
            && let Some(class) = settings.rates.get(rate.class)
        {
            let allowance = self.limiter.take(serial, rate.class, class, now);
            rate.allowance = Some(allowance);
            if !allowance.allowed {
                let name = forward.caller.as_ref().map(Caller::name);
                return Err(Stop::Refuse(Reason::RateLimited(*rate), name));
            }
        }
        Ok(forward)
    }

    fn refused(
        &self,
        request: Option<&Request<'_>>,
        reason: Reason,
        name: Option<Name>,
        now: Time,
    ) -> Refused {
        let list = self.list_seen(now);
        let seconds = self.schedule.pause_left(now).div_ceil(1000).max(1);
        let retry_after = u32::try_from(seconds).unwrap_or(u32::MAX);
        // Only a lack of scopes is answered with the route's scopes.
        let needed = || {
            let request = request?;
            let route = self.settings.routes.find(request.method, request.path).ok()?;
            Some(route.scopes.join(" "))
        };
        let lacks_scope = reason == Reason::Denied(Denial::Scope);
        let scopes = if lacks_scope { needed() } else { None };
        Refused { reason, name, list, retry_after, scopes }
    }
}

/// Whether the holder of a key may see what the gate found about it. The scope has to be granted by
/// its name: `*` doesn't include it.
fn may_debug(policy: &Policy<'_>) -> bool {
    policy.scopes().any(|grant| grant == "portcullis:debug")
}
