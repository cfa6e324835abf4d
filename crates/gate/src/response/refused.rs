//! A request that does not go to the origin, and why.

use portcullis_core::list::{ListError, ListVersion};
use portcullis_core::policy::{Denial, NoPolicy};
use portcullis_core::time::Time;
use portcullis_core::token::Name;
use portcullis_core::verify::Refusal;

use crate::identity::caller::Caller;
use crate::limits::Allowance;
use crate::refresh::schedule::{Freshness, RefreshSchedule};
use crate::request::credential::CredentialError;
use crate::request::malformed::MalformedRequest;

/// A key's rate class, by its index in the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The index.
    pub class: usize,
    /// The allowance left, if this isolate counts. `None` if a binding counts.
    pub allowance: Option<Allowance>,
}

/// A request that is not forwarded, with the details for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The precise reason.
    pub reason: Reason,
    /// The key's public name, if the key is authentic.
    pub name: Option<Name>,
    /// The held list.
    pub list: Option<ListSeen>,
    /// When to retry if the gate lacks something, in seconds.
    pub retry_after: u32,
    /// The scopes that the route needs, if one is missing.
    pub scopes: Option<String>,
}

impl Refused {
    /// The refusal of a caller that lacks one of `scopes`; `None` if it has all of them.
    pub(crate) fn lacking(caller: &Caller, scopes: &[&str], now: Time) -> Option<Self> {
        let list_version = caller.list_version();
        let list = ListSeen {
            number: list_version.number,
            age_millis: list_version.age_millis(now),
            freshness: caller.freshness(),
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
    Malformed(MalformedRequest),
    /// No route has this method and path.
    NoRoute,
    /// The key is refused, or there is no list to verify it against.
    Key(Refusal),
    /// An admin key, proved to be one, was shown in the place of a key for the origin.
    AdminKey,
    /// The route is strict and the list is stale.
    Stale,
    /// The key's policy is missing or unavailable.
    Policy(NoPolicy),
    /// The key has no policy, and the settings require one.
    PolicyRequired,
    /// The policy does not allow the request.
    Denied(Denial),
    /// The policy restricts networks, and the client's address is unknown.
    AddressUnknown,
    /// The policy's rate class is not among the gate's.
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
            Self::AdminKey => "admin_key_shown",
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

impl From<MalformedRequest> for Reason {
    fn from(malformed: MalformedRequest) -> Self {
        Self::Malformed(malformed)
    }
}

impl From<ListError> for Reason {
    fn from(error: ListError) -> Self {
        Self::Key(error.into())
    }
}

/// A list, with the details for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListSeen {
    /// Its number.
    pub number: u64,
    /// Milliseconds since its `this_update`.
    pub age_millis: u64,
    /// Whether it is fresh.
    pub freshness: Freshness,
}

impl ListSeen {
    pub(crate) fn new(
        list_version: ListVersion,
        refresh_schedule: &RefreshSchedule,
        now: Time,
    ) -> Self {
        let freshness = refresh_schedule.freshness(list_version, now);
        Self { number: list_version.number, age_millis: list_version.age_millis(now), freshness }
    }
}
