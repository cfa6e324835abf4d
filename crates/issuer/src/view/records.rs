//! Owners, policies, and revocations of many keys, in the form that HTTP and `--json` use.

use portcullis_core::list::{BulkScope, BulkState};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::keys::CommittedAnswer;
use super::{Instant, seconds};
use crate::actions::PolicyRules;
use crate::store::bulk::BulkRecord;
use crate::store::owners::Owner;
use crate::store::policies::{PolicyRecord, visibility_name};

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

/// A revocation or suspension of many keys.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BulkView {
    /// Its place.
    pub id: i64,
    /// `revoked` or `suspended`.
    pub state: &'static str,
    /// All keys of this owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<u32>,
    /// All keys of this signer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<u16>,
    /// All keys of this environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<&'static str>,
    /// All serials from the first of these to the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serials: Option<[u64; 2]>,
    /// Only keys issued in this second or later.
    pub issued_from: Option<String>,
    /// Only keys issued before this second.
    pub issued_before: Option<String>,
    /// Who made it.
    pub made_by: Option<String>,
    /// When it was made.
    pub created_at: Instant,
    /// When it was lifted.
    pub lifted_at: Option<Instant>,
}

impl BulkView {
    /// The view of this entry.
    #[must_use]
    pub fn new(record: &BulkRecord) -> Self {
        let entry = record.entry;
        let mut view = Self {
            id: record.id,
            state: match entry.state {
                BulkState::Revoked => "revoked",
                BulkState::Suspended => "suspended",
            },
            owner: None,
            kid: None,
            environment: None,
            serials: None,
            issued_from: (entry.issued.from > 0).then(|| seconds(entry.issued.from)),
            issued_before: (entry.issued.before < u32::MAX).then(|| seconds(entry.issued.before)),
            made_by: record.made_by.clone(),
            created_at: Instant(record.created),
            lifted_at: record.lifted.map(Instant),
        };
        match entry.scope {
            BulkScope::Owner(owner) => view.owner = Some(owner),
            BulkScope::Kid(kid) => view.kid = Some(kid),
            BulkScope::Environment(environment) => view.environment = Some(environment.name()),
            BulkScope::Serials { first, last } => view.serials = Some([first.get(), last.get()]),
        }
        view
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
