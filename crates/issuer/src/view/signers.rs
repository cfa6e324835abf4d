//! The keyring's signers, as HTTP and `--json` say them.

use portcullis_core::time::Time;
use serde::Serialize;
use utoipa::ToSchema;

use super::Instant;
use crate::actions::{KeyringChanged, Signer, Signers};

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
    /// Whether the keystore here holds its key.
    pub here: bool,
    /// How many keys it ever signed.
    pub keys: u64,
    /// How many of them are neither revoked nor expired.
    pub in_force: u64,
}

/// The newest keyring.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SignersView {
    /// Its version.
    pub version: u32,
    /// From this instant on nothing may be judged by it.
    pub not_after: Instant,
    /// Every version, newest first.
    pub versions: Vec<KeyringVersionView>,
    /// The signers, by ascending kid.
    pub signers: Vec<SignerView>,
}

/// A version of the keyring.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct KeyringVersionView {
    /// Its number.
    pub version: u32,
    /// When it was stored.
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
            versions: signers.versions.iter().map(version).collect(),
            signers: signers.signers.iter().map(signer).collect(),
        }
    }
}

/// A change of the keyring.
#[derive(Clone, Debug, Serialize)]
pub struct KeyringChangedView {
    /// The new version.
    pub version: u32,
    /// From this instant on nothing may be judged by it.
    pub not_after: Instant,
    /// The signer that was made or changed.
    pub kid: Option<u16>,
    /// Its state now.
    pub state: Option<&'static str>,
    /// The signers that it took over from.
    pub retiring: Vec<u16>,
    /// Whether a stamp that names it is out.
    pub published: bool,
}

impl KeyringChangedView {
    /// The view of a change.
    #[must_use]
    pub fn new(changed: &KeyringChanged) -> Self {
        Self {
            version: changed.version,
            not_after: Instant(changed.not_after),
            kid: changed.kid,
            state: changed.state.map(portcullis_core::keyring::State::name),
            retiring: changed.retiring.clone(),
            published: changed.published.is_ok(),
        }
    }
}
