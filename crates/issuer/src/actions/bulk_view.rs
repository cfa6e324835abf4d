//! A bulk entry, as the API and its event show it.

use portcullis_core::list::{BulkScope, BulkState};
use serde::Serialize;

use crate::store::bulk::BulkRecord;
use crate::time_format::{Instant, seconds};

/// A bulk revocation or suspension: one entry that covers many keys.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct BulkView {
    /// The entry's number.
    pub id: i64,
    /// `revoked` or `suspended`.
    pub state: &'static str,
    /// It covers all keys of this owner.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<u32>,
    /// It covers all keys of this signer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kid: Option<u16>,
    /// It covers all keys of this environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<&'static str>,
    /// It covers all serials from the first of these to the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub serials: Option<[u64; 2]>,
    /// It covers only keys issued at this time or later.
    pub issued_from: Option<String>,
    /// It covers only keys issued before this time.
    pub issued_before: Option<String>,
    /// The person that the caller named, or else the principal that created the entry.
    pub made_by: Option<String>,
    /// When the entry was created.
    pub created_at: Instant,
    /// When the suspension was lifted.
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
