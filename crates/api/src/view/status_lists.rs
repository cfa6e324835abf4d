//! The published status lists, in the form that HTTP uses.

use portcullis_issuer::error::Error;
use portcullis_issuer::issuer::Issuer;
use portcullis_issuer::status::StatusLists;
use portcullis_issuer::store::status::{self, StatusMark};
use serde::Serialize;
use utoipa::ToSchema;

use super::Instant;

/// The published Token Status Lists.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StatusListsView {
    /// The URL of the document that names all lists.
    pub aggregation_uri: String,
    /// The URL of the public keys that verify the lists.
    pub jwks_uri: String,
    /// The lists, by ascending shard.
    pub lists: Vec<StatusListView>,
}

/// The Token Status List of a shard.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StatusListView {
    /// The shard.
    pub shard: u32,
    /// The list's URL.
    pub uri: String,
    /// The number of bits for each key: 1, or 2 if the list has a suspended key.
    pub bits: u8,
    /// The signer.
    pub kid: u16,
    /// The list contains every revocation that was committed before this time.
    pub this_update: Instant,
    /// The list is valid until this time.
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
