//! One request's way through the gate: what it waits for, and what comes of it.

use portcullis_core::list::{ListError, Mark};
use portcullis_core::policy::{Denial, NoPolicy};
use portcullis_core::time::Time;
use portcullis_core::token::Name;
use portcullis_core::verify::Refusal;

use crate::assertions::Asserted;
use crate::caller::Caller;
use crate::credential::{CredentialError, Taken};
use crate::pace::{Job, Pace, Standing};
use crate::policies::{PolicyFiles, PolicyJob};
use crate::rate::Allowance;
use crate::usage::Report;

/// Between two looks at what is waited for, in milliseconds.
const SHORTEST_SLEEP: u64 = 2;

/// What a request has waited for so far.
#[derive(Debug, Default)]
pub struct Turn {
    pub(crate) arrived: Option<Time>,
    pub(crate) wait: Option<Wait>,
    pub(crate) for_list: Option<ListWait>,
    pub(crate) doubt_until: Option<Time>,
    pub(crate) asked: bool,
}

/// A wait for a list, and whether it began with none that may be judged by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ListWait {
    pub(crate) wait: Wait,
    pub(crate) cold: bool,
}

/// A wait for the end of a fetch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wait {
    pub(crate) since: Time,
    pub(crate) until: Time,
    pub(crate) end: End,
}

/// What ends a wait early: that another fetch than so many has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Refresh(u64),
    Policy(u64),
}

impl Wait {
    /// Whether time is up, or the fetch has ended. A clock that was set back ends a wait too.
    pub(crate) fn is_over(&self, pace: &Pace, policies: &PolicyFiles, now: Time) -> bool {
        let ended = match self.end {
            End::Refresh(seen) => pace.ended() != seen,
            End::Policy(seen) => policies.ended() != seen,
        };
        ended || now < self.since || now >= self.until
    }

    /// How long to sleep before looking again: it is all that a waiter costs.
    pub(crate) fn pause(&self, now: Time) -> u64 {
        let pause = (now.millis_since(self.since) / 4).clamp(SHORTEST_SLEEP, 25);
        pause.min(self.until.millis_since(now)).max(1)
    }
}

impl Turn {
    /// A request that has just arrived.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

/// What a request does next.
#[derive(Debug)]
pub struct Judged {
    /// A refresh that this request is to send out, behind itself.
    pub refresh: Option<Job>,
    /// A fetch of a policy that it is to send out, behind itself.
    pub policy: Option<PolicyJob>,
    /// A report of uses that it is to send, behind itself.
    pub report: Option<Report>,
    /// Its own way.
    pub next: Next,
}

/// A request's own way.
#[derive(Debug)]
pub enum Next {
    /// To sleep for so many milliseconds, then to be judged again.
    Sleep(u64),
    /// It goes to the origin.
    Pass(Passage),
    /// It is refused, or can't be judged.
    Refuse(Refused),
    /// The gate's own answer, at its reserved path.
    Own(Page),
}

/// What the gate answers at its reserved path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// Whether keys can be judged.
    Health {
        /// They can: a list is in force.
        ready: bool,
    },
    /// What an operator wants to know: [`Gate::status`](crate::gate::Gate::status).
    Status,
    /// There is nothing.
    Nothing,
}

/// A request that goes to the origin.
#[derive(Clone, Debug)]
pub struct Passage {
    /// Who is calling, but for open routes and preflights.
    pub caller: Option<Caller>,
    /// Which places held keys that must not go on.
    pub taken: Taken,
    /// The query without the parameter that held a key.
    pub query: Option<String>,
    /// What tells the origin the same, signed, where the gate has a key for that.
    pub assertion: Option<Asserted>,
    /// What counts the key's requests.
    pub rate: Option<Rate>,
    /// After how many seconds a connection that is still open is ended.
    pub max_connection_age: Option<u32>,
    /// What was found of the key, for the caller, where that is asked for and allowed.
    pub debug: Option<String>,
}

impl Passage {
    /// A request that needs no key. None is looked for, and none taken out.
    pub(crate) const fn anonymous(max_connection_age: Option<u32>) -> Self {
        let taken =
            Taken { authorization: false, x_api_key: false, publishable_key: false, query: false };
        Self {
            caller: None,
            taken,
            query: None,
            assertion: None,
            rate: None,
            max_connection_age,
            debug: None,
        }
    }

    /// The refusal where not all of `scopes` are granted; without a key none is.
    #[must_use]
    pub fn lacks(&self, scopes: &[&str], now: Time) -> Option<Refused> {
        match &self.caller {
            Some(caller) => Refused::lacking(caller, scopes, now),
            None => Some(Refused {
                reason: Reason::Credential(CredentialError::Missing),
                name: None,
                list: None,
                retry_after: 1,
                scopes: None,
            }),
        }
    }
}

/// A key's rate class, by its place in the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Its place.
    pub class: usize,
    /// What is left, where this isolate counts; else a binding has to be asked.
    pub allowance: Option<Allowance>,
}

/// A request that does not go to the origin, as the log tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The precise reason.
    pub reason: Reason,
    /// The key's public name, where it is authentic.
    pub name: Option<Name>,
    /// The list that is held.
    pub list: Option<ListSeen>,
    /// When to come back if the gate is what lacks something, in seconds.
    pub retry_after: u32,
    /// The scopes that the route needs, where one is missing.
    pub scopes: Option<String>,
}

impl Refused {
    /// The refusal of a caller that lacks one of `scopes`; `None` where all of them are granted.
    pub(crate) fn lacking(caller: &Caller, scopes: &[&str], now: Time) -> Option<Self> {
        let mark = caller.mark();
        let list = ListSeen {
            number: mark.number,
            age_millis: mark.age_millis(now),
            standing: caller.standing(),
        };
        scopes.iter().any(|scope| !caller.may(scope)).then(|| Self {
            reason: Reason::Denied(Denial::Scope),
            name: Some(caller.name()),
            list: Some(list),
            retry_after: 1,
            scopes: Some(scopes.join(" ")),
        })
    }
}

/// Why a request does not go to the origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No key could be read.
    Credential(CredentialError),
    /// No route has this method and path.
    NoRoute,
    /// The key is refused, or there is no list to judge it by.
    Key(Refusal),
    /// The route takes no verdict by a list that is not fresh.
    Stale,
    /// There is no policy to hold the request against.
    Policy(NoPolicy),
    /// The key has none, and this gate asks for one.
    PolicyRequired,
    /// The policy does not allow the request.
    Denied(Denial),
    /// The key has made too many requests.
    RateLimited(Rate),
}

impl Reason {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Credential(error) => error.code(),
            Self::NoRoute => "no_route",
            Self::Key(refusal) => refusal.code(),
            Self::Stale => "list_stale",
            Self::Policy(missing) => missing.code(),
            Self::PolicyRequired => "policy_required",
            Self::Denied(denial) => denial.code(),
            Self::RateLimited(_) => "rate_limited",
        }
    }
}

impl From<Refusal> for Reason {
    fn from(refusal: Refusal) -> Self {
        Self::Key(refusal)
    }
}

impl From<ListError> for Reason {
    fn from(error: ListError) -> Self {
        Self::Key(error.into())
    }
}

/// A list, as the log tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListSeen {
    /// Its number.
    pub number: u64,
    /// How old its knowledge is.
    pub age_millis: u64,
    /// Whether that is fresh.
    pub standing: Standing,
}

impl ListSeen {
    pub(crate) fn new(mark: Mark, pace: &Pace, now: Time) -> Self {
        let standing = pace.standing(mark, now);
        Self { number: mark.number, age_millis: mark.age_millis(now), standing }
    }
}
