//! Owners, policies, and revocations of many keys, in the form that HTTP and `--json` use.

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

pub use super::bulk::BulkView;
use super::keys::CommittedAnswer;
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
    pub rules: PolicyRules,
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
            rules: policy.rules.clone(),
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
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PolicyAnswer {
    /// The policy.
    #[serde(flatten)]
    pub policy: PolicyView,
    /// Whether verifiers are told.
    #[serde(flatten)]
    pub committed: CommittedAnswer,
}

/// A policy that was deleted.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PolicyDeletedAnswer {
    /// Its number, which no other will have.
    pub number: u32,
    /// That it is.
    pub deleted: bool,
    /// Whether verifiers are told.
    #[serde(flatten)]
    pub committed: CommittedAnswer,
}

/// A revocation or suspension of many keys that is committed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BulkAnswer {
    /// The entry.
    #[serde(flatten)]
    pub entry: BulkView,
    /// Whether verifiers are told.
    #[serde(flatten)]
    pub committed: CommittedAnswer,
}

/// All revocations and suspensions of many keys.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RevocationsAnswer {
    /// The entries.
    pub revocations: Vec<BulkView>,
}
