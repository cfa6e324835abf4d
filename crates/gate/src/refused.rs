//! A request that does not go to the origin, and why.

use portcullis_core::list::{ListError, ListVersion};
use portcullis_core::policy::{Denial, NoPolicy};
use portcullis_core::time::Time;
use portcullis_core::token::Name;
use portcullis_core::verify::Refusal;

use crate::caller::Caller;
use crate::credential::CredentialError;
use crate::rate::Allowance;
use crate::refresh_schedule::{RefreshSchedule, Standing};
use crate::request::Malformed;

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
        let list_version = caller.list_version();
        let list = ListSeen {
            number: list_version.number,
            age_millis: list_version.age_millis(now),
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
    /// The request has no normal form.
    Malformed(Malformed),
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
    /// The policy has networks, and nothing says where the client's address is read.
    AddressUnknown,
    /// The policy's rate class is none of this gate's.
    UnknownRateClass,
    /// The key has made too many requests.
    RateLimited(Rate),
}

impl Reason {
    /// A stable code for logs.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Credential(error) => error.code(),
            Self::Malformed(malformed) => malformed.code(),
            Self::NoRoute => "no_route",
            Self::Key(refusal) => refusal.code(),
            Self::Stale => "list_stale",
            Self::Policy(missing) => missing.code(),
            Self::PolicyRequired => "policy_required",
            Self::Denied(denial) => denial.code(),
            Self::AddressUnknown => "address_unknown",
            Self::UnknownRateClass => "rate_class_unknown",
            Self::RateLimited(_) => "rate_limited",
        }
    }
}

impl From<Refusal> for Reason {
    fn from(refusal: Refusal) -> Self {
        Self::Key(refusal)
    }
}

impl From<Malformed> for Reason {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
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
    pub(crate) fn new(
        list_version: ListVersion,
        refresh_schedule: &RefreshSchedule,
        now: Time,
    ) -> Self {
        let standing = refresh_schedule.standing(list_version, now);
        Self { number: list_version.number, age_millis: list_version.age_millis(now), standing }
    }
}
