//! Answers about keys, besides the key itself.

use serde::Serialize;
use utoipa::ToSchema;

use super::problem::Problem;
use super::targets::TargetView;
use super::{KeyView, MarkView};
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

/// Whether a change, which is committed, is published.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CommittedAnswer {
    /// Whether it is.
    pub published: bool,
    /// The list that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<MarkView>,
    /// What follows from its not being published yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
    /// Whether every target carries the list; where `wait` was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub everywhere: Option<bool>,
    /// The targets; where `wait` was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<Vec<TargetView>>,
}

/// A key whose revocation is committed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RevokedAnswer {
    /// The key.
    #[serde(flatten)]
    pub key: KeyView,
    /// Whether verifiers are told.
    #[serde(flatten)]
    pub committed: CommittedAnswer,
}

/// A key that was rolled.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RolledAnswer {
    /// The new key.
    pub key: KeyView,
    /// Its text.
    pub token: String,
    /// The old key.
    pub rolled: KeyView,
    /// Whether verifiers are told.
    #[serde(flatten)]
    pub committed: CommittedAnswer,
}

/// A key that was changed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChangedAnswer {
    /// The key.
    #[serde(flatten)]
    pub key: KeyView,
    /// Whether the change is published; nothing where lists do not tell of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<bool>,
    /// The list that says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<MarkView>,
    /// What follows from its not being published yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<Problem>,
}

/// Keys whose revocation is committed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RevokedManyAnswer {
    /// How many they are.
    pub count: usize,
    /// The keys.
    pub keys: Vec<KeyView>,
    /// The ids of those that were revoked already and are left as they are; with `if_revoked`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<Vec<String>>,
    /// Whether verifiers are told.
    #[serde(flatten)]
    pub committed: CommittedAnswer,
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
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UndoneAnswer {
    /// The key.
    #[serde(flatten)]
    pub deleted: DeletedAnswer,
    /// Whether verifiers are told.
    #[serde(flatten)]
    pub committed: CommittedAnswer,
}

/// Keys that were revoked and deleted in one act.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UndoneManyAnswer {
    /// The keys.
    #[serde(flatten)]
    pub deleted: DeletedManyAnswer,
    /// Whether verifiers are told.
    #[serde(flatten)]
    pub committed: CommittedAnswer,
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
