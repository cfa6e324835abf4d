//! The caller: an accepted key, and what its policy grants.

use core::num::NonZeroU32;

use portcullis_core::list::ListVersion;
use portcullis_core::policy::{Policy, grant_covers, is_scope};
use portcullis_core::token::{Claims, Environment, Kind, Name};
use portcullis_core::verify::Accepted;

use crate::identity::headers::{Form, Identity};
use crate::refresh::schedule::Freshness;

/// An accepted key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    name: Name,
    /// The identity headers for the origin.
    pub identity: Identity,
    scopes: Vec<String>,
    sales_channels: Vec<String>,
    claims: Claims,
    list: ListVersion,
    freshness: Freshness,
}

impl Caller {
    /// The holder of an accepted key with this policy, verified against a list of this freshness.
    #[must_use]
    pub fn new(form: Form, accepted: &Accepted, policy: &Policy<'_>, freshness: Freshness) -> Self {
        Self {
            name: accepted.name(),
            identity: Identity::new(form, accepted, policy, freshness),
            scopes: policy.scopes().map(str::to_owned).collect(),
            sales_channels: policy.sales_channels().map(str::to_owned).collect(),
            claims: *accepted.claims(),
            list: accepted.list(),
            freshness,
        }
    }

    /// The key's public name, `apk_…`: for logs and support, and to distinguish keys.
    #[must_use]
    pub const fn name(&self) -> Name {
        self.name
    }

    /// Secret or publishable. A publishable key is public: every visitor of a page has it.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.claims.kind
    }

    /// Live or test.
    #[must_use]
    pub const fn environment(&self) -> Environment {
        self.claims.environment
    }

    /// The number of the key's owner (tenant), if any.
    #[must_use]
    pub const fn owner(&self) -> Option<u32> {
        number(self.claims.owner)
    }

    /// The number of the key's policy, if any.
    #[must_use]
    pub const fn policy(&self) -> Option<u32> {
        number(self.claims.policy)
    }

    /// All claims of the key.
    #[must_use]
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The scopes as the policy writes them. Patterns such as `orders:*` are among them, so use
    /// [`may`](Self::may) to check a scope.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scopes.iter().map(String::as_str)
    }

    /// Whether the policy grants this scope. `false` for a text that isn't a scope, such as one
    /// with a `*`.
    #[must_use]
    pub fn may(&self, scope: &str) -> bool {
        is_scope(scope) && self.scopes().any(|it| grant_covers(it, scope))
    }

    /// The sales channels that the policy grants.
    pub fn sales_channels(&self) -> impl Iterator<Item = &str> {
        self.sales_channels.iter().map(String::as_str)
    }

    /// The number of the list that the key was verified against.
    #[must_use]
    pub const fn list(&self) -> u64 {
        self.list.number
    }

    /// Whether that list was fresh.
    #[must_use]
    pub const fn freshness(&self) -> Freshness {
        self.freshness
    }

    /// The version of that list.
    pub(crate) const fn list_version(&self) -> ListVersion {
        self.list
    }
}

const fn number(number: Option<NonZeroU32>) -> Option<u32> {
    match number {
        Some(number) => Some(number.get()),
        None => None,
    }
}
