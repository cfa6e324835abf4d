//! Owners, policies, and revocations of many keys, in the form that HTTP and `--json` use.

use portcullis_issuer::actions::BulkView;
use portcullis_issuer::policy_rules::PolicyRules;
use portcullis_issuer::store::owners::Owner;
use portcullis_issuer::store::policies::{PolicyRecord, visibility_name};
use portcullis_issuer::time_format::Instant;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema as _, ToSchema};

use super::committed::{CommittedValue, CommittedView};

/// An owner.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OwnerView {
    /// The number that the owner's keys contain.
    pub number: u32,
    /// A name for people.
    pub name: String,
    /// The owner's id in another system.
    pub external_id: Option<String>,
    /// Any data that you keep with the owner.
    #[schema(value_type = Object)]
    pub metadata: Map<String, Value>,
    /// When it was created.
    pub created_at: Instant,
    /// When it was last updated.
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
/// The rules of a policy. See `docs/policy.md`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = PolicyRules)]
pub struct RulesView {
    /// The scopes that the policy grants; empty for none.
    pub scopes: Vec<String>,
    /// The sales channels that the policy grants; empty for none.
    pub sales_channels: Vec<String>,
    /// The methods that the policy allows; empty for all.
    pub methods: Vec<String>,
    /// The patterns of the paths that the policy allows; empty for all.
    pub paths: Vec<String>,
    /// The networks that clients may call from, such as `192.0.2.0/24`; empty for all.
    pub cidrs: Vec<String>,
    /// The origins that pages may call from; empty for all.
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
    /// The number that keys with this policy contain.
    pub number: u32,
    /// A name for people.
    pub name: String,
    /// `public` or `private`.
    pub visibility: &'static str,
    /// The rules.
    #[serde(flatten)]
    pub rules: RulesView,
    /// The id of the publishable key that this policy was created for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
    /// When it was created.
    pub created_at: Instant,
    /// When it was last updated.
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
    /// The value of `after` for the next page; null on the last page.
    pub next_after: Option<u32>,
}

/// A page of policies.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PoliciesAnswer {
    /// The policies, by their numbers.
    pub policies: Vec<PolicyView>,
    /// The value of `after` for the next page; null on the last page.
    pub next_after: Option<u32>,
}

/// A created or updated policy.
pub type PolicyAnswer = CommittedView<PolicyView>;

impl CommittedValue for PolicyView {
    const ANSWER: &'static str = "PolicyAnswer";
    const WHAT: &'static str = "A created or updated policy.";
}

/// A policy that was deleted.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct DeletedPolicy {
    /// The policy's number. No other policy will ever have it.
    pub number: u32,
    /// Always `true`.
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

/// A bulk revocation or suspension. The entry is committed.
pub type BulkAnswer = CommittedView<BulkView>;

impl CommittedValue for BulkView {
    const ANSWER: &'static str = "BulkAnswer";
    const WHAT: &'static str = "A bulk revocation or suspension. The entry is committed.";
}

/// All bulk revocations and suspensions.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BulkRevocationsAnswer {
    /// The entries.
    pub bulk_revocations: Vec<BulkView>,
}
