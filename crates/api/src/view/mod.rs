//! The JSON that both the HTTP API and `--json` return.

pub mod committed;
pub mod keys;
pub mod problem;
pub mod records;
pub mod settings;
pub mod signers;
pub mod status_lists;
pub mod targets;
pub mod webhooks;

use std::num::NonZeroU32;

use portcullis_core::keyring::Keyring;
use portcullis_core::list::ListVersion;
use portcullis_core::time::Time;
use portcullis_core::token::{Kind, Serial};
use portcullis_core::verify::{Accepted, Refusal};
use portcullis_issuer::actions::Verdict;
use portcullis_issuer::issuer::Issuer;
use portcullis_issuer::local_verifier::PublishedState;
use portcullis_issuer::record::KeyPurpose;
use portcullis_issuer::status::StatusLists;
use portcullis_issuer::store::bulk::EffectiveKey;
use portcullis_issuer::store::lists::Published;
use portcullis_issuer::store::shards::Shard;
use portcullis_issuer::time_format::{Instant, rfc3339_millis, seconds};
use serde::Serialize;
use utoipa::ToSchema;

/// A key. Times are RFC 3339 in UTC.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct KeyView {
    /// The public name, `apk_…`.
    pub id: String,
    /// A title for people.
    pub title: String,
    /// `token`, `admin`, or `canary`: a key that nothing accepts, and whose use is an alarm.
    pub purpose: &'static str,
    /// `secret` or `publishable`.
    pub kind: &'static str,
    /// `live` or `test`.
    pub environment: &'static str,
    /// `hmac-sha256-128` or `ed25519`.
    pub algorithm: Option<&'static str>,
    /// The label that the key begins with; empty for none.
    pub label: String,
    /// The signer.
    pub kid: u16,
    /// The index in the revocation list.
    pub serial: u64,
    /// `active`, `scheduled`, `suspended`, `revoked` or `expired`.
    pub state: &'static str,
    /// The token in a shortened form that is safe to show.
    pub redacted: String,
    /// The token. Only publishable keys have this field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// Any data that you keep with the key.
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// The scopes of an admin key. Only admin keys have this field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// Only publishable keys have this field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sales_channels: Option<Vec<String>>,
    /// The owner's number; 0 for none.
    pub owner: u32,
    /// The policy's number; 0 for none.
    pub policy: u32,
    /// When the key was issued.
    pub issued_at: String,
    /// When its record was last changed.
    pub updated_at: String,
    /// When the key expires; null if it never does.
    pub expires_at: Option<String>,
    /// When the key was suspended; null if it is not suspended.
    pub suspended_at: Option<String>,
    /// The person that the caller named, or else the principal that suspended the key.
    pub suspended_by: Option<String>,
    /// When the revocation takes effect or took effect.
    pub revoked_at: Option<String>,
    /// The person that the caller named, or else the principal that revoked the key.
    pub revoked_by: Option<String>,
    /// The person that the caller named, or else the principal that created the key.
    pub created_by: Option<String>,
    /// The principal that created the key: an admin key's id, or `user@host` of a shell. Callers
    /// can't choose it. Null for keys from before this field existed.
    pub maker: Option<String>,
    /// The id of the key that this key replaces.
    pub rolled_from: Option<String>,
    /// How often gates have accepted the key, as far as they report it.
    pub uses: u64,
    /// When a gate last accepted the key.
    pub last_used_at: Option<String>,
    /// The key's entry in a Token Status List. Present only if the issuer publishes such lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<StatusView>,
}

/// The claim `status` of a token (draft-ietf-oauth-status-list).
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StatusView {
    /// The list and the index in it.
    pub status_list: StatusReference,
}

/// An index in a Token Status List.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StatusReference {
    /// The index.
    pub idx: u32,
    /// The list's address.
    pub uri: String,
}

/// The context for displaying a key's record.
#[derive(Clone, Copy, Debug)]
pub struct KeyContext<'a> {
    keyring: &'a Keyring,
    status_lists: Option<&'a StatusLists>,
    now: Time,
}

impl<'a> KeyContext<'a> {
    /// The current time, and the keyring of `view`.
    #[must_use]
    pub fn of(issuer: &'a Issuer, view: &'a PublishedState) -> Self {
        let keyring = view.verifier().keyring();
        Self { keyring, status_lists: issuer.status_lists(), now: issuer.now() }
    }

    fn status(&self, serial: Serial) -> Option<StatusView> {
        let uri = self.status_lists?.uri(serial.shard());
        Some(StatusView { status_list: StatusReference { idx: serial.slot(), uri } })
    }
}

impl KeyView {
    /// The key in its current state.
    #[must_use]
    pub fn new(record: &EffectiveKey, around: &KeyContext<'_>) -> Self {
        let KeyContext { keyring, now, .. } = *around;
        Self {
            id: record.id.clone(),
            title: record.title.clone(),
            purpose: record.purpose.name(),
            kind: record.kind.name(),
            environment: record.environment.name(),
            // `None` if the keyring no longer lists the signer.
            algorithm: keyring.entry(record.kid).map(|entry| entry.algorithm().name()),
            label: record.label.clone(),
            kid: record.kid,
            serial: record.serial.get(),
            state: record.state(now).name(),
            redacted: record.redacted.clone(),
            token: record.token.clone(),
            metadata: record.metadata.clone(),
            scopes: (record.purpose == KeyPurpose::Admin).then(|| record.admin_scopes.clone()),
            sales_channels: (record.kind == Kind::Publishable)
                .then(|| record.sales_channels.clone()),
            owner: record.owner,
            policy: record.policy,
            issued_at: seconds(record.issued_at),
            updated_at: rfc3339_millis(record.updated),
            expires_at: record.expires_at.map(seconds),
            suspended_at: record.suspended.map(rfc3339_millis),
            suspended_by: record.suspended_by.clone(),
            revoked_at: record.revoked_at.map(seconds),
            revoked_by: record.revoked_by.clone(),
            created_by: record.created_by.clone(),
            maker: record.maker.clone(),
            rolled_from: record.rolled_from.clone(),
            uses: record.uses,
            last_used_at: record.last_used_at.map(seconds),
            status: around.status(record.serial),
        }
    }
}

/// A version of the revocation list: the one that a verdict is based on, or the published one.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct MarkView {
    /// The list epoch.
    pub epoch: u32,
    /// The number.
    pub number: u64,
    /// The time since `this_update`, in milliseconds.
    pub age_millis: u64,
    /// The list contains every revocation that was committed before this time.
    pub this_update: Instant,
    /// The list is valid until this time.
    pub next_update: Instant,
}

impl MarkView {
    /// The version as of `now`.
    #[must_use]
    pub fn new(list_version: &ListVersion, now: Time) -> Self {
        Self {
            epoch: list_version.epoch,
            number: list_version.number,
            age_millis: list_version.age_millis(now),
            this_update: Instant(list_version.this_update),
            next_update: Instant(list_version.next_update),
        }
    }

    /// The published list as of `now`.
    #[must_use]
    pub fn of(published: &Published, now: Time) -> Self {
        let Published { epoch, number, this_update, next_update, .. } = *published;
        Self::new(&ListVersion { epoch, number, this_update, next_update }, now)
    }
}

/// An accepted key: the claims in its token, and the title from its record.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AcceptedView {
    /// The public name.
    pub id: String,
    /// The title in the record; null if the store has no record of the key.
    pub title: Option<String>,
    /// `secret` or `publishable`.
    pub kind: &'static str,
    /// `live` or `test`.
    pub environment: &'static str,
    /// `hmac-sha256-128` or `ed25519`.
    pub algorithm: &'static str,
    /// The signer.
    pub kid: u16,
    /// The index in the revocation list.
    pub serial: u64,
    /// The owner's number; 0 for none.
    pub owner: u32,
    /// The policy's number; 0 for none.
    pub policy: u32,
    /// When the key was issued.
    pub issued_at: String,
    /// When the key expires; null if it never does.
    pub expires_at: Option<String>,
}

/// A verdict.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct VerdictView {
    /// Whether the key is accepted.
    pub ok: bool,
    /// The key, if it is accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<AcceptedView>,
    /// The stable code of the refusal, if the key is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<&'static str>,
    /// The refusal as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The id of the canary, if the key is one. To everybody else it is a forgery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub canary: Option<String>,
    /// The list that the verdict is based on.
    pub list: Option<MarkView>,
}

impl VerdictView {
    /// The verdict as of `now`.
    #[must_use]
    pub fn new(verdict: &Verdict, now: Time) -> Self {
        let list = verdict.list.as_ref().map(|list_version| MarkView::new(list_version, now));
        match &verdict.result {
            Ok(accepted) => {
                let key = Some(accepted_view(accepted, verdict.title.clone()));
                Self { ok: true, key, code: None, message: None, canary: None, list }
            }
            Err(refusal) => Self {
                ok: false,
                key: None,
                code: Some(Refusal::code(*refusal)),
                message: Some(refusal.to_string()),
                canary: verdict.canary.clone(),
                list,
            },
        }
    }
}

fn accepted_view(accepted: &Accepted, title: Option<String>) -> AcceptedView {
    let claims = accepted.claims();
    AcceptedView {
        id: accepted.name().to_string(),
        title,
        kind: claims.kind.name(),
        environment: claims.environment.name(),
        algorithm: accepted.algorithm().name(),
        kid: claims.kid,
        serial: claims.serial.get(),
        owner: claims.owner.map_or(0, NonZeroU32::get),
        policy: claims.policy.map_or(0, NonZeroU32::get),
        issued_at: seconds(claims.lifetime.issued_at),
        expires_at: claims.lifetime.expires_at.map(seconds),
    }
}

/// The published list, with its shards.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ListView {
    /// Epoch, number and times.
    #[serde(flatten)]
    pub list_version: MarkView,
    /// The SHA-256 of the head.
    pub head: String,
    /// The id of the newest event that the list includes.
    pub position: i64,
    /// Whether the list has expired; verifiers then refuse every key.
    pub expired: bool,
    /// The shards in the newest head.
    pub shards: Vec<ShardView>,
}

/// A shard of serials.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ShardView {
    /// Its number.
    pub shard: u32,
    /// The number of slots that the list covers.
    pub capacity: u32,
    /// The number of slots that were assigned to keys.
    pub issued: u32,
    /// The number of revoked slots.
    pub revoked: u32,
    /// The number of slots with a revocation that takes effect at a set time.
    pub timed: u32,
    /// The length of the shard's body, in bytes.
    pub body_len: u32,
    /// The SHA-256 of the shard's body; null before it is first published.
    pub body: Option<String>,
}

impl ListView {
    /// The published list as of `now`.
    #[must_use]
    pub fn new(published: &Published, shards: &[Shard], now: Time) -> Self {
        let shard = |shard: &Shard| ShardView {
            shard: shard.shard,
            capacity: shard.capacity,
            issued: shard.issued,
            revoked: shard.counts.revoked,
            timed: shard.counts.timed,
            body_len: shard.line.map_or(0, |line| line.len),
            body: shard.line.map(|line| line.body.to_string()),
        };
        Self {
            list_version: MarkView::of(published, now),
            head: published.digest.to_string(),
            position: published.position,
            expired: now >= published.next_update,
            shards: shards.iter().map(shard).collect(),
        }
    }
}
