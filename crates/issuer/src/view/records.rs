//! Owners, policies, and revocations of many keys, in the form that HTTP and `--json` use.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema as _, ToSchema};

pub use super::bulk::BulkView;
use super::committed::{CommittedValue, CommittedView};
use crate::policy_rules::PolicyRules;
use crate::store::owners::Owner;
use crate::store::policies::{PolicyRecord, visibility_name};
use crate::time_format::Instant;

/// An owner.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OwnerView {
    /// What its keys carry.
    pub number: u32,
    /// What people call it.
    pub name: String,
    /// What another system calls it.
    pub external_id: Option<String>,
    /// What people keep with it.
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    /// When it was made.
    pub created_at: Instant,
    /// When it was last changed.
    pub updated_at: Instant,
}

impl From<&Owner> for OwnerView {
    fn from(owner: &Owner) -> Self {
        Self {
            number: owner.number,
            name: owner.name.clone(),
            external_id: owner.external_id.clone(),
            metadata: owner.metadata.clone(),
            created_at: Instant(owner.created),
            updated_at: Instant(owner.updated),
        }
    }
}

// Not `PolicyRules` itself, which refuses unknown fields: the description of a type that does can't
// be part of one with more fields.
/// What a policy says, as people spell it. See `docs/policy.md`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PolicyRules)]
pub struct RulesView {
    /// The scopes that are granted; empty for none.
    pub scopes: Vec<String>,
    /// The sales channels that are granted; empty for none.
    pub sales_channels: Vec<String>,
    /// The methods that are allowed; empty for all.
    pub methods: Vec<String>,
    /// The patterns of the paths that are allowed; empty for all.
    pub paths: Vec<String>,
    /// The networks that a client may call from (`192.0.2.0/24`); empty for anywhere.
    pub cidrs: Vec<String>,
    /// The origins that a page may call from; empty for any.
    pub origins: Vec<String>,
    /// The rate class.
    pub rate_class: Option<String>,
}

impl From<&PolicyRules> for RulesView {
    fn from(rules: &PolicyRules) -> Self {
        let PolicyRules { scopes, sales_channels, methods, paths, cidrs, origins, rate_class } =
            rules.clone();
        Self { scopes, sales_channels, methods, paths, cidrs, origins, rate_class }
    }
}

/// A policy.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PolicyView {
    /// What keys carry.
    pub number: u32,
    /// What people call it.
    pub name: String,
    /// `public` or `private`.
    pub visibility: &'static str,
    /// What it says.
    #[serde(flatten)]
    pub rules: RulesView,
    /// The publishable key whose own it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// When it was made.
    pub created_at: Instant,
    /// When it was last changed.
    pub updated_at: Instant,
}

impl From<&PolicyRecord> for PolicyView {
    fn from(policy: &PolicyRecord) -> Self {
        Self {
            number: policy.number,
            name: policy.name.clone(),
            visibility: visibility_name(policy.visibility),
            rules: RulesView::from(&policy.rules),
            key_id: policy.key_id.clone(),
            created_at: Instant(policy.created),
            updated_at: Instant(policy.updated),
        }
    }
}

/// A page of owners.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OwnersAnswer {
    /// The owners, by their numbers.
    pub owners: Vec<OwnerView>,
    /// Where the next page begins; null behind the last.
    pub next_after: Option<u32>,
}

/// A page of policies.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PoliciesAnswer {
    /// The policies, by their numbers.
    pub policies: Vec<PolicyView>,
    /// Where the next page begins; null behind the last.
    pub next_after: Option<u32>,
}

/// A policy that was made or changed.
pub type PolicyAnswer = CommittedView<PolicyView>;

impl CommittedValue for PolicyView {
    const ANSWER: &'static str = "PolicyAnswer";
    const WHAT: &'static str = "A policy that was made or changed.";
}

/// A policy that was deleted.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct DeletedPolicy {
    /// Its number, which no other will have.
    pub number: u32,
    /// That it is.
    pub deleted: bool,
}

impl DeletedPolicy {
    /// The answer for this policy.
    #[must_use]
    pub const fn of(policy: &PolicyRecord) -> Self {
        Self { number: policy.number, deleted: true }
    }
}

/// A policy that was deleted.
pub type PolicyDeletedAnswer = CommittedView<DeletedPolicy>;

impl CommittedValue for DeletedPolicy {
    const ANSWER: &'static str = "PolicyDeletedAnswer";
    const WHAT: &'static str = "A policy that was deleted.";

    fn part() -> RefOr<Schema> {
        Self::schema()
    }
}

/// A revocation or suspension of many keys that is committed.
pub type BulkAnswer = CommittedView<BulkView>;

impl CommittedValue for BulkView {
    const ANSWER: &'static str = "BulkAnswer";
    const WHAT: &'static str = "A revocation or suspension of many keys that is committed.";
}

/// All revocations and suspensions of many keys.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BulkRevocationsAnswer {
    /// The entries.
    pub bulk_revocations: Vec<BulkView>,
}
