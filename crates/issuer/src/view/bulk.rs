//! A bulk entry, as the API and its event show it.

use portcullis_core::list::{BulkScope, BulkState};
use serde::Serialize;
use utoipa::ToSchema;

use crate::store::bulk::BulkRecord;
use crate::time_format::{Instant, seconds};

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
