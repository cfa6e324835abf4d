//! Who is calling: a key that was accepted, and what its policy grants.

use portcullis_core::list::ListVersion;
use portcullis_core::policy::{Policy, is_scope, scope};
use portcullis_core::token::{Claims, Environment, Kind, Name};
use portcullis_core::verify::Accepted;

use crate::identity::{Form, Identity};
use crate::refresh_schedule::Standing;

/// An accepted key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    name: Name,
    /// What the origin is told.
    pub identity: Identity,
    scopes: Vec<String>,
    sales_channels: Vec<String>,
    claims: Claims,
    list: ListVersion,
    standing: Standing,
}

impl Caller {
    /// The holder of an accepted key with this policy, judged by a list of this standing.
    #[must_use]
    pub fn new(form: Form, accepted: &Accepted, policy: &Policy<'_>, standing: Standing) -> Self {
        Self {
            name: accepted.name(),
            identity: Identity::new(form, accepted, policy, standing),
            scopes: policy.scopes().map(str::to_owned).collect(),
            sales_channels: policy.sales_channels().map(str::to_owned).collect(),
            claims: *accepted.claims(),
            list: accepted.list(),
            standing,
        }
    }

    /// The key's public name, `apk_…`: for logs and support, and to tell one key from another.
    #[must_use]
    pub const fn name(&self) -> Name {
        self.name
    }

    /// Secret or publishable. Whoever looks at a page has its publishable key.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.claims.kind
    }

    /// Live or test.
    #[must_use]
    pub const fn environment(&self) -> Environment {
        self.claims.environment
    }

    /// The number of the key's owner (tenant), where it has one.
    #[must_use]
    pub const fn owner(&self) -> Option<u32> {
        not_0(self.claims.owner)
    }

    /// The number of the key's policy, where it has one.
    #[must_use]
    pub const fn policy(&self) -> Option<u32> {
        not_0(self.claims.policy)
    }

    /// All that the key says.
    #[must_use]
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// What the policy grants, as it is written there: `orders:*` may be among them, so whether a
    /// scope is granted is for [`may`](Self::may) to say.
    pub fn scopes(&self) -> impl Iterator<Item = &str> {
        self.scopes.iter().map(String::as_str)
    }

    /// Whether the policy grants this scope. What is no scope, one with a `*` in it too, is granted
    /// to nobody.
    #[must_use]
    pub fn may(&self, scope: &str) -> bool {
        is_scope(scope) && self.scopes().any(|it| scope::covers(it.as_bytes(), scope.as_bytes()))
    }

    /// The sales channels that the policy grants.
    pub fn sales_channels(&self) -> impl Iterator<Item = &str> {
        self.sales_channels.iter().map(String::as_str)
    }

    /// The number of the list that the key was judged by.
    #[must_use]
    pub const fn list(&self) -> u64 {
        self.list.number
    }

    /// Whether that list was fresh.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        self.standing
    }

    /// The list itself.
    pub(crate) const fn list_version(&self) -> ListVersion {
        self.list
    }
}

/// 0 is no owner and no policy.
const fn not_0(number: u32) -> Option<u32> {
    if number == 0 { None } else { Some(number) }
}
