//! The signing half: signs tokens, keyrings and lists. Enabled by the feature `issue`.
//!
//! It is deterministic: the same inputs give the same bytes. Randomness and time are arguments.
//!
//! ```
//! use std::num::NonZeroU32;
//!
//! use portcullis_core::crypto::IssuerId;
//! use portcullis_core::issue::{SigningKey, TokenSigner, redact};
//! use portcullis_core::token::{Claims, Label, Lifetime, Serial};
//! use portcullis_core::verify::Unverified;
//! use portcullis_core::{Environment, Kind};
//!
//! // A real issuer draws the seed at random and keeps it in its keystore.
//! let signer = TokenSigner::Ed25519(SigningKey::from_seed(&[7; 32]));
//! let claims = Claims {
//!     kind: Kind::Publishable,
//!     is_admin: false,
//!     environment: Environment::Test,
//!     kid: 4,
//!     serial: Serial::at(0, 42).ok_or("out of range")?,
//!     nonce: 0x5EED,
//!     lifetime: Lifetime { issued_at: 1_767_225_600, expires_at: None },
//!     owner: NonZeroU32::new(7),
//!     policy: None,
//! };
//! let token = signer.mint(IssuerId([1; 16]), Label::new("acme")?, &claims);
//! assert!(token.starts_with("acme_pk_test_"));
//! assert!(redact(&token).starts_with("acme_pk_test_***"));
//! assert_eq!(Unverified::parse(&token)?.text().kid(), 4);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod list;
mod policy;
mod token;

pub use list::{HeadDraft, ListSigner, ShardContents, StampDraft, encode_body, name_file};
pub use policy::{AssignmentTree, PolicyDraft, PolicyFiles, PolicyTree, SaltKey};
pub use token::{HmacSigner, TokenSigner, redact};

use alloc::vec::Vec;

use ed25519_dalek::Signer as _;

use crate::assertion::UnsignedAssertion;
use crate::crypto::{Context, IssuerId, JwsInput, PublicKey};
use crate::keyring::{Content, KeyEntry};
use crate::time::Time;
use crate::token::Label;
use crate::wire::WireError;

/// An Ed25519 signing key. Wiped when dropped, hidden from `Debug`.
pub struct SigningKey(ed25519_dalek::SigningKey);

impl SigningKey {
    /// The key with this seed (RFC 8032's private key).
    #[must_use]
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// The public key.
    ///
    /// # Errors
    /// Never for a random seed; the checks of [`PublicKey::from_bytes`] are applied all the same.
    pub fn public(&self) -> Result<PublicKey, crate::crypto::PublicKeyError> {
        PublicKey::from_bytes(&self.0.verifying_key().to_bytes())
    }

    /// The signature over `body`, the start of an audit trail whose oldest events were removed.
    #[must_use]
    pub fn sign_trail(&self, body: &[u8]) -> [u8; 64] {
        self.sign(Context::TRAIL, body)
    }

    /// The signature over `context || body`.
    #[must_use]
    pub(crate) fn sign(&self, context: Context, body: &[u8]) -> [u8; 64] {
        self.sign_message(&context.message(body))
    }

    /// Signs an assertion for this key's kid. Returns the header's value.
    #[must_use]
    pub fn assert(&self, assertion: UnsignedAssertion) -> alloc::string::String {
        let signature = self.sign_message(assertion.message());
        assertion.seal(&signature)
    }

    /// The signature of a JWS (RFC 7515) over its signing input. That starts with `ey`, which no
    /// context does, so the signature is valid for nothing else that verifiers accept.
    #[must_use]
    pub fn sign_jws(&self, signing_input: &JwsInput<'_>) -> [u8; 64] {
        self.sign_message(signing_input.text().as_bytes())
    }

    pub(crate) fn sign_message(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }

    /// Appends the signature to `body`: a signed file.
    pub(crate) fn seal(&self, context: Context, mut body: Vec<u8>) -> Vec<u8> {
        let signature = self.sign(context, &body);
        body.extend_from_slice(&signature);
        body
    }
}

impl core::fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

/// The contents of a keyring. See [`Keyring`](crate::keyring::Keyring) for each field.
#[derive(Clone, Debug)]
pub struct KeyringDraft {
    /// The issuer.
    pub issuer: IssuerId,
    /// Greater than the version of every keyring signed before.
    pub version: u32,
    /// From this instant on the keyring is invalid.
    pub not_after: Time,
    /// The list epoch.
    pub epoch: u32,
    /// The longest validity of a stamp, in seconds.
    pub max_validity_secs: u32,
    /// The root that may sign the next keyring as well.
    pub successor: Option<PublicKey>,
    /// One to four labels; [`Label::NONE`] for tokens without one.
    pub labels: Vec<Label>,
    /// The signers, by ascending kid.
    pub entries: Vec<KeyEntry>,
}

impl KeyringDraft {
    /// Signs the keyring.
    ///
    /// # Errors
    /// [`WireError::NotCanonical`] names the field that verifiers would refuse.
    pub fn sign(&self, root: &SigningKey) -> Result<Vec<u8>, WireError> {
        let content = Content {
            issuer: self.issuer,
            version: self.version,
            not_after: self.not_after,
            epoch: self.epoch,
            max_validity_secs: self.max_validity_secs,
            successor: self.successor,
            labels: self.labels.clone(),
            entries: self.entries.clone(),
        };
        Ok(root.seal(Context::KEYRING, content.encode()?))
    }
}
