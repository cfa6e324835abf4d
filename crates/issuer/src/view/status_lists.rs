//! The published status lists, in the form that HTTP uses.

use serde::Serialize;
use utoipa::ToSchema;

use super::Instant;
use crate::error::Error;
use crate::issuer::Issuer;
use crate::status::StatusLists;
use crate::store::status::{self, StatusMark};

/// The Token Status Lists that are out.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StatusListsView {
    /// Where all of them are named.
    pub aggregation_uri: String,
    /// Where the public keys are that sign them.
    pub jwks_uri: String,
    /// By ascending shard.
    pub lists: Vec<StatusListView>,
}

/// The Token Status List of a shard.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StatusListView {
    /// The shard.
    pub shard: u32,
    /// Its address.
    pub uri: String,
    /// For each key: 1, or 2 where one is suspended.
    pub bits: u8,
    /// The signer.
    pub kid: u16,
    /// Every revocation committed before this instant is in it.
    pub this_update: Instant,
    /// From this instant on nothing may be looked up in it.
    pub expires_at: Instant,
}

impl StatusListsView {
    /// The published lists; `None` if the issuer publishes none.
    ///
    /// # Errors
    /// The database's.
    pub async fn of(issuer: &Issuer) -> Result<Option<Self>, Error> {
        let Some(lists) = issuer.status_lists() else { return Ok(None) };
        let marks = status::marks(&mut *issuer.store().read().await?).await?;
        Ok(Some(Self {
            aggregation_uri: lists.aggregation_uri(),
            jwks_uri: lists.jwks_uri(),
            lists: marks.values().map(|mark| StatusListView::new(mark, lists)).collect(),
        }))
    }
}

impl StatusListView {
    fn new(mark: &StatusMark, lists: &StatusLists) -> Self {
        Self {
            shard: mark.shard,
            uri: lists.uri(mark.shard),
            bits: mark.bits,
            kid: mark.kid,
            this_update: Instant(mark.made),
            expires_at: Instant(mark.expires),
        }
    }
}
