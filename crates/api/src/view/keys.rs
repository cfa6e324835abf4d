//! Answers about keys, besides the key itself.

use portcullis_issuer::actions::Preview;
use serde::Serialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema as _, ToSchema};

use super::KeyView;
use super::committed::{CommittedValue, CommittedView};

/// A new key. The token of a secret key is returned only once: the issuer does not store it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CreatedAnswer {
    /// The key.
    pub key: KeyView,
    /// The token.
    pub token: String,
}

/// One key or a list of keys, as in the request.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum CreatedAnswers {
    /// The request was one object.
    One(Box<CreatedAnswer>),
    /// The request was a list; the keys are in its order.
    Many(Vec<CreatedAnswer>),
}

/// A page of keys.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PageAnswer {
    /// The keys, newest first.
    pub keys: Vec<KeyView>,
    /// The cursor of the next page; null on the last page.
    pub next_cursor: Option<String>,
    /// The number of keys on all pages. Present only if the request had `count`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

/// A revoked key. The revocation is committed.
pub type RevokedAnswer = CommittedView<KeyView>;

impl CommittedValue for KeyView {
    const ANSWER: &'static str = "RevokedAnswer";
    const WHAT: &'static str = "A revoked key. The revocation is committed.";
}

/// A key that was rolled.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RolledKey {
    /// The new key.
    pub key: KeyView,
    /// The token.
    pub token: String,
    /// The old key.
    pub rolled: KeyView,
}

/// A key that was rolled.
pub type RolledAnswer = CommittedView<RolledKey>;

impl CommittedValue for RolledKey {
    const ANSWER: &'static str = "RolledAnswer";
    const WHAT: &'static str = "A key that was rolled.";

    fn part() -> RefOr<Schema> {
        Self::schema()
    }
}

/// A changed key. The revocation list may not contain what was changed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(transparent)]
pub struct ChangedKey(pub KeyView);

/// A key that was changed.
pub type ChangedAnswer = CommittedView<ChangedKey>;

impl CommittedValue for ChangedKey {
    const ANSWER: &'static str = "ChangedAnswer";
    const WHAT: &'static str = "A key that was changed.";
    const ALWAYS_LISTED: bool = false;

    fn part() -> RefOr<Schema> {
        KeyView::part()
    }
}

/// Keys that were revoked.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RevokedKeysView {
    /// The number of keys.
    pub count: usize,
    /// The keys.
    pub keys: Vec<KeyView>,
    /// The ids of the keys that were already revoked and did not change. Present only with
    /// `if_revoked: "skip"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<Vec<String>>,
}

/// Revoked keys. The revocation is committed.
pub type RevokedManyAnswer = CommittedView<RevokedKeysView>;

impl CommittedValue for RevokedKeysView {
    const ANSWER: &'static str = "RevokedManyAnswer";
    const WHAT: &'static str = "Revoked keys. The revocation is committed.";

    fn part() -> RefOr<Schema> {
        Self::schema()
    }
}

/// What an operation would do. Nothing was changed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DryRunAnswer {
    /// Always `true`.
    pub dry_run: bool,
    /// How many keys the operation would affect, how many of these are admin keys, and how many
    /// admin keys remain.
    #[serde(flatten)]
    pub preview: Preview,
    /// The keys. Absent for bulk revocations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<KeyView>>,
}

impl DryRunAnswer {
    /// The answer for this preview.
    #[must_use]
    pub const fn of(preview: Preview, keys: Option<Vec<KeyView>>) -> Self {
        Self { dry_run: true, preview, keys }
    }
}

/// The revoked keys, or the result of a dry run.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum RevokedManyAnswers {
    /// The revocation is committed.
    Revoked(Box<RevokedManyAnswer>),
    /// Nothing was changed.
    DryRun(DryRunAnswer),
}

/// Keys that one request created and updated.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UpsertedAnswer {
    /// The created keys.
    pub created: Vec<CreatedAnswer>,
    /// The updated keys.
    pub updated: Vec<KeyView>,
}

/// The record of a key was deleted.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DeletedAnswer {
    /// The key's id.
    pub id: String,
    /// `api_key`.
    pub object: &'static str,
    /// Always `true`.
    pub deleted: bool,
}

impl DeletedAnswer {
    /// The answer for the key with this id.
    #[must_use]
    pub const fn of(id: String) -> Self {
        Self { id, object: "api_key", deleted: true }
    }
}

/// The records of keys were deleted.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DeletedManyAnswer {
    /// The keys' ids.
    pub ids: Vec<String>,
    /// `api_key`.
    pub object: &'static str,
    /// Always `true`.
    pub deleted: bool,
}

impl DeletedManyAnswer {
    /// The answer for the keys with these ids.
    #[must_use]
    pub const fn of(ids: Vec<String>) -> Self {
        Self { ids, object: "api_key", deleted: true }
    }
}

/// A key that was revoked and deleted in one step.
pub type UndoneAnswer = CommittedView<DeletedAnswer>;

impl CommittedValue for DeletedAnswer {
    const ANSWER: &'static str = "UndoneAnswer";
    const WHAT: &'static str = "A key that was revoked and deleted in one step.";
}

/// Keys that were revoked and deleted in one step.
pub type UndoneManyAnswer = CommittedView<DeletedManyAnswer>;

impl CommittedValue for DeletedManyAnswer {
    const ANSWER: &'static str = "UndoneManyAnswer";
    const WHAT: &'static str = "Keys that were revoked and deleted in one step.";
}

/// A key that its holder revoked.
#[derive(Clone, Debug, Serialize)]
pub struct SelfRevokedKey {
    /// The key's id.
    pub id: String,
    /// Its state now.
    pub state: &'static str,
    /// When the revocation takes effect or took effect.
    pub revoked_at: Option<String>,
}

/// A verdict that is based on the key's record.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AuthenticatedAnswer {
    /// Whether the key is accepted.
    pub ok: bool,
    /// The record, if the key is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyView>,
    /// The stable code of the refusal, if the key is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// The refusal as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl AuthenticatedAnswer {
    /// The key is accepted.
    #[must_use]
    pub const fn accepted(key: KeyView) -> Self {
        Self { ok: true, key: Some(key), code: None, message: None }
    }

    /// The key is refused, with this code, because of `refusal`.
    #[must_use]
    pub fn refused(code: &'static str, refusal: &impl std::fmt::Display) -> Self {
        Self { ok: false, key: None, code: Some(code), message: Some(refusal.to_string()) }
    }
}
