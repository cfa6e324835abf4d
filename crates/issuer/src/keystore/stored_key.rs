//! One signing key of a keystore.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_core::assignment::Changes;
use portcullis_core::crypto::{HmacKey, IssuerId, PublicKeyError};
use portcullis_core::issue::{HmacSigner, SigningKey, TokenSigner};
use portcullis_core::keyring::{KeyEntry, Material, Purpose, State, Validity};
use portcullis_core::token::{Algorithm, Environment, Kind};
use zeroize::Zeroizing;

/// One signing key.
pub struct StoredKey {
    /// The key id.
    pub kid: u16,
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The purpose.
    pub purpose: Purpose,
    /// The environments of the keys that it signs.
    pub environments: Vec<Environment>,
    /// The kinds of keys that it signs.
    pub kinds: Vec<Kind>,
    /// The state in its life cycle.
    pub state: State,
    /// The HMAC secret, or the Ed25519 seed.
    pub secret: Zeroizing<[u8; 32]>,
}

impl StoredKey {
    /// The key's entry in the keyring, without time bounds.
    ///
    /// # Errors
    /// [`PublicKeyError`], never for a seed drawn at random.
    pub fn entry(&self, issuer: IssuerId) -> Result<KeyEntry, PublicKeyError> {
        let material = match self.algorithm {
            Algorithm::HmacSha256 => {
                Material::Hmac { check: HmacKey::new(&self.secret).check_value(issuer, self.kid) }
            }
            Algorithm::Ed25519 => Material::Ed25519(SigningKey::from_seed(&self.secret).public()?),
        };
        Ok(KeyEntry {
            kid: self.kid,
            purpose: self.purpose,
            environments: self.environments.clone(),
            kinds: self.kinds.clone(),
            changes: Changes::NONE,
            state: self.state,
            validity: Validity::ALWAYS,
            material,
        })
    }

    /// The token signer for this key.
    #[must_use]
    pub fn token_signer(&self) -> TokenSigner {
        match self.algorithm {
            Algorithm::HmacSha256 => TokenSigner::Hmac(HmacSigner::new(&self.secret)),
            Algorithm::Ed25519 => TokenSigner::Ed25519(SigningKey::from_seed(&self.secret)),
        }
    }

    /// The secret as base64url, unpadded: 43 characters.
    #[must_use]
    pub fn secret_text(&self) -> Zeroizing<String> {
        secret_text(&self.secret)
    }
}

pub(super) fn secret_text(secret: &[u8; 32]) -> Zeroizing<String> {
    Zeroizing::new(URL_SAFE_NO_PAD.encode(secret))
}

impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredKey({}, {})", self.kid, self.purpose.name())
    }
}
