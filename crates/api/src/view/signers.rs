//! The keyring's signers, in the form that HTTP and `--json` use.

use portcullis_core::keyring::Keyring;
use portcullis_core::time::Time;
use portcullis_core::token::Label;
use portcullis_issuer::actions::{KeyringChanged, Labels, LabelsPreview, Preview, Signer, Signers};
use portcullis_issuer::committed::Committed;
use portcullis_issuer::store::labels::KeysOfLabel;
use serde::Serialize;
use utoipa::ToSchema;

use super::Instant;

/// A signer of the issuer.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SignerView {
    /// The key id.
    pub kid: u16,
    /// `token`, `admin`, `list`, `status-list` or `assertion`.
    pub purpose: &'static str,
    /// `hmac-sha256-128` or `ed25519`.
    pub algorithm: &'static str,
    /// The environments whose keys it signs.
    pub environments: Vec<&'static str>,
    /// The kinds of keys that it signs.
    pub kinds: Vec<&'static str>,
    /// `next`, `active`, `retiring` or `retired`.
    pub state: &'static str,
    /// Whether this server's keystore holds the signing key.
    pub here: bool,
    /// The number of API keys that it has signed.
    pub keys: u64,
    /// How many of these keys are neither revoked nor expired.
    pub in_force: u64,
}

/// The newest keyring.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SignersView {
    /// The keyring's version.
    pub version: u32,
    /// The keyring is valid until this time.
    pub not_after: Instant,
    /// The labels that keys can have; an empty text means no label. The first is the default for
    /// new keys.
    pub labels: Vec<String>,
    /// All versions, newest first.
    pub versions: Vec<KeyringVersionView>,
    /// The signers, by ascending kid.
    pub signers: Vec<SignerView>,
}

/// A version of the keyring.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct KeyringVersionView {
    /// Its number.
    pub version: u32,
    /// When this version was stored.
    pub created_at: Instant,
}

impl SignersView {
    /// The view of a keyring's signers.
    #[must_use]
    pub fn new(signers: &Signers) -> Self {
        let signer = |signer: &Signer| SignerView {
            kid: signer.entry.kid,
            purpose: signer.entry.purpose.name(),
            algorithm: signer.entry.algorithm().name(),
            environments: signer.entry.environments.iter().map(|e| e.name()).collect(),
            kinds: signer.entry.kinds.iter().map(|k| k.name()).collect(),
            state: signer.entry.state.name(),
            here: signer.is_here,
            keys: signer.keys.total,
            in_force: signer.keys.live,
        };
        let version = |&(version, created): &(u32, Time)| KeyringVersionView {
            version,
            created_at: Instant(created),
        };
        Self {
            version: signers.version,
            not_after: Instant(signers.not_after),
            labels: texts(&signers.labels),
            versions: signers.versions.iter().map(version).collect(),
            signers: signers.signers.iter().map(signer).collect(),
        }
    }
}

/// The labels of the newest keyring.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LabelsView {
    /// The keyring's version.
    pub version: u32,
    /// The labels; an empty text means no label. The first is the default for new keys.
    pub labels: Vec<String>,
}

impl LabelsView {
    /// The view of this keyring's labels.
    #[must_use]
    pub fn of(keyring: &Keyring) -> Self {
        Self { version: keyring.version(), labels: texts(keyring.labels()) }
    }
}

/// Labels as texts, empty for none.
#[must_use]
pub fn texts(labels: &[Label]) -> Vec<String> {
    labels.iter().map(|label| label.as_str().to_owned()).collect()
}

/// A change of the keyring.
#[derive(Clone, Debug, Serialize)]
pub struct KeyringChangedView {
    /// The new version.
    pub version: u32,
    /// The keyring is valid until this time.
    pub not_after: Instant,
    /// The new or changed signer.
    pub kid: Option<u16>,
    /// The signer's new state.
    pub state: Option<&'static str>,
    /// The signers that it replaces.
    pub retiring: Vec<u16>,
    /// Its labels; the first is the default.
    pub labels: Vec<String>,
    /// Whether a stamp that names it is published.
    pub published: bool,
}

impl KeyringChangedView {
    /// The view of a change.
    #[must_use]
    pub fn new(changed: &Committed<KeyringChanged>) -> Self {
        let is_published = changed.publication.list().is_some();
        let changed = &changed.value;
        Self {
            version: changed.version,
            not_after: Instant(changed.not_after),
            kid: changed.kid,
            state: changed.state.map(portcullis_core::keyring::State::name),
            retiring: changed.retiring.clone(),
            labels: texts(&changed.labels),
            published: is_published,
        }
    }
}

/// A label and its keys.
#[derive(Clone, Debug, Serialize)]
pub struct LabelCountView {
    /// The label, empty for none.
    pub label: String,
    /// Whether it is the default of new keys.
    pub default: bool,
    /// Whether the keyring lists it. If not, its keys are refused everywhere.
    pub listed: bool,
    /// How many records have it.
    pub keys: u64,
    /// How many of their keys are neither revoked nor expired.
    pub in_force: u64,
}

/// The labels of the newest keyring, and the labels that it no longer lists but keys still have.
#[derive(Clone, Debug, Serialize)]
pub struct LabelsShownView {
    /// The keyring's version.
    pub version: u32,
    /// The labels: first those that are listed, in their order.
    pub labels: Vec<LabelCountView>,
}

impl LabelsShownView {
    /// The view of these labels.
    #[must_use]
    pub fn new(labels: &Labels) -> Self {
        let listed = texts(&labels.listed);
        let keys_of = |label: &str| labels.keys.iter().find(|keys| keys.label == label);
        let count = |label: &str, keys: Option<&KeysOfLabel>| LabelCountView {
            label: label.into(),
            default: listed.first().is_some_and(|first| first == label),
            listed: listed.iter().any(|other| other == label),
            keys: keys.map_or(0, |keys| keys.total),
            in_force: keys.map_or(0, |keys| keys.live),
        };
        let gone = labels.keys.iter().filter(|keys| !listed.contains(&keys.label));
        let gone = gone.map(|keys| count(&keys.label, Some(keys)));
        let here = listed.iter().map(|label| count(label, keys_of(label)));
        Self { version: labels.version, labels: here.chain(gone).collect() }
    }
}

/// The result of a change of labels, or of its dry run.
#[derive(Clone, Debug, Serialize)]
pub struct LabelsChangedView {
    /// Whether it was a dry run, which changes nothing.
    pub dry_run: bool,
    /// Whether the labels differ from those before.
    pub changed: bool,
    /// The labels, empty for none; the first is the default.
    pub labels: Vec<String>,
    /// The number of keys that verifiers refuse after the change, and the remaining admin keys.
    pub refused: Preview,
    /// The keyring's version; absent in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// The keyring is valid until this time; absent in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Instant>,
    /// Whether a stamp that names it is published; absent in a dry run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<bool>,
}

impl LabelsChangedView {
    /// The view of a dry run.
    #[must_use]
    pub fn dry_run(preview: &LabelsPreview) -> Self {
        Self {
            dry_run: true,
            changed: preview.before != preview.after,
            labels: texts(&preview.after),
            refused: preview.refused,
            version: None,
            not_after: None,
            published: None,
        }
    }

    /// The view of a change, and of the preview with which it was confirmed.
    #[must_use]
    pub fn new(preview: &LabelsPreview, changed: &Committed<KeyringChanged>) -> Self {
        let is_published = changed.publication.list().is_some();
        let changed = &changed.value;
        Self {
            dry_run: false,
            changed: preview.before != changed.labels,
            labels: texts(&changed.labels),
            refused: preview.refused,
            version: Some(changed.version),
            not_after: Some(Instant(changed.not_after)),
            published: Some(is_published),
        }
    }
}
