//! Answers about keys, besides the key itself.

use serde::Serialize;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema as _, ToSchema};

use super::KeyView;
use super::committed::{CommittedValue, CommittedView};
use crate::actions::Preview;

/// A key that was made. Its text is answered this once and, of secret keys, kept nowhere.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CreatedAnswer {
    /// The key.
    pub key: KeyView,
    /// Its text.
    pub token: String,
}

/// The key that was asked for, or a list where a list was.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum CreatedAnswers {
    /// Of one.
    One(Box<CreatedAnswer>),
    /// Of a list, in its order.
    Many(Vec<CreatedAnswer>),
}

/// A page of keys.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PageAnswer {
    /// The keys, newest first.
    pub keys: Vec<KeyView>,
    /// Where the next page begins; null behind the last.
    pub next_cursor: Option<String>,
    /// How many keys there are on all pages; where `count` was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
}

/// A key whose revocation is committed.
pub type RevokedAnswer = CommittedView<KeyView>;

impl CommittedValue for KeyView {
    const ANSWER: &'static str = "RevokedAnswer";
    const WHAT: &'static str = "A key whose revocation is committed.";
}

/// A key that was rolled.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RolledKey {
    /// The new key.
    pub key: KeyView,
    /// Its text.
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

/// A key that was changed, maybe in what no list carries.
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
    /// How many they are.
    pub count: usize,
    /// The keys.
    pub keys: Vec<KeyView>,
    /// The ids of those that were revoked already and are left as they are; with `if_revoked`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<Vec<String>>,
}

/// Keys whose revocation is committed.
pub type RevokedManyAnswer = CommittedView<RevokedKeysView>;

impl CommittedValue for RevokedKeysView {
    const ANSWER: &'static str = "RevokedManyAnswer";
    const WHAT: &'static str = "Keys whose revocation is committed.";

    fn part() -> RefOr<Schema> {
        Self::schema()
    }
}

/// What an act would do. Nothing was changed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DryRunAnswer {
    /// That it is one: `true`.
    pub dry_run: bool,
    /// How many keys would be ended, and which admin keys are left.
    #[serde(flatten)]
    pub preview: Preview,
    /// The keys, if they are chosen one by one.
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

/// Keys whose revocation is committed, or what a dry run tells.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum RevokedManyAnswers {
    /// They are.
    Revoked(Box<RevokedManyAnswer>),
    /// They would be.
    DryRun(DryRunAnswer),
}

/// Keys that were made and changed by one request.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UpsertedAnswer {
    /// Those that were made.
    pub created: Vec<CreatedAnswer>,
    /// Those that were changed.
    pub updated: Vec<KeyView>,
}

/// A key whose record was deleted.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DeletedAnswer {
    /// The key's id.
    pub id: String,
    /// `api_key`.
    pub object: &'static str,
    /// That it is.
    pub deleted: bool,
}

impl DeletedAnswer {
    /// The answer for the key with this id.
    #[must_use]
    pub const fn of(id: String) -> Self {
        Self { id, object: "api_key", deleted: true }
    }
}

/// Keys whose records were deleted.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DeletedManyAnswer {
    /// The keys' ids.
    pub ids: Vec<String>,
    /// `api_key`.
    pub object: &'static str,
    /// That they are.
    pub deleted: bool,
}

impl DeletedManyAnswer {
    /// The answer for the keys with these ids.
    #[must_use]
    pub const fn of(ids: Vec<String>) -> Self {
        Self { ids, object: "api_key", deleted: true }
    }
}

/// A key that was revoked and deleted in one act.
pub type UndoneAnswer = CommittedView<DeletedAnswer>;

impl CommittedValue for DeletedAnswer {
    const ANSWER: &'static str = "UndoneAnswer";
    const WHAT: &'static str = "A key that was revoked and deleted in one act.";
}

/// Keys that were revoked and deleted in one act.
pub type UndoneManyAnswer = CommittedView<DeletedManyAnswer>;

impl CommittedValue for DeletedManyAnswer {
    const ANSWER: &'static str = "UndoneManyAnswer";
    const WHAT: &'static str = "Keys that were revoked and deleted in one act.";
}

/// A key that its holder revoked.
#[derive(Clone, Debug, Serialize)]
pub struct SelfRevokedKey {
    /// The key's id.
    pub id: String,
    /// Its state now.
    pub state: &'static str,
    /// When the revocation strikes or struck.
    pub revoked_at: Option<String>,
}

/// A verdict by the record.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AuthenticatedAnswer {
    /// Whether the key is accepted.
    pub ok: bool,
    /// Its record, where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyView>,
    /// The reason, where it is not: a stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// The reason as a sentence.
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
